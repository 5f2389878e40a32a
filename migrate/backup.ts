/** Copies of originals: sharing blocks where the file system can, byte for byte elsewhere, and durable. */

import {
  closeSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { DiskFullError, IoError } from "../src/base/errors.js";
import { logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/**
 * Where the copy of a file goes: `backup` itself, or `name` in it where it is a folder or several files are
 * copied.
 */
export function backupPlace(backup: string, name: string, several: boolean): string {
  const isFolder = statSync(backup, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder || several ? join(backup, name) : backup;
}

/** Names for the copies of these files in one folder: their paths below the folder that holds all of them. */
export function backupNames(paths: readonly string[]): string[] {
  const full = paths.map((path) => resolve(path));
  let common = dirname(full[0] ?? "");
  while (!full.every((path) => path.startsWith(common === sep ? sep : common + sep)))
    common = dirname(common);
  return full.map((path) => relative(common, path));
}

/**
 * Copies a file and the legacy log beside it. A copy that an interrupted run has made of the same file stays.
 * Throws RefusedError where something else is there, IoError, DiskFullError.
 */
export function copyWithLog(path: string, to: string): void {
  if (existsSync(to)) {
    if (looksLike(path, to)) return;
    throw new RefusedError(`the backup ${to} exists already`);
  }
  attempt(to, () => {
    mkdirSync(dirname(to), { recursive: true });
    const partial = `${to}-partial`;
    copyFileSync(path, partial, constants.COPYFILE_FICLONE);
    syncPath(partial);
    if (existsSync(logPath(path))) {
      cpSync(logPath(path), logPath(to), { recursive: true, mode: constants.COPYFILE_FICLONE });
      syncTree(logPath(to));
    }
    renameSync(partial, to);
    syncPath(dirname(to));
  });
}

const HEAD_BYTES = 8192;

/** Whether `copy`, which is whole if it is there, was made of the file as it is now. */
function looksLike(path: string, copy: string): boolean {
  return statSync(path).size === statSync(copy).size && headOf(path).equals(headOf(copy));
}

function headOf(path: string): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}

function syncTree(path: string): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) syncTree(join(path, name));
  syncPath(path);
}

function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt(path: string, copy: () => void): void {
  try {
    copy();
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "UNKNOWN");
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new DiskFullError(`copy ${path} failed: no room (${code})`, { cause: error });
    throw new IoError(path, "copy", code, { cause: error });
  }
}
