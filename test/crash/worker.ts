/**
 * One seed of the crash test, in a process of its own: run.mjs starts it, compiled. Sends a message for each
 * workload and page size: how many images there were, or what failed.
 */

import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type CrashPlan, crashEverywhere } from "../support/crash.js";
import { pageSizesOf, WORKLOADS } from "../support/workloads.js";

const { values } = parseArgs({
  options: {
    of: { type: "string", default: "" },
    workload: { type: "string" },
    "page-size": { type: "string" },
    seed: { type: "string", default: "1" },
    images: { type: "string", default: "500" },
    "each-call": { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const { of, workload: name } = values;
const chosen = WORKLOADS.filter(
  (one) => one.name.startsWith(of) && (name === undefined || one.name === name),
);
if (chosen.length === 0) throw new Error(`there is no workload ${name ?? of}`);
process.once("disconnect", onDisconnect);
const sizes = values["page-size"]?.split(",").map(Number);
for (const workload of chosen) {
  for (const pageSize of sizes ?? pageSizesOf(workload)) await run(pageSize, workload);
}
process.off("disconnect", onDisconnect);
if (process.connected) process.disconnect();

function onDisconnect(): void {
  process.exit(1);
}

async function run(pageSize: number, workload: CrashPlan["workload"]): Promise<void> {
  const seed = Number(values.seed);
  const images = Number(values.images);
  const only = values.only === undefined ? {} : { only: values.only };
  const plan: CrashPlan = { workload, pageSize, seed, images, eachCall: values["each-call"], ...only };
  try {
    process.send?.({ count: await crashEverywhere(plan) });
  } catch (error) {
    process.send?.({ failure: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
  await setImmediate(); // Sees whether anybody still listens.
}
