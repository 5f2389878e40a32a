/**
 * The one helper that makes a leaf as a compact image: for the pages that a split, merge or borrow
 * makes, and for the pack of a fragmented one. It works in a scratch page, sizes the result before
 * anything of the target changes (L1), and writes records in key order without gaps.
 */

import {
  type ByteMemory,
  byteMemory,
  copyBytes,
  copyWords,
  EMPTY_BYTES,
  sharedPrefixLength,
} from "../base/bytes.js";
import {
  AT_HIGH_LENGTH,
  AT_HOLES,
  AT_KIND,
  AT_LEVEL,
  AT_LOW_LENGTH,
  AT_NUMBER,
  AT_PREFIX_LENGTH,
  AT_RECORDS,
  AT_SLOTS,
  AT_TAIL,
  KIND_LEAF,
  LEAF_SLOT_BYTES,
  PAGE_HEADER_BYTES,
} from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import type { Pager } from "../pager/pager.js";
import {
  headOf,
  highFence,
  LENGTH_MASK,
  lowFence,
  OVERFLOW_FLAG,
  type PageMemory,
  prefixLength,
  recordAt,
  recordLength,
  slotCount,
  suffixLength,
  suffixVarintBytes,
} from "./leaf.js";

export class LeafBuilder {
  readonly #pageSize: number;
  readonly #memory: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #page: ByteMemory;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  #prefix = 0;
  #slots = 0;
  #tail = 0;

  /** `memory`, where given, has the page at its start, and behind it the records that addWithin takes. */
  constructor(pageSize: number, memory: Uint8Array = new Uint8Array(pageSize)) {
    this.#pageSize = pageSize;
    this.#memory = memory;
    this.#bytes = memory.subarray(0, pageSize);
    this.#page = byteMemory(this.#bytes);
    this.#halves = new Uint16Array(memory.buffer, memory.byteOffset, pageSize >> 1);
    this.#words = new Uint32Array(memory.buffer, memory.byteOffset, pageSize >> 2);
  }

  get slots(): number {
    return this.#slots;
  }

  /** Bytes that are still free. */
  get room(): number {
    return this.#pageSize - LEAF_SLOT_BYTES * this.#slots - this.#tail;
  }

  /** Begins a page; the prefix is all that the fences share. */
  start(low: Uint8Array, high: Uint8Array): void {
    this.#bytes.fill(0);
    this.#bytes.set(low, PAGE_HEADER_BYTES);
    this.#bytes.set(high, PAGE_HEADER_BYTES + low.length);
    this.#halves[AT_LOW_LENGTH >> 1] = low.length;
    this.#halves[AT_HIGH_LENGTH >> 1] = high.length;
    this.#prefix = sharedPrefixLength(low, high);
    this.#slots = 0;
    this.#tail = PAGE_HEADER_BYTES + low.length + high.length;
  }

  /** Adds a record behind the ones before; false, and nothing is changed, where it does not fit. */
  add(
    key: Uint8Array,
    keyLength: number,
    value: Uint8Array,
    from: number,
    length: number,
    overflow: boolean,
  ): boolean {
    const suffix = keyLength - this.#prefix;
    const record = suffixVarintBytes(suffix) + suffix + length;
    if (record + LEAF_SLOT_BYTES > this.room) return false;
    let at = this.#tail;
    const b = this.#bytes;
    if (suffix < 0x80) b[at++] = suffix;
    else {
      b[at++] = (suffix & 0x7f) | 0x80;
      b[at++] = suffix >>> 7;
    }
    for (let i = this.#prefix; i < keyLength; i++) b[at++] = key[i]!;
    copyBytes(b, at, value, from, length);
    const word = (this.#pageSize - LEAF_SLOT_BYTES * (this.#slots + 1)) >> 2;
    this.#words[word] = headOf(key, this.#prefix, keyLength);
    this.#words[word + 1] = this.#tail | ((overflow ? record | OVERFLOW_FLAG : record) << 16);
    this.#tail += record;
    this.#slots++;
    return true;
  }

  /** As add, for a record that lies in the memory given to the constructor: moved without a view of its own. */
  addWithin(keyAt: number, keyLength: number, valueAt: number, length: number, overflow: boolean): boolean {
    const suffix = keyLength - this.#prefix;
    const record = suffixVarintBytes(suffix) + suffix + length;
    if (record + LEAF_SLOT_BYTES > this.room) return false;
    let at = this.#tail;
    const b = this.#memory;
    if (suffix < 0x80) b[at++] = suffix;
    else {
      b[at++] = (suffix & 0x7f) | 0x80;
      b[at++] = suffix >>> 7;
    }
    const end = keyAt + keyLength;
    for (let from = keyAt + this.#prefix; from < end; from++) b[at++] = b[from]!;
    if (length < 16) for (let i = 0; i < length; i++) b[at + i] = b[valueAt + i]!;
    else b.copyWithin(at, valueAt, valueAt + length);
    const word = (this.#pageSize - LEAF_SLOT_BYTES * (this.#slots + 1)) >> 2;
    this.#words[word] = headOf(b, keyAt + this.#prefix, end);
    this.#words[word + 1] = this.#tail | ((overflow ? record | OVERFLOW_FLAG : record) << 16);
    this.#tail += record;
    this.#slots++;
    return true;
  }

  /** Makes the left half of a leaf that is cut before its record `cut`; false where that does not fit. */
  leftHalf(pool: PageMemory, offset: number, cut: number, separator: Uint8Array): boolean {
    this.start(lowFence(pool, offset), separator);
    return this.addFrom(pool, offset, 0, cut);
  }

  /** As leftHalf, the right one. */
  rightHalf(pool: PageMemory, offset: number, cut: number, separator: Uint8Array): boolean {
    this.start(separator, highFence(pool, offset));
    return this.addFrom(pool, offset, cut, slotCount(pool, offset));
  }

  /** Adds slots from..to-1 of a leaf in the pool; false where they do not all fit. */
  addFrom(pool: PageMemory, offset: number, from: number, to: number): boolean {
    const { u8, u32 } = pool;
    const b = this.#bytes;
    // Bytes that move from the records into the prefix, or (below zero) out of it.
    const cut = this.#prefix - prefixLength(pool, offset);
    const fence = offset + PAGE_HEADER_BYTES + this.#prefix;
    let slot = (offset + pool.pageSize - LEAF_SLOT_BYTES * (from + 1)) >> 2;
    let word = (this.#pageSize - LEAF_SLOT_BYTES * (this.#slots + 1)) >> 2;
    let at = this.#tail;
    for (let index = from; index < to; index++, slot -= 2, word -= 2) {
      const extent = u32[slot + 1]!;
      const record = offset + (extent & 0xffff);
      const old = suffixLength(u8, record);
      const suffix = old - cut;
      let source = record + suffixVarintBytes(old);
      const end = record + ((extent >>> 16) & LENGTH_MASK);
      const start = at;
      if (start + suffixVarintBytes(suffix) + suffix + (end - source - old) > word << 2) return false;
      if (suffix < 0x80) b[at++] = suffix;
      else {
        b[at++] = (suffix & 0x7f) | 0x80;
        b[at++] = suffix >>> 7;
      }
      if (cut > 0) source += cut;
      else for (let i = 0; i < -cut; i++) b[at++] = u8[fence + i]!;
      copyWords(this.#page, at, pool, source, end - source);
      at += end - source;
      const key = start + suffixVarintBytes(suffix);
      this.#words[word] = cut === 0 ? u32[slot]! : headOf(b, key, key + suffix);
      this.#words[word + 1] = start | ((at - start) << 16) | (extent & (OVERFLOW_FLAG << 16));
      this.#slots++;
    }
    this.#tail = at;
    return true;
  }

  /** The finished page, without number and checksum; valid until the next start. */
  finish(): Uint8Array {
    const b = this.#bytes;
    b[AT_KIND] = KIND_LEAF;
    b[AT_LEVEL] = 0;
    this.#halves[AT_SLOTS >> 1] = this.#slots;
    this.#halves[AT_TAIL >> 1] = this.#tail;
    this.#halves[AT_HOLES >> 1] = 0;
    this.#halves[AT_PREFIX_LENGTH >> 1] = this.#prefix;
    return b;
  }

  /**
   * Puts the finished page in the place of `page`, which keeps its number and record count. `logged` says
   * that a log record tells how it came about.
   */
  writeTo(pager: Pager, page: number, logged = false): void {
    const offset = pager.edits.select(page);
    const image = this.finish();
    this.#words[AT_NUMBER >> 2] = page;
    this.#words[AT_RECORDS >> 2] = pager.pool.u32[(offset + AT_RECORDS) >> 2]!;
    this.#words[(AT_RECORDS >> 2) + 1] = pager.pool.u32[(offset + AT_RECORDS + 4) >> 2]!;
    pager.edits.replace(image, logged);
  }
}

/** Bytes that records from..to-1 of a leaf take under other fences, slots and fences included. */
export function leafBytesUnder(
  pool: PagePool,
  offset: number,
  from: number,
  to: number,
  low: Uint8Array,
  high: Uint8Array,
): number {
  const change = prefixLength(pool, offset) - sharedPrefixLength(low, high);
  let bytes = low.length + high.length;
  for (let index = from; index < to; index++) {
    const suffix = suffixLength(pool.u8, recordAt(pool, offset, index));
    const varints = suffixVarintBytes(suffix + change) - suffixVarintBytes(suffix);
    bytes += LEAF_SLOT_BYTES + recordLength(pool, offset, index) + change + varints;
  }
  return bytes;
}

/** An empty leaf without bounds: the root of a new tree. */
export function writeEmptyRoot(pager: Pager, builder: LeafBuilder, page: number): void {
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  builder.writeTo(pager, page);
}
