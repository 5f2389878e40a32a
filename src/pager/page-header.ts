/**
 * The header that every page of a tree begins with (little-endian). docs/format.md shows the same map.
 *
 *    0  CRC-32 of bytes 4.. of the page, seeded with the store's seed   u32
 *    4  page number                                                     u32
 *    8  kind: 1 leaf, 2 branch, 3 free list                             u8
 *    9  level: 0 leaf, parents one more than their children             u8
 *   10  slots                                                           u16
 *   12  tail: where the open space behind the records begins            u16
 *   14  bytes lost in holes between records                             u16
 *   16  leaf: low fence length u16, high fence length u16; branch: leftmost child u32
 *   20  prefix length                                                   u16
 *   22  zero                                                            u16
 *   24  root page: records in the tree; free list: the header's number  u64
 *   32  leaf: fences; branch: prefix; then the record arena
 *
 * The slot directory grows down from the page's end: slot i is the (i+1)th from there.
 */

import { crc32 } from "node:zlib";
import { readU32 } from "../base/bytes.js";

export const PAGE_HEADER_BYTES = 32;
export const AT_NUMBER = 4;
export const AT_KIND = 8;
export const AT_LEVEL = 9;
export const AT_SLOTS = 10;
export const AT_TAIL = 12;
export const AT_HOLES = 14;
export const AT_LOW_LENGTH = 16;
export const AT_HIGH_LENGTH = 18;
export const AT_LEFTMOST = 16;
export const AT_PREFIX_LENGTH = 20;
export const AT_RECORDS = 24;
/** Of a free list's page: sequence number of the first header that names the list, 0: of any. */
export const AT_SEQUENCE = 24;
/** The number of records, a u64. */
export const RECORDS_BYTES = 8;

export const KIND_LEAF = 1;
export const KIND_BRANCH = 2;
export const KIND_FREE_LIST = 3;

/** head u32 | offset u16 | length u16 */
export const LEAF_SLOT_BYTES = 8;
/** Top bit of a leaf slot's length: the value is an overflow reference. */
export const OVERFLOW_FLAG = 0x8000;
export const LENGTH_MASK = 0x7fff;
/** head u32 | child u32 | offset u16 | length u16 */
export const BRANCH_SLOT_BYTES = 12;

/** Bytes of a page's slot directory, by its kind. */
export function directoryBytes(kind: number, slots: number): number {
  return slots * (kind === KIND_LEAF ? LEAF_SLOT_BYTES : BRANCH_SLOT_BYTES);
}

/** Bytes of the slot directory of the page at `offset`. */
export function directoryOf(
  { u8, u16 }: { readonly u8: Uint8Array; readonly u16: Uint16Array },
  offset: number,
): number {
  return directoryBytes(u8[offset + AT_KIND]!, u16[(offset + AT_SLOTS) >> 1]!);
}

/** The seed that ties checksums to one store. */
export function checksumSeed(storeId: Uint8Array): number {
  return readU32(storeId, 0);
}

/** Checksum of the page at `from`. */
export function pageChecksum(bytes: Uint8Array, from: number, pageSize: number, seed: number): number {
  return crc32(bytes.subarray(from + 4, from + pageSize), seed);
}
