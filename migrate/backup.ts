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
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { OptionError } from "../src/base/errors.js";
import { systemError } from "../src/vfs/node-vfs.js";
import { logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/**
 * Where the copies of these files go: to `backup` itself for one file, into it where it is a folder, is written
 * like one (`kept/`), or several files are copied. Throws OptionError where a folder is needed and a file is there.
 */
export function backupPlaces(backup: string, paths: readonly string[]): string[] {
  if (backup === "") throw new OptionError("backup", "a path is needed");
  const place = withoutSlash(backup);
  const stat = statOf(place);
  const isFolder = stat?.isDirectory() === true;
  if (paths.length <= 1 && !isFolder && !isWrittenAsFolder(backup)) return paths.map(() => backup);
  if (stat !== undefined && !isFolder)
    throw new OptionError("backup", `${place} is a file; a folder is needed, one that exists or a new one`);
  return backupNames(paths).map((name) => join(place, name));
}

/** Nothing, too, of a place that can't be looked at: each copy fails there by itself. */
function statOf(place: string): Stats | undefined {
  try {
    return statSync(place, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The same path, as one that can be nothing but a folder. */
export function asFolder(backup: string): string {
  return isWrittenAsFolder(backup) ? backup : `${backup}/`;
}

function isWrittenAsFolder(path: string): boolean {
  return path.endsWith("/") || path.endsWith(sep);
}

/** "kept/" as "kept": a file of that name is not found by the other. */
function withoutSlash(path: string): string {
  let end = path.length;
  while (end > 1 && isWrittenAsFolder(path.slice(0, end))) end--;
  return path.slice(0, end);
}

/** Names for the copies of these files in one folder: their paths below the folder that holds all of them. */
function backupNames(paths: readonly string[]): string[] {
  const full = paths.map((path) => resolve(path));
  let common = dirname(full[0] ?? "");
  while (!full.every((path) => path.startsWith(common === sep ? sep : common + sep)))
    common = dirname(common);
  return full.map((path) => relative(common, path));
}

/**
 * Copies a file and the legacy log beside it; `path` is the file's own, and no link to it. A copy that an interrupted
 * run has made of the very same bytes stays. Throws RefusedError where something else is there, IoError,
 * DiskFullError.
 */
export function copyWithLog(path: string, to: string): void {
  const partial = `${to}-migration-partial`;
  if (attempt(to, () => isOneFile(path, to) || isOneFile(path, logPath(to))))
    throw new RefusedError(`the backup ${to} would take the place of the file itself; name another`);
  if (existsSync(to)) {
    if (attempt(to, () => isCopy(path, to) && isCopy(logPath(path), logPath(to)))) return;
    const found = statSync(to).isDirectory()
      ? "is a folder"
      : "exists already and is no copy of the file as it is";
    throw new RefusedError(`the backup ${to} ${found}; name another place, or move it away`);
  }
  if (existsSync(logPath(to)) && !existsSync(partial))
    throw new RefusedError(`the backup would lie beside a log that is not its own, ${logPath(to)}`);
  attempt(to, () => {
    makeFolder(dirname(to));
    copyFileSync(path, partial, constants.COPYFILE_FICLONE);
    syncPath(partial);
    rmSync(logPath(to), { recursive: true, force: true });
    if (existsSync(logPath(path))) {
      copyLog(logPath(path), logPath(to));
      syncTree(logPath(to));
    }
    renameSync(partial, to);
    syncPath(dirname(to));
  });
}

/** What links lead to, too: a copy that shares its log with the file ends with that. Throws what node:fs does. */
export function copyLog(log: string, to: string): void {
  // Without a filter, Node from 22.21 and 24.12 on copies links in a folder as links, whatever `dereference` says.
  const filter = (): boolean => true;
  cpSync(log, to, { recursive: true, dereference: true, filter, mode: constants.COPYFILE_FICLONE });
}

function isOneFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** Makes a folder and those that it lies in, durably. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) syncPath(dirname(made));
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

/** Calls of node:fs with the errors of src: what is wrong with one file is not to end the run. */
export function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw systemError(path, "copy", error);
  }
}
