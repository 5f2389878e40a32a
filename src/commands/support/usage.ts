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
  const see = hint(commandWords(parser));
  const command = commands.includes(first) ? first : undefined;
  const unknown = /^Unknown (?:argument|command)s?: "?([^,"]+)/.exec(message)?.[1];
  if (unknown === undefined) {
    const subcommand = command === undefined ? undefined : unknownSubcommand(second, parser);
    return subcommand === undefined
      ? new UsageError(`${reworded(message, command, parser)}${see}`)
      : wrongWord(`command ${command}`, second, subcommand, see);
  }
  if (words.some((word) => word.replace(/=.*/, "") === dashed(unknown)))
    return wrongWord("option", dashed(unknown), optionNames(parser).map(dashed), see);
  if (command === undefined) return wrongWord("command", unknown, commands, see);
  return wrongWord("argument", unknown, subcommandNames(parser), see);
}

/** What yargs says, as espalier would. */
function reworded(message: string, command: string | undefined, parser: Argv): string {
  if (message.startsWith("Not enough non-option arguments")) return missing(message, command, parser);
  for (const [pattern, words] of REWORDINGS) {
    const match = pattern.exec(message);
    if (match !== null) return words(match.slice(1), parser);
  }
  return message;
}

const REWORDINGS: readonly (readonly [RegExp, (parts: readonly string[], parser: Argv) => string])[] = [
  [
    /^Missing required arguments?: (.+)$/,
    ([names = ""]) => `${names.split(", ").map(dashed).join(", ")} is needed`,
  ],
  [/^Not enough arguments following: (.+)$/, ([name = ""]) => `${dashed(name)} needs a value`],
  [
    /^Invalid values:\s+Argument: ([^,]+), Given: (.*), Choices: (.+)/,
    ([name = "", given = "", choices = ""]) =>
      `${dashed(name)} ${given.replaceAll('"', "")}: choose from ${choices.replaceAll('"', "")}`,
  ],
  [
    /^Arguments (\S+) and (\S+) are mutually exclusive$/,
    ([one = "", other = ""], parser) =>
      `${asTyped(one, parser)} and ${asTyped(other, parser)} exclude each other`,
  ],
];

/** An option with its dashes, a positional with its brackets. */
function asTyped(name: string, parser: Argv): string {
  const positional = new RegExp(`[<[]${name}(\\.\\.)?[>\\]]`).exec(fullCommandsOf(parser).join(" "));
  return positional?.[0] ?? dashed(name);
}

/** yargs only counts the arguments that are missing; this shows what belongs where. */
function missing(message: string, command: string | undefined, parser: Argv): string {
  if (command === undefined) return message;
  const names = subcommandNames(parser);
  if (names.length > 0) return `${command} needs one more word: ${names.join(", ")}`;
  return `an argument is missing: espalier ${fullCommandsOf(parser).join(" ").replace("<command> ", "")}`;
}

/** The words of the command that was recognised: "migrate run". */
function commandWords(parser: Argv): string {
  return fullCommandsOf(parser)
    .map((command) => command.split(" ")[0])
    .join(" ");
}

function fullCommandsOf(parser: Argv): readonly string[] {
  return (parser as unknown as YargsInternals).getInternalMethods().getContext().fullCommands;
}

/** The subcommands there are, where a group was asked for one that it does not have. */
function unknownSubcommand(word: string, parser: Argv): string[] | undefined {
  const names = subcommandNames(parser);
  if (word === "" || word.startsWith("-") || names.length === 0 || names.includes(word)) return undefined;
  return names;
}

function wrongWord(kind: string, word: string, known: readonly string[], see: string): UsageError {
  const nearest = nearestWord(word, known);
  const proposal = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return new UsageError(`unknown ${kind} ${word}.${proposal}${see}`);
}

function hint(command: string): string {
  return `\nSee: espalier ${command === "" ? "" : `${command} `}--help`;
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
