/**
 * The store's header: two copies, at file offsets 0 and 4096 whatever the page size, written in turn
 * (W4). The valid copy with the higher sequence number counts.
 *
 *     0  magic "ESPALIER"                                   8 bytes
 *     8  format version                                     u32 = 1
 *    12  page size                                          u32
 *    16  store id                                           16 bytes
 *    32  sequence number of this header                     u64
 *    40  state: 0 clean, 1 needs its log                    u32
 *    44  oldest log generation needed                       u32
 *    48  salt of that generation's segment                  u32
 *    52  checksum that the segment's first frame chains to  u32
 *    56  index of that segment, 0 or 1                      u32
 *    60  salt of the next generation, 0: not prepared       u32
 *    64  compatible features                                u32
 *    68  read-only compatible features                      u32
 *    72  incompatible features                              u32
 *    76  root page of the catalogue                         u32
 *    80  pages in use or free, headers included             u32
 *    84  first page of the free list, 0: empty              u32
 *    88  last log generation ever used                      u32
 *    96  number of the last commit that the data file holds u64
 *   508  CRC-32 of bytes 0..507                             u32
 */

import { crc32 } from "node:zlib";
import { readU32, readU64, writeU32, writeU64 } from "../base/bytes.js";
import { STORE_MAGIC } from "../base/magic.js";
import { BLOCK_BYTES, type LogPosition } from "../log/log-format.js";

export const FORMAT_VERSION = 1;
export const HEADER_COPIES = 2;
/** Bytes of the file that the header copies take, in whole pages of any size. */
export const HEADER_AREA_BYTES: number = HEADER_COPIES * BLOCK_BYTES;
export const PAGE_SIZE_MIN = 512;
export const PAGE_SIZE_MAX = 32768;
const CRC_AT = 508;

export interface StoreHeader {
  pageSize: number;
  storeId: Uint8Array;
  sequence: number;
  clean: boolean;
  /** Where the log begins; undefined when clean. */
  log: LogPosition | undefined;
  compatibleFeatures: number;
  readOnlyCompatibleFeatures: number;
  incompatibleFeatures: number;
  catalogRoot: number;
  pageCount: number;
  freeListHead: number;
  lastGeneration: number;
  commit: number;
}

/** The header of a store that no commit has changed yet: complete without a log. */
export function freshHeader(
  pageSize: number,
  storeId: Uint8Array,
  catalogRoot: number,
  pageCount: number,
  freeListHead = 0,
): StoreHeader {
  return {
    pageSize,
    storeId,
    sequence: 0,
    clean: true,
    log: undefined,
    compatibleFeatures: 0,
    readOnlyCompatibleFeatures: 0,
    incompatibleFeatures: 0,
    catalogRoot,
    pageCount,
    freeListHead,
    lastGeneration: 0,
    commit: 0,
  };
}

/** First page that is not part of the header area. */
export function firstPage(pageSize: number): number {
  return Math.max(1, HEADER_AREA_BYTES / pageSize);
}

export function isPageSize(size: number): boolean {
  return (
    Number.isInteger(size) && size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) === 0
  );
}

/** One copy, padded to a block. */
export function encodeStoreHeader(header: StoreHeader): Uint8Array {
  const b = new Uint8Array(BLOCK_BYTES);
  for (let i = 0; i < 8; i++) b[i] = STORE_MAGIC.charCodeAt(i);
  writeU32(b, 8, FORMAT_VERSION);
  writeU32(b, 12, header.pageSize);
  b.set(header.storeId, 16);
  writeU64(b, 32, header.sequence);
  writeU32(b, 40, header.clean ? 0 : 1);
  writeU32(b, 44, header.log?.generation ?? 0);
  writeU32(b, 48, header.log?.salt ?? 0);
  writeU32(b, 52, header.log?.chain ?? 0);
  writeU32(b, 56, header.log?.segment ?? 0);
  writeU32(b, 60, header.log?.nextSalt ?? 0);
  writeU32(b, 64, header.compatibleFeatures);
  writeU32(b, 68, header.readOnlyCompatibleFeatures);
  writeU32(b, 72, header.incompatibleFeatures);
  writeU32(b, 76, header.catalogRoot);
  writeU32(b, 80, header.pageCount);
  writeU32(b, 84, header.freeListHead);
  writeU32(b, 88, header.lastGeneration);
  writeU64(b, 96, header.commit);
  writeU32(b, CRC_AT, crc32(b.subarray(0, CRC_AT)));
  return b;
}

/** Whether the bytes begin like a store, right or wrong. */
export function hasStoreMagic(bytes: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (bytes[i] !== STORE_MAGIC.charCodeAt(i)) return false;
  return true;
}

/** Format version of a copy with a right checksum; 0 where it is no header. */
export function headerVersion(bytes: Uint8Array): number {
  if (!hasStoreMagic(bytes)) return 0;
  if (readU32(bytes, CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) return 0;
  return readU32(bytes, 8);
}

/** The header in one copy; undefined where the copy is damaged, of another version, or no header at all. */
export function headerIn(copy: Uint8Array): StoreHeader | undefined {
  return headerVersion(copy) === FORMAT_VERSION ? decodeStoreHeader(copy) : undefined;
}

/** A copy whose version is FORMAT_VERSION; undefined where a field cannot be right. */
export function decodeStoreHeader(b: Uint8Array): StoreHeader | undefined {
  const pageSize = readU32(b, 12);
  const state = readU32(b, 40);
  const segment = readU32(b, 56);
  const pageCount = readU32(b, 80);
  const catalogRoot = readU32(b, 76);
  if (!isPageSize(pageSize) || state > 1 || segment > 1) return undefined;
  const first = firstPage(pageSize);
  if (catalogRoot < first || catalogRoot >= pageCount || readU32(b, 84) >= pageCount) return undefined;
  const log: LogPosition = {
    segment,
    generation: readU32(b, 44),
    salt: readU32(b, 48),
    chain: readU32(b, 52),
    nextSalt: readU32(b, 60),
  };
  return {
    pageSize,
    storeId: b.slice(16, 32),
    sequence: readU64(b, 32),
    clean: state === 0,
    log: state === 0 ? undefined : log,
    compatibleFeatures: readU32(b, 64),
    readOnlyCompatibleFeatures: readU32(b, 68),
    incompatibleFeatures: readU32(b, 72),
    catalogRoot,
    pageCount,
    freeListHead: readU32(b, 84),
    lastGeneration: readU32(b, 88),
    commit: readU64(b, 96),
  };
}
