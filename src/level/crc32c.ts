/** CRC-32C (Castagnoli), as LevelDB has it; that of node:zlib is another one. */

import { crcTable } from "../base/crc-table.js";

const TABLE: Uint32Array = crcTable(0x82f63b78);

export function crc32c(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) state = TABLE[(state ^ bytes[i]!) & 0xff]! ^ (state >>> 8);
  return ~state >>> 0;
}

/** Whether the first bytes, however many, have this checksum. */
export function prefixHasCrc32c(bytes: Uint8Array, crc: number): boolean {
  const wanted = ~crc >>> 0;
  let state = 0xffffffff;
  for (const byte of bytes) {
    state = (TABLE[(state ^ byte) & 0xff]! ^ (state >>> 8)) >>> 0;
    if (state === wanted) return true;
  }
  return false;
}
