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
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DiskFullError, IoError } from "../src/base/errors.js";
import { logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/** Where the copy of `path` goes: into a folder where `backup` is one or several files are copied. */
export function backupPlace(backup: string, path: string, several: boolean): string {
  const isFolder = statSync(backup, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder || several ? join(backup, basename(path)) : backup;
}

/** Copies a file and the legacy log beside it. Throws RefusedError where a copy is there already, IoError. */
export function copyWithLog(path: string, to: string): void {
  if (existsSync(to)) throw new RefusedError(`the backup ${to} exists already`);
  attempt(to, () => {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(path, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    syncPath(to);
    if (existsSync(logPath(path))) {
      cpSync(logPath(path), logPath(to), { recursive: true, mode: constants.COPYFILE_FICLONE });
      syncTree(logPath(to));
    }
    syncPath(dirname(to));
  });
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
