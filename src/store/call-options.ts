/**
 * Options and arguments of single calls. What is no object, and names that are not known, are refused: a typing
 * error in an option must never be taken for its absence.
 */

import { fileURLToPath } from "node:url";
import { OptionError } from "../base/errors.js";

/** Options of one change. */
export interface WriteOptions {
  /**
   * true: durable when the call returns, whatever the store's durability, and so is all that was changed before, also
   * where the call finds nothing to change. In a transaction: when that returns.
   */
  readonly sync?: boolean;
}

const WRITE_NAMES: ReadonlySet<string> = new Set(["sync"]);

/** Throws OptionError where `options` is no object, or has a name that is not known. */
export function assertOptions(options: unknown, known: ReadonlySet<string>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new OptionError("options", `must be an object with ${list(known)}`);
  // Inherited ones too: they are read as well.
  for (const name in options) {
    if (!known.has(name) && !isEverywhere(options, name))
      throw new OptionError(name, `no such option here; there are: ${list(known)}`);
  }
}

/** Whether the name is one that some other code of the program has given to all objects. */
function isEverywhere(options: object, name: string): boolean {
  return name in Object.prototype && !Object.hasOwn(options, name);
}

function list(names: ReadonlySet<string>): string {
  return [...names].join(", ");
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new OptionError(name, "must be true or false");
  return value;
}

export function wholeNumber(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new OptionError(name, `must be a whole number from ${least} to ${most}`);
  }
  return value;
}

export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new OptionError(name, `must be one of ${choices.join(", ")}`);
  return choice;
}

/** What a change says of its sync; undefined: the store's durability decides. */
export function readSync(options: WriteOptions | undefined): boolean | undefined {
  if (options === undefined) return undefined;
  assertOptions(options, WRITE_NAMES);
  return options.sync === undefined ? undefined : flag("sync", options.sync);
}

/** What work that takes its time can be told. */
export interface WorkOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: unknown;
}

/** `others`: what the work can be told beside. */
export function assertWorkOptions(options: WorkOptions, others: readonly string[] = []): void {
  assertOptions(options, new Set(["signal", "onProgress", ...others]));
  const { signal, onProgress } = options;
  if (signal !== undefined) assertSignal("signal", signal);
  if (onProgress !== undefined) assertFunction("onProgress", onProgress);
}

export function assertSignal(name: string, value: unknown): void {
  const given = value as Partial<AbortSignal> | null;
  if (typeof given?.throwIfAborted !== "function") throw new OptionError(name, "must be an AbortSignal");
}

/** The file that a path names. */
export function readPath(path: string | URL): string {
  const name = path instanceof URL && path.protocol === "file:" ? fileURLToPath(path) : path;
  if (typeof name !== "string" || name === "" || name.includes("\0"))
    throw new OptionError("path", "must be the name of a file, or a URL with file:");
  return name;
}

export function assertFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new OptionError(name, "must be a function");
}

export function assertIterable(name: string, value: unknown): void {
  const given = value as Partial<Iterable<unknown>> | null | undefined;
  if (typeof given?.[Symbol.iterator] !== "function") throw new OptionError(name, "must be iterable");
}
