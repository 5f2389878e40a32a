/**
 * The records of the log as bytes: gathers those of the open frame in a buffer that grows. Knows their
 * encoding (log-format.ts) and nothing of files.
 */

import { type ByteMemory, copyWords } from "../base/bytes.js";
import type { LogMetrics } from "../base/metrics.js";
import {
  BLOCK_BYTES,
  BLOCK_RECORD_BYTES,
  FILL_RECORD_BYTES,
  FRAME_HEADER_BYTES,
  IMAGE_RECORD_BYTES,
  MOVE_RECORD_BYTES,
  OP_ALLOCATE,
  OP_BLOCK,
  OP_CATALOG,
  OP_EXTENT,
  OP_FILL,
  OP_FREE,
  OP_IMAGE,
  OP_MOVE,
  OP_PAD,
  OP_PAGE,
  OP_REVOKE,
  OP_SLOT,
  OP_SPLIT,
  OP_WRITE,
  PAGE_RECORD_BYTES,
  PAIR_RECORD_BYTES,
  SLOT_RECORD_BYTES,
  SPLIT_RECORD_BYTES,
  WRITE_RECORD_BYTES,
} from "./log-format.js";

/** Small: a store that is only opened and read never uses it. */
const BYTES_START = 16 * 1024;

export class RecordBuffer implements ByteMemory {
  u8: Uint8Array = new Uint8Array(BYTES_START);
  view: DataView = new DataView(this.u8.buffer);
  words: Uint32Array = new Uint32Array(this.u8.buffer);
  /** End of the last record. */
  used = 0;
  /** Where the open frame begins. */
  frameStart = 0;

  readonly #metrics: LogMetrics;
  /** Page that the last PAGE record named; -1: none in this frame. */
  #page = -1;

  constructor(metrics: LogMetrics) {
    this.#metrics = metrics;
  }

  /** Begins a frame behind what is there. */
  openFrame(): void {
    this.frameStart = this.used;
    this.#page = -1;
    this.reserve(FRAME_HEADER_BYTES);
    this.used += FRAME_HEADER_BYTES;
  }

  /** Takes the open frame back. */
  dropFrame(): void {
    this.used = this.frameStart;
    this.#page = -1;
  }

  /** Ends the open frame at a multiple of eight bytes. */
  padFrame(): void {
    this.reserve(8);
    while ((this.used & 7) !== 0) this.u8[this.used++] = OP_PAD;
  }

  /** Forgets the first `count` bytes, which are in the file. */
  slide(count: number): void {
    this.u8.copyWithin(0, count, this.used);
    this.used -= count;
    this.frameStart -= count;
  }

  selectPage(page: number): void {
    if (page === this.#page) return;
    this.#page = page;
    this.reserve(PAGE_RECORD_BYTES);
    this.view.setUint8(this.used, OP_PAGE);
    this.#u32(this.used + 1, page);
    this.used += PAGE_RECORD_BYTES;
  }

  /** The `length` bytes now at `from` in `source` were written at `at` of the selected page. */
  write(at: number, source: ByteMemory, from: number, length: number): void {
    this.reserve(WRITE_RECORD_BYTES + length);
    const { view } = this;
    let to = this.used;
    view.setUint8(to, OP_WRITE);
    view.setUint16(to + 1, at, true);
    view.setUint16(to + 3, length, true);
    to += WRITE_RECORD_BYTES;
    copyWords(this, to, source, from, length);
    this.used = to + length;
    this.#metrics.records++;
  }

  move(to: number, from: number, length: number): void {
    this.reserve(MOVE_RECORD_BYTES);
    const b = this.u8;
    const at = this.used;
    b[at] = OP_MOVE;
    b[at + 1] = to;
    b[at + 2] = to >>> 8;
    b[at + 3] = from;
    b[at + 4] = from >>> 8;
    b[at + 5] = length;
    b[at + 6] = length >>> 8;
    this.used = at + MOVE_RECORD_BYTES;
    this.#metrics.records++;
  }

  /**
   * Slot `index` is new in the selected leaf, with this head and extent (offset | length and flag << 16);
   * tail and holes are the leaf's now. The record is the `length` bytes from `from` on in `source`.
   */
  slot(
    index: number,
    head: number,
    extent: number,
    tail: number,
    holes: number,
    source: ByteMemory,
    from: number,
    length: number,
  ): void {
    this.reserve(SLOT_RECORD_BYTES + length);
    const { view } = this;
    const to = this.used;
    view.setUint8(to, OP_SLOT);
    view.setUint16(to + 1, index, true);
    view.setUint32(to + 3, head, true);
    view.setUint32(to + 7, extent, true);
    view.setUint16(to + 11, tail, true);
    view.setUint16(to + 13, holes, true);
    copyWords(this, to + SLOT_RECORD_BYTES, source, from, length);
    this.used = to + SLOT_RECORD_BYTES + length;
    this.#metrics.records++;
  }

  /** Leaf `left` was cut in two before its record `cut`; the part behind it went to the new page `right`. */
  split(left: number, right: number, cut: number, separator: Uint8Array): void {
    this.reserve(SPLIT_RECORD_BYTES + separator.length);
    const b = this.u8;
    const to = this.used;
    b[to] = OP_SPLIT;
    this.#u32(to + 1, left);
    this.#u32(to + 5, right);
    b[to + 9] = cut;
    b[to + 10] = cut >>> 8;
    b[to + 11] = separator.length;
    b[to + 12] = separator.length >>> 8;
    b.set(separator, to + SPLIT_RECORD_BYTES);
    this.used = to + SPLIT_RECORD_BYTES + separator.length;
    this.#page = -1;
    this.#metrics.records++;
  }

  fill(at: number, length: number, byte: number): void {
    this.reserve(FILL_RECORD_BYTES);
    const b = this.u8;
    const to = this.used;
    b[to] = OP_FILL;
    b[to + 1] = at;
    b[to + 2] = at >>> 8;
    b[to + 3] = length;
    b[to + 4] = length >>> 8;
    b[to + 5] = byte;
    this.used = to + FILL_RECORD_BYTES;
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
    this.reserve(IMAGE_RECORD_BYTES + front + back);
    const b = this.u8;
    let at = this.used;
    b[at] = OP_IMAGE;
    this.#u32(at + 1, page);
    b[at + 5] = front;
    b[at + 6] = front >>> 8;
    b[at + 7] = back;
    b[at + 8] = back >>> 8;
    at += IMAGE_RECORD_BYTES;
    b.set(source.subarray(from, from + front), at);
    const dataAt = at;
    at += front;
    b.set(source.subarray(from + pageSize - back, from + pageSize), at);
    this.used = at + back;
    // Replay does not go on in the page that was selected before.
    this.#page = -1;
    this.#metrics.images++;
    return dataAt - this.frameStart;
  }

  /** All pages of a block; bit i of `touched` says that page i's checksum is out of date. As image. */
  block(block: number, touched: number, source: Uint8Array, from: number): number {
    this.reserve(BLOCK_RECORD_BYTES + BLOCK_BYTES);
    const at = this.used;
    this.u8[at] = OP_BLOCK;
    this.#u32(at + 1, block);
    this.u8[at + 5] = touched;
    this.u8.set(source.subarray(from, from + BLOCK_BYTES), at + BLOCK_RECORD_BYTES);
    this.used = at + BLOCK_RECORD_BYTES + BLOCK_BYTES;
    this.#page = -1;
    this.#metrics.images++;
    return at + BLOCK_RECORD_BYTES - this.frameStart;
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

  catalog(root: number): void {
    this.reserve(PAGE_RECORD_BYTES);
    this.u8[this.used] = OP_CATALOG;
    this.#u32(this.used + 1, root);
    this.used += PAGE_RECORD_BYTES;
    this.#metrics.records++;
  }

  #pair(op: number, first: number, second: number): void {
    this.reserve(PAIR_RECORD_BYTES);
    this.u8[this.used] = op;
    this.#u32(this.used + 1, first);
    this.#u32(this.used + 5, second);
    this.used += PAIR_RECORD_BYTES;
    this.#metrics.records++;
  }

  #u32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** Room for `length` more bytes, and the padding of a block behind them. */
  reserve(length: number): void {
    if (this.used + length + BLOCK_BYTES > this.u8.length) this.#grow(length);
  }

  #grow(length: number): void {
    let size = this.u8.length * 2;
    while (this.used + length + BLOCK_BYTES > size) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.u8.subarray(0, this.used));
    this.u8 = larger;
    this.view = new DataView(larger.buffer);
    this.words = new Uint32Array(larger.buffer);
  }
}
