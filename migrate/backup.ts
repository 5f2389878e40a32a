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
 * copied. Throws IoError.
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
 * Copies a file and the legacy log beside it; `path` is the file's own, where its log lies, and no link to it. A copy
 * that an interrupted run has made of the same file and the same log stays. Throws RefusedError where something else
 * is there, IoError, DiskFullError.
 */
export function copyWithLog(path: string, to: string): void {
  if (attempt(to, () => isOneFile(path, to) || isOneFile(path, logPath(to))))
    throw new RefusedError(`the backup ${to} would take the place of the file itself; name another`);
  if (existsSync(to)) {
    if (attempt(to, () => isSame(path, to) && isSame(logPath(path), logPath(to)))) return;
    throw new RefusedError(
      `the backup ${to} exists already, and is not of the file and its log as they are now`,
    );
  }
  attempt(to, () => {
    makeFolder(dirname(to));
    const partial = `${to}-migration-partial`;
    copyFileSync(path, partial, constants.COPYFILE_FICLONE);
    syncPath(partial);
    // That of an interrupted run: without its file it is nothing, and may be of another time.
    rmSync(logPath(to), { recursive: true, force: true });
    if (existsSync(logPath(path))) {
      cpSync(logPath(path), logPath(to), { recursive: true, mode: constants.COPYFILE_FICLONE });
      syncTree(logPath(to));
    }
    renameSync(partial, to);
    syncPath(dirname(to));
  });
}

/** Makes a folder and those that it lies in, durably. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) syncPath(dirname(made));
}

function isOneFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

const COMPARE_BYTES: number = 1024 * 1024;

/** Whether two files, or two folders, hold the same; or neither is there. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [statSync(one, { throwIfNoEntry: false }), statSync(other, { throwIfNoEntry: false })];
  if (a === undefined || b === undefined) return a === b;
  if (a.isDirectory() !== b.isDirectory()) return false;
  if (!a.isDirectory()) return a.size === b.size && haveSameBytes(one, other);
  const names = readdirSync(one).sort();
  if (names.join("\0") !== readdirSync(other).sort().join("\0")) return false;
  return names.every((name) => isSame(join(one, name), join(other, name)));
}

function haveSameBytes(one: string, other: string): boolean {
  const descriptors: number[] = [];
  try {
    for (const path of [one, other]) descriptors.push(openSync(path, "r"));
    const [a, b] = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)];
    for (let at = 0; ; ) {
      const length = readSync(descriptors[0]!, a, 0, COMPARE_BYTES, at);
      if (readSync(descriptors[1]!, b, 0, COMPARE_BYTES, at) !== length) return false;
      if (length === 0) return true;
      if (!a.subarray(0, length).equals(b.subarray(0, length))) return false;
      at += length;
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

/** Calls of node:fs with the errors of src: what is wrong with one file is not to end the run. */
export function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "UNKNOWN");
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new DiskFullError(`copy ${path} failed: no room (${code})`, { cause: error });
    throw new IoError(path, "copy", code, { cause: error });
  }
}
