/**
 * The beginning of a session, at its first change or once the store is made: what lies in the log's way goes, the
 * log begins, and the header says so before anything is changed (W4).
 */

import { IoError } from "../base/errors.js";
import { hasLogRemains, removeLogRemains } from "../log/log-remains.js";
import type { RedoLog } from "../log/redo-log.js";
import type { Vfs } from "../vfs/vfs.js";
import type { DataFile } from "./data-file.js";
import { makeHeaderDurable } from "./opened-header.js";
import type { StoreHeader } from "./store-header.js";

/** It is unknown whether the old or the new header is on the disk: no commit may rest on either. */
export function headerFailed(log: RedoLog, cause: unknown): Error {
  log.failure ??= cause;
  return log.poisoned();
}

export class SessionStart {
  readonly #vfs: Vfs;
  readonly #path: string;
  readonly #data: DataFile;
  readonly #header: StoreHeader;
  readonly #log: RedoLog;
  /** Of the data file, as its name led to it. */
  readonly #identity: string | undefined;

  /** REQUIRES: the data file is open. */
  constructor(vfs: Vfs, path: string, data: DataFile, header: StoreHeader, log: RedoLog) {
    this.#vfs = vfs;
    this.#path = path;
    this.#data = data;
    this.#header = header;
    this.#log = log;
    this.#identity = vfs.stat(path)?.identity;
  }

  /** Whether another file has taken the data file's name. */
  get isReplaced(): boolean {
    const there = this.#vfs.stat(this.#path);
    return there !== undefined && there.identity !== this.#identity;
  }

  /** From now on the data file needs its log. Throws IoError, DiskFullError, PoisonedError. */
  begin(pageCount: number): void {
    // Where the folder was moved, the log would lie beside another store, and in the way of that one's.
    if (this.#vfs.stat(this.#path)?.identity !== this.#identity)
      throw new IoError(this.#path, "change", "ESTALE");
    this.#leaveRemains();
    this.#data.claimForCheckpoints(pageCount);
    const header = this.#header;
    const position = this.#log.start(header.lastGeneration + 1);
    try {
      header.sequence++;
      header.clean = false;
      header.log = position;
      header.lastGeneration = position.generation + 1;
      this.#data.writeHeader(header);
      this.#data.sync();
    } catch (error) {
      throw headerFailed(this.#log, error);
    }
  }

  /** A log that is still there goes, once the clean header stands. Who has removed it had synced that before. */
  #leaveRemains(): void {
    if (!hasLogRemains(this.#vfs, this.#path)) return;
    try {
      makeHeaderDurable(this.#vfs, this.#path, this.#data, this.#header);
    } catch (error) {
      throw headerFailed(this.#log, error);
    }
    removeLogRemains(this.#vfs, this.#path, this.#header.storeId, false);
  }
}
