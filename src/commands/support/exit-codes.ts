/**
 * What the command line tells its caller by its exit code. Documented in README.md and `espalier --help`.
 */

import { EspalierError, type EspalierErrorCode } from "../../base/errors.js";
import { PackageMissingError } from "../../base/package-missing.js";
import { CopyMismatchError } from "../../level/copy.js";

/** The command ran and the answer is no: a key is missing, verify found problems, salvage lost records. */
export const EXIT_FINDINGS = 1;
export const EXIT_USAGE = 2;
export const EXIT_IO = 3;
export const EXIT_CORRUPTION = 4;
export const EXIT_LOCKED = 5;
export const EXIT_LEGACY = 6;
export const EXIT_INTERRUPTED = 130;

const CODES: Record<EspalierErrorCode, number> = {
  ERR_ESPALIER_NOT_FOUND: EXIT_IO,
  ERR_ESPALIER_EXISTS: EXIT_IO,
  ERR_ESPALIER_LOCKED: EXIT_LOCKED,
  ERR_ESPALIER_READ_ONLY: EXIT_USAGE,
  ERR_ESPALIER_NOT_A_STORE: EXIT_CORRUPTION,
  ERR_ESPALIER_LEGACY_FORMAT: EXIT_LEGACY,
  ERR_ESPALIER_NEWER_FORMAT: EXIT_CORRUPTION,
  ERR_ESPALIER_MIGRATING: EXIT_LEGACY,
  ERR_ESPALIER_LOG_MISSING: EXIT_CORRUPTION,
  ERR_ESPALIER_CORRUPTION: EXIT_CORRUPTION,
  ERR_ESPALIER_KEY_TOO_LARGE: EXIT_USAGE,
  ERR_ESPALIER_VALUE_TOO_LARGE: EXIT_USAGE,
  ERR_ESPALIER_ENCODING: EXIT_USAGE,
  ERR_ESPALIER_DISK_FULL: EXIT_IO,
  ERR_ESPALIER_IO: EXIT_IO,
  ERR_ESPALIER_CLOSED: EXIT_IO,
  ERR_ESPALIER_TRANSACTION: EXIT_USAGE,
  ERR_ESPALIER_POISONED: EXIT_IO,
  ERR_ESPALIER_OPTION: EXIT_USAGE,
  ERR_ESPALIER_PLATFORM: EXIT_IO,
};

/** The command was used in a way that it does not understand. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** Input that was cut off, edited or is something else: a dump. */
export class DamagedInputError extends Error {
  override readonly name: string = "DamagedInputError";
}

/** SIGINT or SIGTERM came, and the command stopped where that is safe. */
export class InterruptedError extends Error {
  override readonly name: string = "InterruptedError";
  constructor() {
    super("interrupted");
  }
}

/** The exit code for whatever a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof EspalierError) return CODES[error.code] ?? EXIT_IO;
  if (error instanceof InterruptedError || isAbort(error)) return EXIT_INTERRUPTED;
  if (error instanceof UsageError || error instanceof RangeError) return EXIT_USAGE;
  if (error instanceof PackageMissingError) return EXIT_USAGE;
  if (error instanceof CopyMismatchError || error instanceof DamagedInputError) return EXIT_CORRUPTION;
  return EXIT_IO;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
