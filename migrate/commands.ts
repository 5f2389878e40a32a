/**
 * The command line of the migrator: yargs command modules for `espalier migrate …`, and what `espalier salvage`
 * does with a legacy file.
 *
 * Exit codes: 0 done, 1 some files failed or could not be planned, 2 usage, 3 I/O or disk space, 4 corrupt
 * input, 5 locked, 130 interrupted.
 */

import { existsSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import { shellLine } from "../src/base/shell-word.js";
import type { LegacySalvage, SalvageArguments } from "../src/commands/salvage.js";
import { parseDuration } from "../src/commands/support/durations.js";
import { EXIT_FINDINGS, EXIT_IO, UsageError } from "../src/commands/support/exit-codes.js";
import { printable } from "../src/commands/support/formats.js";
import { interruptible } from "../src/commands/support/interrupt.js";
import { count, note, paint, plural, print, printJson } from "../src/commands/support/output.js";
import { asFolder } from "./backup.js";
import { isHalfConverted } from "./file-state.js";
import type { FileKind } from "./find-files.js";
import {
  exitCode,
  type FileStanding,
  findFiles,
  type LegacyGeneration,
  type MigrationEvent,
  type MigrationReport,
  planMigration,
  type RunOptions,
  rehearse,
  rollbackMigration,
  runMigration,
  type Strategy,
  salvageLegacyFile,
  statusOf,
  type VerifyMode,
} from "./index.js";
import { plansText } from "./plan-text.js";
import { resultLine, TerminalProgress } from "./terminal.js";

interface FilesArguments {
  files: string[];
  json: boolean;
}

interface CheckArguments extends FilesArguments {
  strategy: Strategy;
  "page-size": number | undefined;
  assume: LegacyGeneration | undefined;
  root: number | undefined;
  "assume-closed": boolean;
  "allow-growth": boolean;
}

interface RunArguments extends CheckArguments {
  backup: string | undefined;
  jobs: number;
  "max-mb-per-sec": number | undefined;
  "pause-file": string | undefined;
  "max-duration": string | undefined;
  verify: VerifyMode;
  quiet: boolean;
  to?: LegacyGeneration | undefined;
}

const GENERATIONS: readonly LegacyGeneration[] = ["gen1", "gen2", "gen3"];

function withFiles<A>(yargs: Argv<A>): Argv<A & FilesArguments> {
  return yargs
    .positional("files", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "Files, folders or globs",
    })
    .option("json", { type: "boolean", default: false, describe: "Print JSON" }) as Argv<A & FilesArguments>;
}

function withCheck<A>(yargs: Argv<A>): Argv<A & CheckArguments> {
  return withFiles(yargs)
    .option("strategy", {
      choices: ["in-place", "rewrite"] as const,
      default: "in-place",
      describe: "Convert the file's own pages, or write a new file and rename it",
    })
    .option("page-size", {
      type: "number",
      describe: "Bytes a page of the new store; default: the file's own",
    })
    .option("assume", { choices: GENERATIONS, describe: "Take this generation instead of recognising it" })
    .option("root", {
      type: "number",
      describe: "Take this page as a root, beside those that the file names",
    })
    .option("assume-closed", {
      type: "boolean",
      default: false,
      describe: "No other process has the file open, though that can't be seen from here",
    })
    .option("allow-growth", {
      type: "boolean",
      default: false,
      describe: "In place: use more extra disk than 64 MiB or 5 % of the file",
    }) as unknown as Argv<A & CheckArguments>;
}

const RUN_EPILOGUE = `At a terminal it shows progress and a line for each file. In a pipe or a file it prints JSON lines, as with
--json: an event each, the report in the last. With --quiet it tells failures alone, on standard error; with
--quiet and --json it prints the report alone.`;

function withRun<A>(yargs: Argv<A>): Argv<A & RunArguments> {
  return withCheck(yargs)
    .option("backup", {
      type: "string",
      describe: "Keep a copy of the original in this folder, or, for one file, at this path",
    })
    .option("jobs", { alias: "j", type: "number", default: 1, describe: "Files in parallel" })
    .option("max-mb-per-sec", { type: "number", describe: "Move at most so many MiB a second, in all" })
    .option("pause-file", { type: "string", describe: "Wait while a file of this name is there" })
    .option("max-duration", { type: "string", describe: "Stop cleanly after this time: 90s, 30m, 2h" })
    .option("verify", {
      choices: ["full", "sample", "none"] as const,
      default: "full",
      describe: "full: read back and compare digests; sample: structure and counts",
    })
    .option("quiet", {
      alias: "q",
      type: "boolean",
      default: false,
      describe: "Tell failures only",
    })
    .option("json", { type: "boolean", default: false, describe: "Print JSON lines at a terminal, too" })
    .epilogue(RUN_EPILOGUE) as unknown as Argv<A & RunArguments>;
}

function positive(option: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!(value > 0)) throw new UsageError(`--${option} ${value}: a number above 0 is needed`);
  return value;
}

function optionsOf(args: RunArguments, files: readonly string[]): RunOptions {
  const maxMbPerSec = positive("max-mb-per-sec", args["max-mb-per-sec"]);
  const jobs = positive("jobs", args.jobs) ?? 1;
  const duration = args["max-duration"];
  return {
    ...checkOptionsOf(args),
    jobs: Math.ceil(jobs),
    verify: args.verify,
    command: shellLine(["espalier", ...process.argv.slice(2)]),
    ...(args.backup !== undefined && { backup: backupOf(args.backup, args.files, files) }),
    ...(maxMbPerSec !== undefined && { maxMbPerSec }),
    ...(args["pause-file"] !== undefined && { pauseFile: args["pause-file"] }),
    ...(duration !== undefined && { maxDurationMs: parseDuration("max-duration", duration) }),
    ...(args.to !== undefined && { to: args.to }),
  };
}

/** A folder, but where one file is named: however many files a folder or a glob may hold by chance. */
function backupOf(backup: string, names: readonly string[], files: readonly string[]): string {
  return names.length === 1 && files.length === 1 && names[0] === files[0] ? backup : asFolder(backup);
}

function checkOptionsOf(args: CheckArguments): RunOptions {
  return {
    strategy: args.strategy,
    assumeClosed: args["assume-closed"],
    allowGrowth: args["allow-growth"],
    ...(args["page-size"] !== undefined && { pageSize: args["page-size"] }),
    ...(args.assume !== undefined && { assume: args.assume }),
    ...(args.root !== undefined && { root: args.root }),
  };
}

/** What a command works on, and how it calls what it would leave behind. */
interface Wanted {
  readonly kinds: readonly FileKind[];
  readonly done?: { readonly kind: FileKind; readonly word: string };
}

const TO_CONVERT: Wanted = { kinds: ["legacy", "migrating"], done: { kind: "store", word: "converted" } };
const TO_REHEARSE: Wanted = { ...TO_CONVERT, kinds: ["legacy"] };
const TO_ROLL_BACK: Wanted = { kinds: ["store", "migrating"], done: { kind: "legacy", word: "legacy" } };
const ANY: Wanted = { kinds: ["legacy", "migrating", "store"] };

/** The files; none, with a word about it, where all that are there are done already. Throws UsageError. */
function filesOf(args: FilesArguments, { kinds, done }: Wanted, backup?: string): string[] {
  const files = findFiles(args.files, kinds, backup);
  if (files.length > 0) return files;
  const ready = done === undefined ? 0 : findFiles(args.files, [done.kind], backup).length;
  if (done === undefined || ready === 0)
    throw new UsageError(`no ${kinds.join(" or ")} files in ${args.files.join(", ")}`);
  note(`nothing to do: ${plural(ready, "file is", "files are")} ${done.word} already`);
  return [];
}

type Runner = (paths: readonly string[], options: RunOptions) => Promise<MigrationReport>;

async function runAndTell(args: RunArguments, wanted: Wanted, runner: Runner): Promise<void> {
  const files = filesOf(args, wanted, args.backup);
  const options = optionsOf(args, files);
  const report = await interruptible((signal) =>
    runner(files, { ...options, signal, onEvent: teller(args) }),
  );
  process.exitCode = exitCode(report.files);
}

function teller(args: RunArguments): (event: MigrationEvent) => void {
  if (!args.json && process.stdout.isTTY) {
    if (args.quiet) return tellFailures;
    const progress = new TerminalProgress(process.stdout);
    return (event) => progress.show(event);
  }
  if (args.quiet && !args.json) return tellFailures;
  return (event) => {
    if (!args.quiet || event.event === "report") print(JSON.stringify(event));
  };
}

function tellFailures(event: MigrationEvent): void {
  if (event.event === "file-finished" && event.file.reason !== null) note(resultLine(event.file));
}

const planCommand: CommandModule<object, CheckArguments> = {
  command: "plan <files..>",
  describe: "What a run would do with each file; changes nothing",
  builder: (yargs) =>
    withCheck(yargs).example("$0 migrate plan data.db", "Exit code 0 only if every file can be converted"),
  async handler(args) {
    const files = filesOf(args, TO_CONVERT);
    const plans = await interruptible((signal) => planMigration(files, { ...checkOptionsOf(args), signal }));
    if (args.json) printJson(plans);
    else if (plans.length > 0) print(plansText(plans));
    if (plans.every((plan) => plan.possible)) return;
    process.exitCode = files.some((path) => existsSync(path)) ? EXIT_FINDINGS : EXIT_IO;
  },
};

const runCommand: CommandModule<object, RunArguments> = {
  command: "run <files..>",
  describe: "Convert files; goes on where an interrupted run stopped",
  builder: (yargs) =>
    withRun(yargs)
      .example("$0 migrate run data.db", "In place: same path, same inode")
      .example("$0 migrate run trees --backup old", "Every tree file in a folder; originals kept in old/"),
  handler: (args) => runAndTell(args, TO_CONVERT, runMigration),
};

/** Options of a run that a rollback could not heed, and why. */
const NOT_OF_A_ROLLBACK = [
  ["page-size", "is for new stores: a rollback goes back to the pages that the file had"],
  ["assume", "is for reading legacy files: --to names the generation that a rollback writes"],
  ["root", "is for reading legacy files: a rollback keeps the root that the file had"],
] as const;

const rollbackCommand: CommandModule<object, RunArguments> = {
  command: "rollback <files..>",
  describe: "Turn converted or half-converted files back, with all data as it is now",
  builder: (yargs) =>
    withRun(yargs)
      .hide("page-size")
      .hide("assume")
      .hide("root")
      .option("to", {
        choices: GENERATIONS,
        describe: "The generation to write; default: the one that the file had",
      })
      .example(
        "$0 migrate rollback data.db",
        "As it was, with what was written since",
      ) as unknown as Argv<RunArguments>,
  handler(args) {
    for (const [option, why] of NOT_OF_A_ROLLBACK)
      if (args[option] !== undefined) throw new UsageError(`--${option} ${why}`);
    return runAndTell(args, TO_ROLL_BACK, rollbackMigration);
  },
};

const rehearseCommand: CommandModule<object, RunArguments> = {
  command: "rehearse <files..>",
  describe: "The whole run on a clone of each file, which goes afterwards",
  builder: (yargs) =>
    withRun(yargs)
      .option("backup", {
        type: "string",
        describe: "Where a run would keep its copies; a rehearsal makes none, and takes no file from there",
      })
      .example(
        "$0 migrate rehearse trees",
        "Exit code 0 only if every clone kept its content",
      ) as unknown as Argv<RunArguments>,
  handler: (args) => runAndTell(args, TO_REHEARSE, rehearse),
};

const statusCommand: CommandModule<object, FilesArguments> = {
  command: "status <files..>",
  describe: "Where each file stands",
  builder: (yargs) => withFiles(yargs).example("$0 migrate status trees", "Legacy, half-way or converted"),
  handler(args) {
    const standings = filesOf(args, ANY).map((path) => statusOf(path));
    if (args.json) printJson(standings);
    else print(standingsText(standings));
    if (standings.every(({ state }) => state === "missing")) process.exitCode = EXIT_IO;
    else if (standings.some(({ state }) => !isKnown(state))) process.exitCode = EXIT_FINDINGS;
  },
};

/** A line for each file, and one that counts them where they are several. */
function standingsText(standings: readonly FileStanding[]): string {
  const lines = standings.map(standingText);
  if (lines.length === 1) return lines[0]!;
  const counts = new Map<string, number>();
  for (const { state } of standings) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, files]) => `${count(files)} ${state}`);
  return [...lines, `${plural(lines.length, "file")}: ${parts.join(", ")}`].join("\n");
}

function isKnown(state: FileStanding["state"]): boolean {
  return state !== "missing" && state !== "unknown";
}

function standingText(standing: FileStanding): string {
  const { path, state, generation, done, phase, advice } = standing;
  const which = generation === null ? "" : ` (${generation})`;
  const how = done === null ? "" : `, ${Math.round(done * 100)} % (${phase})`;
  const colour = !isKnown(state) ? "red" : done === null ? "green" : "yellow";
  return `${printable(path)}: ${paint(colour, state)}${which}${how}; ${printable(advice)}`;
}

/** `espalier migrate …`, for the front door to compose. */
export const migrateCommand: CommandModule = {
  command: "migrate <command>",
  describe: "Turn legacy tree files into stores, in place, and back",
  builder: (yargs: Argv) =>
    yargs
      .command(planCommand)
      .command(runCommand)
      .command(statusCommand)
      .command(rollbackCommand)
      .command(rehearseCommand)
      .demandCommand(1, "Which of plan, run, status, rollback, rehearse?"),
  handler: () => {},
};

/** `espalier salvage` for the migrator's files, for the front door to compose. */
export const legacySalvage: LegacySalvage = { isHalfConverted, salvage: salvageLegacyCommand };

/** Writes what is readable, lists what was lost. Exit code 1 where any was. */
async function salvageLegacyCommand(args: SalvageArguments): Promise<void> {
  const report = salvageLegacyFile(args.file, args.out);
  const complete = report.lost.length === 0 && report.dropped.length === 0;
  if (args.json) printJson({ ...report, complete });
  else {
    for (const { page, reason, invariant } of report.lost) {
      print(
        `${paint("red", "lost")} ${page >= 0 ? `page ${page}: ` : ""}${printable(reason)} (${invariant})`,
      );
    }
    for (const { page, reason } of report.dropped)
      print(`${paint("yellow", "dropped")} page ${page}: ${printable(reason)}`);
    note(`${plural(report.records, "record")} in ${report.out}${complete ? ", nothing lost" : ""}`);
  }
  if (!complete) process.exitCode = EXIT_FINDINGS;
}
