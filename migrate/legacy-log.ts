/**
 * What becomes of the log beside a legacy file: set aside once the fence is durable, read from there, and
 * deleted at the very end (M1). A file or a folder of segments.
 */

import { join } from "node:path";
import { isLink } from "../src/vfs/new-name.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { RefusedError } from "./results.js";

/** active/, recycle/ and files. */
const DEPTH_MAX = 3;

export function logPath(path: string): string {
  return `${path}-wal`;
}

export function asidePath(path: string): string {
  return `${path}-wal-migration`;
}

/**
 * For a file that is a legacy one: the log beside it counts, and is to be there. One that a migration had set aside, of
 * an earlier state of the file, must not take its place. Throws RefusedError.
 */
export function assertOneLog(vfs: Vfs, path: string): void {
  assertNotLost(vfs, asidePath(path));
  assertNotLost(vfs, logPath(path));
  if (vfs.stat(asidePath(path)) === undefined || vfs.stat(logPath(path)) === undefined) return;
  throw new RefusedError(
    `two logs lie beside it: ${logPath(path)}, and ${asidePath(path)} of a migration that had begun; was the file put back since? Remove the one that is not its own, and let the other be ${logPath(path)}`,
  );
}

/** Throws RefusedError where a log is not there, though a link says that there is one. */
export function assertNotLost(vfs: Vfs, log: string): void {
  const lost = lostPart(vfs, log);
  if (lost === undefined) return;
  throw new RefusedError(
    `its log, ${lost}, is a link that leads nowhere; bring back what it led to, or remove the link to take the file without its newest commits`,
  );
}

/** A log, or the place of its segments, that is a link to what is not there: on a disk that was taken away, say. */
export function lostPart(vfs: Vfs, log: string): string | undefined {
  const part = vfs.stat(log)?.kind === "folder" ? join(log, "active") : log;
  return vfs.stat(part) === undefined && isLink(vfs, part) ? part : undefined;
}

/** Where the log of a file is whose migration may have begun. */
export function currentLogPath(vfs: Vfs, path: string): string {
  return vfs.stat(asidePath(path)) === undefined ? logPath(path) : asidePath(path);
}

/** Idempotent. Throws IoError. */
export function setLogAside(vfs: Vfs, path: string): void {
  if (vfs.stat(asidePath(path)) !== undefined || vfs.stat(logPath(path)) === undefined) return;
  vfs.rename(logPath(path), asidePath(path));
  vfs.syncFolderOf(path);
}

/**
 * Makes durable what a legacy process, killed, may have left in the page cache only: a conversion in place that reads it
 * cannot go on, nor back, once a power cut has taken it. Throws IoError.
 */
export function syncLog(vfs: Vfs, path: string): void {
  sync(vfs, currentLogPath(vfs, path), 0);
}

function sync(vfs: Vfs, path: string, depth: number): void {
  const kind = vfs.stat(path)?.kind;
  if (kind === "file") {
    const file = vfs.open(path, "write");
    try {
      file.sync();
    } finally {
      file.close();
    }
  } else if (kind === "folder" && depth < DEPTH_MAX) {
    const names = vfs.list(path);
    for (const name of names) sync(vfs, `${path}/${name}`, depth + 1);
    if (names[0] !== undefined) vfs.syncFolderOf(`${path}/${names[0]}`);
  }
}

/** Puts it back where it was. Throws RefusedError where another one lies there. */
export function restoreLog(vfs: Vfs, path: string): void {
  if (vfs.stat(asidePath(path)) === undefined) return;
  assertOneLog(vfs, path);
  vfs.rename(asidePath(path), logPath(path));
  vfs.syncFolderOf(path);
}

/** Deletes a log that was set aside. */
export function removeAside(vfs: Vfs, path: string): void {
  if (vfs.stat(asidePath(path)) === undefined) return;
  remove(vfs, asidePath(path), 0);
  vfs.syncFolderOf(path);
}

/** Deletes a log, set aside or not; no log is fine. */
export function removeLogs(vfs: Vfs, path: string): void {
  for (const log of [asidePath(path), logPath(path)]) remove(vfs, log, 0);
  vfs.syncFolderOf(path);
}

/**
 * Of a folder the manifest goes last: by it what an interrupted removal leaves is known as a log. Of a link the name
 * goes, and what it leads to stays: another link may lead there.
 */
function remove(vfs: Vfs, path: string, depth: number): void {
  const isName = isLink(vfs, path);
  const kind = vfs.stat(path)?.kind;
  if (kind === undefined && !isName) return;
  if (kind !== "folder" || isName) {
    vfs.unlink(path);
    return;
  }
  if (depth < DEPTH_MAX) {
    const names = vfs.list(path).sort((a, b) => Number(a === "manifest") - Number(b === "manifest"));
    for (const name of names) remove(vfs, join(path, name), depth + 1);
  }
  vfs.removeFolder(path);
}
