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
  rmSync,
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
  const isFolder = attempt(backup, () => statSync(backup, { throwIfNoEntry: false })?.isDirectory() === true);
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
  const partial = `${to}-partial`;
  if (existsSync(to)) {
    if (attempt(to, () => isCopy(path, to) && isCopy(logPath(path), logPath(to)))) return;
    throw new RefusedError(`the backup ${to} exists already, and is not of the file as it is now`);
  }
  if (existsSync(logPath(to)) && !existsSync(partial))
    throw new RefusedError(`the backup would lie beside a log that is not its own, ${logPath(to)}`);
  attempt(to, () => {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(path, partial, constants.COPYFILE_FICLONE);
    syncPath(partial);
    rmSync(logPath(to), { recursive: true, force: true });
    if (existsSync(logPath(path))) {
      cpSync(logPath(path), logPath(to), { recursive: true, mode: constants.COPYFILE_FICLONE });
      syncTree(logPath(to));
    }
    renameSync(partial, to);
    syncPath(dirname(to));
  });
}

/** Whether `copy` is the same, byte for byte: a file, a folder with the same in it, or nothing. */
function isCopy(path: string, copy: string): boolean {
  const [original, found] = [path, copy].map((name) => statSync(name, { throwIfNoEntry: false }));
  if (original === undefined || found === undefined) return original === found;
  if (original.isDirectory() !== found.isDirectory()) return false;
  if (!original.isDirectory()) return original.size === found.size && sameBytes(path, copy);
  const names = readdirSync(path).sort();
  if (names.join("/") !== readdirSync(copy).sort().join("/")) return false;
  return names.every((name) => isCopy(join(path, name), join(copy, name)));
}

const COMPARE_BYTES: number = 1024 * 1024;

function sameBytes(path: string, copy: string): boolean {
  const descriptors = [openSync(path, "r"), openSync(copy, "r")] as const;
  const buffers = descriptors.map(() => Buffer.alloc(COMPARE_BYTES));
  try {
    for (let at = 0; ; at += COMPARE_BYTES) {
      const [a, b] = descriptors.map((descriptor, i) =>
        buffers[i]!.subarray(0, readSync(descriptor, buffers[i]!, 0, COMPARE_BYTES, at)),
      );
      if (!a!.equals(b!)) return false;
      if (a!.length < COMPARE_BYTES) return true;
    }
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
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

function attempt<T>(path: string, copy: () => T): T {
  try {
    return copy();
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "UNKNOWN");
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new DiskFullError(`copy ${path} failed: no room (${code})`, { cause: error });
    throw new IoError(path, "copy", code, { cause: error });
  }
}
