/**
 * The command line of the matrix: yargs command modules for `espalier matrix …`. Results go to standard
 * output, progress and errors to standard error. Exit codes: 0 fine, 1 the answer is no (worse, NO-GO, a
 * cell failed), 2 wrong use, 130 interrupted.
 */

import { writeFile } from "node:fs/promises";
import type { Argv, CommandModule } from "yargs";
import {
  censusOf,
  censusTable,
  compareRuns,
  comparisonTable,
  DEFAULT_THRESHOLD,
  explainCell,
  explainId,
  findCell,
  gateRun,
  gateTable,
  historyOf,
  historyTable,
  hotFunctions,
  hotTable,
  PRESET_NAMES,
  type PresetName,
  progressPrinter,
  readGates,
  readProfiles,
  readRun,
  readRuns,
  reproducible,
  runMarkdown,
  runMatrix,
  runTable,
  toCsv,
} from "./index.js";
import {
  ORDERS,
  type OrderName,
  SHAPES,
  type ShapeName,
  WORKLOADS,
  type WorkloadName,
} from "./results/document.js";

interface RunArguments {
  preset: PresetName;
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
  samples: boolean;
  profile: boolean;
  "cpu-prof": boolean;
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

/** "90s", "10m", "2h", or milliseconds. Throws RangeError for anything else. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw new RangeError(`${text} is no duration; say 90s, 10m or 2h`);
  const unit: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return Math.round(Number(match[1]) * (unit[match[2] ?? "ms"] as number));
}

/** "5%" or "0.05". Throws RangeError for anything else. */
export function parseThreshold(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%)?$/.exec(text);
  if (match === null) throw new RangeError(`${text} is no threshold; say 5% or 0.05`);
  return Number(match[1]) / (match[2] === "%" ? 100 : 1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

const runCommand: CommandModule<object, RunArguments> = {
  command: "run",
  describe: "Measure the store and its peers",
  builder: (yargs: Argv<object>) =>
    yargs
      .option("preset", {
        choices: PRESET_NAMES,
        default: "quick" as PresetName,
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
      .option("samples", { type: "boolean", default: false, describe: "Keep every sample" })
      .option("profile", { type: "boolean", default: true, describe: "Run the second, profiled pass" })
      .option("cpu-prof", {
        type: "boolean",
        default: false,
        describe: "Write a CPU profile of every timed pass into OUT/cpu-profiles",
      })
      .option("label", { type: "string", describe: "A name kept with the run" })
      .option("out", { type: "string", describe: "Folder of the run" })
      .option("resume", { type: "boolean", default: false, describe: "Go on with the run in --out" })
      .option("json", { type: "boolean", default: false, describe: "Print the document instead of a table" })
      .example("$0 matrix run --out results/today", "The core, in ten minutes")
      .example("$0 matrix run --engines espalier,lmdb --docs 100000", "Two engines, more records")
      .example("$0 matrix run --resume --out results/today", "What Ctrl-C or a budget left over"),
  handler: runHandler,
};

async function runHandler(args: RunArguments): Promise<void> {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const lists = {
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
    budgetMs: args.budget === undefined ? undefined : parseDuration(args.budget),
    timeLimitMs: args["time-limit"] === undefined ? undefined : parseDuration(args["time-limit"]),
  };
  const out = args.out ?? `matrix-results/${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  try {
    const run = await runMatrix({
      out,
      preset: args.preset,
      ...defined(lists),
      samples: args.samples,
      profiledPass: args.profile,
      cpuProfiles: args["cpu-prof"],
      resume: args.resume,
      signal: controller.signal,
      onProgress: progressPrinter(process.stderr),
    });
    if (args.json) printJson(run);
    else print(`${runTable(run)}\n${run.verdict ? `\n${gateTable(run.verdict)}\n` : ""}\n${out}/run.json`);
    const failed = run.cells.some(({ status }) => status === "failed" || status === "timeout");
    if (run.run.interrupted === "signal") process.exitCode = 130;
    else if (failed) process.exitCode = 1;
  } finally {
    process.removeListener("SIGINT", onSignal).removeListener("SIGTERM", onSignal);
  }
}

/** Leaves out what is undefined, so that defaults apply. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

const compareCommand: CommandModule<
  object,
  { before: string; after: string; threshold: string; json: boolean }
> = {
  command: "compare <before> <after>",
  describe: "Compare two runs cell by cell; exit code 1 when a cell is worse",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("before", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .positional("after", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .option("threshold", {
        type: "string",
        default: `${DEFAULT_THRESHOLD * 100}%`,
        describe: "Smaller changes count as the same",
      })
      .option("json", { type: "boolean", default: false, describe: "Print JSON" })
      .example("$0 matrix compare results/before results/after", "Cell by cell, with intervals"),
  async handler(args) {
    const threshold = parseThreshold(args.threshold);
    const comparison = compareRuns(await readRun(args.before), await readRun(args.after), threshold);
    if (args.json) printJson(comparison);
    else print(comparisonTable(comparison));
    if (comparison.counts.worse > 0) process.exitCode = 1;
  },
};

const explainCommand: CommandModule<object, { cell: string; run: string | undefined; json: boolean }> = {
  command: "explain <cell> [run]",
  describe: "Everything about one cell, and the commands that measure and profile it again",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("cell", {
        type: "string",
        demandOption: true,
        describe: "A cell's id; with a run also a part that only one has",
      })
      .positional("run", { type: "string", describe: "A run's document or folder, for its figures" })
      .option("json", { type: "boolean", default: false, describe: "Print the run's cell as JSON" })
      .example("$0 matrix explain inserts/u64/10000/random/ce100/espalier results/today", "One cell, whole"),
  async handler(args) {
    const run = args.run === undefined ? undefined : await readRun(args.run);
    if (!args.json) print(run === undefined ? explainId(args.cell) : explainCell(run, args.cell));
    else printJson(run === undefined ? reproducible(args.cell) : findCell(run, args.cell));
  },
};

const historyCommand: CommandModule<
  object,
  { dir: string; baseline: string | undefined; threshold: string; json: boolean }
> = {
  command: "history <dir>",
  describe: "Every cell over the runs of a folder, with the steps in it",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("dir", { type: "string", demandOption: true, describe: "A folder of runs" })
      .option("baseline", { type: "string", describe: "Engine to take ratios to" })
      .option("threshold", { type: "string", default: "5%", describe: "Smaller changes are no step" })
      .option("json", { type: "boolean", default: false, describe: "Print JSON" })
      .example("$0 matrix history results", "All runs of a folder"),
  async handler(args) {
    const runs = await readRuns(args.dir);
    const threshold = parseThreshold(args.threshold);
    const series = historyOf(runs, { threshold, ...defined({ baseline: args.baseline }) });
    if (args.json) printJson(series);
    else print(historyTable(series));
  },
};

const gateCommand: CommandModule<object, { results: string; gates: string | undefined; json: boolean }> = {
  command: "gate <results>",
  describe: "GO or NO-GO by the rollout gates; exit code 1 for NO-GO",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("results", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .option("gates", { type: "string", describe: "A gates document; the shipped one by default" })
      .option("json", { type: "boolean", default: false, describe: "Print JSON" })
      .example("$0 matrix gate results/today", "By the gates of a rollout")
      .example("$0 matrix gate results/today --gates my-gates.json", "By your own"),
  async handler(args) {
    const gates = await readGates(args.gates ?? null);
    const verdict = gateRun(await readRun(args.results), gates, args.gates);
    if (args.json) printJson(verdict);
    else print(gateTable(verdict));
    if (verdict.verdict === "NO-GO") process.exitCode = 1;
  },
};

const censusCommand: CommandModule<object, { run: string; json: boolean }> = {
  command: "census <run>",
  describe: "What made the legacy way of editing rebuild leaves",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("run", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .option("json", { type: "boolean", default: false, describe: "Print JSON" })
      .example("$0 matrix census results/today", "Guardrails, workload by workload"),
  async handler(args) {
    const rows = censusOf(await readRun(args.run));
    if (args.json) printJson(rows);
    else print(censusTable(rows));
  },
};

const csvCommand: CommandModule<object, { run: string; out: string | undefined }> = {
  command: "csv <run>",
  describe: "A run as CSV, one row a cell",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("run", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .option("out", { type: "string", describe: "File to write; standard output by default" })
      .example("$0 matrix csv results/today --out cells.csv", "For a spreadsheet"),
  async handler(args) {
    const text = toCsv(await readRun(args.run));
    if (args.out === undefined) process.stdout.write(text);
    else await writeFile(args.out, text);
  },
};

const tableCommand: CommandModule<
  object,
  { run: string; baseline: string | undefined; markdown: boolean; json: boolean }
> = {
  command: "show <run>",
  describe: "A run as a table with ratios",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("run", { type: "string", demandOption: true, describe: "A run's document or folder" })
      .option("baseline", { type: "string", describe: "Engine that ratios are taken to" })
      .option("markdown", { type: "boolean", default: false, describe: "As a Markdown table" })
      .option("json", { type: "boolean", default: false, describe: "Print the document instead of a table" })
      .example("$0 matrix show results/today --baseline lmdb", "Ratios to lmdb"),
  async handler(args) {
    const run = await readRun(args.run);
    if (args.json) {
      printJson(run);
      return;
    }
    const table = args.markdown ? runMarkdown : runTable;
    print(table(run, args.baseline ?? run.settings.baseline));
  },
};

const hotCommand: CommandModule<
  object,
  { path: string; cell: string | undefined; rows: number; json: boolean }
> = {
  command: "hot <path> [cell]",
  describe: "Where the time went: functions by self time, from the CPU profiles of run --cpu-prof",
  builder: (yargs: Argv<object>) =>
    yargs
      .positional("path", {
        type: "string",
        demandOption: true,
        describe: "A run's folder, or a .cpuprofile file",
      })
      .positional("cell", { type: "string", describe: "A cell's id, or a part of it" })
      .option("rows", { type: "number", default: 25, describe: "Functions to print" })
      .option("json", { type: "boolean", default: false, describe: "Print all functions as JSON" })
      .example("$0 matrix hot results/today inserts", "Of the cells of one workload"),
  async handler(args) {
    const functions = hotFunctions(await readProfiles(args.path, args.cell ?? null));
    if (args.json) printJson(functions);
    else print(hotTable(functions, args.rows));
  },
};

/** `espalier matrix …`, for the front door to compose. */
export const matrixCommand: CommandModule = {
  command: "matrix <command>",
  describe: "Benchmarks: the store beside its peers and the old ways of editing leaves",
  builder: (yargs: Argv) =>
    yargs
      .command(runCommand)
      .command(compareCommand)
      .command(explainCommand)
      .command(historyCommand)
      .command(gateCommand)
      .command(censusCommand)
      .command(csvCommand)
      .command(tableCommand)
      .command(hotCommand)
      .demandCommand(1),
  handler: () => {},
};
