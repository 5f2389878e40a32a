/**
 * Files that lie where a store's log goes, when a new log begins or an old one has done its work. What is no
 * log of this store is not destroyed: another store's log is set aside, as is a file of another kind, and a store of
 * such a name is refused.
 */

import { ExistsError } from "../base/errors.js";
import { LEGACY_MAGIC, MIGRATING_MAGIC, STORE_MAGIC } from "../base/magic.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
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
 * it was.) `begun`: the header says that the store's own log has these names, whatever a power cut has made of it.
 * Throws ExistsError, nothing being removed, where a store has such a name; IoError.
 */
export function removeLogRemains(vfs: Vfs, storePath: string, storeId: Uint8Array, begun: boolean): void {
  const remains = [0, 1].map((index) => {
    const path = segmentPath(storePath, index);
    const block = vfs.stat(path)?.kind === "file" ? firstBlock(vfs, path) : undefined;
    if (block !== undefined && STORES.some((magic) => beginsWith(block, magic)))
      throw new ExistsError(
        path,
        `${path} is no log but a store, and lies where the log of ${storePath} goes`,
      );
    return { path, block };
  });
  for (const { path, block } of remains) {
    removeScratch(vfs, path, SEGMENT_COPY);
    if (block === undefined) continue;
    const owner = otherOwner(vfs, path, block, storeId, begun);
    if (owner === undefined) vfs.unlink(path);
    else setAside(vfs, path, owner);
  }
}

/** Whose file it is that is to be kept. */
function otherOwner(
  vfs: Vfs,
  path: string,
  block: Uint8Array,
  storeId: Uint8Array,
  begun: boolean,
): string | undefined {
  if (beginsWith(block, SEGMENT_MAGIC)) return ownerWithCommits(vfs, path, block, storeId);
  const isOwn = begun || isBlank(block) || Buffer.compare(claimedOwner(block), storeId) === 0;
  return isOwn ? undefined : "unknown";
}

/** By a copy of its store, another one may have got there before it. */
function setAside(vfs: Vfs, path: string, owner: string): void {
  const aside = `${path}-of-${owner}`;
  vfs.rename(path, vfs.stat(aside) === undefined ? aside : scratchName(path, `of-${owner}`));
}

/** Whether a file may be a segment of this store's log; where the store's id is not known, of any store's. */
export function mayBeSegmentOf(vfs: Vfs, path: string, storeId: Uint8Array | undefined): boolean {
  if (vfs.stat(path)?.kind !== "file") return false;
  const block = firstBlock(vfs, path);
  if (isBlank(block)) return true;
  return storeId === undefined
    ? beginsWith(block, SEGMENT_MAGIC)
    : Buffer.compare(claimedOwner(block), storeId) === 0;
}

/** As a segment is that was killed before its header, or that a power cut has taken it from. */
function isBlank(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function beginsWith(block: Uint8Array, magic: string): boolean {
  return Buffer.from(block.subarray(0, magic.length)).toString("latin1") === magic;
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
