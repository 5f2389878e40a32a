/**
 * Bytes that are wrong and say under a right checksum that they are not: what no checksum can tell. Knows
 * the formats from docs/format.md, by the store's own constants.
 */

import { crc32 } from "node:zlib";
import {
  BLOCK_BYTES,
  FRAME_FIRST,
  FRAME_HEADER_BYTES,
  FRAME_LAST,
  frameHeaderCheck,
} from "../../src/log/log-format.js";
import { AT_NUMBER, checksumSeed, pageChecksum } from "../../src/pager/page-header.js";
import { headerIn, type StoreHeader } from "../../src/pager/store-header.js";

/** The header in force in a store's file. */
export function headerOf(data: Uint8Array): StoreHeader {
  let best: StoreHeader | undefined;
  for (let copy = 0; copy < 2; copy++) {
    const part = data.subarray(copy * BLOCK_BYTES, copy * BLOCK_BYTES + 512);
    const header = headerIn(part);
    if (header !== undefined && (best === undefined || header.sequence > best.sequence)) best = header;
  }
  if (best === undefined) throw new Error("no header is valid");
  return best;
}

/** Gives a page its number and a right checksum. */
export function sealPage(data: Uint8Array, page: number): void {
  const { pageSize, storeId } = headerOf(data);
  const view = new DataView(data.buffer, data.byteOffset + page * pageSize);
  view.setUint32(AT_NUMBER, page, true);
  view.setUint32(0, pageChecksum(data, page * pageSize, pageSize, checksumSeed(storeId)), true);
}

/** A copy of the file in which one page was changed by `edit`, which gets it as a view, and sealed. */
export function withPage(data: Uint8Array, page: number, edit: (view: DataView) => void): Uint8Array {
  const bad = data.slice();
  const { pageSize } = headerOf(data);
  edit(new DataView(bad.buffer, page * pageSize, pageSize));
  sealPage(bad, page);
  return bad;
}

/** A log segment in which one transaction, of these records, is all that there is. `data` is the store. */
export function logWith(data: Uint8Array, log: Uint8Array, records: readonly number[]): Uint8Array {
  const { commit, log: position } = headerOf(data);
  if (position === undefined) throw new Error("the store needs no log");
  const forged = log.slice();
  forged.fill(0, BLOCK_BYTES);
  const length = FRAME_HEADER_BYTES + Math.ceil(records.length / 8) * 8;
  const words = new Uint32Array(forged.buffer, BLOCK_BYTES, length / 4);
  forged.set(records, BLOCK_BYTES + FRAME_HEADER_BYTES);
  words.set([length, FRAME_FIRST | FRAME_LAST, position.salt, position.generation, commit + 1], 2);
  words[8] = commit;
  words[1] = frameHeaderCheck(words, 0);
  words[0] = crc32(forged.subarray(BLOCK_BYTES + 4, BLOCK_BYTES + length), position.chain);
  return forged;
}

/** Numbers as little-endian bytes: pairs of value and width. */
export function bytesLe(...pairs: readonly (readonly [number, number])[]): number[] {
  return pairs.flatMap(([value, width]) =>
    Array.from({ length: width }, (_, i) => (value >>> (8 * i)) & 0xff),
  );
}
