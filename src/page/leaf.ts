/**
 * Reading a leaf where it lies (docs/format.md, L invariants).
 *
 *   [page header][low fence][high fence][record arena -> ... free ... <- slot directory]
 *   slot   = head u32 | offset u16 | length u16, top bit: the value is an overflow reference
 *   record = key length varint | key behind the prefix | value
 *
 * Slot i lies 8 * (i + 1) bytes before the page's end, so that appends move no slots. `head` is the
 * first four bytes of the key behind the prefix as a big-endian number, padded with zeros.
 *
 * All functions take the slab and the page's byte offset, keep nothing and allocate nothing but where
 * they return bytes. They rely on what the page check has asserted.
 */

import {
  AT_HIGH_LENGTH,
  AT_LOW_LENGTH,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  LEAF_SLOT_BYTES,
  LENGTH_MASK,
  OVERFLOW_FLAG,
  PAGE_HEADER_BYTES,
} from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import { firstNotBelow, HEAD_BYTES } from "./head-search.js";

export { LENGTH_MASK, OVERFLOW_FLAG };

/** Where pages lie: the pool's slab, or a page of its own. */
export type PageMemory = Pick<PagePool, "u8" | "u16" | "u32" | "view" | "pageSize" | "keyDecodes">;

export function slotCount(pool: PageMemory, offset: number): number {
  return pool.u16[(offset + AT_SLOTS) >> 1]!;
}

export function prefixLength(pool: PageMemory, offset: number): number {
  return pool.u16[(offset + AT_PREFIX_LENGTH) >> 1]!;
}

/** Byte offset of slot `index`. */
export function slotAt(pool: PageMemory, offset: number, index: number): number {
  return offset + pool.pageSize - LEAF_SLOT_BYTES * (index + 1);
}

/** Byte offset of slot `index`'s record. */
export function recordAt(pool: PageMemory, offset: number, index: number): number {
  return offset + pool.u16[(slotAt(pool, offset, index) + 4) >> 1]!;
}

/** Length of slot `index`'s record. */
export function recordLength(pool: PageMemory, offset: number, index: number): number {
  return pool.u16[(slotAt(pool, offset, index) + 6) >> 1]! & LENGTH_MASK;
}

export function isOverflow(pool: PageMemory, offset: number, index: number): boolean {
  return pool.u16[(slotAt(pool, offset, index) + 6) >> 1]! >= OVERFLOW_FLAG;
}

/** Length of the key behind the prefix, of the record at `record`. */
export function suffixLength(u8: Uint8Array, record: number): number {
  const first = u8[record]!;
  return first < 0x80 ? first : (first & 0x7f) | (u8[record + 1]! << 7);
}

/** Bytes that the varint of a suffix length takes. */
export function suffixVarintBytes(length: number): number {
  return length < 0x80 ? 1 : 2;
}

/** The four bytes of `key` from `from` on as a number, zeros where it ends. */
export function headOf(key: Uint8Array, from: number, length: number): number {
  const left = length - from;
  if (left >= 4) {
    return ((key[from]! << 24) | (key[from + 1]! << 16) | (key[from + 2]! << 8) | key[from + 3]!) >>> 0;
  }
  let head = 0;
  if (left > 0) head = key[from]! << 24;
  if (left > 1) head |= key[from + 1]! << 16;
  if (left > 2) head |= key[from + 2]! << 8;
  return head >>> 0;
}

/**
 * Compares the record's key with `key` (of `length` bytes), both behind the prefix. The first four
 * bytes, where both have them, are known to be equal.
 */
function compareBehindHead(
  u8: Uint8Array,
  record: number,
  key: Uint8Array,
  prefix: number,
  length: number,
): number {
  const first = u8[record]!;
  let own = first;
  let at = record + 1;
  if (first >= 0x80) {
    own = (first & 0x7f) | (u8[at]! << 7);
    at++;
  }
  const wanted = length - prefix;
  const shared = own < wanted ? own : wanted;
  for (let i = HEAD_BYTES; i < shared; i++) {
    const difference = u8[at + i]! - key[prefix + i]!;
    if (difference !== 0) return difference;
  }
  return own - wanted;
}

/**
 * Index of the slot that holds `key`, or -(i + 1) where i is the first slot with a larger key.
 * REQUIRES: the key lies between the fences, so that it begins with the prefix.
 */
export function searchLeaf(pool: PagePool, offset: number, key: Uint8Array, length: number): number {
  const u32 = pool.u32;
  const prefix = pool.u16[(offset + AT_PREFIX_LENGTH) >> 1]!;
  const head = headOf(key, prefix, length);
  const base = ((offset + pool.pageSize) >> 2) - 2;
  let high = pool.u16[(offset + AT_SLOTS) >> 1]!;
  let low = firstNotBelow(u32, base, 2, high, head);
  // Mostly no head is the same, or one is.
  let middle = low;
  while (low < high) {
    const probe = u32[base - 2 * middle]!;
    if (probe > head) high = middle;
    else {
      pool.keyCompares++;
      const record = offset + (u32[base - 2 * middle + 1]! & 0xffff);
      const order = compareBehindHead(pool.u8, record, key, prefix, length);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    middle = (low + high) >>> 1;
  }
  return -(low + 1);
}

export function lowFenceLength(pool: PageMemory, offset: number): number {
  return pool.u16[(offset + AT_LOW_LENGTH) >> 1]!;
}

export function highFenceLength(pool: PageMemory, offset: number): number {
  return pool.u16[(offset + AT_HIGH_LENGTH) >> 1]!;
}

/** Where the record arena begins, counted from the page's start. */
export function arenaStart(pool: PageMemory, offset: number): number {
  return PAGE_HEADER_BYTES + lowFenceLength(pool, offset) + highFenceLength(pool, offset);
}

/** A copy of the low fence; empty: minus infinity (B2). */
export function lowFence(pool: PageMemory, offset: number): Uint8Array {
  const from = offset + PAGE_HEADER_BYTES;
  return pool.u8.slice(from, from + lowFenceLength(pool, offset));
}

/** A copy of the high fence; empty: plus infinity (B2). */
export function highFence(pool: PageMemory, offset: number): Uint8Array {
  const from = offset + PAGE_HEADER_BYTES + lowFenceLength(pool, offset);
  return pool.u8.slice(from, from + highFenceLength(pool, offset));
}

/** Whether low fence <= key < high fence: whether the key, if it exists, is in this leaf. */
export function isBetweenFences(pool: PageMemory, offset: number, key: Uint8Array, length: number): boolean {
  const low = lowFenceLength(pool, offset);
  const from = offset + PAGE_HEADER_BYTES;
  if (compareAt(pool.u8, from, low, key, length) > 0) return false;
  const high = highFenceLength(pool, offset);
  return high === 0 || compareAt(pool.u8, from + low, high, key, length) > 0;
}

/** How the low fence compares with a key; minus infinity, which is empty, lies below all but the empty key. */
export function compareLowFence(pool: PageMemory, offset: number, key: Uint8Array): number {
  return compareAt(pool.u8, offset + PAGE_HEADER_BYTES, lowFenceLength(pool, offset), key, key.length);
}

/** How the high fence compares with a key; plus infinity lies above all. */
export function compareHighFence(pool: PageMemory, offset: number, key: Uint8Array): number {
  const length = highFenceLength(pool, offset);
  const from = offset + PAGE_HEADER_BYTES + lowFenceLength(pool, offset);
  return length === 0 ? 1 : compareAt(pool.u8, from, length, key, key.length);
}

function compareAt(u8: Uint8Array, at: number, own: number, key: Uint8Array, length: number): number {
  const shared = own < length ? own : length;
  for (let i = 0; i < shared; i++) {
    const difference = u8[at + i]! - key[i]!;
    if (difference !== 0) return difference;
  }
  return own - length;
}

/** Copies slot `index`'s whole key into `target`, which is long enough; returns its length. */
export function copyKey(pool: PageMemory, offset: number, index: number, target: Uint8Array): number {
  const u8 = pool.u8;
  const prefix = prefixLength(pool, offset);
  const fence = offset + PAGE_HEADER_BYTES;
  for (let i = 0; i < prefix; i++) target[i] = u8[fence + i]!;
  return copyKeySuffix(pool, offset, index, target);
}

/** As copyKey, where `target` begins with the leaf's prefix already. */
export function copyKeySuffix(pool: PageMemory, offset: number, index: number, target: Uint8Array): number {
  pool.keyDecodes++;
  const u8 = pool.u8;
  const prefix = prefixLength(pool, offset);
  const record = recordAt(pool, offset, index);
  const suffix = suffixLength(u8, record);
  const from = record + suffixVarintBytes(suffix);
  for (let i = 0; i < suffix; i++) target[prefix + i] = u8[from + i]!;
  return prefix + suffix;
}

/** A copy of slot `index`'s whole key. */
export function keyOf(pool: PageMemory, offset: number, index: number): Uint8Array {
  const record = recordAt(pool, offset, index);
  const key = new Uint8Array(prefixLength(pool, offset) + suffixLength(pool.u8, record));
  copyKey(pool, offset, index, key);
  return key;
}

/** Byte offset of slot `index`'s value, or of its overflow reference. */
export function valueAt(pool: PagePool, offset: number, index: number): number {
  const record = recordAt(pool, offset, index);
  const suffix = suffixLength(pool.u8, record);
  return record + suffixVarintBytes(suffix) + suffix;
}

/** Bytes of slot `index`'s value, or of its overflow reference, in the record. */
export function valueLength(pool: PagePool, offset: number, index: number): number {
  const record = recordAt(pool, offset, index);
  const suffix = suffixLength(pool.u8, record);
  return recordLength(pool, offset, index) - suffixVarintBytes(suffix) - suffix;
}

/** Bytes behind the prefix that the keys of slots `index - 1` and `index` share. */
export function sharedWithPrevious(pool: PagePool, offset: number, index: number): number {
  const { u8 } = pool;
  const a = recordAt(pool, offset, index - 1);
  const b = recordAt(pool, offset, index);
  const lengthA = suffixLength(u8, a);
  const lengthB = suffixLength(u8, b);
  const fromA = a + suffixVarintBytes(lengthA);
  const fromB = b + suffixVarintBytes(lengthB);
  const limit = lengthA < lengthB ? lengthA : lengthB;
  let shared = 0;
  while (shared < limit && u8[fromA + shared] === u8[fromB + shared]) shared++;
  return shared;
}
