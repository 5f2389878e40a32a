/**
 * Where a database lies. As classic-level takes a folder, so does this: the store is the file data.esp in
 * it. A location that ends in .esp, or that is a file already, is the store itself.
 */

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { CorruptionError, NotAStoreError, NotFoundError } from "../base/errors.js";
import { shellWord } from "../base/shell-word.js";
import { segmentPath } from "../log/log-format.js";
import { mayBeSegmentOf } from "../log/log-remains.js";
import { readStoreHeader } from "../store/read-header.js";
import { acquireLock } from "../vfs/lock.js";
import { systemError } from "../vfs/node-vfs.js";
import type { Vfs } from "../vfs/vfs.js";

export const STORE_FILE_NAME = "data.esp";

export interface Place {
  /** The store's own folder, if the location is one. */
  readonly folder: string | undefined;
  readonly file: string;
}

export function placeOf(vfs: Vfs, location: string): Place {
  const kind = vfs.stat(location)?.kind;
  const isFolder = kind === "folder" || (kind === undefined && !location.endsWith(".esp"));
  return isFolder
    ? { folder: location, file: join(location, STORE_FILE_NAME) }
    : { folder: undefined, file: location };
}

/** Whether a folder holds a LevelDB database, as classic-level makes it. */
export function isLevelDbFolder(vfs: Vfs, folder: string): boolean {
  return vfs.stat(join(folder, "CURRENT"))?.kind === "file";
}

/**
 * The store's path, with its folder there if it may be made. Throws NotFoundError where nothing is there and
 * nothing may be made; NotAStoreError for a LevelDB folder, which would otherwise seem to have lost its data.
 */
export function prepareStoreFile(vfs: Vfs, location: string, createIfMissing: boolean): string {
  const { folder, file } = placeOf(vfs, location);
  if (vfs.stat(file) !== undefined) return file;
  if (folder !== undefined && isLevelDbFolder(vfs, folder)) {
    const command = `espalier import-level ${shellWord(folder)} ${shellWord(file)}`;
    throw new NotAStoreError(folder, `it is a LevelDB database; copy it with: ${command}`);
  }
  if (!createIfMissing) throw new NotFoundError(file, `${file} does not exist`);
  if (vfs.shared) makeFolder(dirname(file));
  return file;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw systemError(folder, "mkdir", error);
  }
}

/**
 * Removes a store's files, and its folder if that is empty then. Throws LockedError where it is open, and
 * NotAStoreError, LegacyFormatError, MigratingError, NewerFormatError for a file that is no store: that is left alone.
 */
export function destroyStore(vfs: Vfs, location: string): void {
  const { folder, file } = placeOf(vfs, location);
  const stat = vfs.stat(file);
  if (stat?.kind === "file" && stat.size > 0) idOf(vfs, file);
  removeStoreFiles(vfs, file);
  if (folder !== undefined && vfs.stat(folder)?.kind === "folder" && vfs.list(folder).length === 0)
    vfs.removeFolder(folder);
}

/**
 * Removes the store at `file`, or what was to become one, with its log, if there is one. Throws LockedError where it
 * is open.
 */
export function removeStoreFiles(vfs: Vfs, file: string): void {
  if (vfs.stat(file)?.kind !== "file") return;
  const lock = acquireLock(vfs, vfs.canonical(file));
  try {
    const storeId = idIfStore(vfs, file);
    vfs.unlink(file);
    for (const path of [segmentPath(file, 0), segmentPath(file, 1)]) {
      if (mayBeSegmentOf(vfs, path, storeId)) vfs.unlink(path);
    }
    vfs.syncFolderOf(file);
  } finally {
    lock.release();
  }
}

/** Undefined where both copies of its header are damaged. Throws what says that the file is no store. */
function idOf(vfs: Vfs, path: string): Uint8Array | undefined {
  const file = vfs.open(path, "read");
  try {
    return readStoreHeader(file, path, true).storeId;
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  } finally {
    file.close();
  }
}

function idIfStore(vfs: Vfs, path: string): Uint8Array | undefined {
  try {
    return idOf(vfs, path);
  } catch (error) {
    if (error instanceof NotAStoreError) return undefined;
    throw error;
  }
}
