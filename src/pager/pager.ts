/**
 * The pager: pages by number, changed only inside a transaction and only by three primitives (write,
 * move, fill), each of which is also the redo record.
 *
 * ENSURES: (W1) the first change of a block in a log segment logs its image; (W2) a block reaches the
 * data file only in a committed state, and only when the log is durable past its last change; (P2)
 * snapshots keep what they see; (P3) space is claimed before a page in it is used.
 *
 * A transaction begins by itself with the first change and ends with commit or rollback. When either
 * has thrown, the pages are as the last commit left them.
 */

import { ReadOnlyError } from "../base/errors.js";
import type { StoreMetrics } from "../base/metrics.js";
import { type BackgroundSync, Checkpoint } from "../log/checkpoint.js";
import { type LogSettings, RedoLog } from "../log/redo-log.js";
import type { Vfs } from "../vfs/vfs.js";
import { BlockStore, type PageCheck } from "./block-store.js";
import { CheckpointSet } from "./checkpoint-set.js";
import type { DataFile } from "./data-file.js";
import { ExtentSet, FreeSpace } from "./free-space.js";
import { AT_KIND, AT_NUMBER, AT_SLOTS, AT_TAIL, directoryBytes } from "./page-header.js";
import { FRAME_DIRTY, FRAME_IMAGE, FRAME_TX, PagePool } from "./page-pool.js";
import type { StoreHeader } from "./store-header.js";
import { Versions } from "./versions.js";

export type { PageCheck } from "./block-store.js";

/** Undo entry of a block that needs no before-image: it was clean, or it was free. */
const NO_IMAGE = -1;
/** Undo entry of a block whose before-image a snapshot keeps. */
const IN_VERSIONS = -2;

export interface PagerSettings {
  readonly vfs: Vfs;
  readonly path: string;
  readonly data: DataFile;
  readonly header: StoreHeader;
  readonly cacheBytes: number;
  readonly logBytes: number;
  readonly readOnly: boolean;
  readonly metrics: StoreMetrics;
  readonly checkPage: PageCheck;
  readonly background: BackgroundSync;
}

const LOG_BYTES_START = 256 * 1024;
const SWITCH_FILL = 0.9;

export class Pager {
  readonly pool: PagePool;
  readonly blocks: BlockStore;
  readonly free: FreeSpace = new FreeSpace();
  /** Pages that hold the free list on disk. */
  freeListChain: ExtentSet = new ExtentSet();
  readonly versions: Versions;
  readonly log: RedoLog;
  readonly data: DataFile;
  readonly header: StoreHeader;
  readonly metrics: StoreMetrics;
  readonly pageSize: number;
  readonly readOnly: boolean;
  readonly checkpoint: Checkpoint;
  /** Pages below this are in use, free or headers. */
  pageCount: number;

  readonly #checkpointSet: CheckpointSet;
  readonly #background: BackgroundSync;
  readonly #logBytes: number;
  #open = false;
  /** Blocks touched by the transaction, and their before-images (frames) or NO_IMAGE. */
  readonly #txBlocks: number[] = [];
  readonly #txImages: number[] = [];
  readonly #txAllocated: number[] = [];
  readonly #txFreed: number[] = [];
  readonly #txRevoked: number[] = [];
  #txPageCount = 0;
  /** Counts transactions: what is remembered of one does not outlive it. */
  transaction = 0;
  #txOverflow = false;
  /** The page that the primitives change. */
  #page = -1;
  #offset = 0;
  #frame = 0;
  #logging = false;
  readonly #editBytesMax: number;
  /** Use of the active segment at which the next commit switches. */
  #switchAt: number = LOG_BYTES_START * SWITCH_FILL;
  /** Why the last checkpoint failed, until one succeeds. */
  checkpointFailure: unknown;

  constructor(settings: PagerSettings) {
    const { data, header, metrics, vfs, path } = settings;
    this.data = data;
    this.header = header;
    this.metrics = metrics;
    this.pageSize = header.pageSize;
    this.readOnly = settings.readOnly;
    this.#background = settings.background;
    this.pageCount = header.pageCount;
    this.#logBytes = Math.max(settings.logBytes, LOG_BYTES_START);
    this.#editBytesMax = this.pageSize >> 1;
    const logSettings: LogSettings = {
      vfs,
      storePath: path,
      storeId: header.storeId,
      pageSize: header.pageSize,
      segmentBytesMax: this.#logBytes,
      segmentBytesStart: LOG_BYTES_START,
      metrics: metrics.log,
    };
    this.log = new RedoLog(logSettings, header.commit);
    this.blocks = new BlockStore(data, header.storeId, this.log, settings.checkPage, metrics.pager, path);
    this.pool = new PagePool(header.pageSize, settings.cacheBytes, this.blocks, metrics.pager);
    this.versions = new Versions(this.pool, vfs, `${path}-versions`, metrics.pager, () => this.log.committed);
    this.blocks.attach(this.pool, this);
    this.#checkpointSet = new CheckpointSet(this);
    this.checkpoint = new Checkpoint(
      this.log,
      this.#checkpointSet,
      data.file,
      settings.background,
      this.#logBytes,
    );
  }

  // ---- reading

  /** Offset of the page's bytes as the running transaction, or else the last commit, left them. */
  at(page: number): number {
    return this.pool.at(page);
  }

  /** Offset of the page's bytes as commit `snapshot` left them. */
  atSnapshot(page: number, snapshot: number): number {
    const pool = this.pool;
    const frame = this.versions.find(page >>> pool.blockShift, snapshot);
    return frame < 0 ? pool.at(page) : pool.pageIn(page, frame);
  }

  // ---- changing

  get inTransaction(): boolean {
    return this.#open;
  }

  /** Why the store takes no writes, if it does not. */
  assertWritable(): void {
    if (this.readOnly) throw new ReadOnlyError();
    if (this.log.failure !== undefined) throw this.log.poisoned();
  }

  /**
   * Before each operation: pages that earlier ones used may be evicted again, and a transaction that
   * has gathered much hands a part of it over.
   */
  beginOperation(): void {
    this.pool.beginOperation();
    if (this.#open && this.log.partIsFull) this.log.writePart();
  }

  #begin(): void {
    this.assertWritable();
    if (!this.log.started) this.#startLog();
    this.log.begin();
    this.#open = true;
    this.#txPageCount = this.pageCount;
    this.#txOverflow = false;
  }

  /** First change since the store was opened: from now on the data file needs its log (W4). */
  #startLog(): void {
    const position = this.log.start(this.header.lastGeneration + 1);
    try {
      this.header.sequence++;
      this.header.clean = false;
      this.header.log = position;
      this.header.lastGeneration = position.generation + 1;
      this.data.writeHeader(this.header);
      this.data.sync();
    } catch (error) {
      throw this.headerFailed(error);
    }
    this.checkpoint.prepareFirst();
  }

  /** It is unknown whether the old or the new header is on the disk: no commit may rest on either. */
  headerFailed(cause: unknown): Error {
    this.log.failure ??= cause;
    return this.log.poisoned();
  }

  /** Makes the page the one that the primitives change; returns its offset. */
  edit(page: number): number {
    const offset = this.pool.at(page);
    if (page === this.#page && offset === this.#offset) return offset;
    const frame = offset >>> this.pool.frameShift;
    if ((this.pool.flags[frame]! & FRAME_TX) === 0) this.#firstTouch(page, frame);
    this.#select(page, offset, frame);
    return offset;
  }

  #select(page: number, offset: number, frame: number): void {
    const pool = this.pool;
    this.#page = page;
    this.#offset = offset;
    this.#frame = frame;
    this.#logging = (pool.flags[frame]! & FRAME_IMAGE) === 0;
    pool.touched[frame]! |= 1 << (page & ((1 << pool.blockShift) - 1));
  }

  #firstTouch(page: number, frame: number): void {
    if (!this.#open) this.#begin();
    const pool = this.pool;
    const block = page >>> pool.blockShift;
    const wanted = this.versions.needs(block);
    // Before-images must not fill the pool: what the data file has needs none.
    if ((pool.flags[frame]! & FRAME_DIRTY) !== 0 && pool.spares > pool.frameCount >> 1)
      this.blocks.clean(frame);
    let image = NO_IMAGE;
    if (wanted || (pool.flags[frame]! & FRAME_DIRTY) !== 0) {
      image = pool.takeSpare();
      pool.copyFrame(frame, image);
    }
    if (wanted) this.versions.add(block, image, this.log.committed + 1);
    this.#touch(block, frame, wanted ? IN_VERSIONS : image);
  }

  #touch(block: number, frame: number, image: number): void {
    const pool = this.pool;
    this.#txBlocks.push(block);
    this.#txImages.push(image);
    pool.flags[frame]! |= pool.imaged[frame] === this.log.generation ? FRAME_TX : FRAME_TX | FRAME_IMAGE;
    pool.editBytes[frame] = 0;
    pool.epoch++;
  }

  /** Replaces the selected page as a whole, which is logged as its image. */
  replace(bytes: Uint8Array): void {
    this.pool.u8.set(bytes, this.#offset);
    this.pool.renew(this.#frame);
    this.#imageInstead();
  }

  /** The selected page is to be logged as an image: its edits from here on are not logged. */
  #imageInstead(): void {
    this.pool.flags[this.#frame]! |= FRAME_IMAGE;
    this.#logging = false;
  }

  /** Bytes [at, at + length) of the slab, in the selected page, have just been written. */
  written(at: number, length: number): void {
    if (!this.#logging) return;
    this.log.records.selectPage(this.#page);
    this.log.records.write(at - this.#offset, this.pool.u8, at, length);
    this.#count(length + 5);
  }

  /** Copies `length` bytes within the selected page; the ranges may overlap. */
  move(to: number, from: number, length: number): void {
    if (length === 0) return;
    this.pool.u8.copyWithin(to, from, from + length);
    if (!this.#logging) return;
    this.log.records.selectPage(this.#page);
    this.log.records.move(to - this.#offset, from - this.#offset, length);
    this.#count(7);
  }

  fill(at: number, length: number, byte: number): void {
    this.pool.u8.fill(byte, at, at + length);
    if (!this.#logging) return;
    this.log.records.selectPage(this.#page);
    this.log.records.fill(at - this.#offset, length, byte);
    this.#count(6);
  }

  /** Once a block's edits outweigh its image, the image is logged instead of further edits. */
  #count(bytes: number): void {
    const sum = this.pool.editBytes[this.#frame]! + bytes;
    this.pool.editBytes[this.#frame] = sum;
    if (sum > this.#editBytesMax) this.#imageInstead();
  }

  // ---- allocating

  /**
   * A page for the tree, zeroed but for its number; it is the selected page then. Throws
   * DiskFullError; `useReserve` is for deletes.
   */
  allocatePage(useReserve: boolean): number {
    if (!this.#open) this.#begin();
    this.settleFree();
    let page = this.free.ready.takeLowest();
    if (page < 0) {
      this.data.claim(this.pageCount + 1, useReserve);
      page = this.pageCount++;
    } else this.#txAllocated.push(page, 1);
    this.#formatPage(page);
    return page;
  }

  #formatPage(page: number): void {
    const pool = this.pool;
    const block = page >>> pool.blockShift;
    if (pool.blockShift === 0) {
      this.blocks.forget(block);
      const frame = pool.fresh(block);
      this.#touch(block, frame, NO_IMAGE);
      pool.flags[frame]! |= FRAME_IMAGE;
      this.#select(page, frame << pool.frameShift, frame);
    } else {
      const frame = pool.frameOf(block);
      const index = page & ((1 << pool.blockShift) - 1);
      const offset = (frame << pool.frameShift) + (index << pool.pageShift);
      if ((pool.flags[frame]! & FRAME_TX) === 0) this.#firstTouch(page, frame);
      pool.checked[frame]! |= 1 << index;
      this.#select(page, offset, frame);
      this.fill(offset, this.pageSize, 0);
      pool.renew(frame);
    }
    pool.u32[(this.#offset + AT_NUMBER) >> 2] = page;
    this.written(this.#offset + AT_NUMBER, 4);
  }

  freePage(page: number): void {
    if (!this.#open) this.#begin();
    this.#txFreed.push(page, 1);
  }

  /**
   * `count` pages that lie together, in whole blocks, for bytes that go straight to the data file
   * (W3). They are free in the last durable state and seen by no snapshot.
   */
  allocateRun(count: number): number {
    if (!this.#open) this.#begin();
    this.settleFree();
    const unit = 1 << this.pool.blockShift;
    const whole = Math.ceil(count / unit) * unit;
    let start = this.free.ready.take(whole, unit);
    if (start >= 0) this.#txAllocated.push(start, whole);
    else {
      start = Math.ceil(this.pageCount / unit) * unit;
      this.data.claim(start + whole, false);
      if (start > this.pageCount) this.#txFreed.push(this.pageCount, start - this.pageCount);
      this.pageCount = start + whole;
    }
    for (let block = start / unit; block < (start + whole) / unit; block++) {
      this.blocks.forget(block);
    }
    this.#txRevoked.push(start, whole);
    this.#txOverflow = true;
    return start;
  }

  freeRun(start: number, count: number): void {
    if (!this.#open) this.#begin();
    const unit = 1 << this.pool.blockShift;
    this.#txFreed.push(start, Math.ceil(count / unit) * unit);
  }

  /** Makes usable what is free for good by now. */
  settleFree(): void {
    this.free.settle(this.log.durable, this.versions.oldest);
  }

  // ---- ending

  /**
   * Commits the running transaction, if there is one. With `sync`, returns when it is durable. When
   * it throws, the transaction is rolled back; a PoisonedError says that its outcome is unknown.
   */
  commit(sync: boolean): void {
    if (!this.#open) return;
    const before = this.metrics.log.bytes;
    try {
      this.#makeRoom();
      this.#logPages();
      this.#logSpace();
      if (this.#txOverflow) this.#syncOverflow();
      this.log.commit(sync);
    } catch (error) {
      this.rollback();
      throw error;
    }
    this.#settlePages();
    this.#endTransaction();
    this.#pace(this.metrics.log.bytes - before);
  }

  /** Overflow runs are durable before the commit that refers to them (W3). */
  #syncOverflow(): void {
    try {
      // The kernel reports a lost write once: to the checkpoint's sync, if that is under way.
      this.checkpoint.waitForSync();
      this.data.sync();
    } catch (error) {
      this.log.failure ??= error;
      throw this.log.poisoned();
    }
  }

  /** Switches segments before a transaction that would not fit, if nothing of it is written yet. */
  #makeRoom(): void {
    const log = this.log;
    if (log.partWritten) return;
    let images = 0;
    for (const block of this.#txBlocks) {
      const frame = this.pool.lookup(block);
      if (frame >= 0 && (this.pool.flags[frame]! & FRAME_IMAGE) !== 0) images++;
    }
    const bytes = log.pendingBytes + images * (this.data.blockBytes + 16) + 4096;
    if (log.usedBytes + bytes <= log.segmentBytes || log.usedBytes < log.segmentBytes / 2) return;
    try {
      if (this.#growSegment(bytes)) return;
      this.#switchSegment(true);
    } catch (error) {
      if (log.failure !== undefined) throw error;
      this.#checkpointFailed(error);
    }
  }

  #logPages(): void {
    const pool = this.pool;
    const freed = this.#freedPages();
    for (const block of this.#txBlocks) {
      const frame = pool.lookup(block);
      if (frame < 0 || (pool.flags[frame]! & FRAME_IMAGE) === 0) continue;
      if (freed?.has(block) === true) continue;
      this.logImage(block, frame);
      if (this.log.partIsFull) this.log.writePart();
    }
  }

  /** Blocks whose bytes nobody will read again: freed by this transaction, seen by no snapshot. */
  #freedPages(): Set<number> | undefined {
    if (this.#txFreed.length === 0 || this.versions.newest >= 0 || this.pool.blockShift !== 0)
      return undefined;
    const freed = new Set<number>();
    for (let i = 0; i < this.#txFreed.length; i += 2)
      if (this.#txFreed[i + 1] === 1) freed.add(this.#txFreed[i]!);
    return freed;
  }

  /** Logs a block's image; returns where in the segment its bytes begin. */
  logImage(block: number, frame: number): number {
    const pool = this.pool;
    const offset = frame << pool.frameShift;
    if (pool.blockShift !== 0) return this.log.records.block(block, pool.touched[frame]!, pool.u8, offset);
    const back = directoryBytes(pool.u8[offset + AT_KIND]!, pool.u16[(offset + AT_SLOTS) >> 1]!);
    const tail = pool.u16[(offset + AT_TAIL) >> 1]!;
    return this.log.records.image(block, pool.u8, offset, tail, back, this.pageSize);
  }

  #logSpace(): void {
    const log = this.log;
    if (this.pageCount > this.#txPageCount) log.records.extent(this.#txPageCount, this.pageCount);
    for (let i = 0; i < this.#txAllocated.length; i += 2)
      log.records.allocate(this.#txAllocated[i]!, this.#txAllocated[i + 1]!);
    for (let i = 0; i < this.#txRevoked.length; i += 2)
      log.records.revoke(this.#txRevoked[i]!, this.#txRevoked[i + 1]!);
    for (let i = 0; i < this.#txFreed.length; i += 2) {
      log.records.free(this.#txFreed[i]!, this.#txFreed[i + 1]!);
      if (log.partIsFull) log.writePart();
    }
  }

  /** After a commit: touched blocks are dirty, before-images are done with, freed pages wait. */
  #settlePages(): void {
    const pool = this.pool;
    const commit = this.log.committed;
    const freed = this.#freedPages();
    for (let i = 0; i < this.#txBlocks.length; i++) {
      const image = this.#txImages[i]!;
      if (image >= 0) pool.releaseSpare(image);
      const block = this.#txBlocks[i]!;
      const frame = pool.lookup(block);
      if (frame < 0) continue;
      const flags = pool.flags[frame]!;
      if (freed?.has(block) === true) {
        pool.drop(frame);
        continue;
      }
      if ((flags & FRAME_IMAGE) !== 0) pool.imaged[frame] = this.log.generation;
      if ((flags & FRAME_DIRTY) === 0) pool.dirtySince[frame] = this.log.generation;
      pool.flags[frame] = FRAME_DIRTY;
      pool.changedBy[frame] = commit;
    }
    this.blocks.commitSpills(commit);
    for (let i = 0; i < this.#txFreed.length; i += 2) {
      this.free.free(this.#txFreed[i]!, this.#txFreed[i + 1]!, commit);
    }
  }

  #endTransaction(): void {
    this.#txBlocks.length = 0;
    this.#txImages.length = 0;
    this.#txAllocated.length = 0;
    this.#txFreed.length = 0;
    this.#txRevoked.length = 0;
    this.#open = false;
    this.#page = -1;
    this.transaction++;
  }

  /** Undoes the running transaction, if there is one. */
  rollback(): void {
    if (!this.#open) return;
    const pool = this.pool;
    const number = this.log.committed + 1;
    this.blocks.dropSpills();
    for (let i = this.#txBlocks.length - 1; i >= 0; i--) {
      const block = this.#txBlocks[i]!;
      const image = this.#txImages[i]!;
      this.#restore(block, image === IN_VERSIONS ? this.versions.undo(block, number) : image);
    }
    for (let i = 0; i < this.#txAllocated.length; i += 2) {
      this.free.ready.add(this.#txAllocated[i]!, this.#txAllocated[i + 1]!);
    }
    this.pageCount = this.#txPageCount;
    this.log.rollback();
    this.#endTransaction();
    pool.epoch++;
  }

  #restore(block: number, image: number): void {
    const pool = this.pool;
    const frame = pool.lookup(block);
    if (image === NO_IMAGE) {
      if (frame >= 0) pool.drop(frame);
      return;
    }
    if (frame < 0) {
      pool.adoptSpare(image, block);
      return;
    }
    pool.copyFrame(image, frame);
    pool.renew(frame);
    pool.releaseSpare(image);
  }

  /** Frame with the committed bytes of a block that the running transaction has changed. */
  beforeImage(block: number): number {
    const image = this.#txImages[this.#txBlocks.indexOf(block)] ?? NO_IMAGE;
    return image === IN_VERSIONS ? this.versions.find(block, this.log.committed) : image;
  }

  /** A spill took the selected page's bytes away. */
  deselect(): void {
    this.#page = -1;
  }

  // ---- segments and checkpoints

  /** Moves the checkpoint on, after a commit that used up `bytes` of the log. */
  #pace(bytes: number): void {
    try {
      this.checkpoint.step(bytes);
      if (this.log.usedBytes > this.#switchAt && !this.#growSegment(0)) this.#switchSegment(false);
    } catch (error) {
      this.#checkpointFailed(error);
    }
  }

  /**
   * The commit stands, the log is kept and grows, and the checkpoint is tried again when it has grown
   * by another quarter. (A failed sync has poisoned the log by itself.)
   */
  #checkpointFailed(error: unknown): void {
    this.checkpointFailure = error;
    this.#switchAt = this.log.usedBytes + this.log.segmentBytes / 4;
  }

  /**
   * Rather than wait for a checkpoint, the active segment grows while it is still small, by `bytes` at
   * least. False where it is as large as it may be, or the other segment can be switched to.
   */
  #growSegment(bytes: number): boolean {
    const { log } = this;
    if (this.checkpoint.ready || !this.checkpoint.running || log.segmentBytes >= this.#logBytes) return false;
    log.growActive(Math.min(this.#logBytes, Math.max(log.segmentBytes * 2, log.usedBytes + bytes)));
    this.#switchAt = log.segmentBytes * SWITCH_FILL;
    return true;
  }

  #switchSegment(inTransaction: boolean): void {
    this.#finishCheckpoint();
    // The checkpoint may have evicted a page of the transaction, which then has begun in this segment.
    if (inTransaction && this.log.partWritten) return;
    this.log.switchSegment(inTransaction);
    this.#switchAt = this.log.segmentBytes * SWITCH_FILL;
    if (inTransaction) this.#carryOver();
    try {
      this.checkpoint.begin();
    } finally {
      if (inTransaction) this.#txPageCount = this.pageCount;
    }
  }

  /**
   * The running transaction goes on in a new segment: what was logged of it went with the old one, and
   * the pages that it has added to the file count as taken from the free ones, since the checkpoint's
   * header knows them as free.
   */
  #carryOver(): void {
    for (const block of this.#txBlocks) {
      const frame = this.pool.lookup(block);
      if (frame >= 0) this.pool.flags[frame]! |= FRAME_IMAGE;
    }
    if (this.pageCount > this.#txPageCount)
      this.#txAllocated.push(this.#txPageCount, this.pageCount - this.#txPageCount);
  }

  /** Pages that the running transaction has taken, as pairs of first page and count. */
  get taken(): readonly number[] {
    return this.#txAllocated;
  }

  #finishCheckpoint(): void {
    if (this.checkpoint.running) this.checkpoint.finish();
    if (!this.checkpoint.ready) {
      this.checkpoint.again();
      this.checkpoint.finish();
    }
    this.checkpointFailure = undefined;
  }

  /** Brings all commits into the data file. Between transactions. */
  checkpointNow(): void {
    if (!this.log.started) return;
    this.assertWritable();
    this.#switchSegment(false);
    this.checkpoint.finish();
  }

  /** Whether the page is taken for a free list that a running checkpoint will put into force. */
  isInCheckpoint(page: number): boolean {
    return this.#checkpointSet.holds(page);
  }

  /**
   * Gives the free pages at the end of the file back to the file system. Both log segments are retired
   * before the cut (P2), and the header says the new end before the file has it.
   */
  trim(): void {
    this.checkpointNow();
    this.checkpointNow();
    this.settleFree();
    this.pageCount = this.free.ready.trimEnd(this.pageCount);
    this.checkpointNow();
    if (this.pageCount === this.header.pageCount) this.data.truncate(this.pageCount);
  }

  /** After recovery: everything into the data file, and a clean header. */
  writeEverything(): void {
    this.#checkpointSet.writeEverything();
  }

  /**
   * Ends the session: with everything in the data file and the log removed, or, once the log has
   * failed, with nothing written at all; it throws then if some commit is not known to be durable.
   */
  close(): void {
    try {
      if (this.log.started && this.log.failure === undefined && !this.readOnly) {
        this.log.sync();
        if (this.checkpoint.running) this.checkpoint.finish();
        this.#checkpointSet.writeEverything();
        this.log.close(true);
      } else if (this.log.durable < this.log.committed) throw this.log.poisoned();
    } finally {
      this.#background.close();
      this.log.close(false);
      this.versions.close();
      this.data.file.close();
      this.pool.close();
    }
  }
}
