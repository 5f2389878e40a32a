/**
 * What one checkpoint brings into the data file: the blocks that were dirty, and the pages that were
 * free, when the log switched segments.
 */

import { alignUp } from "../base/bytes.js";
import { DiskFullError } from "../base/errors.js";
import { hasListeners, publish } from "../base/events.js";
import type { StoreMetrics } from "../base/metrics.js";
import type { CheckpointTarget } from "../log/checkpoint.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import type { RedoLog } from "../log/redo-log.js";
import type { BlockStore } from "./block-store.js";
import type { Claimant, DataFile } from "./data-file.js";
import { freeListPages, writeFreeList } from "./free-list.js";
import { ExtentSet, type FreeSpace } from "./free-space.js";
import { FRAME_DIRTY, FRAME_SPARE, FRAME_TX, type PagePool } from "./page-pool.js";
import type { PageSpace } from "./page-space.js";
import { headerFailed } from "./session-start.js";
import type { StoreHeader } from "./store-header.js";
import type { Versions } from "./versions.js";

const STAGING_BYTES = 128 * 1024;
/** Share of the cache that may be read from the log for one write: the rest may hold versions and before-images. */
const STAGING_SHARE = 1 / 8;

/** What is checkpointed: the pager. */
export interface Checkpointed {
  readonly pool: PagePool;
  readonly log: RedoLog;
  readonly blocks: BlockStore;
  readonly data: DataFile;
  readonly header: StoreHeader;
  readonly space: PageSpace;
  readonly free: FreeSpace;
  readonly versions: Versions;
  readonly metrics: StoreMetrics;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Pages that hold the free list on disk. */
  freeListChain: ExtentSet;
  /** Frame with the committed bytes of a block that the running transaction has changed. */
  beforeImage(block: number): number;
}

export class CheckpointSet implements CheckpointTarget {
  readonly #pager: Checkpointed;
  #blocks: Int32Array = new Int32Array(0);
  #next = 0;
  /** Blocks that became dirty in this log generation or before are part of the checkpoint. */
  #generation = 0;
  #commit = 0;
  #pageCount = 0;
  #catalogRoot = 0;
  /** The pages that are free in the state that is being checkpointed, until its header is durable. */
  #listed: ExtentSet | undefined;
  /** The pages of the new chain, until its header is durable; and its first page. */
  #chain: ExtentSet = new ExtentSet();
  #freeListHead = 0;
  /** The store is being closed, or was recovered: it cannot wait for room within maxBytes. */
  #last = false;
  readonly #staging: Uint8Array;
  readonly #stagedFrames: number[] = [];

  constructor(pager: Checkpointed) {
    this.#pager = pager;
    this.#commit = pager.header.commit;
    this.#pageCount = pager.header.pageCount;
    this.#catalogRoot = pager.header.catalogRoot;
    this.#freeListHead = pager.header.freeListHead;
    const { blockBytes } = pager.data;
    const share = Math.floor(pager.pool.frameCount * STAGING_SHARE) * blockBytes;
    this.#staging = new Uint8Array(Math.max(Math.min(STAGING_BYTES, share), blockBytes));
  }

  collect(): number {
    const { pool, log } = this.#pager;
    const blocks = new Set<number>(this.#pager.blocks.spilledBlocks());
    for (let frame = 0; frame < pool.frameCount; frame++) {
      if ((pool.flags[frame]! & FRAME_DIRTY) !== 0 && pool.blockOf[frame]! >= 0)
        blocks.add(pool.blockOf[frame]!);
    }
    // Behind the end lie free pages that the file is cut before; nobody could load those that were spilled.
    const end = Math.ceil(this.#pager.pageCount / (1 << pool.blockShift));
    this.#blocks = Int32Array.from(blocks)
      .filter((block) => block < end)
      .sort();
    this.#next = 0;
    // A checkpoint that is tried again is still one of the state at the switch.
    if (this.#listed === undefined) {
      this.#generation = log.generation - 1;
      this.#capture();
    }
    this.#writeFreeList();
    return this.#blocks.length;
  }

  /** The committed state, as the log's new segment finds it. */
  #capture(): void {
    const pager = this.#pager;
    const { free, log } = pager;
    for (const { start, count } of this.#chain) free.ready.add(start, count);
    this.#chain = new ExtentSet();
    pager.space.givenOut = undefined;
    free.settle(log.durable, pager.versions.oldest);
    const listed = free.committed();
    for (const extent of pager.freeListChain) listed.add(extent.start, extent.count);
    for (let i = 0; i < pager.space.taken.length; i += 2)
      listed.add(pager.space.taken[i]!, pager.space.taken[i + 1]!);
    this.#listed = listed;
    this.#commit = log.committed;
    this.#pageCount = pager.pageCount;
    this.#catalogRoot = pager.space.catalogRoot;
  }

  /** Takes pages for the free list, and writes it: they are free in the last durable state. */
  #writeFreeList(): void {
    const { data, header } = this.#pager;
    const listed = this.#listed!;
    if (listed.length > 0 && this.#chain.pages === 0) this.#takeChain(listed);
    this.#freeListHead = Math.max(this.#chain.lowest(), 0);
    if (this.#chain.pages > 0) writeFreeList(data, header.storeId, header.sequence + 1, listed, this.#chain);
  }

  /** Pages that lie together, new ones at the file's end, or, where that cannot grow, whichever are free. */
  #takeChain(listed: ExtentSet): void {
    const pager = this.#pager;
    const usable = this.#usable();
    const unit = 1 << pager.pool.blockShift;
    const count = alignUp(freeListPages(listed.length + 1, pager.pageSize), unit);
    // The lowest, so that the file can be cut behind it.
    const start = usable.lowestRun(count, unit);
    // Pages that only became free since then are in use in the state that the list belongs to.
    if (start >= 0 && listed.remove(start, count)) {
      pager.free.ready.remove(start, count);
      this.#chain.add(start, count);
    } else this.#takeElsewhere(listed, count, usable);
    for (const extent of this.#chain) {
      for (let page = extent.start; page < extent.start + extent.count; page += unit)
        pager.blocks.forget(page >>> pager.pool.blockShift);
    }
    pager.space.givenOut = undefined;
  }

  /** The chain where no run is free for it. Throws DiskFullError. */
  #takeElsewhere(listed: ExtentSet, count: number, usable: ExtentSet): void {
    try {
      this.#addChain(listed, count, "checkpoint");
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      if (this.#gatherChain(listed, usable)) return;
      if (!this.#last) throw error;
      this.#addChain(listed, count, "opening-or-closing");
    }
  }

  /**
   * The free pages that no commit has given out since a try to take some failed: the log from the switch on gives
   * the others out, and brings their bytes back, whether they are free again or not.
   */
  #usable(): ExtentSet {
    const { space } = this.#pager;
    const { ready } = space.free;
    space.givenOut ??= new ExtentSet();
    if (space.givenOut.length === 0) return ready;
    const usable = new ExtentSet();
    for (const { start, count } of ready) usable.add(start, count);
    for (const { start, count } of space.givenOut)
      for (let page = start; page < start + count; page++) usable.remove(page, 1);
    return usable;
  }

  /** The chain goes to new pages at the file's end. Throws DiskFullError. */
  #addChain(listed: ExtentSet, count: number, claimant: Claimant): void {
    const pager = this.#pager;
    const start = alignUp(pager.pageCount, 1 << pager.pool.blockShift);
    pager.data.claim(start + count, claimant);
    if (start > pager.pageCount) pager.free.free(pager.pageCount, start - pager.pageCount, this.#commit);
    // What was added since then, the log gives out again.
    listed.add(this.#pageCount, start - this.#pageCount);
    pager.space.addForCheckpoint(start + count);
    this.#pageCount = pager.pageCount;
    this.#chain.add(start, count);
  }

  /** The chain goes to free blocks wherever they lie; false, and nothing has changed: there are too few. */
  #gatherChain(listed: ExtentSet, usable: ExtentSet): boolean {
    const { pool, pageSize, free } = this.#pager;
    const unit = 1 << pool.blockShift;
    const chain = new ExtentSet();
    for (const { start, count } of usable) {
      for (let page = alignUp(start, unit); page + unit <= start + count; page += unit) {
        if (chain.pages >= freeListPages(listed.length, pageSize)) break;
        // As above: not what only became free since then.
        if (listed.remove(page, unit)) chain.add(page, unit);
      }
    }
    const enough = chain.pages >= freeListPages(listed.length, pageSize);
    const owner = enough ? this.#chain : listed;
    for (const { start, count } of chain) {
      owner.add(start, count);
      if (enough) free.ready.remove(start, count);
    }
    return enough;
  }

  holds(page: number): boolean {
    return this.#chain.has(page);
  }

  writeSome(blocks: number): boolean {
    const end = Math.min(this.#blocks.length, this.#next + blocks);
    while (this.#next < end) this.#next += this.#writeRun(end);
    return this.#next === this.#blocks.length;
  }

  /** Writes the blocks from the next one on that lie together; returns how many entries it took. */
  #writeRun(end: number): number {
    const { pool, data } = this.#pager;
    const first = this.#blocks[this.#next]!;
    const most = Math.floor(this.#staging.length / data.blockBytes);
    this.#stagedFrames.length = 0;
    pool.beginOperation();
    let taken = 0;
    while (this.#next + taken < end && taken < most && this.#blocks[this.#next + taken] === first + taken) {
      const frame = this.#sourceOf(first + taken);
      if (frame < 0) break;
      const at = frame << pool.frameShift;
      this.#staging.set(pool.u8.subarray(at, at + data.blockBytes), taken * data.blockBytes);
      this.#stagedFrames.push(frame);
      taken++;
    }
    if (taken === 0) return 1;
    data.write(this.#staging, 0, taken * data.blockBytes, first * data.blockBytes);
    for (let i = 0; i < taken; i++) this.#settle(first + i, this.#stagedFrames[i]!);
    return taken;
  }

  /** Frame with the block's committed bytes, sealed; -1 where the data file has them already. */
  #sourceOf(block: number): number {
    const { pool, log, blocks } = this.#pager;
    let frame = pool.lookup(block);
    if (frame < 0 && blocks.isSpilled(block)) frame = pool.frameOf(block);
    // Of what the running transaction has changed, the state before it.
    if (frame >= 0 && (pool.flags[frame]! & FRAME_TX) !== 0) frame = this.#pager.beforeImage(block);
    if (frame < 0 || (pool.flags[frame]! & FRAME_DIRTY) === 0 || pool.dirtySince[frame]! > this.#generation)
      return -1;
    if (pool.changedBy[frame]! > log.durable) log.sync();
    blocks.sealAt(frame << pool.frameShift, pool.touched[frame]!);
    return frame;
  }

  #settle(block: number, frame: number): void {
    const { pool, blocks } = this.#pager;
    const current = pool.lookup(block);
    if (current >= 0) blocks.markClean(current);
    // A frame that was evicted since holds another block.
    if ((pool.flags[frame]! & FRAME_SPARE) !== 0) pool.flags[frame]! &= ~FRAME_DIRTY;
    // In a transaction the current bytes are newer, and so are the pages that they touch.
    if (current === frame) pool.touched[frame] = 0;
  }

  syncing(): void {
    this.#pager.data.syncing();
  }

  synced(): void {
    this.#pager.data.synced();
  }

  syncFailed(): void {
    this.#pager.data.syncFailed();
  }

  writeHeader(): void {
    // Pages freed since the switch were not written, and their bytes go with the old segment: the commits
    // that freed them must stand before they do.
    if (this.#pager.space.freedBy > this.#pager.log.durable) this.#pager.log.sync();
    this.#writeHeader(false);
  }

  #writeHeader(clean: boolean): void {
    const { header, log, data } = this.#pager;
    header.sequence++;
    header.clean = clean;
    header.log = clean ? undefined : log.position();
    if (!clean) header.lastGeneration = log.generation + 1;
    header.commit = this.#commit;
    header.pageCount = this.#pageCount;
    header.catalogRoot = this.#catalogRoot;
    header.freeListHead = this.#freeListHead;
    try {
      data.writeHeader(header);
    } catch (error) {
      throw headerFailed(this.#pager.log, error);
    }
  }

  finished(): void {
    const pager = this.#pager;
    for (const extent of pager.freeListChain) pager.free.free(extent.start, extent.count, this.#commit);
    pager.freeListChain = this.#chain;
    this.#chain = new ExtentSet();
    this.#listed = undefined;
    pager.metrics.pager.checkpoints++;
    if (hasListeners("checkpoint")) {
      const store = Buffer.from(pager.header.storeId).toString("hex");
      publish("checkpoint", { store, blocks: this.#blocks.length, commit: this.#commit });
    }
  }

  /**
   * Everything into the data file, without the free pages at its end, and a clean header: it is complete
   * without the log then. Snapshots are over, and all commits durable.
   */
  writeEverything(): void {
    const { data, log, free, space } = this.#pager;
    this.#listed = undefined;
    free.settle(log.durable, Number.POSITIVE_INFINITY);
    space.pageCount = free.ready.trimEnd(space.pageCount);
    this.#last = true;
    this.collect();
    this.#last = false;
    this.#generation = log.generation;
    while (!this.writeSome(this.#blocks.length));
    data.sync();
    this.#writeHeader(true);
    data.sync();
    this.finished();
    data.truncate(Math.max(this.#pageCount, Math.ceil((2 * BLOCK_BYTES) / data.pageSize)));
  }
}
