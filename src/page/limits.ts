/**
 * What fits: limits of keys and records as formulas of the page size (B1).
 */

import { BRANCH_SLOT_BYTES, LEAF_SLOT_BYTES, PAGE_HEADER_BYTES } from "../pager/page-header.js";
import { HEAD_BYTES } from "./head-search.js";

/** Key lengths in a record stay below 2^14, so that their varint takes at most this. */
export const KEY_VARINT_BYTES_MAX = 2;
/** length u32 | first page u32 | checksum u32 */
export const OVERFLOW_REFERENCE_BYTES = 12;
/** Values end at 1 GiB. */
export const VALUE_BYTES_MAX: number = 1024 * 1024 * 1024;

/**
 * The longest key, in bytes: 1,000 on a page of 4096, in proportion otherwise. A leaf then holds two
 * fences, one record and an overflow reference, and a branch three children, with keys of that
 * length that share nothing.
 */
export function keyBytesMax(pageSize: number): number {
  return Math.floor((pageSize * 1000) / 4096);
}

/**
 * The largest record that is kept in the leaf, its slot not counted; a value that would make it
 * larger goes to overflow pages. Three fit a page, which is three times what overflow pages would take; and one
 * fits beside the longest fences, so that a leaf of two can always be split.
 */
export function inlineRecordBytesMax(pageSize: number): number {
  const third = Math.floor(leafCapacity(pageSize) / 3) - LEAF_SLOT_BYTES;
  return Math.max(third, keyBytesMax(pageSize) + KEY_VARINT_BYTES_MAX + OVERFLOW_REFERENCE_BYTES);
}

/** Bytes of a leaf that fences, records and slots share. */
export function leafCapacity(pageSize: number): number {
  return pageSize - PAGE_HEADER_BYTES;
}

/** Bytes of a branch that its prefix, separators and slots share. */
export function branchCapacity(pageSize: number): number {
  return pageSize - PAGE_HEADER_BYTES;
}

/** Bytes of a slot and of what a separator takes beside it: a short one lives in the slot's head. */
export function separatorBytes(suffixLength: number): number {
  return BRANCH_SLOT_BYTES + (suffixLength > HEAD_BYTES ? suffixLength : 0);
}
