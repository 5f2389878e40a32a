/**
 * Files that lie where a store's log goes, when a new log begins or an old one has done its work. What is no
 * log of this store is not destroyed: another store's log is set aside, a store of such a name is refused.
 */

import { ExistsError } from "../base/errors.js";
import { LEGACY_MAGIC, MIGRATING_MAGIC, STORE_MAGIC } from "../base/magic.js";
import { removeScratch } from "../vfs/scratch-name.js";
import type { Vfs } from "../vfs/vfs.js";
import { readFully } from "../vfs/whole-io.js";
import { firstFrame } from "./found-segments.js";
import {
  BLOCK_BYTES,
  claimedOwner,
  decodeSegmentHeader,
  SEGMENT_COPY,
  SEGMENT_MAGIC,
  segmentPath,
} from "./log-format.js";

const STORES: readonly string[] = [STORE_MAGIC, MIGRATING_MAGIC, LEGACY_MAGIC];

export function hasLogRemains(vfs: Vfs, storePath: string): boolean {
  return [0, 1].some((index) => vfs.stat(segmentPath(storePath, index)) !== undefined);
}

/**
 * Removes them. (A segment that was only cut or written over, its header still in place, would pass for what
 * it was.) Throws ExistsError where a store has such a name, IoError.
 */
export function removeLogRemains(vfs: Vfs, storePath: string, storeId: Uint8Array): void {
  for (let index = 0; index < 2; index++) {
    const path = segmentPath(storePath, index);
    removeScratch(vfs, path, SEGMENT_COPY);
    if (vfs.stat(path)?.kind !== "file") continue;
    const block = firstBlock(vfs, path);
    const text = Buffer.from(block.subarray(0, 8)).toString("latin1");
    if (STORES.some((magic) => text.startsWith(magic)))
      throw new ExistsError(
        path,
        `${path} is no log but a store, and lies where the log of ${storePath} goes`,
      );
    const owner = text === SEGMENT_MAGIC ? ownerWithCommits(vfs, path, block, storeId) : undefined;
    if (owner === undefined) vfs.unlink(path);
    else vfs.rename(path, `${path}-of-${owner}`);
  }
}

function firstBlock(vfs: Vfs, path: string): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const file = vfs.open(path, "read");
  try {
    readFully(file, block, 0, BLOCK_BYTES, 0);
    return block;
  } finally {
    file.close();
  }
}

/** Whose log it is, where it is another store's and that may need it. */
function ownerWithCommits(
  vfs: Vfs,
  path: string,
  block: Uint8Array,
  storeId: Uint8Array,
): string | undefined {
  const owner = claimedOwner(block);
  if (Buffer.compare(owner, storeId) === 0) return undefined;
  const header = decodeSegmentHeader(owner, block);
  if (header === undefined || firstFrame(vfs, path, header) === undefined) return undefined;
  return `${Buffer.from(owner).toString("hex")}-${header.generation}`;
}
