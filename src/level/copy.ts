/** What import and export share: their options, report and the check of the digest. */

/** How far a copy is. */
export interface CopyProgress {
  readonly phase: "copying" | "verifying";
  readonly records: number;
  /** 0 where it is not known. */
  readonly total: number;
}

/** What import and export may be told. */
export interface CopyOptions {
  /** Called for each batch. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Stops the copy; nothing is left of it. */
  readonly signal?: AbortSignal;
}

/** What was copied. */
export interface CopyReport {
  readonly records: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** Of the content, read from the source and again from the copy. As `verify` prints it. */
  readonly digest: string;
}

/** The copy does not hold what was read; it was removed. */
export class CopyMismatchError extends Error {
  override readonly name: string = "CopyMismatchError";
  readonly path: string;
  readonly read: string;
  readonly written: string;
  constructor(path: string, read: string, written: string) {
    super(`${path}: the copy's digest is ${written}, that of what was read ${read}`);
    this.path = path;
    this.read = read;
    this.written = written;
  }
}

export function assertSameDigest(path: string, read: string, written: string): void {
  if (read !== written) throw new CopyMismatchError(path, read, written);
}
