/**
 * The page pool: one large slab of memory, cut into frames of one block each (a page, or 4096 bytes
 * where pages are smaller). A page is addressed by its byte offset in the slab; page code works on
 * (slab, offset) and keeps no objects.
 *
 * An offset is valid until the next call that may load a page, unless the page was fetched during
 * the current operation (`beginOperation`): such frames are not evicted.
 */

import { endianness } from "node:os";
import { EMPTY_BYTES } from "../base/bytes.js";
import { PlatformError } from "../base/errors.js";
import type { PagerMetrics } from "../base/metrics.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { PageTable } from "./page-table.js";
import { returnSlab, type Slab, takeSlab } from "./slab.js";

export const FRAMES_MIN = 64;
/** Offsets in the slab stay below 2^31, so that they are small integers everywhere. */
export const SLAB_BYTES_MAX = 0x7fff_0000;

export const FRAME_DIRTY = 1;
/** Changed by the running transaction. */
export const FRAME_TX = 2;
/** To be logged as an image at commit; its edits are not logged. */
export const FRAME_IMAGE = 4;
/** Holds a before-image or an old version, not a block. */
export const FRAME_SPARE = 8;

const NO_BLOCK = -1;
const EVICTION_SAMPLES = 8;

/** What the pool asks of the pager. */
export interface PoolOwner {
  /** Throws CorruptionError where no page of the store lies in such a block. */
  assertBlock(block: number): void;
  /** Fills the frame at `offset` with the block's bytes and checks them; throws CorruptionError. */
  load(block: number, frame: number, offset: number): void;
  /** Checks one page of a block of several at its first use. */
  check(page: number, offset: number): void;
  /** Makes a frame's bytes dispensable: writes back or spills. False where that is not possible now. */
  clean(frame: number): boolean;
  /** What to throw where no frame can be made free. */
  full(): Error;
  /** What to throw where the host has no memory for the table of a file so large. */
  outOfMemory(cause: unknown): Error;
}

export class PagePool {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** The same memory with Buffer's string methods. */
  readonly buffer: Buffer;
  readonly pageSize: number;
  readonly pageShift: number;
  /** Pages a block, as a shift. */
  readonly blockShift: number;
  readonly frameShift: number;
  readonly frameCount: number;

  readonly blockOf: Int32Array;
  readonly flags: Uint8Array;
  /** Changes whenever a frame's bytes are replaced as a whole: state kept beside it is void then. */
  readonly incarnation: Uint32Array;
  /** Pages of the frame's block whose checksum and structure are known to be right, one bit each. */
  readonly checked: Uint8Array;
  /** Pages of the frame's block changed since it was last written, one bit each. */
  readonly touched: Uint8Array;
  /** Log generation in which the block was last imaged (W1). */
  readonly imaged: Uint32Array;
  /** Log generation in which the block became dirty. */
  readonly dirtySince: Uint32Array;
  /** Number of the commit that changed the block last. */
  readonly changedBy: Float64Array;
  /** Bytes of edits logged for the block in the running transaction. */
  readonly editBytes: Uint32Array;

  /** Whole keys copied out of pages, and full key comparisons behind a tie of heads. */
  keyDecodes = 0;
  keyCompares = 0;

  /** Changes whenever the bytes behind an offset may have: who remembers offsets compares it. */
  epoch = 0;

  #viewedKey: Uint8Array = EMPTY_BYTES;
  #keyWords: DataView = new DataView(EMPTY_BYTES.buffer);

  readonly #slab: Slab;
  readonly #owner: PoolOwner;
  readonly #metrics: PagerMetrics;
  readonly #stamp: Uint32Array;
  #operation = 1;
  readonly #table: PageTable = new PageTable();
  readonly #freeFrames: Int32Array;
  #freeCount: number;
  #sampler = 0x2545f491;
  #spares = 0;

  constructor(pageSize: number, cacheBytes: number, owner: PoolOwner, metrics: PagerMetrics) {
    if (endianness() !== "LE") throw new PlatformError("espalier runs on little-endian hosts only");
    const frameBytes = Math.max(pageSize, BLOCK_BYTES);
    this.pageSize = pageSize;
    this.pageShift = Math.log2(pageSize);
    this.frameShift = Math.log2(frameBytes);
    this.blockShift = this.frameShift - this.pageShift;
    this.frameCount = Math.max(FRAMES_MIN, Math.floor(Math.min(cacheBytes, SLAB_BYTES_MAX) / frameBytes));
    this.#owner = owner;
    this.#metrics = metrics;

    const slabBytes = this.frameCount * frameBytes;
    this.#slab = takeSlab(slabBytes);
    const { memory } = this.#slab;
    this.u8 = new Uint8Array(memory, 0, slabBytes);
    this.u16 = new Uint16Array(memory, 0, slabBytes >> 1);
    this.u32 = new Uint32Array(memory, 0, slabBytes >> 2);
    this.view = new DataView(memory, 0, slabBytes);
    this.buffer = Buffer.from(memory, 0, slabBytes);

    const n = this.frameCount;
    this.blockOf = new Int32Array(n).fill(NO_BLOCK);
    this.flags = new Uint8Array(n);
    this.incarnation = new Uint32Array(n);
    this.checked = new Uint8Array(n);
    this.touched = new Uint8Array(n);
    this.imaged = new Uint32Array(n);
    this.dirtySince = new Uint32Array(n);
    this.changedBy = new Float64Array(n);
    this.editBytes = new Uint32Array(n);
    this.#stamp = new Uint32Array(n);
    this.#freeFrames = new Int32Array(n);
    for (let i = 0; i < n; i++) this.#freeFrames[i] = n - 1 - i;
    this.#freeCount = n;
  }

  /** Frames that hold no block: before-images and versions. */
  get spares(): number {
    return this.#spares;
  }

  /** From here on, pages fetched before may be evicted again. */
  beginOperation(): void {
    if (++this.#operation === 0xffff_ffff) {
      this.#operation = 1;
      this.#stamp.fill(0);
    }
  }

  /** Offset of a page's bytes, loaded and checked where need be. Throws CorruptionError, IoError. */
  at(page: number): number {
    const block = page >>> this.blockShift;
    let frame = this.#table.get(block);
    if (frame >= 0) this.#metrics.hits++;
    else frame = this.#miss(block);
    this.#stamp[frame] = this.#operation;
    if (this.blockShift === 0) return frame << this.frameShift;
    return this.pageIn(page, frame);
  }

  /** Offset of a page in the frame that holds its block, or a copy of it. */
  pageIn(page: number, frame: number): number {
    if (this.blockShift === 0) return frame << this.frameShift;
    const index = page & ((1 << this.blockShift) - 1);
    const offset = (frame << this.frameShift) + (index << this.pageShift);
    if ((this.checked[frame]! & (1 << index)) === 0) {
      this.#owner.check(page, offset);
      this.checked[frame]! |= 1 << index;
    }
    return offset;
  }

  /** Frame of a block that is here, or -1. Does not count as a use. */
  lookup(block: number): number {
    return this.#table.get(block);
  }

  /** Frame of a block, loaded where need be, its pages unchecked. */
  frameOf(block: number): number {
    let frame = this.lookup(block);
    if (frame < 0) frame = this.#miss(block);
    this.#stamp[frame] = this.#operation;
    return frame;
  }

  #miss(block: number): number {
    this.#metrics.misses++;
    this.#owner.assertBlock(block);
    const frame = this.#emptyFrame();
    this.#adopt(block, frame);
    try {
      this.#owner.load(block, frame, frame << this.frameShift);
    } catch (error) {
      this.drop(frame);
      throw error;
    }
    return frame;
  }

  /** A frame for a block whose bytes are about to be written whole; they are zero now. */
  fresh(block: number): number {
    const frame = this.#emptyFrame();
    const offset = frame << this.frameShift;
    this.u8.fill(0, offset, offset + (1 << this.frameShift));
    this.#adopt(block, frame);
    this.#stamp[frame] = this.#operation;
    return frame;
  }

  /** Copies a frame's bytes and all that is known of them to a spare, or back. */
  copyFrame(from: number, to: number): void {
    const bytes = 1 << this.frameShift;
    const start = from << this.frameShift;
    this.u8.copyWithin(to << this.frameShift, start, start + bytes);
    this.checked[to] = this.checked[from]!;
    this.touched[to] = this.touched[from]!;
    this.dirtySince[to] = this.dirtySince[from]!;
    this.changedBy[to] = this.changedBy[from]!;
    this.flags[to] = (this.flags[to]! & FRAME_SPARE) | (this.flags[from]! & FRAME_DIRTY);
  }

  /** A frame that holds no block; its bytes are arbitrary. */
  takeSpare(): number {
    const frame = this.#emptyFrame();
    this.flags[frame] = FRAME_SPARE;
    this.#spares++;
    return frame;
  }

  releaseSpare(frame: number): void {
    this.flags[frame] = 0;
    this.checked[frame] = 0;
    this.#spares--;
    this.#freeFrames[this.#freeCount++] = frame;
    this.epoch++;
  }

  /** A spare becomes the frame of a block that is not here, with all that is known of its bytes. */
  adoptSpare(frame: number, block: number): void {
    const dirty = this.flags[frame]! & FRAME_DIRTY;
    const touched = this.touched[frame]!;
    const dirtySince = this.dirtySince[frame]!;
    const changedBy = this.changedBy[frame]!;
    this.#adopt(block, frame);
    this.flags[frame] = dirty;
    this.touched[frame] = touched;
    this.dirtySince[frame] = dirtySince;
    this.changedBy[frame] = changedBy;
    this.#spares--;
  }

  /** Bytes [at, end) of the slab for a caller outside of the store: a view where that is safe, else a copy. */
  handOut(at: number, end: number): Uint8Array {
    if (!this.#slab.fixed) return this.u8.slice(at, end);
    this.#slab.viewed = true;
    return this.u8.subarray(at, end);
  }

  /** A view of the key for words at any place. That of the last key is kept: they are put into the same buffer. */
  wordsOf(key: Uint8Array): DataView {
    if (key !== this.#viewedKey) {
      this.#keyWords = new DataView(key.buffer, key.byteOffset, key.byteLength);
      this.#viewedKey = key;
    }
    return this.#keyWords;
  }

  /** Whether bytes from outside of the store are a view of the slab. */
  isView(bytes: Uint8Array): boolean {
    return this.#slab.viewed && bytes.buffer === this.#slab.memory;
  }

  /** The store is closed: the memory may serve another. */
  close(): void {
    returnSlab(this.u8.length, this.#slab);
  }

  /** Forgets a block's bytes. */
  drop(frame: number): void {
    this.#forget(frame);
    this.#freeFrames[this.#freeCount++] = frame;
    this.epoch++;
  }

  /** Forgets all blocks that the data file has as they are. */
  dropClean(): void {
    for (let frame = 0; frame < this.frameCount; frame++) {
      if (this.blockOf[frame]! >= 0 && this.flags[frame] === 0) this.drop(frame);
    }
  }

  /** The frame's bytes were replaced as a whole. */
  renew(frame: number): void {
    this.incarnation[frame]!++;
    this.epoch++;
  }

  #adopt(block: number, frame: number): void {
    this.#enter(block, frame);
    this.blockOf[frame] = block;
    this.flags[frame] = 0;
    this.imaged[frame] = 0;
    this.dirtySince[frame] = 0;
    this.changedBy[frame] = 0;
    this.editBytes[frame] = 0;
    this.touched[frame] = 0;
    this.incarnation[frame]!++;
    this.epoch++;
  }

  /** Into the table; where that has no room the frame stays free. */
  #enter(block: number, frame: number): void {
    try {
      this.#table.add(block, frame);
    } catch (error) {
      this.#freeFrames[this.#freeCount++] = frame;
      throw this.#owner.outOfMemory(error);
    }
  }

  #emptyFrame(): number {
    if (this.#freeCount > 0) return this.#freeFrames[--this.#freeCount]!;
    const frame = this.#evict();
    this.#metrics.evictions++;
    this.#forget(frame);
    this.epoch++;
    return frame;
  }

  /** The least recently used of a few random frames; a whole sweep where none of them will do. */
  #evict(): number {
    for (let round = 0; round < 4; round++) {
      let best = -1;
      for (let k = 0; k < EVICTION_SAMPLES; k++) {
        const frame = this.#random(this.frameCount);
        if (this.#mayEvict(frame) && (best < 0 || this.#stamp[frame]! < this.#stamp[best]!)) best = frame;
      }
      if (best >= 0 && this.#owner.clean(best)) return best;
    }
    for (const worst of [0, FRAME_DIRTY, FRAME_DIRTY | FRAME_TX]) {
      for (let frame = 0; frame < this.frameCount; frame++) {
        if (!this.#mayEvict(frame) || (this.flags[frame]! & (FRAME_DIRTY | FRAME_TX)) > worst) continue;
        if (this.#owner.clean(frame)) return frame;
      }
    }
    throw this.#owner.full();
  }

  #mayEvict(frame: number): boolean {
    return (this.flags[frame]! & FRAME_SPARE) === 0 && this.#stamp[frame] !== this.#operation;
  }

  #random(limit: number): number {
    let x = this.#sampler;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#sampler = x;
    return (x >>> 0) % limit;
  }

  #forget(frame: number): void {
    this.#table.remove(this.blockOf[frame]!);
    this.blockOf[frame] = NO_BLOCK;
    this.flags[frame] = 0;
    this.checked[frame] = 0;
  }
}
