/**
 * The changes that a page can take: bytes written, moved and filled, a slot put in, the page replaced. Each is
 * also its redo record. One page is selected at a time, and they all change that.
 *
 * ENSURES: (W1) the first change of a block in a log segment logs its image: as long as that is to be logged,
 * edits are not.
 */

import {
  BLOCK_BYTES,
  FILL_RECORD_BYTES,
  MOVE_RECORD_BYTES,
  SLOT_RECORD_BYTES,
  SPLIT_RECORD_BYTES,
  WRITE_RECORD_BYTES,
} from "../log/log-format.js";
import type { RedoLog } from "../log/redo-log.js";
import { AT_HOLES, AT_TAIL, directoryOf, LEAF_SLOT_BYTES, LENGTH_MASK } from "./page-header.js";
import { FRAME_IMAGE, FRAME_TX, type PagePool } from "./page-pool.js";
import type { TouchedBlocks } from "./touched-blocks.js";

export class PageEdits {
  readonly #pool: PagePool;
  readonly #log: RedoLog;
  readonly #touched: TouchedBlocks;
  readonly #begin: () => void;
  /** The selected page; -1: none. */
  #page = -1;
  #offset = 0;
  #frame = 0;
  #logging = false;

  /** `begin` begins a transaction where none runs. */
  constructor(pool: PagePool, log: RedoLog, touched: TouchedBlocks, begin: () => void) {
    this.#pool = pool;
    this.#log = log;
    this.#touched = touched;
    this.#begin = begin;
  }

  /** No page is selected: the transaction is over, or a spill took the selected page's bytes away. */
  deselect(): void {
    this.#page = -1;
  }

  /** Makes the page the one that the primitives change; returns its offset. */
  select(page: number): number {
    const offset = this.#pool.at(page);
    if (page === this.#page && offset === this.#offset) return offset;
    const frame = offset >>> this.#pool.frameShift;
    this.touch(page, frame);
    this.selectFrame(page, offset, frame);
    return offset;
  }

  /** As select, for a page of the running transaction whose frame is known. */
  selectFrame(page: number, offset: number, frame: number): void {
    const pool = this.#pool;
    this.#page = page;
    this.#offset = offset;
    this.#frame = frame;
    this.#logging = (pool.flags[frame]! & FRAME_IMAGE) === 0;
    pool.touched[frame]! |= 1 << (page & ((1 << pool.blockShift) - 1));
  }

  /** The page's block is about to be changed: for the first time in this transaction, perhaps. */
  touch(page: number, frame: number): void {
    if ((this.#pool.flags[frame]! & FRAME_TX) === 0) this.#firstTouch(page, frame);
  }

  #firstTouch(page: number, frame: number): void {
    this.#begin();
    const { committed, generation } = this.#log;
    this.#touched.touch(page >>> this.#pool.blockShift, frame, committed + 1, generation);
  }

  /** Replaces the selected page as a whole, which is logged as its image where no record says how it came about. */
  replace(bytes: Uint8Array, logged: boolean): void {
    this.#pool.u8.set(bytes, this.#offset);
    this.#pool.renew(this.#frame);
    if (!logged) this.#imageInstead();
  }

  /**
   * Leaf `left` is about to be cut in two, as SplitRedo does it; `right` is a page just allocated. False where
   * no record can say that, since the log does not have what the leaf holds now.
   */
  logSplit(left: number, right: number, cut: number, separator: Uint8Array): boolean {
    const pool = this.#pool;
    const log = this.#log;
    this.select(left);
    if (!this.#logging || pool.blockShift !== 0) return false;
    log.records.split(left, right, cut, separator);
    this.#count(SPLIT_RECORD_BYTES + separator.length);
    const frame = pool.frameOf(right);
    pool.flags[frame]! &= ~FRAME_IMAGE;
    pool.imaged[frame] = log.generation;
    return true;
  }

  /** The selected page is to be logged as an image: its edits from here on are not logged. */
  #imageInstead(): void {
    this.#pool.flags[this.#frame]! |= FRAME_IMAGE;
    this.#logging = false;
  }

  /** Bytes [at, at + length) of the slab, in the selected page, have just been written. */
  written(at: number, length: number): void {
    if (!this.#logging) return;
    this.#log.records.selectPage(this.#page);
    this.#log.records.write(at - this.#offset, this.#pool, at, length);
    this.#count(WRITE_RECORD_BYTES + length);
  }

  /** Slot `index` of the selected leaf and its record have just been put in, and the header says so. */
  slotInserted(index: number): void {
    if (!this.#logging) return;
    const pool = this.#pool;
    const { u16, u32 } = pool;
    const offset = this.#offset;
    const slot = (offset + pool.pageSize - LEAF_SLOT_BYTES * (index + 1)) >> 2;
    const extent = u32[slot + 1]!;
    const length = (extent >>> 16) & LENGTH_MASK;
    const { records } = this.#log;
    records.selectPage(this.#page);
    records.slot(
      index,
      u32[slot]!,
      extent,
      u16[(offset + AT_TAIL) >> 1]!,
      u16[(offset + AT_HOLES) >> 1]!,
      pool,
      offset + (extent & 0xffff),
      length,
    );
    this.#count(SLOT_RECORD_BYTES + length);
  }

  /** Copies `length` bytes within the selected page; the ranges may overlap. */
  move(to: number, from: number, length: number): void {
    if (length === 0) return;
    this.#pool.u8.copyWithin(to, from, from + length);
    if (!this.#logging) return;
    this.#log.records.selectPage(this.#page);
    this.#log.records.move(to - this.#offset, from - this.#offset, length);
    this.#count(MOVE_RECORD_BYTES);
  }

  fill(at: number, length: number, byte: number): void {
    this.#pool.u8.fill(byte, at, at + length);
    if (!this.#logging) return;
    this.#log.records.selectPage(this.#page);
    this.#log.records.fill(at - this.#offset, length, byte);
    this.#count(FILL_RECORD_BYTES);
  }

  /** Once a block's edits outweigh its image, the image is logged instead of further edits. */
  #count(bytes: number): void {
    const pool = this.#pool;
    const sum = pool.editBytes[this.#frame]! + bytes;
    pool.editBytes[this.#frame] = sum;
    if (sum > this.#imageBytes()) this.#imageInstead();
  }

  /** What the block's image would take now. */
  #imageBytes(): number {
    const pool = this.#pool;
    const offset = this.#offset;
    if (pool.blockShift !== 0) return BLOCK_BYTES;
    return pool.u16[(offset + AT_TAIL) >> 1]! + directoryOf(pool, offset);
  }
}
