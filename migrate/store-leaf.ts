/**
 * Decodes a store's leaf from plain bytes into arrays of offsets and lengths, as legacy/leaf.ts does for legacy
 * ones: for reading pages without the pager, while a file is half converted. Nothing is trusted: every offset
 * is checked before it is used.
 */

import { readU32 } from "../src/base/bytes.js";
import { CorruptionError } from "../src/base/errors.js";
import { headOf, LENGTH_MASK, OVERFLOW_FLAG } from "../src/page/leaf.js";
import { OVERFLOW_REFERENCE_BYTES } from "../src/page/limits.js";
import {
  AT_HIGH_LENGTH,
  AT_KIND,
  AT_LOW_LENGTH,
  AT_NUMBER,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  AT_TAIL,
  KIND_LEAF,
  LEAF_SLOT_BYTES,
  PAGE_HEADER_BYTES,
} from "../src/pager/page-header.js";
import { compareBytes } from "./legacy/big-endian.js";
import type { RecordBatch } from "./legacy/leaf.js";

const NONE: Uint8Array = new Uint8Array(0);

/** Gives the bytes of an overflow run; `page` and `at` say which reference it is, for errors. */
export type ReadRun = (reference: Uint8Array, page: number, at: number) => Uint8Array;

export class StoreLeafDecoder implements RecordBatch {
  readonly #path: string;
  readonly #pageSize: number;
  count = 0;
  keys: Uint8Array = NONE;
  keyStart: Uint32Array = new Uint32Array(64);
  keyLength: Uint32Array = new Uint32Array(64);
  /** The page itself, or a copy where values come from overflow runs. */
  values: Uint8Array = NONE;
  valueStart: Uint32Array = new Uint32Array(64);
  valueLength: Uint32Array = new Uint32Array(64);
  /** 1 where the value is an overflow reference; only with `references`. */
  overflow: Uint8Array = new Uint8Array(64);
  low: Uint8Array = NONE;
  high: Uint8Array = NONE;
  /** Keys put together from prefix and suffix. */
  #joined: Uint8Array = NONE;

  constructor(path: string, pageSize: number) {
    this.#path = path;
    this.#pageSize = pageSize;
  }

  /**
   * Decodes `page` as page `number`; the batch is valid as long as the page's bytes are. Values in overflow
   * runs are fetched by `readRun`; without it their references stand in their place. Throws CorruptionError
   * (L3, L4, L6, L8, L9, B3).
   */
  decode(page: Uint8Array, number: number, readRun?: ReadRun): void {
    const view = new DataView(page.buffer, page.byteOffset, this.#pageSize);
    const low = view.getUint16(AT_LOW_LENGTH, true);
    const high = view.getUint16(AT_HIGH_LENGTH, true);
    const prefix = view.getUint16(AT_PREFIX_LENGTH, true);
    const slots = view.getUint16(AT_SLOTS, true);
    const tail = view.getUint16(AT_TAIL, true);
    const arena = PAGE_HEADER_BYTES + low + high;
    if (page[AT_KIND] !== KIND_LEAF) throw this.#bad(number, AT_KIND, "L9", "it is not a leaf");
    if (arena > tail || tail + slots * LEAF_SLOT_BYTES > this.#pageSize || prefix > low) {
      throw this.#bad(number, AT_TAIL, "L6", "fences, records and slots overlap");
    }
    if (this.keyStart.length < slots) this.#growLists(slots);
    this.low = page.slice(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + low);
    this.high = page.slice(PAGE_HEADER_BYTES + low, arena);
    this.count = slots;
    this.values = page;
    const external = this.#readSlots(page, view, number, arena, tail);
    this.#checkOrder(page, number);
    this.#joinKeys(page, prefix);
    if (readRun !== undefined && external) this.#fetchValues(page, number, readRun);
  }

  /** Finds suffixes and values in the page; true where some value is in an overflow run. */
  #readSlots(page: Uint8Array, view: DataView, number: number, arena: number, tail: number): boolean {
    const { keyStart, keyLength, valueStart, valueLength, count } = this;
    let external = false;
    for (let slot = 0; slot < count; slot++) {
      const at = this.#pageSize - LEAF_SLOT_BYTES * (slot + 1);
      const start = view.getUint16(at + 4, true);
      const extent = view.getUint16(at + 6, true);
      const end = start + (extent & LENGTH_MASK);
      if (start < arena || end > tail || end - start < 1)
        throw this.#bad(number, at, "L4", `slot ${slot} points outside the records`);
      const first = page[start]!;
      const suffix = first < 0x80 ? first : (first & 0x7f) | (page[start + 1]! << 7);
      const key = start + (first < 0x80 ? 1 : 2);
      const value = key + suffix;
      if (value > end) throw this.#bad(number, start, "L4", `the key of slot ${slot} leaves its record`);
      if (headOf(page, key, value) !== view.getUint32(at, true))
        throw this.#bad(number, at, "L3", `the head of slot ${slot} is not that of its key`);
      const overflow = extent >= OVERFLOW_FLAG;
      if (overflow && end - value !== OVERFLOW_REFERENCE_BYTES)
        throw this.#bad(number, start, "B3", `the overflow reference of slot ${slot} has a wrong length`);
      external ||= overflow;
      keyStart[slot] = key;
      keyLength[slot] = suffix;
      valueStart[slot] = value;
      valueLength[slot] = end - value;
      this.overflow[slot] = overflow ? 1 : 0;
    }
    return external;
  }

  /** By suffixes: what is in front of them is the same for all. */
  #checkOrder(page: Uint8Array, number: number): void {
    const { keyStart, keyLength, count } = this;
    for (let i = 1; i < count; i++) {
      if (compareBytes(page, keyStart[i - 1]!, keyLength[i - 1]!, page, keyStart[i]!, keyLength[i]!) >= 0)
        throw this.#bad(number, -1, "L8", `the key of slot ${i} is not above the one before`);
    }
  }

  #joinKeys(page: Uint8Array, prefix: number): void {
    const { keyStart, keyLength, count } = this;
    this.keys = page;
    if (prefix > 0) {
      let total = prefix * count;
      for (let i = 0; i < count; i++) total += keyLength[i]!;
      if (this.#joined.length < total) this.#joined = new Uint8Array(total * 2);
      const joined = this.#joined;
      let to = 0;
      for (let i = 0; i < count; i++) {
        const from = keyStart[i]!;
        const end = from + keyLength[i]!;
        keyStart[i] = to;
        keyLength[i] = prefix + end - from;
        for (let k = 0; k < prefix; k++) joined[to++] = page[PAGE_HEADER_BYTES + k]!;
        for (let k = from; k < end; k++) joined[to++] = page[k]!;
      }
      this.keys = joined;
    }
    this.#checkFences(page);
  }

  #checkFences(page: Uint8Array): void {
    const { keys, keyStart, keyLength, count, low, high } = this;
    if (count === 0) return;
    const number = readU32(page, AT_NUMBER);
    if (compareBytes(low, 0, low.length, keys, keyStart[0]!, keyLength[0]!) > 0)
      throw this.#bad(number, -1, "L8", "a key lies below the low fence");
    const last = count - 1;
    if (high.length > 0 && compareBytes(keys, keyStart[last]!, keyLength[last]!, high, 0, high.length) >= 0)
      throw this.#bad(number, -1, "L8", "a key lies above the high fence");
  }

  /** Copies the values together, those of overflow runs in the place of their references. */
  #fetchValues(page: Uint8Array, number: number, readRun: ReadRun): void {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (let slot = 0; slot < this.count; slot++) {
      const from = this.valueStart[slot]!;
      let value = page.subarray(from, from + this.valueLength[slot]!);
      if (this.overflow[slot] === 1) value = readRun(value, number, slot);
      this.overflow[slot] = 0;
      parts.push(value);
      this.valueStart[slot] = total;
      this.valueLength[slot] = value.length;
      total += value.length;
    }
    const values = new Uint8Array(total);
    parts.forEach((value, slot) => {
      values.set(value, this.valueStart[slot]!);
    });
    this.values = values;
  }

  #growLists(slots: number): void {
    this.keyStart = new Uint32Array(slots);
    this.keyLength = new Uint32Array(slots);
    this.valueStart = new Uint32Array(slots);
    this.valueLength = new Uint32Array(slots);
    this.overflow = new Uint8Array(slots);
  }

  #bad(page: number, offset: number, invariant: string, reason: string): CorruptionError {
    return new CorruptionError(invariant, reason, { path: this.#path, page, offset });
  }
}

/** Length and first page of an overflow reference. */
export function referenceOf(reference: Uint8Array): { length: number; page: number; checksum: number } {
  return { length: readU32(reference, 0), page: readU32(reference, 4), checksum: readU32(reference, 8) };
}
