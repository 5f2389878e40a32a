/**
 * The journal of a conversion in place: everything that was decided before the first change, written behind the
 * file's end and synced before the fence (M3).
 *
 *   journal start                         slot 0, slot 1 (slot.ts), each `slotBytes`
 *   + 2 * slotBytes                       head: JSON in UTF-8, padded to 512 bytes
 *   behind it                             tables of u32, little-endian, one behind the other
 *   last 512 bytes of the file            trailer
 *
 *   trailer and fence   0  magic "ESPALMIG"          24  length of the head u32
 *                       8  version u32               28  CRC-32 of the head u32
 *                      12  slot bytes u32            32  bytes of the whole file u64
 *                      16  journal start u64         40  CRC-32 of bytes 0..39 u32
 *
 * The fence is the trailer once more, at offset 0: with it the file is nobody's but the migrator's. Should
 * writing the fence have been torn, the trailer still says where everything is.
 */

import { crc32 } from "node:zlib";
import { alignUp, readU32, readU64, writeU32, writeU64 } from "../../src/base/bytes.js";
import { CorruptionError } from "../../src/base/errors.js";
import { MIGRATING_MAGIC } from "../../src/base/magic.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { readFully, writeFully } from "../../src/vfs/whole-io.js";
import type { LegacyGeneration } from "../legacy/layout.js";
import type { CarriedPage, LegacyRecord } from "../legacy-record.js";
import { checkedHead } from "./head-check.js";
import type { Layout } from "./layout.js";

export const SECTOR_BYTES = 512;
const VERSION = 1;
const MARK_BYTES = 44;

export type Direction = "forward" | "back";
/**
 * How a conversion is checked before it ends. "full": all is read back, and digests are compared. "sample": structure and
 * counts. "none": not at all.
 */
export type VerifyMode = "full" | "sample" | "none";

export interface ProgramTree {
  /** In the store; empty for the unnamed tree. */
  readonly name: string;
  /** Source leaves, as a range of the list of all trees. */
  readonly units: readonly [number, number];
  /** Target leaves, likewise. */
  readonly leaves: readonly [number, number];
  readonly records: number;
  readonly digest: string;
  /** Target branches of each level, 1 first. */
  readonly branches: readonly number[];
  /** Where a legacy meta page names the root, relative to its body; null for a bare tree. */
  readonly metaOffset: number | null;
}

/** What is known beforehand; plain JSON. */
export interface ProgramHead {
  readonly version: number;
  /** Ties slots to this journal. */
  readonly id: string;
  readonly direction: Direction;
  readonly generation: LegacyGeneration;
  readonly sourcePageSize: number;
  readonly targetPageSize: number;
  /** Bytes of the file before. */
  readonly oldBytes: number;
  readonly finalPages: number;
  readonly gaps: readonly { readonly start: number; readonly count: number }[];
  readonly growthPages: number;
  readonly verify: VerifyMode;
  readonly trees: readonly ProgramTree[];
  /** First sector of the file as it was, base64: what the fence covers. Of a store: its header. */
  readonly firstSector: string;
  /** The legacy meta page without the zeroes at its end, base64: the old one (forward), the new one (back). */
  readonly meta: string;
  /** The store's id, base64: the new one (forward), the old one (back). */
  readonly storeId: string;
  /** What the store keeps of the legacy file (forward). */
  readonly legacy: LegacyRecord | null;
  /** Pages that are written as they are when all else is in its place (back). */
  readonly carried: readonly CarriedPage[];
  /** For the report: how the source was recognised, frames applied, what was healed, pages before. */
  readonly report: ProgramReport;
}

export interface ProgramReport {
  readonly recognisedBy: string;
  readonly logFrames: number;
  readonly healed: readonly string[];
  readonly pagesBefore: number;
}

export interface ProgramTables {
  readonly units: Uint32Array;
  /** As LeafOrder.overlaps; empty where no leaves overlap. */
  readonly overlaps: Uint32Array;
  readonly leafPages: Uint32Array;
  /** Records of each target leaf; empty where the leaves decide themselves (forward). */
  readonly leafRecords: Uint32Array;
  /** Children of each target branch, tree by tree, level by level; empty as leafRecords. */
  readonly branchChildren: Uint32Array;
  readonly runStarts: Uint32Array;
  readonly trailing: Uint32Array;
  /** leaves, runs, unit, record, records (low), records (high) of each batch. */
  readonly batches: Uint32Array;
  /** from, to, pages of each move. */
  readonly moves: Uint32Array;
}

const TABLES: readonly (keyof ProgramTables)[] = [
  "units",
  "overlaps",
  "leafPages",
  "leafRecords",
  "branchChildren",
  "runStarts",
  "trailing",
  "batches",
  "moves",
];
export const BATCH_WORDS = 6;
export const MOVE_WORDS = 3;

export interface Program {
  readonly head: ProgramHead;
  readonly tables: ProgramTables;
  readonly slotBytes: number;
  readonly journalStart: number;
  /** Bytes of the file with the journal. */
  readonly journalEnd: number;
}

interface StoredHead {
  readonly head: ProgramHead;
  readonly tables: readonly { readonly words: number; readonly crc: number }[];
}

export function batchTable(layout: Layout): Uint32Array {
  const table = new Uint32Array(layout.batches.length * BATCH_WORDS);
  layout.batches.forEach((batch, index) => {
    const { leaves, runs, unit, record, records } = batch;
    table.set(
      [leaves, runs, unit, record, records % 2 ** 32, Math.floor(records / 2 ** 32)],
      index * BATCH_WORDS,
    );
  });
  return table;
}

export function moveTable(layout: Layout): Uint32Array {
  const table = new Uint32Array(layout.moves.length * MOVE_WORDS);
  layout.moves.forEach(({ from, to, pages }, index) => {
    table.set([from, to, pages], index * MOVE_WORDS);
  });
  return table;
}

/** Bytes that the journal of these tables takes at most, with its growth to whole sectors. */
export function journalBytes(head: ProgramHead, tables: ProgramTables, slotBytes: number): number {
  const words = TABLES.reduce((sum, name) => sum + tables[name].length, 0);
  return 2 * slotBytes + encodeHead(head, tables).length + words * 4 + 3 * SECTOR_BYTES;
}

function tableBytes(table: Uint32Array): Uint8Array {
  return new Uint8Array(table.buffer, table.byteOffset, table.byteLength);
}

function encodeHead(head: ProgramHead, tables: ProgramTables): Uint8Array {
  const stored: StoredHead = {
    head,
    tables: TABLES.map((name) => ({ words: tables[name].length, crc: crc32(tableBytes(tables[name])) })),
  };
  return Buffer.from(JSON.stringify(stored), "utf8");
}

function alignSector(bytes: number): number {
  return alignUp(bytes, SECTOR_BYTES);
}

/** Writes the journal at `start` of the file, trailer included; not synced. Returns the program in force. */
export function writeProgram(
  file: VfsFile,
  head: ProgramHead,
  tables: ProgramTables,
  slotBytes: number,
  start: number,
): Program {
  const text = encodeHead(head, tables);
  const headAt = start + 2 * slotBytes;
  let at = headAt + alignSector(text.length);
  writeFully(file, new Uint8Array(2 * slotBytes), 0, 2 * slotBytes, start);
  writeFully(file, text, 0, text.length, headAt);
  for (const name of TABLES) {
    const bytes = tableBytes(tables[name]);
    writeFully(file, bytes, 0, bytes.length, at);
    at += bytes.length;
  }
  const end = alignSector(at) + SECTOR_BYTES;
  const program: Program = { head, tables, slotBytes, journalStart: start, journalEnd: end };
  const trailer = new Uint8Array(SECTOR_BYTES);
  trailer.set(encodeMark(program, text));
  writeFully(file, trailer, 0, SECTOR_BYTES, end - SECTOR_BYTES);
  return program;
}

function encodeMark(program: Program, headText: Uint8Array): Uint8Array {
  const mark = new Uint8Array(MARK_BYTES);
  for (let i = 0; i < 8; i++) mark[i] = MIGRATING_MAGIC.charCodeAt(i);
  writeU32(mark, 8, VERSION);
  writeU32(mark, 12, program.slotBytes);
  writeU64(mark, 16, program.journalStart);
  writeU32(mark, 24, headText.length);
  writeU32(mark, 28, crc32(headText));
  writeU64(mark, 32, program.journalEnd);
  writeU32(mark, 40, crc32(mark.subarray(0, 40)));
  return mark;
}

/** The first sector of the file while it is being converted: the fence over what was there. */
export function fenceSector(program: Program): Uint8Array {
  const sector = new Uint8Array(Buffer.from(program.head.firstSector, "base64"));
  sector.set(encodeMark(program, encodeHead(program.head, program.tables)));
  return sector;
}

interface Mark {
  readonly slotBytes: number;
  readonly journalStart: number;
  readonly headBytes: number;
  readonly headCrc: number;
  readonly journalEnd: number;
}

function decodeMark(bytes: Uint8Array): Mark | undefined {
  for (let i = 0; i < 8; i++) if (bytes[i] !== MIGRATING_MAGIC.charCodeAt(i)) return undefined;
  if (readU32(bytes, 40) !== crc32(bytes.subarray(0, 40)) || readU32(bytes, 8) !== VERSION) return undefined;
  return {
    slotBytes: readU32(bytes, 12),
    journalStart: readU64(bytes, 16),
    headBytes: readU32(bytes, 24),
    headCrc: readU32(bytes, 28),
    journalEnd: readU64(bytes, 32),
  };
}

/**
 * The program of a file that has one, from its trailer or its fence; undefined where there is none. Throws
 * CorruptionError (M3) where there is one and it is damaged.
 */
export function readProgram(file: VfsFile): Program | undefined {
  const mark = trailerOf(file) ?? markAt(file, 0);
  return mark === undefined ? undefined : loadProgram(file, mark);
}

/** Whether the file ends as a journal does, whatever is left of that. */
export function endsInTrailer(file: VfsFile): boolean {
  return trailerOf(file) !== undefined;
}

function trailerOf(file: VfsFile): Mark | undefined {
  const size = file.size();
  if (size < 2 * SECTOR_BYTES) return undefined;
  const mark = markAt(file, size - SECTOR_BYTES);
  return mark?.journalEnd === size ? mark : undefined;
}

function markAt(file: VfsFile, at: number): Mark | undefined {
  const sector = new Uint8Array(SECTOR_BYTES);
  readFully(file, sector, 0, SECTOR_BYTES, at);
  return decodeMark(sector);
}

/** undefined where it is no JSON. */
function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString("utf8"));
  } catch {
    return undefined;
  }
}

function loadProgram(file: VfsFile, mark: Mark): Program {
  const bad = (reason: string): CorruptionError =>
    new CorruptionError("M3", `the journal of the migration ${reason}`, {
      path: file.path,
      page: -1,
      offset: mark.journalStart,
    });
  const headAt = mark.journalStart + 2 * mark.slotBytes;
  if (headAt + mark.headBytes > file.size()) throw bad("reaches past the end of the file");
  const text = new Uint8Array(mark.headBytes);
  readFully(file, text, 0, text.length, headAt);
  if (crc32(text) !== mark.headCrc) throw bad("has a damaged head");
  const stored = checkedHead<StoredHead>(parsed(text), TABLES.length);
  if (stored === undefined) throw bad("has a head that makes no sense");
  if (stored.head.version !== VERSION) throw bad(`is of version ${stored.head.version}`);
  let at = headAt + alignSector(mark.headBytes);
  const tables: Partial<Record<keyof ProgramTables, Uint32Array>> = {};
  TABLES.forEach((name, index) => {
    const { words, crc } = stored.tables[index]!;
    if (at + words * 4 > file.size()) throw bad("reaches past the end of the file");
    const table = new Uint32Array(words);
    const bytes = tableBytes(table);
    readFully(file, bytes, 0, bytes.length, at);
    if (crc32(bytes) !== crc) throw bad(`has a damaged table (${name})`);
    tables[name] = table;
    at += bytes.length;
  });
  return {
    head: stored.head,
    tables: tables as ProgramTables,
    slotBytes: mark.slotBytes,
    journalStart: mark.journalStart,
    journalEnd: mark.journalEnd,
  };
}
