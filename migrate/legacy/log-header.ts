/** The header that every legacy log file begins with; a log that is exactly this is empty. */

import { crc32 } from "node:zlib";
import { writeU16, writeU32, writeU64, writeU64Exact } from "./big-endian.js";
import { FORMAT_VERSION, LOG_HEADER_BYTES, MAGIC_LOG } from "./layout.js";

/**
 * An empty log file as the original leaves it after a checkpoint: `salt` is the meta page's log salt, and
 * `startLsn` its last checkpoint LSN plus one.
 */
export function encodeLogHeader(pageSize: number, salt: bigint, startLsn: number): Uint8Array {
  const header = new Uint8Array(LOG_HEADER_BYTES);
  writeU32(header, 0, MAGIC_LOG);
  writeU16(header, 4, FORMAT_VERSION);
  writeU32(header, 8, pageSize);
  writeU64Exact(header, 12, salt);
  writeU64(header, 20, startLsn);
  writeU32(header, 28, crc32(header));
  return header;
}
