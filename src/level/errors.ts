/**
 * Errors as callers of the Level ecosystem look for them: a `code` that begins with LEVEL_, and in `cause`
 * the store's own error, whose fields say more.
 */

import { EspalierError, type EspalierErrorCode } from "../base/errors.js";

export type LevelErrorCode =
  | "LEVEL_ABORTED"
  | "LEVEL_CORRUPTION"
  | "LEVEL_DATABASE_NOT_OPEN"
  | "LEVEL_INVALID_KEY"
  | "LEVEL_INVALID_VALUE"
  | "LEVEL_IO_ERROR"
  | "LEVEL_LOCKED"
  | "LEVEL_NOT_FOUND"
  | "LEVEL_READONLY";

/** What the database throws and rejects with: `code` as the ecosystem has it, the store's own error as `cause`. */
export class LevelError extends Error {
  readonly code: LevelErrorCode;

  constructor(code: LevelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LevelError";
    this.code = code;
  }
}

/** What reading rejects with after its signal has fired. The name is the one that the web uses. */
export class LevelAbortError extends LevelError {
  constructor(signal: AbortSignal) {
    super("LEVEL_ABORTED", "Operation has been aborted", { cause: signal.reason });
    this.name = "AbortError";
  }
}

/** Codes that classic-level has a word for, or the ecosystem; other errors pass as they are. */
const CODES: Partial<Record<EspalierErrorCode, LevelErrorCode>> = {
  ERR_ESPALIER_NOT_FOUND: "LEVEL_NOT_FOUND",
  ERR_ESPALIER_LOCKED: "LEVEL_LOCKED",
  ERR_ESPALIER_READ_ONLY: "LEVEL_READONLY",
  ERR_ESPALIER_CORRUPTION: "LEVEL_CORRUPTION",
  ERR_ESPALIER_LOG_MISSING: "LEVEL_CORRUPTION",
  ERR_ESPALIER_KEY_TOO_LARGE: "LEVEL_INVALID_KEY",
  ERR_ESPALIER_VALUE_TOO_LARGE: "LEVEL_INVALID_VALUE",
  ERR_ESPALIER_DISK_FULL: "LEVEL_IO_ERROR",
  ERR_ESPALIER_IO: "LEVEL_IO_ERROR",
  ERR_ESPALIER_POISONED: "LEVEL_IO_ERROR",
  ERR_ESPALIER_CLOSED: "LEVEL_DATABASE_NOT_OPEN",
};

/** The error to throw for one that the store threw. */
export function levelError(error: unknown): unknown {
  if (!(error instanceof EspalierError)) return error;
  const code = CODES[error.code];
  return code === undefined ? error : new LevelError(code, error.message, { cause: error });
}
