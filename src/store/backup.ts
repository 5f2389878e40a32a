/**
 * Backup: a copy of the data file as one commit left it, page by page, while writes go on. A snapshot
 * keeps the old bytes of pages that change meanwhile.
 */

import { setImmediate } from "node:timers/promises";
import { alignUp } from "../base/bytes.js";
import { ExistsError } from "../base/errors.js";
import { createMetrics } from "../base/metrics.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { DataFile } from "../pager/data-file.js";
import { freeListPages, writeFreeList } from "../pager/free-list.js";
import type { Extent, ExtentSet } from "../pager/free-space.js";
import type { Pager } from "../pager/pager.js";
import { encodeStoreHeader, HEADER_COPIES, type StoreHeader } from "../pager/store-header.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import { writeFully } from "../vfs/whole-io.js";
import type { Engine } from "./engine.js";

export interface Progress {
  /** Units of work done, and of all work as far as it is known. */
  readonly done: number;
  readonly total: number;
}

export interface BackupOptions {
  readonly signal?: AbortSignal;
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
  if (vfs.stat(path) !== undefined) throw new ExistsError(path);
  removeScratch(vfs, path, "new");
  const { pager } = engine;
  // With a checkpoint just done, the data file has all pages as this very commit left them.
  if (!pager.readOnly) pager.checkpointNow();
  const temporary = scratchName(path, "new");
  const file = vfs.open(temporary, "create");
  const snapshot = engine.acquireSnapshot();
  try {
    // The store's own list may be replaced before it is copied; recovered into memory, it has none.
    const list = placeFreeList(pager);
    const { pageCount, run, extents } = list;
    const header = { ...pager.header, commit: snapshot, pageCount, freeListHead: run.start };
    await copyBlocks(engine, file, header, snapshot, options);
    const copy = new DataFile(file, header.pageSize, Number.POSITIVE_INFINITY, createMetrics().pager);
    writeFreeList(copy, header.storeId, extents, run);
    writeHeaders(file, header);
    file.sync();
    file.close();
    if (vfs.stat(path) !== undefined) throw new ExistsError(path);
    vfs.rename(temporary, path);
    vfs.syncFolderOf(path);
  } catch (error) {
    file.close();
    if (vfs.stat(temporary) !== undefined) vfs.unlink(temporary);
    throw error;
  } finally {
    engine.releaseSnapshot(snapshot);
  }
}

/** The pages that are free now, and where the copy has the list of them: in some of them, or behind all pages. */
function placeFreeList(pager: Pager): { extents: ExtentSet; run: Extent; pageCount: number } {
  const extents = pager.free.committed();
  for (const extent of pager.freeListChain) extents.add(extent.start, extent.count);
  const { pageCount } = pager;
  if (extents.length === 0) return { extents, run: { start: 0, count: 0 }, pageCount };
  const unit = 1 << pager.pool.blockShift;
  const count = alignUp(freeListPages(extents.length + 1, pager.pageSize), unit);
  const found = extents.lowestRun(count, unit);
  if (found >= 0 && extents.remove(found, count)) return { extents, run: { start: found, count }, pageCount };
  const start = alignUp(pageCount, unit);
  extents.add(pageCount, start - pageCount);
  return { extents, run: { start, count }, pageCount: start + count };
}

async function copyBlocks(
  engine: Engine,
  file: VfsFile,
  header: StoreHeader,
  snapshot: number,
  options: BackupOptions,
): Promise<void> {
  const { pager } = engine;
  const { blockBytes } = pager.data;
  const blocks = Math.ceil((header.pageCount * header.pageSize) / blockBytes);
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

function writeHeaders(file: VfsFile, header: StoreHeader): void {
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    const sequence = header.sequence - (header.sequence % HEADER_COPIES) + HEADER_COPIES + copy;
    const block = encodeStoreHeader({ ...header, sequence, clean: true, log: undefined });
    writeFully(file, block, 0, block.length, copy * BLOCK_BYTES);
  }
}
