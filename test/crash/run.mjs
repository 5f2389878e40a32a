/**
 * Runs the crash test with more images than the normal suite does, or replays one image of a failure:
 *
 *   node test/crash/run.mjs [--images-in-all 1000000] [--seed 1]
 *   node test/crash/run.mjs --workload NAME --page-size N --seed N --images N [--only LABEL]
 *
 * It goes on with one seed after the other and says after each how many images there were, so that
 * it can be stopped at any time and gone on with from the next seed.
 */

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const IMAGES_A_WORKLOAD = "500";

const { values } = parseArgs({
  options: {
    "images-in-all": { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    workload: { type: "string" },
    "page-size": { type: "string" },
    images: { type: "string", default: IMAGES_A_WORKLOAD },
    only: { type: "string" },
  },
});

const { workload, only } = values;
if (workload !== undefined) {
  const env = { ESPALIER_CRASH_WORKLOAD: workload };
  if (only !== undefined) env.ESPALIER_CRASH_ONLY = only;
  const { status } = run(values.seed, env, "inherit");
  process.exit(status ?? 1);
}

const startedMs = Date.now();
const wanted = Number(values["images-in-all"]);
let images = 0;
let failed = 0;
for (let seed = Number(values.seed); images < wanted; seed++) {
  const { status, stdout, stderr } = run(seed, {}, "pipe");
  const count = Number(/(\d+) crash images/.exec(stdout)?.[1] ?? 0);
  if (status !== 0) {
    failed++;
    process.exitCode = 1;
    console.error(`seed ${seed} failed: ${stderr}`);
    if (count === 0) break;
  }
  images += count;
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const losses = failed === 0 ? "nothing lost" : `${failed} seeds failed`;
  console.log(`${images} crash images, seeds ${values.seed} to ${seed}, ${seconds} s, ${losses}`);
}

function run(seed, more, stdio) {
  const env = { ...process.env, ...more, ESPALIER_CRASH_SEED: String(seed) };
  env.ESPALIER_CRASH_IMAGES = values.images;
  if (values["page-size"] !== undefined) env.ESPALIER_CRASH_PAGE_SIZE = values["page-size"];
  return spawnSync("npx", ["vitest", "run", "test/crash/images.test.ts"], { env, stdio, encoding: "utf8" });
}
