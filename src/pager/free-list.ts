/**
 * The free list on disk: a chain of pages that a checkpoint writes anew, into pages that are free in
 * the last durable state, before the header that refers to it.
 *
 * Page: the common header with kind 3, slots = extents in this page, leftmost = next page of the
 * chain (0: last), tail = 32, sequence number of the first header that names the list; from byte 32 on, per
 * extent, first page u32 and count u32, ascending.
 *
 * ENSURES: (W4) no header is taken for that of a list which lies where its own did, and was written for a newer one.
 */

import { readU64, writeU64 } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import type { DataFile } from "./data-file.js";
import { type Extent, ExtentSet } from "./free-space.js";
import {
  AT_KIND,
  AT_LEFTMOST,
  AT_NUMBER,
  AT_SEQUENCE,
  AT_SLOTS,
  AT_TAIL,
  checksumSeed,
  KIND_FREE_LIST,
  PAGE_HEADER_BYTES,
  pageChecksum,
} from "./page-header.js";
import { firstPage, type StoreHeader } from "./store-header.js";

const EXTENT_BYTES = 8;

/** Pages that a chain of `extents` takes. */
export function freeListPages(extents: number, pageSize: number): number {
  return Math.ceil(extents / Math.floor((pageSize - PAGE_HEADER_BYTES) / EXTENT_BYTES));
}

/**
 * Writes the chain into these pages, in this order; those that it does not need hold nothing. `sequence` is that of the
 * header which is to name it, 0: no header has named another list there.
 */
export function writeFreeList(
  data: Pick<DataFile, "pageSize" | "write">,
  storeId: Uint8Array,
  sequence: number,
  extents: ExtentSet,
  chain: Iterable<Extent>,
): void {
  const { pageSize } = data;
  const perPage = Math.floor((pageSize - PAGE_HEADER_BYTES) / EXTENT_BYTES);
  const list = [...extents];
  const seed = checksumSeed(storeId);
  const pages = [...chain].flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
  for (const [i, page] of pages.entries()) {
    const bytes = new Uint8Array(pageSize);
    const words = new Uint32Array(bytes.buffer);
    const part = list.slice(i * perPage, (i + 1) * perPage);
    words[AT_NUMBER >> 2] = page;
    bytes[AT_KIND] = KIND_FREE_LIST;
    new Uint16Array(bytes.buffer)[AT_SLOTS >> 1] = part.length;
    new Uint16Array(bytes.buffer)[AT_TAIL >> 1] = PAGE_HEADER_BYTES;
    words[AT_LEFTMOST >> 2] = pages[i + 1] ?? 0;
    writeU64(bytes, AT_SEQUENCE, sequence);
    let at = PAGE_HEADER_BYTES >> 2;
    for (const extent of part) {
      words[at++] = extent.start;
      words[at++] = extent.count;
    }
    words[0] = pageChecksum(bytes, 0, pageSize, seed);
    data.write(bytes, 0, pageSize, page * pageSize);
  }
}

export interface FreeListContents {
  readonly extents: ExtentSet;
  /** The pages of the chain itself. */
  readonly chain: ExtentSet;
}

/** Reads the chain that the header names. Throws CorruptionError. */
export function readFreeList(data: DataFile, header: StoreHeader): FreeListContents {
  const { storeId, pageSize, pageCount, sequence } = header;
  const first = firstPage(pageSize);
  const extents = new ExtentSet();
  const chain = new ExtentSet();
  const bytes = new Uint8Array(pageSize);
  const words = new Uint32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  const seed = checksumSeed(storeId);
  const perPage = Math.floor((pageSize - PAGE_HEADER_BYTES) / EXTENT_BYTES);
  for (let page = header.freeListHead; page !== 0; page = words[AT_LEFTMOST >> 2]!) {
    const fail = (offset: number, reason: string): CorruptionError =>
      new CorruptionError("P2", reason, { path: data.file.path, page, offset });
    if (page < first || page >= pageCount) throw fail(-1, "the free list names a page that does not exist");
    if (!chain.add(page, 1)) throw fail(AT_LEFTMOST, "the free list runs in a circle");
    if (data.read(bytes, 0, pageSize, page * pageSize) < pageSize) throw fail(0, "the file ends before it");
    if (words[0] !== pageChecksum(bytes, 0, pageSize, seed)) throw fail(0, "its checksum is wrong");
    if (words[AT_NUMBER >> 2] !== page) throw fail(AT_NUMBER, "it says that it is another page");
    const count = halves[AT_SLOTS >> 1]!;
    if (bytes[AT_KIND] !== KIND_FREE_LIST || count > perPage)
      throw fail(AT_KIND, "it is no page of a free list");
    if (readU64(bytes, AT_SEQUENCE) > sequence)
      throw fail(AT_SEQUENCE, "its free list belongs to a newer header, which is lost");
    for (let i = 0; i < count; i++) {
      const at = PAGE_HEADER_BYTES + i * EXTENT_BYTES;
      const start = words[at >> 2]!;
      const pages = words[(at >> 2) + 1]!;
      if (pages === 0 || start < first || start + pages > pageCount || !extents.add(start, pages)) {
        throw fail(at, "an extent of the free list is out of bounds or listed twice");
      }
    }
  }
  return { extents, chain };
}
