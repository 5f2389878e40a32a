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
import { writeFully } from "../vfs/whole-io.js";
import {
  BLOCK_BYTES,
  encodeSegmentHeader,
  FRAME_FIRST,
  FRAME_HEADER_BYTES,
  FRAME_LAST,
  frameHeaderCheck,
  OP_ALLOCATE,
  OP_BLOCK,
  OP_EXTENT,
  OP_FILL,
  OP_FREE,
  OP_IMAGE,
  OP_MOVE,
  OP_PAD,
  OP_PAGE,
  OP_REVOKE,
  OP_WRITE,
  segmentPath,
} from "./log-format.js";
import { Segment } from "./segment.js";

/** A transaction's records are handed over in parts once they exceed this. */
const LOG_PART_BYTES = 1024 * 1024;
const BUFFER_BYTES_START = 256 * 1024;
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

/** What the store's header must know to find the log again. */
export interface LogPosition {
  readonly segment: number;
  readonly generation: number;
  readonly salt: number;
  /** Checksum that the segment's first frame is chained to. */
  readonly chain: number;
  /** Salt of the next generation, whose segment header is on disk already. */
  readonly nextSalt: number;
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

  readonly #settings: LogSettings;
  readonly #metrics: LogMetrics;
  readonly #segments: Segment[] = [];
  #active = 0;
  #chain = 0;
  /** Chain that the active segment began with. */
  #startChain = 0;

  #bytes: Uint8Array;
  #words: Uint32Array;
  /** File position of bytes[0], a multiple of BLOCK_BYTES. */
  #base = 0;
  #used = 0;
  #frameStart = 0;
  /** The next frame starts a fresh block: a sync may cover all before it. */
  #freshBlock = false;
  /** Frames of the running transaction that are in the file already. */
  #txParts = 0;
  /** Writes to the active segment, and how many of them a sync has covered. */
  #writes = 0;
  #writesSynced = 0;
  /** Page that the last PAGE record named; -1: none in this frame. */
  #page = -1;

  constructor(settings: LogSettings, committed: number) {
    this.#settings = settings;
    this.#metrics = settings.metrics;
    this.committed = committed;
    this.durable = committed;
    this.#bytes = new Uint8Array(BUFFER_BYTES_START);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  /**
   * Makes both segments, and the first one ready; the caller then writes the position into the store's
   * header and syncs that before the first commit. Throws what the file system throws.
   */
  start(generation: number): LogPosition {
    const { vfs, storePath, segmentBytesStart } = this.#settings;
    try {
      this.#segments[0] = Segment.create(vfs, segmentPath(storePath, 0), segmentBytesStart);
      this.#segments[1] = Segment.create(vfs, segmentPath(storePath, 1), 0);
      this.#writeHeader(this.#segments[0], generation);
      this.#segments[0].file.sync();
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
    this.#used = 0;
    this.#freshBlock = false;
    return this.position();
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

  /** Bytes of the active segment in use, and its size. */
  get usedBytes(): number {
    return this.#base + this.#used;
  }

  get segmentBytes(): number {
    return this.#segments[this.#active]!.size;
  }

  /** The segment that is to be retired next, for its growth; undefined while it is still needed. */
  get standby(): Segment {
    return this.#segments[1 - this.#active]!;
  }

  /** Extends the active segment by written zeros. Throws DiskFullError. */
  growActive(bytes: number): void {
    this.#segments[this.#active]!.grow(bytes);
  }

  activeFile(): VfsFile {
    return this.#segments[this.#active]!.file;
  }

  // ---- one transaction

  begin(): void {
    if (this.#freshBlock) {
      this.#base = alignUp(this.#base + this.#used, BLOCK_BYTES);
      this.#used = 0;
      this.#freshBlock = false;
    }
    this.#txParts = 0;
    this.#openFrame();
  }

  #openFrame(): void {
    this.#frameStart = this.#used;
    this.#page = -1;
    this.#reserve(FRAME_HEADER_BYTES);
    this.#used += FRAME_HEADER_BYTES;
  }

  /** True when the transaction has grown past what may wait in memory. */
  get partIsFull(): boolean {
    return this.#used - this.#frameStart > LOG_PART_BYTES;
  }

  /** True when a part of this transaction is in its segment already. */
  get partWritten(): boolean {
    return this.#txParts > 0;
  }

  /** Bytes of records since the last frame header. */
  get pendingBytes(): number {
    return this.#used - this.#frameStart;
  }

  /**
   * Hands what there is to the operating system as a frame that does not end its transaction; returns
   * the frame's position in the segment.
   */
  writePart(): number {
    const position = this.#writeFrame(0, false);
    this.#txParts++;
    this.#openFrame();
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
    this.#used = this.#frameStart;
    this.#page = -1;
  }

  // ---- records

  selectPage(page: number): void {
    if (page === this.#page) return;
    this.#page = page;
    this.#reserve(5);
    const b = this.#bytes;
    const at = this.#used;
    b[at] = OP_PAGE;
    b[at + 1] = page;
    b[at + 2] = page >>> 8;
    b[at + 3] = page >>> 16;
    b[at + 4] = page >>> 24;
    this.#used = at + 5;
  }

  /** The bytes now at source[from..from+length) were written at `at` of the selected page. */
  write(at: number, source: Uint8Array, from: number, length: number): void {
    this.#reserve(5 + length);
    const b = this.#bytes;
    let to = this.#used;
    b[to] = OP_WRITE;
    b[to + 1] = at;
    b[to + 2] = at >>> 8;
    b[to + 3] = length;
    b[to + 4] = length >>> 8;
    to += 5;
    if (length <= 64) for (let i = 0; i < length; i++) b[to + i] = source[from + i]!;
    else b.set(source.subarray(from, from + length), to);
    this.#used = to + length;
    this.#metrics.records++;
  }

  move(to: number, from: number, length: number): void {
    this.#reserve(7);
    const b = this.#bytes;
    const at = this.#used;
    b[at] = OP_MOVE;
    b[at + 1] = to;
    b[at + 2] = to >>> 8;
    b[at + 3] = from;
    b[at + 4] = from >>> 8;
    b[at + 5] = length;
    b[at + 6] = length >>> 8;
    this.#used = at + 7;
    this.#metrics.records++;
  }

  fill(at: number, length: number, byte: number): void {
    this.#reserve(6);
    const b = this.#bytes;
    const to = this.#used;
    b[to] = OP_FILL;
    b[to + 1] = at;
    b[to + 2] = at >>> 8;
    b[to + 3] = length;
    b[to + 4] = length >>> 8;
    b[to + 5] = byte;
    this.#used = to + 6;
    this.#metrics.records++;
  }

  /**
   * A whole page: its first `front` and last `back` bytes; what lies between is zero. Returns where
   * the bytes begin, counted from the frame's start.
   */
  image(
    page: number,
    source: Uint8Array,
    from: number,
    front: number,
    back: number,
    pageSize: number,
  ): number {
    this.#reserve(9 + front + back);
    const b = this.#bytes;
    let at = this.#used;
    b[at] = OP_IMAGE;
    this.#u32(at + 1, page);
    b[at + 5] = front;
    b[at + 6] = front >>> 8;
    b[at + 7] = back;
    b[at + 8] = back >>> 8;
    at += 9;
    b.set(source.subarray(from, from + front), at);
    const dataAt = at;
    at += front;
    b.set(source.subarray(from + pageSize - back, from + pageSize), at);
    this.#used = at + back;
    this.#metrics.images++;
    return dataAt - this.#frameStart;
  }

  /** All pages of a block; bit i of `touched` says that page i's checksum is out of date. As image. */
  block(block: number, touched: number, source: Uint8Array, from: number): number {
    this.#reserve(6 + BLOCK_BYTES);
    const at = this.#used;
    this.#bytes[at] = OP_BLOCK;
    this.#u32(at + 1, block);
    this.#bytes[at + 5] = touched;
    this.#bytes.set(source.subarray(from, from + BLOCK_BYTES), at + 6);
    this.#used = at + 6 + BLOCK_BYTES;
    this.#metrics.images++;
    return at + 6 - this.#frameStart;
  }

  allocate(page: number, count: number): void {
    this.#pair(OP_ALLOCATE, page, count);
  }

  free(page: number, count: number): void {
    this.#pair(OP_FREE, page, count);
  }

  revoke(page: number, count: number): void {
    this.#pair(OP_REVOKE, page, count);
  }

  extent(from: number, to: number): void {
    this.#pair(OP_EXTENT, from, to);
  }

  #pair(op: number, first: number, second: number): void {
    this.#reserve(9);
    this.#bytes[this.#used] = op;
    this.#u32(this.#used + 1, first);
    this.#u32(this.#used + 5, second);
    this.#used += 9;
    this.#metrics.records++;
  }

  #u32(at: number, value: number): void {
    const b = this.#bytes;
    b[at] = value;
    b[at + 1] = value >>> 8;
    b[at + 2] = value >>> 16;
    b[at + 3] = value >>> 24;
  }

  #reserve(length: number): void {
    if (this.#used + length + BLOCK_BYTES > this.#bytes.length) this.#grow(length);
  }

  #grow(length: number): void {
    let size = this.#bytes.length * 2;
    while (this.#used + length + BLOCK_BYTES > size) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
    this.#words = new Uint32Array(larger.buffer);
  }

  // ---- frames and files

  /** Fills in the header of the open frame; returns its checksum. */
  #sealFrame(flags: number): number {
    this.#reserve(8);
    while ((this.#used & 7) !== 0) this.#bytes[this.#used++] = OP_PAD;
    const at = this.#frameStart;
    const words = this.#words;
    const w = at >> 2;
    const active = this.#segments[this.#active]!;
    const number = this.committed + 1;
    words[w + 2] = this.#used - at;
    words[w + 3] = this.#txParts === 0 ? flags | FRAME_FIRST : flags;
    words[w + 4] = active.salt;
    words[w + 5] = active.generation;
    words[w + 6] = number >>> 0;
    words[w + 7] = Math.floor(number / 0x1_0000_0000);
    words[w + 8] = this.durable >>> 0;
    words[w + 9] = Math.floor(this.durable / 0x1_0000_0000);
    words[w + 1] = frameHeaderCheck(words, w);
    const checksum = crc32(this.#bytes.subarray(at + 4, this.#used), this.#chain);
    words[w] = checksum;
    return checksum;
  }

  /** One write of all blocks from the frame's start on, padded with zeros; then the buffer slides. */
  #writeFrame(flags: number, sync: boolean): number {
    if (this.failure !== undefined) throw this.poisoned();
    if (this.#freshBlock) this.#moveFrameToFreshBlock();
    const checksum = this.#sealFrame(flags);
    const active = this.#segments[this.#active]!;
    const from = this.#frameStart - (this.#frameStart % BLOCK_BYTES);
    const end = alignUp(this.#used, BLOCK_BYTES);
    this.#bytes.fill(0, this.#used, end);
    if (this.#base + end > SEGMENT_BYTES_MAX) {
      throw new DiskFullError("the transaction is larger than a log segment can be");
    }
    if (this.#base + end > active.size) active.grow(this.#base + end);
    const through = sync && this.#writes === this.#writesSynced;
    try {
      active.write(this.#bytes, from, end - from, this.#base + from, through);
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
    const position = this.#base + this.#frameStart;
    const keep = this.#used - (this.#used % BLOCK_BYTES);
    if (keep > 0) {
      this.#bytes.copyWithin(0, keep, this.#used);
      this.#base += keep;
      this.#used -= keep;
    }
    return position;
  }

  /** A sync since the frame was begun covers the block that it begins in (W6). */
  #moveFrameToFreshBlock(): void {
    this.#freshBlock = false;
    const from = this.#frameStart;
    if (from % BLOCK_BYTES === 0) return;
    this.#bytes.copyWithin(0, from, this.#used);
    this.#base = alignUp(this.#base + from, BLOCK_BYTES);
    this.#used -= from;
    this.#frameStart = 0;
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
   * PoisonedError, and the log is poisoned. A log that is closed meanwhile has made its commits
   * durable by itself.
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
      throw this.poisoned();
    }
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
    if (inTransaction) this.#used = this.#frameStart;
    this.sync();
    this.#active = 1 - this.#active;
    const active = this.#segments[this.#active]!;
    this.generation = active.generation;
    this.#startChain = this.#chain;
    this.#base = BLOCK_BYTES;
    this.#used = 0;
    this.#freshBlock = false;
    if (inTransaction) this.#openFrame();
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
    writeFully(segment.file, header, 0, header.length, 0);
    segment.generation = generation;
    segment.salt = salt;
  }

  /** Closes the files; removes them when the data file is complete without them. */
  close(remove: boolean): void {
    for (const segment of this.#segments) segment.close();
    if (remove && this.started) {
      for (let i = 0; i < 2; i++) this.#settings.vfs.unlink(segmentPath(this.#settings.storePath, i));
    }
    this.#segments.length = 0;
  }
}
