/**
 * The bytes of the legacy compact-layout tree files, all generations. Everything is big-endian.
 *
 * page header (32 bytes, every page; page n lies at n * page size, page 0 is the meta page)
 *     0  4  magic "SOMB"             12  8  page number
 *     4  2  format version = 1       20  8  salt of the file
 *     6  1  page kind                28  4  CRC-32 of page number, salt (u64 each) and the page with
 *     7  1  reserved = 0                    these four bytes taken as zero
 *     8  4  page size
 *
 * body of a tree page; in-page offsets count from the body's start (page offset 32)
 *     0  1  node kind (1 leaf, 2 branch)     8  8  parent page, 0 = root
 *     1  1  flags = 0                       16  8  right sibling, 0 = none
 *     2  2  slot count                      24  8  left sibling, 0 = none
 *     4  2  end of the record area          32  8  low fence length
 *     6  2  start of the slot directory     40  8  high fence length
 *    48  .  low fence, high fence, records -> ... free ... <- slot directory, ascending by key
 *
 * slot          gen1, gen2: record offset u16      gen3: record offset u16, record length u16
 * leaf record   gen1: prefix length u16, suffix length u16, suffix, value to the end of the extent
 *               gen2, gen3: key length varint, value length varint, key, value
 * branch record child page u64, separator length u16, separator
 *
 * free-list page body: next page u64, extent count u32, 0 u32, then (start u64, length u32, 0 u32) each
 *
 * log file: 32-byte header (magic "SOMW", version u16 = 1, 0 u16, page size u32, log salt u64,
 * start LSN u64, CRC-32 u32), then frames (LSN u64, page u64, previous chain u64, CRC-32 of the image
 * u32, CRC-32 of this header u32, page image).
 */

/** The generations of the legacy engine's files; what tells them apart is how leaves are laid out. */
export type LegacyGeneration = "gen1" | "gen2" | "gen3";

export const MAGIC_PAGE = 0x534f4d42;
export const MAGIC_LOG = 0x534f4d57;
export const FORMAT_VERSION = 1;

export const PAGE_HEADER_BYTES = 32;
export const HEADER_KIND = 6;
export const HEADER_PAGE_SIZE = 8;
export const HEADER_NUMBER = 12;
export const HEADER_SALT = 20;
export const HEADER_CHECKSUM = 28;

export const KIND_META = 1;
export const KIND_FREE_LIST = 2;
export const KIND_LEAF = 3;
export const KIND_BRANCH = 4;
export const KIND_OVERFLOW = 5;
export const KIND_SEGMENT = 6;

/** The meta fields of all generations end here, relative to the body. */
export const META_BYTES = 232;
export const META_BYTES_MIN = 192;

export const PAGE_BYTES_MIN: number = PAGE_HEADER_BYTES + META_BYTES_MIN;
/** In-page offsets are u16. */
export const PAGE_BYTES_MAX: number = PAGE_HEADER_BYTES + 0xffff;
/** Page numbers are kept in 32 bits here; a file of the smallest pages reaches that at 900 GiB. */
export const PAGE_NUMBER_MAX = 0xffffffff;

/** Offsets of a tree page, relative to the body. */
export const TREE_SLOT_COUNT = 2;
export const TREE_RECORDS_END = 4;
export const TREE_SLOTS_START = 6;
export const TREE_PARENT = 8;
export const TREE_RIGHT = 16;
export const TREE_LEFT = 24;
export const TREE_LOW_LENGTH = 32;
export const TREE_HIGH_LENGTH = 40;
export const TREE_HEADER_BYTES = 48;
export const NODE_LEAF = 1;
export const NODE_BRANCH = 2;
export const BRANCH_RECORD_BYTES = 10;

/** No sound tree is deeper: two children a branch reach 2^64 leaves. */
export const TREE_DEPTH_MAX = 64;

export const FREE_LIST_HEADER_BYTES = 16;
export const FREE_EXTENT_BYTES = 16;

export const LOG_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 32;

/** Bytes of one slot directory entry. */
export function slotBytes(generation: LegacyGeneration): number {
  return generation === "gen3" ? 4 : 2;
}

/** Undefined where the size is legal, else why it is not. */
export function pageSizeFault(pageSize: number): string | undefined {
  if (pageSize >= PAGE_BYTES_MIN && pageSize <= PAGE_BYTES_MAX) return undefined;
  return `a page size of ${pageSize} is outside ${PAGE_BYTES_MIN} to ${PAGE_BYTES_MAX}`;
}
