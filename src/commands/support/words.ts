/**
 * What yargs leaves to its caller: words behind "--" that stand for positional arguments although they begin with a
 * dash, options that stand there twice, and options whose value was forgotten.
 */

import type { Argv } from "yargs";
import { UsageError } from "./exit-codes.js";

/** No word of a command line holds it, so that it can tell a masked word from every other. */
const MASK = "\0";

/** What yargs takes for letters behind one dash, each an option: -rk. What is no letter begins a value. */
const LETTERS = /^-([^-]\w*)/;

/**
 * The words with "--" taken out, and those behind it made such that they are taken for no options. Throws UsageError
 * for a word such as -hot: yargs would find the letter that asks for help in it, and end with 0 with nothing done.
 */
export function maskedWords(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  const wordy = words.slice(0, end < 0 ? undefined : end).find((word) => {
    const letters = LETTERS.exec(word)?.[1] ?? "";
    return letters.includes("h") && word !== "-h" && word !== "-help";
  });
  if (wordy !== undefined)
    throw new UsageError(`unknown option ${wordy}. A key or file that begins with a dash stands behind --`);
  if (end < 0) return [...words];
  const behind = words.slice(end + 1).map((word) => (word.startsWith("-") ? MASK + word : word));
  return [...words.slice(0, end), ...behind];
}

/** A text, or a list of them, as it was typed. */
export function unmasked<T>(value: T): T {
  if (typeof value === "string") return value.replaceAll(MASK, "") as T;
  return Array.isArray(value) ? (value.map(unmasked) as T) : value;
}

/** What yargs knows of the options of the command that was recognised; its typings leave this out. */
interface OptionKinds {
  readonly array: readonly string[];
  readonly string: readonly string[];
  readonly number: readonly string[];
  readonly alias: Readonly<Record<string, readonly string[]>>;
}

/** Takes the masks off, and throws UsageError for an option that stands there twice, lacks its value or says --no-. */
export function settleArguments(argv: Record<string, unknown>, words: readonly string[], parser: Argv): void {
  const kinds = (parser as unknown as { getOptions(): OptionKinds }).getOptions();
  const end = words.indexOf("--");
  const before = end < 0 ? words : words.slice(0, end);
  for (const name of [...kinds.string, ...kinds.number]) {
    // yargs takes --no-NAME for false, or 0, whatever NAME is.
    const denied = [name, ...(kinds.alias[name] ?? [])].map((each) => `--no-${each}`);
    const wrong = before.find((word) => denied.includes(word.replace(/=.*/s, "")));
    if (wrong !== undefined) throw new UsageError(`unknown option ${wrong}`);
    if (kinds.array.includes(name)) continue;
    if (Array.isArray(argv[name])) throw new UsageError(`--${name} stands there twice`);
    for (const spelling of [`--${name}`, ...(kinds.alias[name] ?? []).map((alias) => `-${alias}`)]) {
      const isEmpty = kinds.number.includes(name) && hasEmptyValue(before, spelling);
      if (isEmpty || lacksValue(before, spelling)) throw new UsageError(`${spelling} needs a value`);
    }
  }
  for (const [name, value] of Object.entries(argv)) argv[name] = unmasked(value);
}

function lacksValue(words: readonly string[], option: string): boolean {
  const at = words.indexOf(option);
  if (at < 0) return false;
  const value = words[at + 1];
  return value === undefined || /^-[^0-9]/.test(value);
}

/** yargs takes the empty word for the number 0. */
function hasEmptyValue(words: readonly string[], option: string): boolean {
  return words.some((word, i) => word === `${option}=` || (word === option && words[i + 1] === ""));
}
