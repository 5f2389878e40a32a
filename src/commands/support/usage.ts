/** What is said of a command line that makes no sense: the word that is wrong, and the nearest one that exists. */

import type { Argv } from "yargs";
import { UsageError } from "./exit-codes.js";
import { nearestWord } from "./nearest.js";

/**
 * An error that names the wrong word. `message` is what yargs makes of it, `words` the command line,
 * `commands` the names of all commands, `parser` knows the options and subcommands at the point of failure.
 */
export function usageError(
  message: string,
  words: readonly string[],
  commands: readonly string[],
  parser: Argv,
): UsageError {
  const [first = "", second = ""] = words;
  const command = commands.includes(first) ? first : undefined;
  const unknown = /^Unknown (?:argument|command)s?: "?([^,"]+)/.exec(message)?.[1];
  if (unknown === undefined) {
    const subcommand = command === undefined ? undefined : unknownSubcommand(second, parser);
    return subcommand === undefined
      ? new UsageError(`${missing(message, command, parser)}${hint(command)}`)
      : wrongWord(`command ${command}`, second, subcommand, command);
  }
  if (words.some((word) => word.replace(/=.*/, "") === dashed(unknown)))
    return wrongWord("option", dashed(unknown), optionNames(parser).map(dashed), command);
  if (command === undefined) return wrongWord("command", unknown, commands, undefined);
  return wrongWord("argument", unknown, subcommandNames(parser), command);
}

/** yargs only counts the arguments that are missing; this shows what belongs where. */
function missing(message: string, command: string | undefined, parser: Argv): string {
  if (command === undefined || !message.startsWith("Not enough non-option arguments")) return message;
  const names = subcommandNames(parser);
  if (names.length > 0) return `${command} needs one more word: ${names.join(", ")}`;
  const { fullCommands } = (parser as unknown as YargsInternals).getInternalMethods().getContext();
  return `an argument is missing: espalier ${fullCommands.join(" ").replace("<command> ", "")}`;
}

/** The subcommands there are, where a group was asked for one that it does not have. */
function unknownSubcommand(word: string, parser: Argv): string[] | undefined {
  const names = subcommandNames(parser);
  if (word === "" || word.startsWith("-") || names.length === 0 || names.includes(word)) return undefined;
  return names;
}

function wrongWord(
  kind: string,
  word: string,
  known: readonly string[],
  command: string | undefined,
): UsageError {
  const nearest = nearestWord(word, known);
  const proposal = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return new UsageError(`unknown ${kind} ${word}.${proposal}${hint(command)}`);
}

function hint(command: string | undefined): string {
  return `\nSee: espalier ${command === undefined ? "" : `${command} `}--help`;
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** What yargs knows at the point of failure; its typings leave these out. */
interface YargsInternals {
  getOptions(): { readonly key: Record<string, unknown> };
  getInternalMethods(): {
    getCommandInstance(): { getCommands(): string[] };
    /** The commands that were recognised, from the outermost in, as they were declared. */
    getContext(): { readonly fullCommands: readonly string[] };
  };
}

function optionNames(parser: Argv): string[] {
  return Object.keys((parser as unknown as YargsInternals).getOptions().key).filter((key) => key.length > 1);
}

function subcommandNames(parser: Argv): string[] {
  return (parser as unknown as YargsInternals).getInternalMethods().getCommandInstance().getCommands();
}
