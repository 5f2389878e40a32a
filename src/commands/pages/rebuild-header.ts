/**
 * The header of a store that has lost both copies of it, worked out from the pages: page size, checksum seed, number of
 * pages and the root of the catalogue. What only the header knew, the free list and the place of the log, stays lost.
 *
 * A page's checksum is a CRC-32 that starts from the store's seed, and a CRC can be run backwards: every sound
 * page gives the seed away. Pages agree on one only where the page size is the right one.
 */

import { readU32 } from "../../base/bytes.js";
import { crcTable } from "../../base/crc-table.js";
import { createMetrics } from "../../base/metrics.js";
import { STORE_ID_BYTES } from "../../base/store-id.js";
import { isOverflow, keyOf, slotCount, valueAt, valueLength } from "../../page/leaf.js";
import { checkPage, LEVEL_MAX } from "../../page/page-check.js";
import {
  AT_HIGH_LENGTH,
  AT_KIND,
  AT_LEVEL,
  AT_LOW_LENGTH,
  AT_NUMBER,
  AT_TAIL,
  KIND_BRANCH,
  KIND_LEAF,
  pageChecksum,
} from "../../pager/page-header.js";
import { FRAMES_MIN, PagePool } from "../../pager/page-pool.js";
import {
  firstPage,
  freshHeader,
  PAGE_SIZE_MAX,
  PAGE_SIZE_MIN,
  type StoreHeader,
} from "../../pager/store-header.js";
import { CATALOG_RECORD_BYTES, decodeTreeRecord } from "../../store/catalog.js";
import type { VfsFile } from "../../vfs/vfs.js";
import { readFully } from "../../vfs/whole-io.js";
import { NO_OWNER } from "./scratch-pool.js";

/** Pages that are read for each page size to find the seed, and those that are enough. */
const PAGES_LOOKED_AT_MAX = 65_536;
const VOTES_ENOUGH = 32;
/** A single page that looks sound at a wrong page size is chance; two with one seed are not. */
const VOTES_MIN = 2;

interface Found {
  readonly pageSize: number;
  readonly seed: number;
  readonly votes: number;
}

/** undefined where the pages do not tell. Cost: up to 65,536 pages of each size, backwards CRCs of some, then the file. */
export function rebuildHeader(file: VfsFile): StoreHeader | undefined {
  let best: Found | undefined;
  for (let pageSize = PAGE_SIZE_MIN; pageSize <= PAGE_SIZE_MAX; pageSize *= 2) {
    const found = findSeed(file, pageSize);
    if (found !== undefined && found.votes > (best?.votes ?? VOTES_MIN - 1)) best = found;
  }
  if (best === undefined) return undefined;
  const { pageSize, seed } = best;
  const storeId = new Uint8Array(STORE_ID_BYTES);
  new DataView(storeId.buffer).setUint32(0, seed, true);
  const pageCount = Math.floor(file.size() / pageSize);
  // Beyond the last page where there is none: then all leaves are strays.
  const catalogRoot = findCatalog(file, pageSize, seed, pageCount) ?? pageCount;
  return freshHeader(pageSize, storeId, catalogRoot, pageCount);
}

/** The seed that most pages agree on, if the file has pages of this size. */
function findSeed(file: VfsFile, pageSize: number): Found | undefined {
  const votes = new Map<number, number>();
  const bytes = new Uint8Array(pageSize);
  const end = Math.min(Math.floor(file.size() / pageSize), firstPage(pageSize) + PAGES_LOOKED_AT_MAX);
  let best: Found | undefined;
  for (let page = firstPage(pageSize); page < end; page++) {
    if (readFully(file, bytes, 0, pageSize, page * pageSize) < pageSize) break;
    if (!looksLikePage(bytes, page)) continue;
    const seed = seedOf(bytes);
    const count = (votes.get(seed) ?? 0) + 1;
    votes.set(seed, count);
    if (count > (best?.votes ?? 0)) best = { pageSize, seed, votes: count };
    if (count >= VOTES_ENOUGH) break;
  }
  return best;
}

function looksLikePage(bytes: Uint8Array, page: number): boolean {
  const kind = bytes[AT_KIND]!;
  const level = bytes[AT_LEVEL]!;
  if (readU32(bytes, AT_NUMBER) !== page || (kind !== KIND_LEAF && kind !== KIND_BRANCH)) return false;
  const tail = bytes[AT_TAIL]! | (bytes[AT_TAIL + 1]! << 8);
  return (kind === KIND_LEAF ? level === 0 : level > 0 && level <= LEVEL_MAX) && tail <= bytes.length;
}

const TABLE: Uint32Array = crcTable(0xedb88320);
/** The entry of TABLE by its top byte, which no two share. */
const BY_TOP: Uint8Array = new Uint8Array(256);
for (const [i, value] of TABLE.entries()) BY_TOP[value >>> 24] = i;

/** What the checksum of a page started from, if the page is sound: its CRC-32 run from the end to the beginning. */
function seedOf(bytes: Uint8Array): number {
  let state = ~readU32(bytes, 0) >>> 0;
  for (let i = bytes.length - 1; i >= 4; i--) {
    const entry = BY_TOP[state >>> 24]!;
    state = (((state ^ TABLE[entry]!) << 8) | (entry ^ bytes[i]!)) >>> 0;
  }
  return ~state >>> 0;
}

/**
 * The first leaf that can be a whole catalogue: no bounds, the unnamed tree in it, and nothing but records of trees.
 * (A catalogue of several leaves is not found.)
 */
function findCatalog(file: VfsFile, pageSize: number, seed: number, pageCount: number): number | undefined {
  const pool = new PagePool(pageSize, FRAMES_MIN, NO_OWNER, createMetrics().pager);
  for (let page = firstPage(pageSize); page < pageCount; page++) {
    if (readFully(file, pool.u8, 0, pageSize, page * pageSize) < pageSize) return undefined;
    if (!looksLikePage(pool.u8.subarray(0, pageSize), page)) continue;
    if (pool.u32[0] !== pageChecksum(pool.u8, 0, pageSize, seed) || checkPage(pool, 0) !== undefined)
      continue;
    if (isCatalog(pool, pageCount)) return page;
  }
  return undefined;
}

function isCatalog(pool: PagePool, pageCount: number): boolean {
  const bounded = pool.u16[AT_LOW_LENGTH >> 1] !== 0 || pool.u16[AT_HIGH_LENGTH >> 1] !== 0;
  const slots = slotCount(pool, 0);
  if (pool.u8[AT_KIND] !== KIND_LEAF || bounded || slots === 0 || keyOf(pool, 0, 0).length > 0) return false;
  for (let i = 0; i < slots; i++) {
    if (keyOf(pool, 0, i)[0] === 0) continue;
    if (isOverflow(pool, 0, i) || valueLength(pool, 0, i) !== CATALOG_RECORD_BYTES) return false;
    const at = valueAt(pool, 0, i);
    const record = decodeTreeRecord(pool.u8.slice(at, at + CATALOG_RECORD_BYTES));
    if (record === undefined || record.root >= pageCount) return false;
  }
  return true;
}
