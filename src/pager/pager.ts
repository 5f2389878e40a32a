/**
 * The pager: pages by number, changed only inside a transaction, and only by its edits, each of which is
 * also the redo record.
 *
 * ENSURES: (W2) a block reaches the data file only in a committed state, and only when the log is durable
 * past its last change; (P2) snapshots keep what they see; (P3) space is claimed before a page in it is
 * used.
 *
 * A transaction begins by itself with the first change and ends with commit or rollback. When either
 * has thrown, the pages are as the last commit left them.
 */

import { afterFailure } from "../base/after-failure.js";
import { DiskFullError, EspalierError, ReadOnlyError } from "../base/errors.js";
import type { StoreMetrics } from "../base/metrics.js";
import { type BackgroundSync, Checkpoint } from "../log/checkpoint.js";
import { type LogSettings, RedoLog } from "../log/redo-log.js";
import { SegmentPacing } from "../log/segment-pacing.js";
import type { Vfs } from "../vfs/vfs.js";
import { BlockStore, type PageCheck } from "./block-store.js";
import { CheckpointSet } from "./checkpoint-set.js";
import type { DataFile } from "./data-file.js";
import { ExtentSet, type FreeSpace } from "./free-space.js";
import { PageEdits } from "./page-edits.js";
import { AT_NUMBER, AT_TAIL, directoryOf } from "./page-header.js";
import { FRAME_IMAGE, PagePool } from "./page-pool.js";
import { PageSpace } from "./page-space.js";
import { SessionStart } from "./session-start.js";
import type { StoreHeader } from "./store-header.js";
import { NO_IMAGE, TouchedBlocks } from "./touched-blocks.js";
import { Versions } from "./versions.js";

/**
 * Makes the two halves of a leaf again, to the byte, as the split did whose SPLIT record says `cut` and
 * `separator`. undefined where such a record cannot be of this leaf. Valid until the next call.
 */
export type SplitRedo = (
  leaf: Uint8Array,
  cut: number,
  separator: Uint8Array,
) => { readonly left: Uint8Array; readonly right: Uint8Array } | undefined;

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
  readonly redoSplit: SplitRedo;
  readonly background: BackgroundSync;
}

const LOG_BYTES_START = 256 * 1024;

/**
 * Free pages that wait for a sync are worth one, when none is left that need not wait, once they are so many,
 * and such a share of the file. For single pages it is only for order: they are taken while they wait.
 */
const WAITING_PAGES_MIN = 64;
const WAITING_SHARE = 1 / 8;
/** A run can't be taken while it waits, and costs a sync of the data file in any case. */
const RUN_WAITING_SHARE = 1 / 64;

export class Pager {
  readonly pool: PagePool;
  readonly blocks: BlockStore;
  readonly space: PageSpace;
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
  readonly segments: SegmentPacing;
  readonly redoSplit: SplitRedo;

  readonly #checkpointSet: CheckpointSet;
  readonly #background: BackgroundSync;
  readonly #start: SessionStart;
  #open = false;
  readonly #touched: TouchedBlocks;
  readonly edits: PageEdits;
  /** Counts transactions: what is remembered of one does not outlive it. */
  transaction = 0;

  constructor(settings: PagerSettings) {
    const { data, header, metrics, vfs, path } = settings;
    this.data = data;
    this.header = header;
    this.metrics = metrics;
    this.pageSize = header.pageSize;
    this.readOnly = settings.readOnly;
    this.redoSplit = settings.redoSplit;
    this.#background = settings.background;
    const logBytes = Math.max(settings.logBytes, LOG_BYTES_START);
    const logSettings: LogSettings = {
      vfs,
      storePath: path,
      storeId: header.storeId,
      pageSize: header.pageSize,
      segmentBytesMax: logBytes,
      segmentBytesStart: LOG_BYTES_START,
      metrics: metrics.log,
    };
    this.log = new RedoLog(logSettings, header.commit);
    this.#start = new SessionStart(vfs, path, data, header, this.log);
    this.blocks = new BlockStore(data, header.storeId, this.log, settings.checkPage, metrics.pager, path);
    this.pool = new PagePool(header.pageSize, settings.cacheBytes, this.blocks, metrics.pager);
    this.space = new PageSpace(data, this.log, header, 1 << this.pool.blockShift);
    this.versions = new Versions(this.pool, vfs, path, metrics.pager, () => this.log.committed);
    this.#touched = new TouchedBlocks(this.pool, this.versions, this.blocks);
    this.edits = new PageEdits(this.pool, this.log, this.#touched, () => {
      if (!this.#open) this.#begin();
    });
    this.blocks.attach(this.pool, this);
    this.#checkpointSet = new CheckpointSet(this);
    this.checkpoint = new Checkpoint(this.log, this.#checkpointSet, data.file, settings.background, logBytes);
    this.segments = new SegmentPacing(this.log, this.checkpoint, logBytes, this);
  }

  /** Pages below this are in use, free or headers. */
  get pageCount(): number {
    return this.space.pageCount;
  }

  get dataBytes(): number {
    return this.pageCount * this.pageSize;
  }

  get free(): FreeSpace {
    return this.space.free;
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

  /**
   * Whether selecting the page at `offset` logs nothing by itself: who finds nothing to change there then has
   * only copied it.
   */
  mayTouchInVain(offset: number): boolean {
    return this.#open && this.pool.imaged[offset >>> this.pool.frameShift] === this.log.generation;
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
    this.space.begin();
  }

  /**
   * Begins the log before the first change does. What stands in its way, that change comes upon as well, and tells
   * of it. Throws IoError where it is unknown which header the disk has.
   */
  beginSession(): void {
    try {
      this.#startLog();
    } catch (error) {
      if (this.log.failure === undefined && error instanceof EspalierError) return;
      this.log.close(false);
      throw this.log.failure ?? error;
    }
  }

  /** First change since the store was opened, or the end of its creation. */
  #startLog(): void {
    this.#start.begin(this.pageCount);
    this.segments.started();
  }

  // ---- allocating

  /**
   * A page for the tree, zeroed but for its number; it is the selected page then. Throws
   * DiskFullError.
   */
  allocatePage(): number {
    if (!this.#open) this.#begin();
    this.settleFree();
    if (this.free.ready.pages === 0) this.#syncForSpace(WAITING_PAGES_MIN, WAITING_SHARE);
    const page = this.space.takePage(this.versions.oldest);
    this.#formatPage(page);
    return page;
  }

  #formatPage(page: number): void {
    const { pool, edits } = this;
    let offset: number;
    if (pool.blockShift === 0) {
      this.blocks.forget(page);
      const frame = pool.fresh(page);
      this.#touched.add(page, frame, NO_IMAGE, this.log.generation);
      pool.flags[frame]! |= FRAME_IMAGE;
      offset = frame << pool.frameShift;
      edits.selectFrame(page, offset, frame);
    } else {
      const frame = pool.frameOf(page >>> pool.blockShift);
      const index = page & ((1 << pool.blockShift) - 1);
      offset = (frame << pool.frameShift) + (index << pool.pageShift);
      edits.touch(page, frame);
      pool.checked[frame]! |= 1 << index;
      edits.selectFrame(page, offset, frame);
      edits.fill(offset, this.pageSize, 0);
      pool.renew(frame);
    }
    pool.u32[(offset + AT_NUMBER) >> 2] = page;
    edits.written(offset + AT_NUMBER, 4);
  }

  /** Where much waits for nothing but a sync, that is worth one: or else the file grows by it. */
  #syncForSpace(least: number, share: number): void {
    const { free, log } = this;
    const much = Math.max(least, this.pageCount * share);
    if (free.waitingPages < much || free.oldestWaiting > this.versions.oldest) return;
    if (log.durable >= log.committed || log.failure !== undefined) return;
    log.sync();
    this.settleFree();
  }

  freePage(page: number): void {
    if (!this.#open) this.#begin();
    this.space.givePage(page);
  }

  /**
   * `count` pages that lie together, in whole blocks, for bytes that go straight to the data file
   * (W3). They are free in the last durable state and seen by no snapshot.
   */
  allocateRun(count: number, lowest: boolean): number {
    if (!this.#open) this.#begin();
    this.settleFree();
    if (this.space.lowestRun(count) < 0) this.#syncForSpace(count, RUN_WAITING_SHARE);
    const run = this.space.takeRun(count, lowest);
    const { blockShift } = this.pool;
    for (let block = run.start >>> blockShift; block < (run.start + run.count) >>> blockShift; block++) {
      this.blocks.forget(block);
    }
    return run.start;
  }

  freeRun(start: number, count: number): void {
    if (!this.#open) this.#begin();
    this.space.giveRun(start, count);
  }

  /** Makes usable what is free for good by now. */
  settleFree(): void {
    this.free.settle(this.log.durable, this.versions.oldest);
  }

  // ---- ending

  /**
   * Commits the running transaction, if there is one. With `sync`, returns when it is durable, or, where nothing has
   * changed, all that it has seen. When it throws, the transaction is rolled back; a PoisonedError says that its
   * outcome is unknown.
   */
  commit(sync: boolean): void {
    if (!this.#open) {
      if (sync && this.log.durable < this.log.committed) this.log.sync();
      return;
    }
    const before = this.metrics.log.bytes;
    try {
      if (!this.log.partWritten) this.segments.makeRoom(this.#bytesToLog());
      if (this.space.tookRun) this.#syncOverflow();
      if (!this.#logCommit(sync)) this.#logCommit(sync);
    } catch (error) {
      this.rollback();
      throw error;
    }
    this.#touched.committed(this.log.committed, this.log.generation, this.#freedPages());
    this.space.committed(this.log.committed);
    this.#endTransaction();
    this.segments.afterCommit(this.metrics.log.bytes - before);
  }

  /** False where the disk is full and the log goes on in a larger segment, for which all is logged again. */
  #logCommit(sync: boolean): boolean {
    this.#logPages();
    this.space.log();
    try {
      this.log.commit(sync);
    } catch (error) {
      if (!(error instanceof DiskFullError) || !this.segments.leaveSmaller()) throw error;
      return false;
    }
    return true;
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

  /** What is still to be logged of the transaction, at most. */
  #bytesToLog(): number {
    return this.log.pendingBytes + this.#touched.images * (this.data.blockBytes + 16) + 4096;
  }

  #logPages(): void {
    const pool = this.pool;
    const freed = this.#freedPages();
    for (const block of this.#touched) {
      const frame = pool.lookup(block);
      if (frame < 0 || (pool.flags[frame]! & FRAME_IMAGE) === 0) continue;
      if (freed?.has(block) === true) continue;
      this.#logImage(block, frame);
      if (this.log.partIsFull) this.log.writePart();
    }
  }

  /** Blocks whose bytes nobody will read again: freed by this transaction, seen by no snapshot. */
  #freedPages(): Set<number> | undefined {
    if (this.versions.newest >= 0 || this.pool.blockShift !== 0) return undefined;
    return this.space.givenPages();
  }

  #logImage(block: number, frame: number): void {
    const pool = this.pool;
    const offset = frame << pool.frameShift;
    if (pool.blockShift !== 0) {
      this.log.records.block(block, pool.touched[frame]!, pool.u8, offset);
      return;
    }
    const back = directoryOf(pool, offset);
    const tail = pool.u16[(offset + AT_TAIL) >> 1]!;
    this.log.records.image(block, pool.u8, offset, tail, back, this.pageSize);
  }

  #endTransaction(): void {
    this.#open = false;
    this.edits.deselect();
    this.transaction++;
  }

  /** Undoes the running transaction, if there is one. */
  rollback(): void {
    if (!this.#open) return;
    this.#touched.undo(this.log.committed + 1);
    this.space.undone();
    this.log.rollback();
    this.#endTransaction();
  }

  /** Frame with the committed bytes of a block that the running transaction has changed. */
  beforeImage(block: number): number {
    return this.#touched.beforeImage(block, this.log.committed);
  }

  /** A spill took the selected page's bytes away. */
  deselect(): void {
    this.edits.deselect();
  }

  // ---- checkpoints

  /**
   * The running transaction goes on in a new segment: what was logged of it went with the old one, and
   * the pages that it has added to the file count as taken from the free ones, since the checkpoint's
   * header knows them as free.
   */
  carryOver(): void {
    this.#touched.imageAll();
    this.space.carryOver();
  }

  /** Brings all commits into the data file. Between transactions. */
  checkpointNow(): void {
    if (!this.log.started) return;
    this.assertWritable();
    this.segments.checkpointNow();
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
    this.assertWritable();
    if (!this.log.started) this.#startLog();
    this.checkpointNow();
    this.checkpointNow();
    this.settleFree();
    this.space.pageCount = this.free.ready.trimEnd(this.pageCount);
    this.checkpointNow();
    if (this.pageCount === this.header.pageCount) this.data.truncate(this.pageCount);
  }

  /** After recovery: everything into the data file, and a clean header. */
  writeEverything(): void {
    this.#checkpointSet.writeEverything();
  }

  /** One that finds no room for the next log segment is not needed any more: closing writes everything. */
  #endCheckpoint(): void {
    try {
      if (this.checkpoint.running) this.checkpoint.finish();
    } catch (error) {
      if (this.log.failure !== undefined || !(error instanceof DiskFullError)) throw error;
    }
  }

  /**
   * Ends the session: with everything in the data file and the log removed, or, once the log has
   * failed, with nothing written at all; it throws then if some commit is not known to be durable.
   */
  close(): void {
    try {
      if (this.log.started && this.log.failure === undefined && !this.readOnly) {
        this.log.sync();
        this.#endCheckpoint();
        this.#checkpointSet.writeEverything();
        // A copy that was put back in the data file's place may need the log.
        this.log.close(!this.#start.isReplaced);
      } else if (this.log.durable < this.log.committed) throw this.log.poisoned();
    } catch (error) {
      // The first failure says whether commits are lost.
      afterFailure(() => this.#letGo());
      throw error;
    }
    this.#letGo();
  }

  /** Of all of it, though a sync that is still under way may fail. */
  #letGo(): void {
    try {
      this.#background.close();
    } finally {
      this.log.close(false);
      this.versions.close();
      this.data.file.close();
      this.pool.close();
    }
  }
}
