/** `espalier matrix run`: its options, what they mean, and how a run ends. */

import type { Argv, CommandModule } from "yargs";
import { parseDuration } from "../src/commands/support/durations.js";
import { EXIT_FINDINGS, EXIT_INTERRUPTED, UsageError } from "../src/commands/support/exit-codes.js";
import { interruptible } from "../src/commands/support/interrupt.js";
import { print, printJson, terminalWidth } from "../src/commands/support/output.js";
import { gateTable, PRESET_NAMES, type PresetName, progressPrinter, runMatrix, runTable } from "./index.js";
import {
  ORDERS,
  type OrderName,
  SHAPES,
  type ShapeName,
  WORKLOADS,
  type WorkloadName,
} from "./results/document.js";

interface RunArguments {
  preset: PresetName | undefined;
  workloads: string[] | undefined;
  "commit-every": string[] | undefined;
  engines: string[] | undefined;
  docs: string[] | undefined;
  shapes: string[] | undefined;
  orders: string[] | undefined;
  rounds: number | undefined;
  budget: string | undefined;
  "time-limit": string | undefined;
  seed: number | undefined;
  baseline: string | undefined;
  samples: boolean | undefined;
  profile: boolean | undefined;
  "cpu-prof": boolean | undefined;
  label: string | undefined;
  out: string | undefined;
  resume: boolean;
  json: boolean;
}

/** A list given as "a,b", as repeated options, or both. */
function list(values: string[] | undefined): string[] | undefined {
  return values?.flatMap((value) => String(value).split(",")).filter((value) => value !== "");
}

function oneOf<T extends string>(
  option: string,
  values: string[] | undefined,
  known: readonly T[],
): T[] | undefined {
  return list(values)?.map((value) => {
    const match = known.find((candidate) => candidate === value);
    if (match === undefined) throw new RangeError(`--${option} ${value}: choose from ${known.join(", ")}`);
    return match;
  });
}

function counts(option: string, values: string[] | undefined): number[] | undefined {
  return list(values)?.map((value) => {
    const count = Number(value.replaceAll("_", ""));
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`--${option} ${value}: not a whole number of 1 or more`);
    return count;
  });
}

function milliseconds(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(option, text);
}

/** `espalier matrix run …`, for the group to compose. */
export const runCommand: CommandModule<object, RunArguments> = {
  command: "run",
  describe: "Measure the store and its peers",
  builder: (yargs: Argv<object>) =>
    yargs
      .option("preset", {
        choices: PRESET_NAMES,
        defaultDescription: '"quick"',
        describe: "What to measure",
      })
      .option("workloads", { type: "string", array: true, describe: `Of ${WORKLOADS.join(", ")}` })
      .option("commit-every", { type: "string", array: true, describe: "Operations in a transaction" })
      .option("engines", { type: "string", array: true, describe: "Engine ids, for example espalier,lmdb" })
      .option("docs", { type: "string", array: true, describe: "Records in the store" })
      .option("shapes", { type: "string", array: true, describe: `Of ${SHAPES.join(", ")}` })
      .option("orders", { type: "string", array: true, describe: `Of ${ORDERS.join(", ")}` })
      .option("rounds", { type: "number", describe: "Rounds of every cell" })
      .option("budget", { type: "string", describe: "Stop starting rounds after this time, for example 10m" })
      .option("time-limit", { type: "string", describe: "Of one round of one cell, for example 60s" })
      .option("seed", { type: "number", describe: "Of keys, values and orders" })
      .option("baseline", { type: "string", describe: "Engine that ratios are taken to" })
      .option("samples", { type: "boolean", describe: "Keep every sample" })
      .option("profile", {
        type: "boolean",
        defaultDescription: "true",
        describe: "Run the second, profiled pass",
      })
      .option("cpu-prof", {
        type: "boolean",
        describe: "Write a CPU profile of every timed pass into OUT/cpu-profiles",
      })
      .option("label", { type: "string", describe: "A name kept with the run" })
      .option("out", { type: "string", describe: "Folder of the run" })
      .option("resume", {
        type: "boolean",
        default: false,
        describe: "Go on with the run in --out, by its own settings",
      })
      .option("json", { type: "boolean", default: false, describe: "Print the document instead of a table" })
      .example("$0 matrix run --out results/today", "The core, in ten minutes")
      .example("$0 matrix run --engines espalier,lmdb --docs 100000", "Two engines, more records")
      .example("$0 matrix run --resume --out results/today", "What Ctrl-C or a budget left over"),
  handler: runHandler,
};

async function runHandler(args: RunArguments): Promise<void> {
  if (args.resume && args.out === undefined) throw new UsageError("--resume needs --out, the run's folder");
  // Without defaults: those of the library hold, and a run that is resumed must not be given any.
  const given = {
    preset: args.preset,
    samples: args.samples,
    profiledPass: args.profile,
    cpuProfiles: args["cpu-prof"],
    workloads: oneOf<WorkloadName>("workloads", args.workloads, WORKLOADS),
    commitEvery: counts("commit-every", args["commit-every"]),
    engines: list(args.engines),
    records: counts("docs", args.docs),
    shapes: oneOf<ShapeName>("shapes", args.shapes, SHAPES),
    orders: oneOf<OrderName>("orders", args.orders, ORDERS),
    rounds: args.rounds,
    seed: args.seed,
    baseline: args.baseline,
    label: args.label,
    budgetMs: milliseconds("budget", args.budget),
    timeLimitMs: milliseconds("time-limit", args["time-limit"]),
  };
  const out = args.out ?? `matrix-results/${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  const run = await interruptible((signal) =>
    runMatrix({
      out,
      ...defined(given),
      resume: args.resume,
      signal,
      onProgress: progressPrinter(process.stderr),
    }),
  );
  if (args.json) printJson(run);
  else {
    const table = runTable(run, run.settings.baseline, terminalWidth());
    print(`${table}\n${run.verdict ? `\n${gateTable(run.verdict)}\n` : ""}\n${out}/run.json`);
  }
  const failed = run.cells.some(({ status }) => status === "failed" || status === "timeout");
  if (run.run.interrupted === "signal") process.exitCode = EXIT_INTERRUPTED;
  else if (failed) process.exitCode = EXIT_FINDINGS;
}

/** Leaves out what is undefined, so that defaults apply. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
