/**
 * Decodes a store's leaf from plain bytes into arrays of offsets and lengths, as legacy/leaf.ts does for legacy
 * ones: for reading pages without the pager, while a file is half converted. Nothing is trusted: every offset
 * is checked before it is used.
 */

import { readU32 } from "../src/base/bytes.js";
import { CorruptionError } from "../src/base/errors.js";
import { LENGTH_MASK, OVERFLOW_FLAG } from "../src/page/leaf.js";
import { OVERFLOW_REFERENCE_BYTES } from "../src/page/limits.js";
import {
  AT_HIGH_LENGTH,
  AT_KIND,
  AT_LOW_LENGTH,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  AT_TAIL,
  KIND_LEAF,
  LEAF_SLOT_BYTES,
  PAGE_HEADER_BYTES,
} from "../src/pager/page-header.js";
import { compareBytes } from "./legacy/big-endian.js";
import type { RecordBatch } from "./legacy/leaf.js";

/** Up to here a loop beats a call of TypedArray.set with the view that it needs. */
const LOOP_BYTES_MAX = 256;

/** Gives the bytes of an overflow run; `page` and `at` say which reference it is, for errors. */
export type ReadRun = (reference: Uint8Array, page: number, at: number) => Uint8Array;

export class StoreLeafDecoder implements RecordBatch {
  readonly #path: string;
  readonly #pageSize: number;
  count = 0;
  keys: Uint8Array;
  keyStart: Uint32Array = new Uint32Array(64);
  keyLength: Uint32Array = new Uint32Array(64);
  values: Uint8Array;
  valueStart: Uint32Array = new Uint32Array(64);
  valueLength: Uint32Array = new Uint32Array(64);
  /** 1 where the value is an overflow reference; only with `references`. */
  overflow: Uint8Array = new Uint8Array(64);
  low: Uint8Array = new Uint8Array(0);
  high: Uint8Array = new Uint8Array(0);
  /** Keys and values together: both views are the same bytes. */
  #arena: Uint8Array;
  #arenaView: DataView;
  #used = 0;

  constructor(path: string, pageSize: number) {
    this.#path = path;
    this.#pageSize = pageSize;
    this.#arena = new Uint8Array(pageSize * 4);
    this.#arenaView = new DataView(this.#arena.buffer);
    this.keys = this.#arena;
    this.values = this.#arena;
  }

  /**
   * Decodes `page` as page `number`. Values in overflow runs are fetched by `readRun`; without it their
   * references stand in their place. Throws CorruptionError (L4, L8, B3).
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
    this.#used = 0;
    this.count = slots;
    for (let slot = 0; slot < slots; slot++) {
      const at = this.#pageSize - LEAF_SLOT_BYTES * (slot + 1);
      const start = view.getUint16(at + 4, true);
      const extent = view.getUint16(at + 6, true);
      const end = start + (extent & LENGTH_MASK);
      if (start < arena || end > tail || end - start < 1)
        throw this.#bad(number, at, "L4", `slot ${slot} points outside the records`);
      this.#record(page, view, number, slot, start, end, prefix, extent >= OVERFLOW_FLAG, readRun);
    }
    this.keys = this.#arena;
    this.values = this.#arena;
    this.#checkOrder(number);
  }

  #record(
    page: Uint8Array,
    view: DataView,
    number: number,
    slot: number,
    start: number,
    end: number,
    prefix: number,
    overflow: boolean,
    readRun: ReadRun | undefined,
  ): void {
    const first = page[start]!;
    const suffix = first < 0x80 ? first : (first & 0x7f) | (page[start + 1]! << 7);
    const key = start + (first < 0x80 ? 1 : 2);
    const value = key + suffix;
    if (value > end) throw this.#bad(number, start, "L4", `the key of slot ${slot} leaves its record`);
    if (overflow && end - value !== OVERFLOW_REFERENCE_BYTES)
      throw this.#bad(number, start, "B3", `the overflow reference of slot ${slot} has a wrong length`);
    const external = overflow ? readRun?.(page.subarray(value, end), number, slot) : undefined;
    const valueBytes = external?.length ?? end - value;
    if (this.#used + prefix + suffix + valueBytes > this.#arena.length)
      this.#growArena(prefix + suffix + valueBytes);
    const arena = this.#arena;
    let to = this.#used;
    this.keyStart[slot] = to;
    this.keyLength[slot] = prefix + suffix;
    for (let i = 0; i < prefix; i++) arena[to + i] = page[PAGE_HEADER_BYTES + i]!;
    to += prefix;
    for (let i = 0; i < suffix; i++) arena[to + i] = page[key + i]!;
    to += suffix;
    this.valueStart[slot] = to;
    this.valueLength[slot] = valueBytes;
    this.overflow[slot] = overflow && external === undefined ? 1 : 0;
    if (external !== undefined) arena.set(external, to);
    else if (valueBytes > LOOP_BYTES_MAX) arena.set(page.subarray(value, end), to);
    else {
      let i = 0;
      for (; i + 4 <= valueBytes; i += 4) this.#arenaView.setUint32(to + i, view.getUint32(value + i));
      for (; i < valueBytes; i++) arena[to + i] = page[value + i]!;
    }
    this.#used = to + valueBytes;
  }

  #checkOrder(number: number): void {
    const { keys, keyStart, keyLength, count, low, high } = this;
    if (count === 0) return;
    if (compareBytes(low, 0, low.length, keys, keyStart[0]!, keyLength[0]!) > 0)
      throw this.#bad(number, -1, "L8", "a key lies below the low fence");
    for (let i = 1; i < count; i++) {
      if (compareBytes(keys, keyStart[i - 1]!, keyLength[i - 1]!, keys, keyStart[i]!, keyLength[i]!) >= 0)
        throw this.#bad(number, -1, "L8", `the key of slot ${i} is not above the one before`);
    }
    const last = count - 1;
    if (high.length > 0 && compareBytes(keys, keyStart[last]!, keyLength[last]!, high, 0, high.length) >= 0)
      throw this.#bad(number, -1, "L8", "a key lies above the high fence");
  }

  #growArena(more: number): void {
    const wider = new Uint8Array((this.#used + more) * 2);
    wider.set(this.#arena.subarray(0, this.#used));
    this.#arena = wider;
    this.#arenaView = new DataView(wider.buffer);
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
