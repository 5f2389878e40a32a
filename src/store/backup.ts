/**
 * Backup: a copy of the data file as one commit left it, page by page, while writes go on. A snapshot
 * keeps the old bytes of pages that change meanwhile. The copy gets a free list of its own: no snapshot keeps
 * the pages of the one in the file, and of a store that was recovered into memory it is not the newest.
 */

import { setImmediate } from "node:timers/promises";
import { afterFailure } from "../base/after-failure.js";
import { alignUp } from "../base/bytes.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { freeListPages, writeFreeList } from "../pager/free-list.js";
import type { Extent, ExtentSet } from "../pager/free-space.js";
import type { Pager } from "../pager/pager.js";
import { encodeStoreHeader, HEADER_COPIES, type StoreHeader } from "../pager/store-header.js";
import { assertFree, takeName } from "../vfs/new-name.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import { writeFully } from "../vfs/whole-io.js";
import type { Engine } from "./engine.js";

/** How far a backup or a compaction is. */
export interface Progress {
  /** Blocks copied or leaves looked at, and all of them as far as is known. */
  readonly done: number;
  readonly total: number;
}

export interface BackupOptions {
  /** Stops the backup; nothing is left of the copy. */
  readonly signal?: AbortSignal;
  /** Called after each MiB. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Bytes copied between two turns of the event loop. */
const SLICE_BYTES = 1024 * 1024;

export async function backupStore(
  engine: Engine,
  vfs: Vfs,
  path: string,
  options: BackupOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  assertFree(vfs, path);
  removeScratch(vfs, path, "new");
  const { pager } = engine;
  // The data file has everything of this commit then.
  if (!pager.readOnly) pager.checkpointNow();
  const temporary = scratchName(path, "new");
  const file = vfs.open(temporary, "create", pager.data.file.path);
  const snapshot = engine.acquireSnapshot();
  try {
    const state = stateNow(pager, snapshot);
    await copyBlocks(engine, file, pager.pageCount, snapshot, options);
    writeRest(file, state);
    file.sync();
    file.close();
    takeName(vfs, temporary, path);
    vfs.syncFolderOf(path);
  } catch (error) {
    afterFailure(
      () => file.close(),
      () => vfs.unlink(temporary),
    );
    throw error;
  } finally {
    engine.releaseSnapshot(snapshot);
  }
}

/** What the copy says of itself. */
interface CopiedState {
  readonly header: StoreHeader;
  readonly free: ExtentSet;
  /** The pages of its free list. */
  readonly list: Extent;
}

/** The last commit, which the snapshot is of. The free list lies in free pages, or behind all others. */
function stateNow(pager: Pager, snapshot: number): CopiedState {
  const free = pager.free.committed();
  for (const extent of pager.freeListChain) free.add(extent.start, extent.count);
  const unit = 1 << pager.pool.blockShift;
  let { pageCount } = pager;
  // Taking its pages out may cut an extent in two, and rounding up may add one.
  const count = free.length === 0 ? 0 : alignUp(freeListPages(free.length + 1, pager.pageSize), unit);
  let start = count === 0 ? 0 : free.lowestRun(count, unit);
  if (start < 0) {
    start = alignUp(pageCount, unit);
    free.add(pageCount, start - pageCount);
    pageCount = start + count;
  } else free.remove(start, count);
  const { catalogRoot } = pager.space;
  const header = { ...pager.header, commit: snapshot, pageCount, catalogRoot, freeListHead: start };
  return { header, free, list: { start, count } };
}

async function copyBlocks(
  engine: Engine,
  file: VfsFile,
  pages: number,
  snapshot: number,
  options: BackupOptions,
): Promise<void> {
  const { pager } = engine;
  const { blockBytes } = pager.data;
  const blocks = Math.ceil((pages * pager.pageSize) / blockBytes);
  const perSlice = Math.max(1, SLICE_BYTES / blockBytes);
  const buffer = new Uint8Array(perSlice * blockBytes);
  for (let block = 0; block < blocks; block += perSlice) {
    await setImmediate();
    options.signal?.throwIfAborted();
    engine.assertOpen();
    const count = Math.min(perSlice, blocks - block);
    buffer.fill(0);
    pager.data.read(buffer, 0, count * blockBytes, block * blockBytes);
    for (let i = 0; i < count; i++) copyKept(engine, block + i, snapshot, buffer, i * blockBytes);
    writeFully(file, buffer, 0, count * blockBytes, block * blockBytes);
    options.onProgress?.({ done: Math.min(block + count, blocks), total: blocks });
  }
}

/** Where the block has changed since the snapshot, or was recovered into memory, those bytes count. */
function copyKept(engine: Engine, block: number, snapshot: number, target: Uint8Array, at: number): void {
  const { versions, pool, blocks } = engine.pager;
  const frame = versions.find(block, snapshot);
  if (frame >= 0) {
    const from = frame << pool.frameShift;
    target.set(pool.u8.subarray(from, from + (1 << pool.frameShift)), at);
    return;
  }
  const recovered = blocks.overlayOf(block);
  if (recovered !== undefined) target.set(recovered, at);
}

function writeRest(file: VfsFile, { header, free, list }: CopiedState): void {
  const { pageSize, storeId } = header;
  const write = (source: Uint8Array, from: number, length: number, position: number): void =>
    writeFully(file, source, from, length, position);
  writeFreeList({ pageSize, write }, storeId, 0, free, [list]);
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    const sequence = header.sequence - (header.sequence % HEADER_COPIES) + HEADER_COPIES + copy;
    const block = encodeStoreHeader({ ...header, sequence, clean: true, log: undefined });
    writeFully(file, block, 0, block.length, copy * BLOCK_BYTES);
  }
}
