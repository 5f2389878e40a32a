/**
 * What makes bytes into pages of a certain store: numbers, counts and checksums for tree pages, runs and
 * references for overflow values. For loads that write a file without the pager.
 */

import { alignUp, writeU32 } from "../base/bytes.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { encodeReference, overflowChecksums, overflowPages, overflowSeed } from "../page/overflow.js";
import { AT_NUMBER, AT_RECORDS, checksumSeed, pageChecksum } from "../pager/page-header.js";

/** Gives a finished image its number, the tree's record count where it is the root (else 0), and checksum. */
export function sealPage(image: Uint8Array, page: number, records: number, storeId: Uint8Array): void {
  writeU32(image, AT_NUMBER, page);
  writeU32(image, AT_RECORDS, records >>> 0);
  writeU32(image, AT_RECORDS + 4, Math.floor(records / 0x1_0000_0000));
  writeU32(image, 0, pageChecksum(image, 0, image.length, checksumSeed(storeId)));
}

/** Pages that a run begins at a multiple of: runs fill whole blocks, which no tree page shares (W3). */
export function runUnit(pageSize: number): number {
  return Math.max(1, BLOCK_BYTES / pageSize);
}

/** Pages of the run of a value, in whole blocks. */
export function runPages(valueBytes: number, pageSize: number): number {
  return alignUp(overflowPages(valueBytes, pageSize), runUnit(pageSize));
}

export interface OverflowRun {
  readonly reference: Uint8Array;
  /** Whole pages. */
  readonly image: Uint8Array;
}

/** The run of a value that begins at `page`. */
export function overflowRun(
  value: Uint8Array,
  page: number,
  pageSize: number,
  storeId: Uint8Array,
): OverflowRun {
  const { table, checksum } = overflowChecksums(value, overflowSeed(storeId, page));
  const image = new Uint8Array(runPages(value.length, pageSize) * pageSize);
  image.set(table);
  image.set(value, table.length);
  return { reference: encodeReference({ length: value.length, page, checksum }), image };
}
