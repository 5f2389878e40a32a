/**
 * Bytes of a log segment (little-endian). docs/format.md shows the same map.
 *
 * Segment, a file of its own:
 *   block 0 (4096 bytes)
 *     0  magic "ESPLOG01"          8 bytes
 *     8  store id                 16 bytes
 *    24  version                  u32 = 1
 *    28  page size                u32
 *    32  generation               u32
 *    36  salt                     u32
 *    60  CRC-32 of bytes 0..59    u32
 *   4096 frames
 *
 * Frame, 8-byte aligned, directly behind the one before it or at the next multiple of 4096 (W6):
 *     0  chained CRC-32 of bytes 4.., seeded with the checksum of the frame before   u32
 *     4  header check: mix of bytes 8..39                                            u32
 *     8  length, header included                                                     u32
 *    12  flags: 1 = last, 2 = first frame of its transaction                         u32
 *    16  salt of the segment                                                         u32
 *    20  generation of the segment                                                   u32
 *    24  number of the commit that this frame belongs to                             u64
 *    32  number of the last commit known durable when this was written (W5)          u64
 *    40  records
 *
 * Records: one op byte, then
 *   PAGE      page u32                                   the page that edits below refer to
 *   WRITE     at u16, length u16, bytes
 *   MOVE      to u16, from u16, length u16
 *   FILL      at u16, length u16, byte
 *   SLOT      index u16, slot 8 bytes, tail u16, holes u16, bytes   a leaf's new slot, and the record in its extent
 *   SPLIT     left u32, right u32, cut u16, length u16, separator   a leaf was cut in two before its record `cut`
 *   IMAGE     page u32, front u16, back u16, bytes       whole page without its free middle
 *   BLOCK     block u32, touched u8, 4096 bytes          all pages of a block, where pages are smaller
 *   ALLOCATE  page u32, count u32
 *   FREE      page u32, count u32
 *   REVOKE    page u32, count u32                        older records of these pages are void (W3)
 *   EXTENT    from u32, to u32                           pages from..to-1 were added at the file's end
 *   CATALOG   page u32                                   the root of the catalogue is this page from here on
 *   PAD       nothing
 */

import { crc32 } from "node:zlib";
import { compareBytes, readU32, writeU32 } from "../base/bytes.js";
import { STORE_ID_BYTES } from "../base/store-id.js";

/** The unit that a disk may tear but not mix: images, write-back and log padding count in these. */
export const BLOCK_BYTES = 4096;

export const SEGMENT_MAGIC = "ESPLOG01";
export const SEGMENT_VERSION = 1;
const STORE_ID_AT = 8;
const SEGMENT_CRC_AT = 60;

export const FRAME_HEADER_BYTES = 40;
export const FRAME_LAST = 1;
export const FRAME_FIRST = 2;
/** A longer frame cannot be right: a frame is closed at the first record past LOG_PART_BYTES. */
export const FRAME_BYTES_MAX: number = 4 * 1024 * 1024;

export const OP_PAD = 0;
export const OP_PAGE = 1;
export const OP_WRITE = 2;
export const OP_MOVE = 3;
export const OP_FILL = 4;
export const OP_IMAGE = 5;
export const OP_BLOCK = 6;
export const OP_ALLOCATE = 7;
export const OP_FREE = 8;
export const OP_REVOKE = 9;
export const OP_EXTENT = 10;
export const OP_SLOT = 11;
export const OP_SPLIT = 12;
export const OP_CATALOG = 13;

// Bytes of a record, or of what stands in it before the bytes, the separator or the image that it carries.
/** Of PAGE and CATALOG. */
export const PAGE_RECORD_BYTES = 5;
export const WRITE_RECORD_BYTES = 5;
export const MOVE_RECORD_BYTES = 7;
export const FILL_RECORD_BYTES = 6;
export const SLOT_RECORD_BYTES = 15;
export const SPLIT_RECORD_BYTES = 13;
export const IMAGE_RECORD_BYTES = 9;
export const BLOCK_RECORD_BYTES = 6;
/** Of ALLOCATE, FREE, REVOKE and EXTENT. */
export const PAIR_RECORD_BYTES = 9;

export interface SegmentHeader {
  readonly generation: number;
  readonly salt: number;
  readonly pageSize: number;
}

/** What the store's header must know to find the log again. */
export interface LogPosition {
  readonly segment: number;
  readonly generation: number;
  readonly salt: number;
  /** Checksum that the segment's first frame is chained to. */
  readonly chain: number;
  /** Salt of the next generation, whose segment header is on disk already. */
  readonly nextSalt: number;
}

/** Names of the two segments of a store. */
export function segmentPath(storePath: string, index: number): string {
  return `${storePath}-log${index + 1}`;
}

/** What recovery's copy of a segment is called behind that name, as scratch-name.ts has it. */
export const SEGMENT_COPY = "new";

/** The first block of a segment. */
export function encodeSegmentHeader(storeId: Uint8Array, header: SegmentHeader): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  for (let i = 0; i < 8; i++) block[i] = SEGMENT_MAGIC.charCodeAt(i);
  block.set(storeId, STORE_ID_AT);
  writeU32(block, 24, SEGMENT_VERSION);
  writeU32(block, 28, header.pageSize);
  writeU32(block, 32, header.generation);
  writeU32(block, 36, header.salt);
  writeU32(block, SEGMENT_CRC_AT, crc32(block.subarray(0, SEGMENT_CRC_AT)));
  return block;
}

/** Id of the store whose log a segment header says that it is of; the rest of the header may be wrong. */
export function claimedOwner(block: Uint8Array): Uint8Array {
  return block.subarray(STORE_ID_AT, STORE_ID_AT + STORE_ID_BYTES);
}

/** undefined where the block is no valid header of this store's log. */
export function decodeSegmentHeader(storeId: Uint8Array, block: Uint8Array): SegmentHeader | undefined {
  for (let i = 0; i < 8; i++) if (block[i] !== SEGMENT_MAGIC.charCodeAt(i)) return undefined;
  if (readU32(block, SEGMENT_CRC_AT) !== crc32(block.subarray(0, SEGMENT_CRC_AT))) return undefined;
  if (readU32(block, 24) !== SEGMENT_VERSION) return undefined;
  if (compareBytes(claimedOwner(block), storeId) !== 0) return undefined;
  return { pageSize: readU32(block, 28), generation: readU32(block, 32), salt: readU32(block, 36) };
}

/**
 * A cheap mix of the frame header's words 2 to 9, so that a header can be told from chance bytes
 * without reading its frame. `words` is a view of the buffer that holds the frame, `at` in words.
 */
export function frameHeaderCheck(words: Uint32Array, at: number): number {
  let mix = 0x9e3779b9;
  for (let i = 2; i < 10; i++) {
    mix = Math.imul(mix ^ words[at + i]!, 0x85ebca6b);
    mix ^= mix >>> 15;
  }
  return mix >>> 0;
}

/** Whether a frame header with this segment's salt and generation, unharmed, stands here. */
export function isFrameHeader(
  words: Uint32Array,
  w: number,
  segment: { readonly salt: number; readonly generation: number },
): boolean {
  if (words[w + 4] !== segment.salt || words[w + 5] !== segment.generation) return false;
  if (words[w + 1] !== frameHeaderCheck(words, w)) return false;
  const length = words[w + 2]!;
  return length >= FRAME_HEADER_BYTES && length <= FRAME_BYTES_MAX && (length & 7) === 0;
}
