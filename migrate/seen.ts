/**
 * What a file and its log looked like when they were read: a process that opens, writes and closes in between two
 * looks at who has them open is seen by what it has left (M1).
 */

import { statSync } from "node:fs";
import { crc32 } from "node:zlib";
import { LockedError } from "../src/base/errors.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";
import { asidePath, logPath } from "./legacy-log.js";

/** A checkpoint of the legacy engine, and a commit of ours, change the first page. */
const HEAD_BYTES = 8192;
/** As legacy-log.ts: active/, recycle/ and files. */
const DEPTH_MAX = 3;

export interface Seen {
  /** Checksum of the first bytes, and how many there were: a short file grows by its journal. */
  readonly head: number;
  readonly headBytes: number;
  /** Size, and where there is one, the time of the last change. */
  readonly file: string;
  /** The same of every file of the log. */
  readonly log: string;
}

/** To be taken before anything else is read. Throws IoError. */
export function look(vfs: Vfs, path: string): Seen {
  const headBytes = Math.min(HEAD_BYTES, vfs.stat(path)?.size ?? 0);
  return {
    head: headOf(vfs, path, headBytes),
    headBytes,
    file: traceOf(vfs, path, 0),
    log: logOf(vfs, path),
  };
}

/** Throws LockedError where the file or its log changed since. `written`: but for its end, where this run has written. */
export function assertAsSeen(vfs: Vfs, path: string, seen: Seen, written: boolean): void {
  const same =
    headOf(vfs, path, seen.headBytes) === seen.head &&
    logOf(vfs, path) === seen.log &&
    (written || traceOf(vfs, path, 0) === seen.file);
  if (!same) throw changed(path);
}

/** The same of its log alone, for a file that has its fence. */
export function assertLogAsSeen(vfs: Vfs, path: string, seen: Seen): void {
  if (logOf(vfs, path) !== seen.log) throw changed(path);
}

function changed(path: string): LockedError {
  return new LockedError(
    path,
    `${path} was changed by somebody while it was being read; close it everywhere first`,
  );
}

function headOf(vfs: Vfs, path: string, length: number): number {
  const file = vfs.open(path, "read");
  try {
    const bytes = new Uint8Array(length);
    return crc32(bytes.subarray(0, readFully(file, bytes, 0, length, 0)));
  } finally {
    file.close();
  }
}

function logOf(vfs: Vfs, path: string): string {
  return traceOf(vfs, logPath(path), 0) + traceOf(vfs, asidePath(path), 0);
}

function traceOf(vfs: Vfs, path: string, depth: number): string {
  const stat = vfs.stat(path);
  if (stat === undefined) return "-";
  if (stat.kind !== "folder") return `${stat.identity} ${stat.size} ${timeOf(vfs, path)};`;
  const names = depth < DEPTH_MAX ? vfs.list(path) : [];
  return names.map((name) => `${name}: ${traceOf(vfs, `${path}/${name}`, depth + 1)}`).join("\n");
}

function timeOf(vfs: Vfs, path: string): bigint {
  return vfs.shared ? (statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n) : 0n;
}
