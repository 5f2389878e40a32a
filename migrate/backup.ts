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
import { DiskFullError, IoError, OptionError } from "../src/base/errors.js";
import { logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/**
 * Where the copies of these files go: to `backup` itself for one file, into it where it is a folder, is written
 * like one (`kept/`), or several files are copied. Throws OptionError where a folder is needed and a file is there.
 */
export function backupPlaces(backup: string, paths: readonly string[]): string[] {
  if (backup === "") throw new OptionError("backup", "a path is needed");
  const place = withoutSlash(backup);
  const stat = statSync(place, { throwIfNoEntry: false });
  const isFolder = stat?.isDirectory() === true;
  if (paths.length <= 1 && !isFolder && !isWrittenAsFolder(backup)) return paths.map(() => backup);
  if (stat !== undefined && !isFolder)
    throw new OptionError("backup", `${place} is a file; a folder is needed, one that exists or a new one`);
  return backupNames(paths).map((name) => join(place, name));
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
 * Copies a file and the legacy log beside it. A copy that an interrupted run has made of the very same bytes stays.
 * Throws RefusedError where something else is there, IoError, DiskFullError.
 */
export function copyWithLog(path: string, to: string): void {
  if (existsSync(to)) {
    if (isSame(path, to) && isSame(logPath(path), logPath(to))) return;
    const found = statSync(to).isDirectory()
      ? "is a folder"
      : "exists already and is no copy of the file as it is";
    throw new RefusedError(`the backup ${to} ${found}; name another place, or move it away`);
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

const CHUNK_BYTES = 1024 * 1024;

/** Whether two files, or folders of files, hold the same bytes; neither being there is the same, too. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (one === undefined || other === undefined) return one === other;
  if (one.isDirectory() !== other.isDirectory()) return false;
  if (!one.isDirectory()) return one.size === other.size && holdSame(a, b);
  const names = readdirSync(a).sort();
  return (
    names.join("/") === readdirSync(b).sort().join("/") && names.every((n) => isSame(join(a, n), join(b, n)))
  );
}

function holdSame(a: string, b: string): boolean {
  const files = [a, b].map((path) => openSync(path, "r")) as [number, number];
  try {
    const [left, right] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
    for (let at = 0; ; ) {
      const bytes = readSync(files[0], left, 0, CHUNK_BYTES, at);
      if (bytes === 0) return true;
      const there = readSync(files[1], right, 0, bytes, at);
      if (there !== bytes || left.compare(right, 0, bytes, 0, bytes) !== 0) return false;
      at += bytes;
    }
  } finally {
    for (const file of files) closeSync(file);
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
