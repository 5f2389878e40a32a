/**
 * What becomes of the log beside a legacy file: set aside once the fence is durable, read from there, and
 * deleted at the very end (M1). A file or a folder of segments.
 */

import type { Vfs } from "../src/vfs/vfs.js";
import { RefusedError } from "./results.js";

export function logPath(path: string): string {
  return `${path}-wal`;
}

export function asidePath(path: string): string {
  return `${path}-wal-migration`;
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

/** Puts it back where it was. Throws RefusedError where another one lies there: the file was used since. */
export function restoreLog(vfs: Vfs, path: string): void {
  if (vfs.stat(asidePath(path)) === undefined) return;
  if (vfs.stat(logPath(path)) !== undefined) {
    throw new RefusedError(
      `there are two logs of it, ${logPath(path)} and, left by an earlier conversion, ${asidePath(path)}; move away the one that is not its own`,
    );
  }
  vfs.rename(asidePath(path), logPath(path));
  vfs.syncFolderOf(path);
}

/** Deletes a log, set aside or not; no log is fine. */
export function removeLogs(vfs: Vfs, path: string): void {
  for (const log of [asidePath(path), logPath(path)]) remove(vfs, log, 0);
  vfs.syncFolderOf(path);
}

/** active/, recycle/ and files. */
const DEPTH_MAX = 3;

function remove(vfs: Vfs, path: string, depth: number): void {
  const stat = vfs.stat(path);
  if (stat === undefined) return;
  if (stat.kind !== "folder") {
    vfs.unlink(path);
    return;
  }
  if (depth < DEPTH_MAX) for (const name of vfs.list(path)) remove(vfs, `${path}/${name}`, depth + 1);
  vfs.removeFolder(path);
}
