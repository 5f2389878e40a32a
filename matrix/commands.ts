/**
 * The command line of the matrix: yargs command modules for `espalier matrix …`. Results go to standard
 * output, progress and errors to standard error. Exit codes: 0 fine, 1 the answer is no (worse, NO-GO, a
 * cell failed), 2 wrong use, 130 interrupted.
 */

import type { Argv, CommandModule } from "yargs";
import { EXIT_FINDINGS } from "../src/commands/support/exit-codes.js";
import { note, print, printJson, terminalWidth } from "../src/commands/support/output.js";
import { replaceFile } from "../src/commands/support/replace-file.js";
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
  type RunDocument,
  readGates,
  readProfiles,
  readRun,
  readRuns,
  regressions,
  reproducible,
  runMarkdown,
  runTable,
  toCsv,
} from "./index.js";
import { runWarnings } from "./reports/table.js";
import { runCommand } from "./run-command.js";

/** "5%" or "0.05". Throws RangeError for anything else. */
export function parseThreshold(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%)?$/.exec(text);
  if (match === null) throw new RangeError(`${text} is no threshold; say 5% or 0.05`);
  return Number(match[1]) / (match[2] === "%" ? 100 : 1);
}

const compareCommand: CommandModule<
  object,
  { before: string; after: string; threshold: string; json: boolean }
> = {
  command: "compare <before> <after>",
  describe: "Compare two runs cell by cell; exit code 1 when a cell is worse or gone",
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
    if (regressions(comparison).length > 0) process.exitCode = EXIT_FINDINGS;
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

/** Throws RangeError for an engine that no run has: a table without any ratio would not say why. */
function assertMeasured(baseline: string | undefined, runs: readonly RunDocument[]): void {
  const engines = new Set(runs.flatMap((run) => run.engines.map(({ id }) => id)));
  if (baseline === undefined || engines.size === 0 || engines.has(baseline)) return;
  throw new RangeError(
    `--baseline ${baseline}: no engine of the results; choose from ${[...engines].join(", ")}`,
  );
}

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
    assertMeasured(args.baseline, runs);
    const series = historyOf(runs, {
      threshold,
      ...(args.baseline !== undefined && { baseline: args.baseline }),
    });
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
    const run = await readRun(args.results);
    const verdict = gateRun(run, gates, args.gates);
    for (const warning of runWarnings(run)) note(`warning: ${warning}`);
    if (args.json) printJson(verdict);
    else print(gateTable(verdict));
    if (verdict.verdict === "NO-GO") process.exitCode = EXIT_FINDINGS;
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
    else replaceFile(args.out, text);
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
    assertMeasured(args.baseline, [run]);
    if (args.json) {
      printJson(run);
      return;
    }
    const baseline = args.baseline ?? run.settings.baseline;
    print(args.markdown ? runMarkdown(run, baseline) : runTable(run, baseline, terminalWidth()));
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
