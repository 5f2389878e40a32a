/**
 * Values that do not fit inline: headerless runs of pages that lie together (B3).
 *
 *   reference, in the record: length u32 | first page u32 | checksum u32
 *   run: up to 1 MiB of value: the value's bytes; the reference has their checksum.
 *        Longer: a table of one checksum u32 per MiB, then the value; the reference has the table's.
 *
 * Checksums are CRC-32, seeded with the store's seed and the run's first page.
 */

import { types } from "node:util";
import { crc32 } from "node:zlib";
import { readU32, writeU32 } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import { type ByteSource, byteSource } from "../base/text.js";
import { checksumSeed } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";
import { OVERFLOW_REFERENCE_BYTES, VALUE_BYTES_MAX } from "./limits.js";

const CHUNK_BYTES = 1024 * 1024;

export interface OverflowReference {
  readonly length: number;
  readonly page: number;
  readonly checksum: number;
}

export function readReference(bytes: Uint8Array, at: number): OverflowReference {
  return { length: readU32(bytes, at), page: readU32(bytes, at + 4), checksum: readU32(bytes, at + 8) };
}

export function encodeReference(reference: OverflowReference): Uint8Array {
  const bytes = new Uint8Array(OVERFLOW_REFERENCE_BYTES);
  writeU32(bytes, 0, reference.length);
  writeU32(bytes, 4, reference.page);
  writeU32(bytes, 8, reference.checksum);
  return bytes;
}

/** Bytes of the table of checksums that stands before a value of this length. */
export function overflowTableBytes(length: number): number {
  return length <= CHUNK_BYTES ? 0 : Math.ceil(length / CHUNK_BYTES) * 4;
}

/** Pages of a value's run. */
export function overflowPages(length: number, pageSize: number): number {
  return Math.ceil((overflowTableBytes(length) + length) / pageSize);
}

/** Seed of the checksums of the run that begins at `page`. */
export function overflowSeed(storeId: Uint8Array, page: number): number {
  return (checksumSeed(storeId) ^ page) >>> 0;
}

/** Checksums of a run: the table (empty up to 1 MiB) and what the reference holds. */
export function overflowChecksums(value: Uint8Array, seed: number): { table: Uint8Array; checksum: number } {
  const table = new Uint8Array(overflowTableBytes(value.length));
  if (table.length === 0) return { table, checksum: crc32(value, seed) };
  for (let i = 0; i * 4 < table.length; i++) {
    writeU32(table, i * 4, crc32(value.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES), seed));
  }
  return { table, checksum: crc32(table, seed) };
}

/**
 * Writes a value to free pages of the data file, the tightest run or the lowest; the commit makes it
 * durable before it refers to it.
 * Throws DiskFullError.
 */
export function writeOverflow(pager: Pager, given: Uint8Array, lowest = false): OverflowReference {
  const { pageSize, data } = pager;
  // Another thread may change shared memory between its checksum and its write.
  const value = types.isSharedArrayBuffer(given.buffer) ? new Uint8Array(given) : given;
  const pages = overflowPages(value.length, pageSize);
  const page = pager.allocateRun(pages, lowest);
  const { table, checksum } = overflowChecksums(value, overflowSeed(pager.header.storeId, page));
  const position = page * pageSize;
  if (table.length > 0) data.write(table, 0, table.length, position);
  data.write(value, 0, value.length, position + table.length);
  return { length: value.length, page, checksum };
}

/** Frees the run of a reference. */
export function freeOverflow(pager: Pager, reference: OverflowReference): void {
  assertReference(pager, reference);
  pager.freeRun(reference.page, overflowPages(reference.length, pager.pageSize));
}

/** Throws CorruptionError where a reference cannot be right. */
export function assertReference(pager: Pager, reference: OverflowReference): void {
  const end = reference.page + overflowPages(reference.length, pager.pageSize);
  if (reference.length > VALUE_BYTES_MAX || reference.page < 1 || end > pager.pageCount) {
    throw damaged(pager, reference, "an overflow reference leads out of the file");
  }
}

/** A value in memory of its own, which is not claimed for a reference that cannot be right. Throws CorruptionError. */
export function overflowValue(pager: Pager, reference: OverflowReference): ByteSource {
  assertReference(pager, reference);
  const value = byteSource(reference.length);
  readOverflow(pager, reference, value.u8);
  return value;
}

/**
 * Reads a value to the start of `target`, which is long enough. One read for the value, one more for
 * the table of a long one. Throws CorruptionError.
 */
export function readOverflow(pager: Pager, reference: OverflowReference, target: Uint8Array): void {
  assertReference(pager, reference);
  const { length, page, checksum } = reference;
  const seed = overflowSeed(pager.header.storeId, page);
  const position = page * pager.pageSize;
  const table = new Uint8Array(overflowTableBytes(length));
  if (table.length > 0) {
    pager.data.read(table, 0, table.length, position);
    if (crc32(table, seed) !== checksum)
      throw damaged(pager, reference, "the checksums of an overflow run are damaged");
  }
  if (pager.data.read(target, 0, length, position + table.length) < length) {
    throw damaged(pager, reference, "the file ends inside an overflow run");
  }
  for (let from = 0, i = 0; from < length || i === 0; from += CHUNK_BYTES, i++) {
    const chunk = crc32(target.subarray(from, Math.min(from + CHUNK_BYTES, length)), seed);
    const wanted = table.length > 0 ? readU32(table, i * 4) : checksum;
    if (chunk !== wanted) throw damaged(pager, reference, `the value's bytes from ${from} on are damaged`);
  }
}

function damaged(pager: Pager, reference: OverflowReference, reason: string): CorruptionError {
  return new CorruptionError("B3", reason, { path: pager.data.file.path, page: reference.page, offset: -1 });
}
