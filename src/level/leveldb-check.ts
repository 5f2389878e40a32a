/**
 * Checks the checksums of a LevelDB database before it is opened. LevelDB itself does not: reading, it takes blocks
 * as they are, and opening, it drops what it cannot read of its log, so that a copy would lack records without a word.
 *
 * What counts is what the manifest names: tables (blocks, each with a type and a CRC-32C, and an index of them) and
 * logs (records in blocks of 32 KiB). A log that breaks off, as a killed process leaves it, is sound: one that ends
 * within a record, or in zeros. One that goes on behind that is not, though LevelDB passes over it without a word:
 * neither in its own file nor in that of the next log, which LevelDB begins before it has done with the last. That
 * no batch is missing before another is told by the numbers that LevelDB gives to changes, one after the other.
 */

import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { readU32 } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import type { Vfs } from "../vfs/vfs.js";
import { readFully } from "../vfs/whole-io.js";
import { crc32c, prefixHasCrc32c } from "./crc32c.js";
import { decompress, readVarint } from "./snappy.js";

const LOG_BLOCK_BYTES = 32_768;
const RECORD_HEADER_BYTES = 7;
const FOOTER_BYTES = 48;
const TABLE_MAGIC = "57fb808b247547db";
const BLOCK_TRAILER_BYTES = 5;
const SNAPPY = 1;

/** Throws CorruptionError for a checksum that does not match and a log that is missing, IoError, the signal's reason. */
export async function assertSoundLevelDb(vfs: Vfs, folder: string, signal?: AbortSignal): Promise<void> {
  const manifest = join(folder, readFile(vfs, join(folder, "CURRENT")).toString("latin1").trim());
  if (vfs.stat(manifest)?.kind !== "file") return; // LevelDB says so itself, as of tables that are missing.
  const { tables, log, previousLog, lastSequence } = readManifest(vfs, manifest);
  const logs: { readonly number: number; readonly path: string }[] = [];
  const names = vfs.list(folder);
  // LevelDB makes a log before it names it, and takes one that is gone for one that was empty.
  if (log > 0 && !names.some((name) => name.endsWith(".log") && Number.parseInt(name, 10) === log))
    throw bad(manifest, -1, `it names the log ${log}, with what was written last; that file is missing`);
  for (const name of names) {
    const match = /^(\d+)\.(ldb|sst|log)$/.exec(name);
    if (match === null) continue;
    const number = Number(match[1]);
    const path = join(folder, name);
    signal?.throwIfAborted();
    await breathe();
    if (match[2] !== "log") {
      if (tables.has(number)) checkTable(readFile(vfs, path), path);
    } else if (number >= log || number === previousLog) logs.push({ number, path });
  }
  let next = lastSequence + 1;
  for (const { path } of logs.sort((a, b) => a.number - b.number)) {
    signal?.throwIfAborted();
    await breathe();
    next = checkLog(readFile(vfs, path), path, next);
  }
}

function readFile(vfs: Vfs, path: string): Buffer {
  const file = vfs.open(path, "read");
  try {
    const bytes = Buffer.alloc(file.size());
    return bytes.subarray(0, readFully(file, bytes, 0, bytes.length, 0));
  } finally {
    file.close();
  }
}

function bad(path: string, offset: number, reason: string): CorruptionError {
  return new CorruptionError("LevelDB", reason, { path, page: -1, offset });
}

/** LevelDB stores checksums turned and shifted. */
function unmasked(stored: number): number {
  const turned = (stored - 0xa282ead8) >>> 0;
  return ((turned << 15) | (turned >>> 17)) >>> 0;
}

function matches(stored: number, bytes: Uint8Array): boolean {
  return crc32c(bytes) === unmasked(stored);
}

/** Kinds of records: whole ones, and the parts of one. 0 is space that was made in advance. */
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** The records of a log, put together from their parts. */
function* logRecords(bytes: Buffer, path: string): Generator<Buffer, void> {
  let parts: Buffer[] = [];
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const left = LOG_BLOCK_BYTES - (at % LOG_BLOCK_BYTES);
    if (left < RECORD_HEADER_BYTES) {
      at += left;
      continue;
    }
    const length = bytes.readUInt16LE(at + 4);
    const type = bytes[at + 6]!;
    if (type === 0 && length === 0) {
      if (bytes.subarray(at).every((byte) => byte === 0)) return;
      throw bad(path, at, "records of the log are missing before others");
    }
    const end = at + RECORD_HEADER_BYTES + length;
    if (RECORD_HEADER_BYTES + length > left)
      throw bad(path, at, "a record of the log is longer than its block");
    if (end > bytes.length) {
      if (goesOn(bytes, at)) throw bad(path, at, "the length of a record of the log is wrong");
      return; // Cut off.
    }
    if (!matches(readU32(bytes, at), bytes.subarray(at + 6, end)))
      throw bad(path, at, "the checksum of a record of the log does not match");
    const begins = type === FULL || type === FIRST;
    // Old versions of LevelDB left an empty first part where a block had no room for more.
    const hasBegun = begins ? parts.some((part) => part.length > 0) : parts.length > 0;
    if (type > LAST || begins === hasBegun) throw bad(path, at, "parts of a record of the log are missing");
    if (begins) parts = [];
    parts.push(bytes.subarray(at + RECORD_HEADER_BYTES, end));
    if (type === FULL || type === LAST) {
      yield Buffer.concat(parts);
      parts = [];
    }
    at = end;
  }
}

/** Whether what looks cut off at `at` is a whole record with a wrong length, or whole ones follow. In the last block. */
function goesOn(bytes: Buffer, at: number): boolean {
  if (prefixHasCrc32c(bytes.subarray(at + 6), unmasked(readU32(bytes, at)))) return true;
  for (let next = at + 1; next + RECORD_HEADER_BYTES <= bytes.length; next++) {
    const type = bytes[next + 6]!;
    const end = next + RECORD_HEADER_BYTES + bytes.readUInt16LE(next + 4);
    if (type < FULL || type > LAST || end > bytes.length) continue;
    if (matches(readU32(bytes, next), bytes.subarray(next + 6, end))) return true;
  }
  return false;
}

const BATCH_HEADER_BYTES = 12;

/** Checks a log whose first change has the number `next`, or an earlier one; returns that of the change behind it. */
function checkLog(bytes: Buffer, path: string, next: number): number {
  for (const batch of logRecords(bytes, path)) {
    if (batch.length < BATCH_HEADER_BYTES) throw bad(path, -1, "a record of the log is no batch of changes");
    const first = Number(batch.readBigUInt64LE(0));
    if (first > next) throw bad(path, -1, `changes ${next} to ${first - 1} are missing before others`);
    next = first + batch.readUInt32LE(8);
  }
  return next;
}

interface Manifest {
  readonly tables: Set<number>;
  log: number;
  previousLog: number;
  /** Number of the last change before it was written: those of tables, and maybe some of the log. */
  lastSequence: number;
}

/** Tags of the fields of a change of version. */
const COMPARATOR = 1;
const LOG_NUMBER = 2;
const LAST_SEQUENCE = 4;
const COMPACT_POINTER = 5;
const DELETED_TABLE = 6;
const NEW_TABLE = 7;
const PREVIOUS_LOG = 9;

function readManifest(vfs: Vfs, path: string): Manifest {
  const manifest: Manifest = { tables: new Set(), log: 0, previousLog: 0, lastSequence: 0 };
  for (const change of logRecords(readFile(vfs, path), path)) applyChange(manifest, change);
  return manifest;
}

/** Brings a manifest up to date with a change of version, one of its records. */
function applyChange(manifest: Manifest, change: Buffer): void {
  const reader = { bytes: change, at: 0 };
  const number = (): number => readVarint(reader);
  const skipText = (): void => {
    const length = number();
    reader.at += length;
  };
  while (reader.at < change.length) {
    const tag = number();
    if (tag === COMPARATOR) skipText();
    else if (tag === COMPACT_POINTER) {
      number();
      skipText();
    } else if (tag === DELETED_TABLE) {
      number();
      manifest.tables.delete(number());
    } else if (tag === NEW_TABLE) {
      number();
      manifest.tables.add(number());
      number();
      skipText();
      skipText();
    } else {
      const value = number();
      if (tag === LOG_NUMBER) manifest.log = value;
      else if (tag === LAST_SEQUENCE) manifest.lastSequence = value;
      else if (tag === PREVIOUS_LOG) manifest.previousLog = value;
    }
  }
}

function checkTable(bytes: Buffer, path: string): void {
  const at = bytes.length - FOOTER_BYTES;
  if (at < 0 || bytes.toString("hex", bytes.length - 8) !== TABLE_MAGIC)
    throw bad(path, Math.max(0, at), "the table has no footer");
  const footer = { bytes, at };
  for (let i = 0; i < 2; i++) readVarint(footer); // The index of what is no data.
  const index = blockAt(bytes, readVarint(footer), readVarint(footer), path);
  const end = index.length - 4 - 4 * readU32(index, index.length - 4);
  for (const entry = { bytes: index, at: 0 }; entry.at < end; ) {
    readVarint(entry);
    const [keyBytes, valueBytes] = [readVarint(entry), readVarint(entry)];
    const handle = { bytes: index, at: entry.at + keyBytes };
    entry.at += keyBytes + valueBytes;
    checkBlock(bytes, readVarint(handle), readVarint(handle), path);
  }
}

function checkBlock(bytes: Buffer, at: number, length: number, path: string): void {
  const end = at + length;
  const whole = end + BLOCK_TRAILER_BYTES <= bytes.length;
  if (!whole || !matches(readU32(bytes, end + 1), bytes.subarray(at, end + 1)))
    throw bad(path, at, "the checksum of a block of the table does not match");
}

function blockAt(bytes: Buffer, at: number, length: number, path: string): Uint8Array {
  checkBlock(bytes, at, length, path);
  const block = bytes.subarray(at, at + length);
  return bytes[at + length] === SNAPPY ? decompress(block) : block;
}
