/**
 * Standard output, and what becomes of a command when it fails. A reader that has gone away (`espalier scan … |
 * head`) ends a command at its next `writeOut`, and is no error. Commands that print by `print` alone go on to
 * their end in silence: what they change is finished, and their exit code stays what they found. Where the output
 * could not be written for another reason, such as a full disk, the command line says so (run.ts).
 */

import { DiskFullError, IoError } from "../../base/errors.js";
import { isNoRoom } from "../../vfs/node-vfs.js";

/** Nobody reads any more: the end of a command that does nothing but print. */
export class ReaderGoneError extends Error {
  override readonly name: string = "ReaderGoneError";
  constructor() {
    super("standard output has no reader");
  }
}

/** The first failure; what is printed after it goes nowhere. */
let failure: Error | undefined;

/** Keeps failures of the streams from ending the process in the midst of its work. */
export function watchStandardStreams(): void {
  process.stdout.on("error", remember);
  // Nobody is left who could be told.
  process.stderr.on("error", () => {});
}

function remember(error: NodeJS.ErrnoException): Error {
  failure ??= meaningOf(error);
  return failure;
}

function meaningOf(error: NodeJS.ErrnoException): Error {
  const code = error.code ?? "UNKNOWN";
  if (code === "EPIPE") return new ReaderGoneError();
  if (isNoRoom(code))
    return new DiskFullError(`write to standard output failed: no room (${code})`, { cause: error });
  return new IoError("standard output", "write", code, { cause: error });
}

/** Writes data and settles when it is handed on. Throws ReaderGoneError, DiskFullError, IoError. */
export function writeOut(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (failure !== undefined) reject(failure);
    else process.stdout.write(data, (error) => (error ? reject(remember(error)) : resolve()));
  });
}

/** A line of data. Never throws. */
export function print(text: string): void {
  if (failure === undefined) process.stdout.write(`${text}\n`);
}

/** Waits until all output is handed on. Throws what has become of it, a reader that is gone aside. */
export async function outputHandedOn(): Promise<void> {
  try {
    await writeOut("");
    // A stream tells its failure in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
    if (failure !== undefined) throw failure;
  } catch (error) {
    if (!(error instanceof ReaderGoneError)) throw error;
  }
}
