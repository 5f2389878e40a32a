/**
 * Byte-wise helpers that more than one layer needs. Keys compare as unsigned bytes, a shorter key
 * before a longer one that it begins (the order of memcmp with the length as tie-break).
 */

import { types } from "node:util";

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** Also for one that was made where Uint8Array is another: in a vm context, as test runners use them. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || types.isUint8Array(value);
}

/** <0, 0 or >0. A loop beats Buffer.compare up to some tens of bytes, which is where keys differ. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Up to this many bytes a loop beats the native copy, which needs a view of the source. */
const LOOP_BYTES_MAX = 32;

/** Copies source[from..from+length) to `to` of the target. Allocates only for a long part of a longer source. */
export function copyBytes(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  from: number,
  length: number,
): void {
  if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
  else target.set(length === source.length ? source : source.subarray(from, from + length), to);
}

/** The same bytes as an array and for words at any place; little-endian. */
export interface ByteMemory {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

export function byteMemory(u8: Uint8Array): ByteMemory {
  return { u8, view: new DataView(u8.buffer, u8.byteOffset, u8.byteLength) };
}

/** Up to this many bytes words beat the native copy, which needs a view of the source. */
const WORDS_BYTES_MAX = 128;

/**
 * As copyBytes, three times as fast for short parts: in words of four bytes, the last of which may overlap the
 * one before it. Source and target must not overlap.
 */
export function copyWords(
  target: ByteMemory,
  to: number,
  source: ByteMemory,
  from: number,
  length: number,
): void {
  if (length > WORDS_BYTES_MAX) {
    target.u8.set(source.u8.subarray(from, from + length), to);
    return;
  }
  if (length < 4) {
    for (let i = 0; i < length; i++) target.u8[to + i] = source.u8[from + i]!;
    return;
  }
  const words = target.view;
  const read = source.view;
  const last = length - 4;
  for (let i = 0; i < last; i += 4) words.setUint32(to + i, read.getUint32(from + i, true), true);
  words.setUint32(to + last, read.getUint32(from + last, true), true);
}

/** How many leading bytes two byte strings share. */
export function sharedPrefixLength(a: Uint8Array, b: Uint8Array): number {
  const limit = a.length < b.length ? a.length : b.length;
  let i = 0;
  while (i < limit && a[i] === b[i]) i++;
  return i;
}

/**
 * The shortest byte string s with left < s <= right, for left < right: what a split hands to the
 * parent (the suffix truncation of Bayer and Unterauer's prefix B-trees, 1977).
 */
export function shortestSeparator(left: Uint8Array, right: Uint8Array): Uint8Array {
  return right.slice(0, sharedPrefixLength(left, right) + 1);
}

/**
 * Whether an array that has no elements had some: its memory was transferred to another thread, or has shrunk
 * since. It looks like an empty one then.
 */
export function isGone(bytes: Uint8Array): boolean {
  try {
    bytes.at(0);
    return false;
  } catch {
    return true;
  }
}

/** The least multiple of `unit` that is not below `value`. */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Where file offsets and counters exceed 32 bits: little-endian u64 as a double, exact to 2^53. */
export function readU64(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
