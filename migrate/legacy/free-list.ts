/**
 * The free list of a legacy file (kind 2 pages): read as a hint, written for a rolled back file.
 *
 * The list of an original file is not to be trusted: commits in the log do not update it, and the
 * original's own recovery restores a stale head. It only excludes candidates in the search for roots; what
 * is alive is what the roots reach.
 */

import { readU32, readU64, writeU32, writeU64 } from "./big-endian.js";
import {
  FREE_EXTENT_BYTES,
  FREE_LIST_HEADER_BYTES,
  HEADER_KIND,
  KIND_FREE_LIST,
  PAGE_HEADER_BYTES,
} from "./layout.js";
import type { PageSeal } from "./page-check.js";
import { PageSet } from "./page-set.js";
import type { LegacyPages } from "./pages.js";
import type { ProblemList } from "./problems.js";

export interface FreeList {
  /** Pages in extents, and the pages of the list itself. */
  readonly pages: PageSet;
  readonly listPages: number;
}

/**
 * Reads the chain that begins at `head`. A page with a bad checksum is a problem (G10); a list that leads
 * to something else than list pages is stale, which is a note, and what was read before it counts.
 */
export function readFreeList(
  source: LegacyPages,
  head: number,
  problems: ProblemList,
  notes: ProblemList,
): FreeList {
  const pages = new PageSet(source.fileCount);
  const chain = new PageSet(source.fileCount);
  let page = head;
  while (page !== 0) {
    if (!source.has(page)) {
      notes.add("G10", page, -1, "the free list leads to a page behind the end of the file");
      break;
    }
    if (!chain.add(page)) {
      problems.add("G10", page, -1, "the free list runs in a circle");
      break;
    }
    const bytes = source.raw(page);
    const fault = source.seal.fault(bytes, page);
    if (fault !== undefined) {
      problems.add("G10", page, -1, `the free list is damaged: ${fault}`);
      break;
    }
    if (bytes[HEADER_KIND] !== KIND_FREE_LIST) {
      notes.add("G10", page, -1, `the free list is stale: page kind ${bytes[HEADER_KIND]}`);
      break;
    }
    pages.add(page);
    const next = addExtents(bytes, pages);
    if (next < 0) {
      problems.add("G10", page, -1, "the free-list page holds more extents than fit");
      break;
    }
    page = next;
  }
  return { pages, listPages: chain.size };
}

/** Adds the extents of one list page; returns the next page, or -1 where the count is impossible. */
function addExtents(bytes: Uint8Array, pages: PageSet): number {
  const count = readU32(bytes, PAGE_HEADER_BYTES + 8);
  const start = PAGE_HEADER_BYTES + FREE_LIST_HEADER_BYTES;
  if (start + count * FREE_EXTENT_BYTES > bytes.length) return -1;
  for (let i = 0; i < count; i++) {
    const at = start + i * FREE_EXTENT_BYTES;
    pages.addRange(readU64(bytes, at), readU32(bytes, at + 8));
  }
  return readU64(bytes, PAGE_HEADER_BYTES);
}

export interface FreeExtent {
  readonly start: number;
  readonly length: number;
}

/** Extents that one free-list page holds. */
export function extentsPerPage(pageSize: number): number {
  return Math.floor((pageSize - PAGE_HEADER_BYTES - FREE_LIST_HEADER_BYTES) / FREE_EXTENT_BYTES);
}

/**
 * Lays out a free list over `free` (sorted, coalesced): takes the first pages of it for the list itself.
 * `emit` gets each sealed page (reused between calls). Returns the head, 0 where nothing is free.
 */
export function writeFreeList(
  free: readonly FreeExtent[],
  seal: PageSeal,
  emit: (page: number, bytes: Uint8Array) => void,
): number {
  const capacity = extentsPerPage(seal.pageSize);
  const { own, rest } = takeListPages(free, capacity);
  const bytes = new Uint8Array(seal.pageSize);
  for (let k = 0; k < own.length; k++) {
    bytes.fill(0);
    const extents = rest.slice(k * capacity, (k + 1) * capacity);
    writeU64(bytes, PAGE_HEADER_BYTES, own[k + 1] ?? 0);
    writeU32(bytes, PAGE_HEADER_BYTES + 8, extents.length);
    for (let i = 0; i < extents.length; i++) {
      const at = PAGE_HEADER_BYTES + FREE_LIST_HEADER_BYTES + i * FREE_EXTENT_BYTES;
      writeU64(bytes, at, extents[i]!.start);
      writeU32(bytes, at + 8, extents[i]!.length);
    }
    seal.seal(bytes, own[k]!, KIND_FREE_LIST);
    emit(own[k]!, bytes);
  }
  return own[0] ?? 0;
}

/** Splits the free pages into those that hold the list and those that it lists. */
function takeListPages(free: readonly FreeExtent[], capacity: number): { own: number[]; rest: FreeExtent[] } {
  const rest = [...free].reverse();
  const own: number[] = [];
  while (rest.length > 0 && own.length * capacity < rest.length) {
    const extent = rest.pop()!;
    own.push(extent.start);
    if (extent.length > 1) rest.push({ start: extent.start + 1, length: extent.length - 1 });
  }
  return { own, rest: rest.reverse() };
}
