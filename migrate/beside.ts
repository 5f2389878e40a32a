/**
 * What lies beside a file under a name that the migrator gives to its leftovers, and is somebody else's: it is neither
 * removed nor written over.
 */

import { LEGACY_MAGIC, MIGRATING_MAGIC, STORE_MAGIC } from "../src/base/magic.js";
import { lockPathOf, readLockFile } from "../src/vfs/lock-file.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";
import { keptPath } from "./other-names.js";
import { RefusedError } from "./results.js";

/** So many bytes of text are no chance. */
const HEAD_BYTES = 64;
const TEXT = /^[\t\n\r\x20-\x7e]+$/;
const TREE_FILES: readonly string[] = [STORE_MAGIC, MIGRATING_MAGIC, LEGACY_MAGIC];
const NOTE: readonly string[] = ['{"bytes":'];
/** A note is a line. */
const NOTE_BYTES_MAX = 512;

/** Beside `<file>`, the beginning of a conversion in place (in-place/fence.ts). */
export function notePath(path: string): string {
  return `${path}-migration`;
}

/** The file that a rewrite makes. */
export function rewritePath(path: string): string {
  return `${path}-migration-new`;
}

export function removeNote(vfs: Vfs, path: string): void {
  removeOwn(vfs, notePath(path), isForeignNote);
}

/** What an interrupted rewrite of `path` has left beside it; killed while it was verified, with a lock. */
export function removeRewrite(vfs: Vfs, path: string): void {
  removeOwn(vfs, rewritePath(path), isForeignTree);
  removeOwn(vfs, lockPathOf(rewritePath(path)), isForeignLock);
  removeKept(vfs, path);
  removeNote(vfs, rewritePath(path));
}

export function removeKept(vfs: Vfs, path: string): void {
  removeOwn(vfs, keptPath(path), isForeignTree);
}

/** Throws RefusedError where a conversion or its way back would have to take something else's place. */
export function assertNothingForeign(vfs: Vfs, path: string): void {
  const fresh = rewritePath(path);
  const foreign = [
    ...[notePath(path), notePath(fresh)].filter((name) => isForeignNote(vfs, name)),
    ...[fresh, keptPath(path)].filter((name) => isForeignTree(vfs, name)),
    ...[lockPathOf(fresh)].filter((name) => isForeignLock(vfs, name)),
  ];
  if (foreign[0] === undefined) return;
  throw new RefusedError(`${foreign[0]} is not the migrator's, which needs the name; move it away`);
}

function removeOwn(vfs: Vfs, name: string, isForeign: (vfs: Vfs, name: string) => boolean): void {
  if (vfs.stat(name)?.kind === "file" && !isForeign(vfs, name)) vfs.unlink(name);
}

function isForeignTree(vfs: Vfs, name: string): boolean {
  return isText(vfs, name, TREE_FILES);
}

function isForeignNote(vfs: Vfs, name: string): boolean {
  const stat = vfs.stat(name);
  return stat?.kind === "file" && (stat.size > NOTE_BYTES_MAX || isText(vfs, name, NOTE));
}

/** A lock has its name with its whole text in it, or, without hard links, none for a moment. */
function isForeignLock(vfs: Vfs, name: string): boolean {
  const stat = vfs.stat(name);
  return stat?.kind === "file" && stat.size > 0 && readLockFile(vfs, name) === "unreadable";
}

/** Whether it is a text that begins otherwise. What a power cut has left of a file of its own may be anything else. */
function isText(vfs: Vfs, name: string, beginnings: readonly string[]): boolean {
  if (vfs.stat(name)?.kind !== "file") return false;
  const file = vfs.open(name, "read");
  try {
    const bytes = new Uint8Array(HEAD_BYTES);
    const text = Buffer.from(bytes.subarray(0, readFully(file, bytes, 0, HEAD_BYTES, 0))).toString("latin1");
    return TEXT.test(text) && !beginnings.some((each) => text.startsWith(each) || each.startsWith(text));
  } finally {
    file.close();
  }
}
