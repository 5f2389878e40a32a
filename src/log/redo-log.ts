/**
 * The redo log's writing side: records of one transaction are gathered in a buffer, framed, and
 * handed to the operating system by one write a commit.
 *
 * REQUIRES: one transaction at a time: begin, records, then commit or rollback.
 * ENSURES: (W1) a transaction never straddles two segments; (W5) each frame carries the last commit
 * known durable; (W6) no block that holds an acknowledged frame is written again.
 * A failed write or sync poisons the log: `failure` is set, and nothing is written any more.
 */

import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { alignUp } from "../base/bytes.js";
import { DiskFullError, PoisonedError } from "../base/errors.js";
import type { LogMetrics } from "../base/metrics.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import {
  BLOCK_BYTES,
  encodeSegmentHeader,
  FRAME_FIRST,
  FRAME_LAST,
  frameHeaderCheck,
  type LogPosition,
  segmentPath,
} from "./log-format.js";
import { RecordBuffer } from "./record-buffer.js";
import { Segment } from "./segment.js";

/** A transaction's records are handed over in parts once they exceed this. */
const LOG_PART_BYTES = 1024 * 1024;
/** What the second segment has from the start: with a disk that is full by then, deletes still get to it. */
const STANDBY_BYTES_START = 64 * 1024;
/** What each segment needs: its header, and the images of a leaf, its neighbour and those above. */
const LEAST_BLOCKS = 8;
const LEAST_PAGES = 4;
/** Positions in a segment stay below this, so that they fit 32 bits. */
const SEGMENT_BYTES_MAX = 0xffff_0000;

export interface LogSettings {
  readonly vfs: Vfs;
  readonly storePath: string;
  readonly storeId: Uint8Array;
  readonly pageSize: number;
  /** Both segments grow to this. */
  readonly segmentBytesMax: number;
  readonly segmentBytesStart: number;
  readonly metrics: LogMetrics;
}

/** With what to do, where `error` says that there is no room. */
function logFull(error: unknown): unknown {
  if (!(error instanceof DiskFullError)) return error;
  return new DiskFullError(
    `the log cannot grow: ${error.message}. Make room on the disk, or delete records in smaller transactions; the store goes on without being reopened`,
    { cause: error },
  );
}

function newSalt(): number {
  return (randomBytes(4).readUInt32LE(0) | 1) >>> 0;
}

export class RedoLog {
  /** Set once a write or sync has failed; the log takes nothing more. */
  failure: unknown;
  /** Number of the last commit handed to the operating system. */
  committed: number;
  /** Number of the last commit known to be durable. */
  durable: number;
  /** Generation of the active segment: the mark that a page is imaged in it (W1). */
  generation = 0;
  /** The records of the running transaction that are not in the file yet. */
  readonly records: RecordBuffer;

  readonly #settings: LogSettings;
  readonly #metrics: LogMetrics;
  readonly #segments: Segment[] = [];
  #active = 0;
  /** Bytes in use of the segment that was active before. */
  #usedBefore = 0;
  #chain = 0;
  /** Chain that the active segment began with. */
  #startChain = 0;

  /** File position of the record buffer's first byte, a multiple of BLOCK_BYTES. */
  #base = 0;
  /** The next frame starts a fresh block: a sync may cover all before it. */
  #freshBlock = false;
  /** Frames of the running transaction that are in the file already. */
  #txParts = 0;
  /** Writes to the active segment, and how many of them a sync has covered. */
  #writes = 0;
  #writesSynced = 0;
  /** The active segment has zeros that the file system may not have given a place on the disk. */
  #grown = false;

  constructor(settings: LogSettings, committed: number) {
    this.#settings = settings;
    this.#metrics = settings.metrics;
    this.committed = committed;
    this.durable = committed;
    this.records = new RecordBuffer(settings.metrics);
  }

  /**
   * Makes both segments, and the first one ready; the caller then writes the position into the store's
   * header and syncs that before the first commit. Throws what the file system throws.
   */
  start(generation: number): LogPosition {
    const { vfs, storePath, segmentBytesStart, pageSize } = this.#settings;
    try {
      const least = Math.max(LEAST_BLOCKS * BLOCK_BYTES, 2 * BLOCK_BYTES + LEAST_PAGES * pageSize);
      if (!this.#makeSegments(segmentBytesStart, STANDBY_BYTES_START, true))
        this.#makeSegments(least, least, false);
      this.#writeHeader(this.#segments[0]!, generation);
      this.#segments[0]!.file.sync();
      vfs.syncFolderOf(storePath);
    } catch (error) {
      this.close(false);
      throw error;
    }
    this.#active = 0;
    const first = this.#segments[0]!;
    this.generation = first.generation;
    this.#chain = first.salt;
    this.#startChain = first.salt;
    this.#base = BLOCK_BYTES;
    this.records.used = 0;
    this.#freshBlock = false;
    return this.position();
  }

  /** False where the disk has no room for them, if there is to be another try with smaller ones. */
  #makeSegments(first: number, second: number, again: boolean): boolean {
    const { vfs, storePath } = this.#settings;
    try {
      this.#segments[0] = Segment.create(vfs, segmentPath(storePath, 0), first, storePath);
      this.#segments[1] = Segment.create(vfs, segmentPath(storePath, 1), second, storePath);
    } catch (error) {
      if (!again || !(error instanceof DiskFullError)) throw logFull(error);
      this.close(false);
      return false;
    }
    return true;
  }

  get started(): boolean {
    return this.#segments.length > 0;
  }

  position(): LogPosition {
    const active = this.#segments[this.#active]!;
    const other = this.#segments[1 - this.#active]!;
    const prepared = other.generation === active.generation + 1;
    return {
      segment: this.#active,
      generation: active.generation,
      salt: active.salt,
      chain: this.#startChain,
      nextSalt: prepared ? other.salt : 0,
    };
  }

  /** Bytes of the active segment in use. */
  get usedBytes(): number {
    return this.#base + this.records.used;
  }

  /** Size of the active segment. */
  get segmentBytes(): number {
    return this.#segments[this.#active]!.size;
  }

  /** The segment that is not active: still needed, or retired and to be prepared for the next generation. */
  get standby(): Segment {
    return this.#segments[1 - this.#active]!;
  }

  /** Twice what was used of a segment lately. */
  get standbyBytesWanted(): number {
    const { segmentBytesStart, segmentBytesMax } = this.#settings;
    const used = Math.max(this.usedBytes, this.#usedBefore);
    return Math.min(segmentBytesMax, Math.max(segmentBytesStart, 2 * used));
  }

  /** Extends the active segment by written zeros. Throws DiskFullError. */
  growActive(bytes: number): void {
    this.#segments[this.#active]!.grow(bytes);
    this.#grown = true;
  }

  /**
   * Between two commits that are synced each: has what the active segment has grown by synced in the background.
   * The file system gives it its place on the disk then, instead of a part in each commit's sync, which takes
   * half as long again for it.
   */
  settleGrowth(): void {
    if (!this.#grown || this.#writes !== this.#writesSynced) return;
    this.#grown = false;
    const segment = this.#segments[this.#active]!;
    segment.syncAside().catch((error: unknown) => {
      if (!segment.closed) this.failure ??= error;
    });
  }

  activeFile(): VfsFile {
    return this.#segments[this.#active]!.file;
  }

  // ---- one transaction

  begin(): void {
    if (this.#freshBlock) {
      this.#base = alignUp(this.#base + this.records.used, BLOCK_BYTES);
      this.records.used = 0;
      this.#freshBlock = false;
    }
    this.#txParts = 0;
    this.records.openFrame();
  }

  /** True when the transaction has grown past what may wait in memory. */
  get partIsFull(): boolean {
    return this.records.used - this.records.frameStart > LOG_PART_BYTES;
  }

  /** True when a part of this transaction is in its segment already. */
  get partWritten(): boolean {
    return this.#txParts > 0;
  }

  /** Bytes of records since the last frame header. */
  get pendingBytes(): number {
    return this.records.used - this.records.frameStart;
  }

  /**
   * Hands what there is to the operating system as a frame that does not end its transaction; returns
   * the frame's position in the segment.
   */
  writePart(): number {
    const position = this.#writeFrame(0, false);
    this.#txParts++;
    this.records.openFrame();
    return position;
  }

  /**
   * Ends the transaction. With `sync`, returns when it is durable. Throws DiskFullError where the
   * segment cannot grow (nothing remains of the transaction), PoisonedError after a failed write
   * or sync: whether the transaction is durable is then unknown, and the log takes no more.
   */
  commit(sync: boolean): void {
    const number = this.committed + 1;
    this.#writeFrame(FRAME_LAST, sync);
    this.committed = number;
    this.#metrics.commits++;
    if (sync) {
      this.durable = number;
      this.#freshBlock = true;
    }
  }

  /**
   * Undoes begin. Parts that are in the file stay there and in the chain: a reader drops them when
   * it meets the first frame of the next transaction.
   */
  rollback(): void {
    this.records.dropFrame();
  }

  // ---- frames and files

  /** Fills in the header of the open frame; returns its checksum. */
  #sealFrame(flags: number): number {
    const { records } = this;
    records.padFrame();
    const at = records.frameStart;
    const { words } = records;
    const w = at >> 2;
    const active = this.#segments[this.#active]!;
    const number = this.committed + 1;
    words[w + 2] = this.records.used - at;
    words[w + 3] = this.#txParts === 0 ? flags | FRAME_FIRST : flags;
    words[w + 4] = active.salt;
    words[w + 5] = active.generation;
    words[w + 6] = number >>> 0;
    words[w + 7] = Math.floor(number / 0x1_0000_0000);
    words[w + 8] = this.durable >>> 0;
    words[w + 9] = Math.floor(this.durable / 0x1_0000_0000);
    words[w + 1] = frameHeaderCheck(words, w);
    const checksum = crc32(this.records.u8.subarray(at + 4, this.records.used), this.#chain);
    words[w] = checksum;
    return checksum;
  }

  /** One write of all blocks from the frame's start on, padded with zeros; then the buffer slides. */
  #writeFrame(flags: number, sync: boolean): number {
    if (this.failure !== undefined) throw this.poisoned();
    if (this.#freshBlock) this.#moveFrameToFreshBlock();
    const checksum = this.#sealFrame(flags);
    const active = this.#segments[this.#active]!;
    const from = this.records.frameStart - (this.records.frameStart % BLOCK_BYTES);
    const end = alignUp(this.records.used, BLOCK_BYTES);
    this.records.u8.fill(0, this.records.used, end);
    if (this.#base + end > SEGMENT_BYTES_MAX) {
      throw new DiskFullError("the transaction is larger than a log segment can be");
    }
    if (this.#base + end > active.size) this.#growFor(this.#base + end);
    const through = sync && this.#writes === this.#writesSynced;
    try {
      active.write(this.records.u8, from, end - from, this.#base + from, through);
      this.#writes++;
      if (sync) {
        if (!through) active.file.sync();
        this.#writesSynced = this.#writes;
        this.#metrics.fsyncs++;
      }
    } catch (error) {
      this.failure = error;
      throw this.poisoned();
    }
    this.#metrics.bytes += end - from;
    this.#chain = checksum;
    const position = this.#base + this.records.frameStart;
    const keep = this.records.used - (this.records.used % BLOCK_BYTES);
    if (keep > 0) {
      this.records.slide(keep);
      this.#base += keep;
    }
    return position;
  }

  #growFor(bytes: number): void {
    try {
      this.growActive(bytes);
    } catch (error) {
      throw logFull(error);
    }
  }

  /** A sync since the frame was begun covers the block that it begins in (W6). */
  #moveFrameToFreshBlock(): void {
    this.#freshBlock = false;
    const from = this.records.frameStart;
    if (from % BLOCK_BYTES === 0) return;
    this.records.slide(from);
    this.#base = alignUp(this.#base + from, BLOCK_BYTES);
  }

  poisoned(): PoisonedError {
    const cause = this.failure;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new PoisonedError(
      `a log write or sync failed, so that it is unknown whether the last commits are durable; the store takes no more writes until it is reopened (${reason})`,
      cause,
    );
  }

  /** Makes all commits so far durable. Poisons when it fails. */
  sync(): void {
    if (!this.started || this.#writes === this.#writesSynced) return;
    if (this.failure !== undefined) throw this.poisoned();
    try {
      this.#segments[this.#active]!.file.sync();
    } catch (error) {
      this.failure = error;
      throw this.poisoned();
    }
    this.#metrics.fsyncs++;
    this.#writesSynced = this.#writes;
    this.durable = this.committed;
    this.#freshBlock = true;
  }

  /**
   * Syncs in the background what is committed now; resolves when it is durable. Rejects with
   * PoisonedError, and the log is poisoned: also where another sync fails meanwhile, which may have taken
   * what this one was to save, and left it nothing to do. A log that is closed meanwhile has made its
   * commits durable by itself.
   */
  async syncInBackground(): Promise<void> {
    if (this.failure !== undefined) throw this.poisoned();
    if (!this.started) return;
    const covered = this.committed;
    const writes = this.#writes;
    this.#freshBlock = true;
    const segment = this.#segments[this.#active]!;
    try {
      await segment.syncAsync();
    } catch (error) {
      if (segment.closed) return;
      this.failure ??= error;
    }
    if (this.failure !== undefined) throw this.poisoned();
    this.#metrics.fsyncs++;
    if (covered > this.durable) this.durable = covered;
    if (writes > this.#writesSynced) this.#writesSynced = writes;
  }

  /**
   * Goes on in the other segment, which must be retired and prepared. All commits become durable
   * first (W5). Between transactions, or in one of which no part is written: its records so far are
   * dropped, and its pages must be imaged.
   */
  switchSegment(inTransaction: boolean): void {
    if (inTransaction) this.records.dropFrame();
    this.sync();
    this.#usedBefore = this.usedBytes;
    this.#active = 1 - this.#active;
    const active = this.#segments[this.#active]!;
    this.generation = active.generation;
    this.#startChain = this.#chain;
    this.#base = BLOCK_BYTES;
    this.records.used = 0;
    this.#freshBlock = false;
    this.#grown = false;
    this.#claimDurable();
    if (inTransaction) this.records.openFrame();
  }

  /**
   * Says in the new segment that all commits before it are durable: what is damaged of them is then told from a torn
   * end, also where no commit follows before pages that rest on them are written (W5). The frame is one of a
   * transaction that is undone. It is durable: the frames behind it are chained to it.
   */
  #claimDurable(): void {
    this.#txParts = 0;
    this.records.openFrame();
    this.#writeFrame(0, true);
  }

  /** Gives the retired segment its next generation; the caller syncs it before anybody is told. */
  prepareStandby(): void {
    this.#writeHeader(this.standby, this.generation + 1);
  }

  #writeHeader(segment: Segment, generation: number): void {
    const salt = newSalt();
    const header = encodeSegmentHeader(this.#settings.storeId, {
      generation,
      salt,
      pageSize: this.#settings.pageSize,
    });
    segment.write(header, 0, header.length, 0, false);
    segment.generation = generation;
    segment.salt = salt;
  }

  /** Closes the files; removes them when the data file is complete without them. */
  close(remove: boolean): void {
    const removed = remove ? this.#segments.filter((segment) => segment.isInPlace) : [];
    for (const segment of this.#segments) segment.close();
    for (const { file } of removed) this.#settings.vfs.unlink(file.path);
    this.#segments.length = 0;
  }
}
