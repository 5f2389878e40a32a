/**
 * Loops over reads and writes that may move fewer bytes than asked.
 *
 * A call that says EINTR has moved nothing and is made again, INTERRUPTIONS_MAX times in a row at most,
 * so that a file system that always says it can't hang the store. Syncs are never repeated.
 */

import { IoError } from "../base/errors.js";
import type { VfsFile } from "./vfs.js";

export const INTERRUPTIONS_MAX = 100;

/**
 * Reads until `length` bytes are there or the file ends; returns how many are. What lies in `target`
 * behind them is unchanged. Throws IoError.
 */
export function readFully(
  file: VfsFile,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  let done = 0;
  let interruptions = 0;
  while (done < length) {
    let count: number;
    try {
      count = file.read(target, offset + done, length - done, position + done);
    } catch (error) {
      if (!isInterruption(error) || ++interruptions > INTERRUPTIONS_MAX) throw error;
      continue;
    }
    if (count === 0) break;
    interruptions = 0;
    done += count;
  }
  return done;
}

/** Reads exactly `length` bytes. Throws IoError, with errno "EOF" where the file ends before that. */
export function readExactly(
  file: VfsFile,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  const done = readFully(file, target, offset, length, position);
  if (done !== length) throw new IoError(file.path, "read", "EOF");
}

/**
 * Writes all `length` bytes. Throws IoError or DiskFullError, after which any part of them may have been
 * written; a write that moves nothing is an IoError (errno "EIO"), not a reason to try for ever.
 */
export function writeFully(
  file: VfsFile,
  source: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  let done = 0;
  let interruptions = 0;
  while (done < length) {
    let count: number;
    try {
      count = file.write(source, offset + done, length - done, position + done);
    } catch (error) {
      if (!isInterruption(error) || ++interruptions > INTERRUPTIONS_MAX) throw error;
      continue;
    }
    if (count === 0) throw new IoError(file.path, "write", "EIO");
    interruptions = 0;
    done += count;
  }
}

function isInterruption(error: unknown): boolean {
  return error instanceof IoError && error.errno === "EINTR";
}
