/**
 * Branch pages: separators and child page numbers (docs/format.md, B invariants).
 *
 *   [page header][prefix][separator arena -> ... free ... <- slot directory]
 *   slot = head u32 | child u32 | offset u16 | length u16
 *
 * The header holds the leftmost child. Slot i's child holds the keys from its separator on, up to the
 * next one. Branches store no fences: descent passes the bounds down, and the prefix is what the two
 * bounds share, so that every key on its way through the page begins with it (B1). `length` is the
 * separator's length behind the prefix; the first four bytes of that are the head, and only a longer
 * one has bytes in the arena (all of them, the head's included).
 */

import { sharedPrefixLength } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import {
  AT_HOLES,
  AT_KIND,
  AT_LEFTMOST,
  AT_LEVEL,
  AT_NUMBER,
  AT_PREFIX_LENGTH,
  AT_RECORDS,
  AT_SLOTS,
  AT_TAIL,
  BRANCH_SLOT_BYTES,
  KIND_BRANCH,
  PAGE_HEADER_BYTES,
} from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import type { Pager } from "../pager/pager.js";
import { firstNotBelow, HEAD_BYTES } from "./head-search.js";
import { headOf, prefixLength, slotCount } from "./leaf.js";
import { branchCapacity, separatorBytes } from "./limits.js";

/** Index of the first word of slot `index`. */
function slotWord(pool: PagePool, offset: number, index: number): number {
  return (offset + pool.pageSize - BRANCH_SLOT_BYTES * (index + 1)) >> 2;
}

/** Child at position `index`: 0 is the leftmost, i > 0 that of slot i - 1. */
export function childAt(pool: PagePool, offset: number, index: number): number {
  if (index === 0) return pool.u32[(offset + AT_LEFTMOST) >> 2]!;
  return pool.u32[slotWord(pool, offset, index - 1) + 1]!;
}

/**
 * Position (see childAt) of the child that holds `key`.
 * REQUIRES: the key lies between the page's bounds, so that it begins with the prefix.
 */
export function searchBranch(pool: PagePool, offset: number, key: Uint8Array, length: number): number {
  const u32 = pool.u32;
  const prefix = pool.u16[(offset + AT_PREFIX_LENGTH) >> 1]!;
  const head = headOf(key, prefix, length);
  const base = ((offset + pool.pageSize) >> 2) - 3;
  let high = pool.u16[(offset + AT_SLOTS) >> 1]!;
  let low = firstNotBelow(u32, base, 3, high, head);
  if (low === high || u32[base - 3 * low]! !== head) return low;
  // The heads from here on that are the same as the key's. What two keys share with it, all between them do.
  const { u8, view } = pool;
  const words = pool.wordsOf(key);
  const wanted = length - prefix;
  let lowShared = HEAD_BYTES;
  let highShared = HEAD_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const word = base - 3 * middle;
    if (u32[word]! > head) {
      high = middle;
      continue;
    }
    const extent = u32[word + 2]!;
    const own = extent >>> 16;
    const at = offset + (extent & 0xffff);
    const limit = own < wanted ? own : wanted;
    let shared = lowShared < highShared ? lowShared : highShared;
    while (
      shared + 4 <= limit &&
      view.getUint32(at + shared, true) === words.getUint32(prefix + shared, true)
    )
      shared += 4;
    while (shared < limit && u8[at + shared] === key[prefix + shared]) shared++;
    if (shared < limit ? u8[at + shared]! < key[prefix + shared]! : own <= wanted) {
      low = middle + 1;
      lowShared = shared;
    } else {
      high = middle;
      highShared = shared;
    }
  }
  return low;
}

/** A copy of the whole separator of slot `index`. */
export function separatorOf(pool: PagePool, offset: number, index: number): Uint8Array {
  const prefix = prefixLength(pool, offset);
  const word = slotWord(pool, offset, index);
  const extent = pool.u32[word + 2]!;
  const length = extent >>> 16;
  const separator = new Uint8Array(prefix + length);
  const u8 = pool.u8;
  for (let i = 0; i < prefix; i++) separator[i] = u8[offset + PAGE_HEADER_BYTES + i]!;
  if (length <= HEAD_BYTES) {
    const head = pool.u32[word]!;
    for (let i = 0; i < length; i++) separator[prefix + i] = head >>> (24 - 8 * i);
  } else {
    const at = offset + (extent & 0xffff);
    for (let i = 0; i < length; i++) separator[prefix + i] = u8[at + i]!;
  }
  return separator;
}

/** Bytes that a pack would leave free. */
export function branchRoom(pool: PagePool, offset: number): number {
  const { u16, pageSize } = pool;
  const directory = pageSize - BRANCH_SLOT_BYTES * u16[(offset + AT_SLOTS) >> 1]!;
  return directory - u16[(offset + AT_TAIL) >> 1]! + u16[(offset + AT_HOLES) >> 1]!;
}

/** Whether a separator (whole, of `length` bytes) fits beside those that are there. */
export function branchFits(pool: PagePool, offset: number, length: number): boolean {
  return separatorBytes(length - prefixLength(pool, offset)) <= branchRoom(pool, offset);
}

/** One separator and the child to the right of it. */
export interface BranchEntry {
  readonly separator: Uint8Array;
  readonly child: number;
}

/** All entries, copied. */
export function branchEntries(pool: PagePool, offset: number): BranchEntry[] {
  const entries: BranchEntry[] = [];
  for (let i = 0, n = slotCount(pool, offset); i < n; i++) {
    entries.push({ separator: separatorOf(pool, offset, i), child: childAt(pool, offset, i + 1) });
  }
  return entries;
}

/** Bytes of a page that holds these entries between these bounds, the header not counted. */
export function branchBytes(entries: readonly BranchEntry[], low: Uint8Array, high: Uint8Array): number {
  const prefix = sharedPrefixLength(low, high);
  let bytes = prefix;
  for (const entry of entries) bytes += separatorBytes(entry.separator.length - prefix);
  return bytes;
}

/** A compact branch page, without number, checksum and record count. REQUIRES: it fits. */
export function buildBranch(
  pageSize: number,
  level: number,
  leftmost: number,
  entries: readonly BranchEntry[],
  low: Uint8Array,
  high: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(pageSize);
  const halves = new Uint16Array(bytes.buffer);
  const words = new Uint32Array(bytes.buffer);
  const prefix = sharedPrefixLength(low, high);
  bytes[AT_KIND] = KIND_BRANCH;
  bytes[AT_LEVEL] = level;
  words[AT_LEFTMOST >> 2] = leftmost;
  halves[AT_PREFIX_LENGTH >> 1] = prefix;
  halves[AT_SLOTS >> 1] = entries.length;
  bytes.set(low.subarray(0, prefix), PAGE_HEADER_BYTES);
  let tail = PAGE_HEADER_BYTES + prefix;
  let word = (pageSize - BRANCH_SLOT_BYTES) >> 2;
  for (const { separator, child } of entries) {
    const suffix = separator.length - prefix;
    words[word] = headOf(separator, prefix, separator.length);
    words[word + 1] = child;
    words[word + 2] = (suffix > HEAD_BYTES ? tail : 0) | (suffix << 16);
    if (suffix > HEAD_BYTES) {
      bytes.set(separator.subarray(prefix), tail);
      tail += suffix;
    }
    word -= 3;
  }
  halves[AT_TAIL >> 1] = tail;
  return bytes;
}

/**
 * Replaces `page`, which keeps its number and record count, by a compact image. Throws CorruptionError, and nothing
 * has changed, where it does not fit: whoever asked for it went by a page that is not what it says.
 */
export function writeBranch(
  pager: Pager,
  page: number,
  level: number,
  leftmost: number,
  entries: readonly BranchEntry[],
  low: Uint8Array,
  high: Uint8Array,
): void {
  const { pool } = pager;
  if (branchBytes(entries, low, high) > branchCapacity(pager.pageSize))
    throw new CorruptionError("L6", "its separators take more room than it has", {
      path: pager.data.file.path,
      page,
      offset: AT_SLOTS,
    });
  const offset = pager.edits.select(page);
  const image = buildBranch(pager.pageSize, level, leftmost, entries, low, high);
  const words = new Uint32Array(image.buffer);
  words[AT_NUMBER >> 2] = page;
  words[AT_RECORDS >> 2] = pool.u32[(offset + AT_RECORDS) >> 2]!;
  words[(AT_RECORDS >> 2) + 1] = pool.u32[(offset + AT_RECORDS + 4) >> 2]!;
  pager.edits.replace(image, false);
}

/**
 * Inserts a separator as slot `index`, with the child to its right. REQUIRES: branchFits. Packs the
 * page, between its bounds, where the room is in holes.
 */
export function insertSeparator(
  pager: Pager,
  page: number,
  index: number,
  entry: BranchEntry,
  low: Uint8Array,
  high: Uint8Array,
): void {
  const { pool } = pager;
  const offset = pager.edits.select(page);
  const slots = slotCount(pool, offset);
  const prefix = prefixLength(pool, offset);
  const suffix = entry.separator.length - prefix;
  const tail = pool.u16[(offset + AT_TAIL) >> 1]!;
  const directory = pool.pageSize - BRANCH_SLOT_BYTES * slots;
  if (directory - tail < separatorBytes(suffix)) {
    const entries = branchEntries(pool, offset);
    entries.splice(index, 0, entry);
    writeBranch(pager, page, pool.u8[offset + AT_LEVEL]!, childAt(pool, offset, 0), entries, low, high);
    return;
  }
  if (suffix > HEAD_BYTES) {
    pool.u8.set(entry.separator.subarray(prefix), offset + tail);
    pager.edits.written(offset + tail, suffix);
    pool.u16[(offset + AT_TAIL) >> 1] = tail + suffix;
  }
  pager.edits.move(
    offset + directory - BRANCH_SLOT_BYTES,
    offset + directory,
    BRANCH_SLOT_BYTES * (slots - index),
  );
  const word = slotWord(pool, offset, index);
  pool.u32[word] = headOf(entry.separator, prefix, entry.separator.length);
  pool.u32[word + 1] = entry.child;
  pool.u32[word + 2] = (suffix > HEAD_BYTES ? tail : 0) | (suffix << 16);
  pager.edits.written(word << 2, BRANCH_SLOT_BYTES);
  pool.u16[(offset + AT_SLOTS) >> 1] = slots + 1;
  pager.edits.written(offset + AT_SLOTS, 6);
}

/** Removes slot `index` with the child to its right. */
export function removeSeparator(pager: Pager, page: number, index: number): void {
  const { pool } = pager;
  const offset = pager.edits.select(page);
  const slots = slotCount(pool, offset);
  const suffix = pool.u32[slotWord(pool, offset, index) + 2]! >>> 16;
  const directory = offset + pool.pageSize - BRANCH_SLOT_BYTES * slots;
  pager.edits.move(directory + BRANCH_SLOT_BYTES, directory, BRANCH_SLOT_BYTES * (slots - index - 1));
  pool.u16[(offset + AT_SLOTS) >> 1] = slots - 1;
  if (suffix > HEAD_BYTES) pool.u16[(offset + AT_HOLES) >> 1]! += suffix;
  pager.edits.written(offset + AT_SLOTS, 6);
}

/** Points position `index` (see childAt) at another page. */
export function setChild(pager: Pager, page: number, index: number, child: number): void {
  const { pool } = pager;
  const offset = pager.edits.select(page);
  const word = index === 0 ? (offset + AT_LEFTMOST) >> 2 : slotWord(pool, offset, index - 1) + 1;
  pool.u32[word] = child;
  pager.edits.written(word << 2, 4);
}
