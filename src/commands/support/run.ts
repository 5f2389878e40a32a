/**
 * Runs the command line: composes the commands, and turns whatever they throw into one clear line on
 * standard error (error-report.ts) and an exit code (exit-codes.ts).
 */

import yargs, { type Argv, type CommandModule } from "yargs";
import { systemError } from "../../vfs/node-vfs.js";
import { reportError } from "./error-report.js";
import { exitCodeOf, UsageError } from "./exit-codes.js";
import { outputHandedOn, ReaderGoneError, watchStandardStreams } from "./standard-output.js";
import { usageError } from "./usage.js";
import { maskedWords, settleArguments, unmasked } from "./words.js";

export interface CommandLine {
  readonly commands: readonly CommandModule[];
  readonly version: string;
  /** Words behind the program's name. */
  readonly words: readonly string[];
}

const WIDTH_MAX = 110;
const EPILOGUE = `Data goes to standard output, everything else to standard error.

Exit codes: 0 done, 1 findings (a key that is missing, a problem found, a gate missed), 2 usage,
3 I/O, 4 corruption, 5 locked, 6 legacy format, 130 interrupted.`;

/** Runs a command; the exit code is left in process.exitCode. */
export async function runCommandLine(line: CommandLine): Promise<void> {
  watchStandardStreams();
  const wantsJson = line.words.includes("--json");
  try {
    assertCurrentFolder();
    await compose(line).parseAsync();
  } catch (error) {
    if (error instanceof ReaderGoneError) return;
    reportError(error, wantsJson);
    process.exitCode = exitCodeOf(error);
    return;
  }
  try {
    await outputHandedOn();
  } catch (error) {
    reportError(error, wantsJson);
    // What the command has found out, such as damage, is worth more than that its output was lost.
    process.exitCode ||= exitCodeOf(error);
  }
}

/** The parser asks for it, whatever the command is. Throws IoError where it was removed. */
function assertCurrentFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw systemError("the current folder", "resolve", error);
  }
}

function compose({ commands, version, words }: CommandLine): Argv {
  const parser = yargs(maskedWords(words));
  parser
    .scriptName("espalier")
    .locale("en")
    .usage("$0 <command>\n\nAn embedded, ordered key-value store: one file, a B+tree, leaves edited in place")
    .version(version)
    .help()
    .alias("help", "h")
    .strict()
    .wrap(Math.min(WIDTH_MAX, process.stdout.columns ?? WIDTH_MAX))
    .demandCommand(1, "Which command?")
    .completion("completion", "Print a completion script for your shell")
    .epilogue(EPILOGUE)
    .middleware((argv) => settleArguments(argv, words, parser as Argv))
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      if (error !== undefined && error !== null && error.name !== "YError") throw error;
      throw usageError(unmasked(message), words, commands.map(nameOf), parser as Argv);
    });
  for (const module of commands) parser.command(module);
  return parser as Argv;
}

function nameOf(module: CommandModule): string {
  const [first] = [module.command ?? []].flat();
  return (first ?? "").split(" ")[0]!;
}

/** A command of a toolkit that is loaded when it is asked for. */
export interface LazyCommand {
  readonly name: string;
  readonly describe: string;
  load(): Promise<CommandModule>;
}

/**
 * Stands for a group of commands whose code, with all its dependencies, is loaded at first use only. Where
 * a dependency is not installed, says which one and how to get it.
 */
export function lazyCommand({ name, describe, load }: LazyCommand): CommandModule {
  return {
    command: `${name} <command>`,
    describe,
    builder: async (parser: Argv) => {
      const module = await loadOrExplain(name, load);
      if (typeof module.builder !== "function") throw new Error(`${name}: no builder`);
      return module.builder(parser);
    },
    handler: () => {},
  };
}

export async function loadOrExplain<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const missing = /Cannot find package '([^']+)'/.exec((error as Error).message)?.[1];
    if (code !== "ERR_MODULE_NOT_FOUND" || missing === undefined) throw error;
    throw new UsageError(`${what} needs the package ${missing}; install it with: npm install ${missing}`);
  }
}
