/**
 * The beginning of a conversion in place, up to the fence, and its undoing (M3 a and b).
 *
 * Before the file is touched a note is made beside it, `<file>-migration`: how long the file was and what its
 * first bytes were. Until the fence is durable, undoing is cutting the file back to that length; with the
 * fence the journal inside the file says all, and the note goes.
 */

import { crc32 } from "node:zlib";
import { alignUp } from "../../src/base/bytes.js";
import { EspalierError } from "../../src/base/errors.js";
import { encodeStoreHeader, HEADER_COPIES, type StoreHeader } from "../../src/pager/store-header.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readFully, writeFully } from "../../src/vfs/whole-io.js";
import { notePath, removeNote } from "../beside.js";
import { savedMeta } from "./forward-source.js";
import {
  fenceSector,
  type Program,
  type ProgramHead,
  type ProgramTables,
  SECTOR_BYTES,
  writeProgram,
} from "./program.js";
import { FENCED, type SlotState, writeSlot } from "./slot.js";

/** What is compared to find out whether somebody used the file after the note was made. */
const HEAD_BYTES = 8192;
const NOTE_BYTES_MAX = 512;
const ZEROS: Uint8Array = new Uint8Array(1024 * 1024);
/** Where the second copy of a store's header lies; it must not outlive the fence. */
const SECOND_HEADER = 4096;

interface Note {
  readonly bytes: number;
  readonly head: number;
}

/** Of the first bytes of a file that was `fileBytes` long; what has grown behind them does not count. */
function headChecksum(file: VfsFile, fileBytes: number): number {
  const bytes = new Uint8Array(Math.min(HEAD_BYTES, fileBytes));
  const length = readFully(file, bytes, 0, bytes.length, 0);
  return crc32(bytes.subarray(0, length));
}

/** Makes the note durable, in an empty file or none. */
export function writeNote(vfs: Vfs, path: string, file: VfsFile): void {
  const note: Note = { bytes: file.size(), head: headChecksum(file, file.size()) };
  const text = JSON.stringify(note);
  const bytes = Buffer.from(`${text} ${crc32(text)}\n`);
  removeNote(vfs, path);
  const out = vfs.open(notePath(path), "create");
  try {
    writeFully(out, bytes, 0, bytes.length, 0);
    out.sync();
  } finally {
    out.close();
  }
  vfs.syncFolderOf(path);
}

function readNote(vfs: Vfs, path: string): Note | undefined {
  if (vfs.stat(notePath(path))?.kind !== "file") return undefined;
  const file = vfs.open(notePath(path), "read");
  try {
    const bytes = new Uint8Array(NOTE_BYTES_MAX);
    const length = readFully(file, bytes, 0, bytes.length, 0);
    const match = /^(\{.*\}) (\d+)\n$/.exec(Buffer.from(bytes.subarray(0, length)).toString("utf8"));
    if (match === null || crc32(match[1]!) !== Number(match[2])) return undefined;
    return JSON.parse(match[1]!) as Note;
  } finally {
    file.close();
  }
}

/** Whether a note lies beside the file: a run began, and did not come to its fence. */
export function hasBegun(vfs: Vfs, path: string): boolean {
  return readNote(vfs, path) !== undefined;
}

/**
 * For a file without a fence: how long it was before an interrupted beginning; undefined where there was none, or where
 * somebody used the file since, so that its length is theirs.
 */
export function bytesBeforeBeginning(vfs: Vfs, path: string): number | undefined {
  const note = readNote(vfs, path);
  if (note === undefined) return undefined;
  const file = vfs.open(path, "read");
  try {
    return file.size() > note.bytes && headChecksum(file, note.bytes) === note.head ? note.bytes : undefined;
  } finally {
    file.close();
  }
}

/** Cuts off what lies behind the first `bytes` bytes of a file, durably. */
export function cutTo(vfs: Vfs, path: string, bytes: number): void {
  const file = vfs.open(path, "write");
  try {
    file.truncate(bytes);
    file.sync();
  } finally {
    file.close();
  }
}

/** Takes back what an interrupted beginning has left, its note last. Returns whether there was something. */
export function undoBeginning(vfs: Vfs, path: string): boolean {
  const began = hasBegun(vfs, path);
  const bytes = bytesBeforeBeginning(vfs, path);
  if (bytes !== undefined) cutTo(vfs, path, bytes);
  removeNote(vfs, path);
  return began;
}

/** Where the journal begins: behind the file, its growth and its final end. */
export function journalPlace(head: ProgramHead): number {
  const grown = (Math.floor(head.oldBytes / head.targetPageSize) + head.growthPages) * head.targetPageSize;
  const end = Math.max(head.oldBytes, grown, head.finalPages * head.targetPageSize);
  return alignUp(end, 4096);
}

/**
 * Claims the space, writes the journal, syncs. The file's own bytes are untouched. Where it fails, the file
 * is cut back. Throws DiskFullError and IoError.
 */
export function writeJournal(
  vfs: Vfs,
  path: string,
  file: VfsFile,
  head: ProgramHead,
  tables: ProgramTables,
  slotBytes: number,
): Program {
  writeNote(vfs, path, file);
  try {
    const start = journalPlace(head);
    for (let at = head.oldBytes; at < start; at += ZEROS.length) {
      writeFully(file, ZEROS, 0, Math.min(ZEROS.length, start - at), at);
    }
    const program = writeProgram(file, head, tables, slotBytes, start);
    file.sync();
    return program;
  } catch (error) {
    cutBack(vfs, path, file, head.oldBytes);
    throw error;
  }
}

/** Where even this fails, the note is still there and the next run does it. */
function cutBack(vfs: Vfs, path: string, file: VfsFile, bytes: number): void {
  try {
    file.truncate(bytes);
    file.sync();
    removeNote(vfs, path);
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
  }
}

/** The first change: from here on neither engine opens the file. */
export function raiseFence(file: VfsFile, program: Program): SlotState {
  const sector = fenceSector(program);
  writeFully(file, sector, 0, Math.min(sector.length, SECTOR_BYTES), 0);
  file.sync();
  if (program.head.direction === "back") {
    writeFully(file, ZEROS, 0, SECTOR_BYTES, SECOND_HEADER);
    file.sync();
  }
  writeSlot(file, program, FENCED);
  file.sync();
  return FENCED;
}

/**
 * Takes the fence down again; nothing else may have changed. A meta page is written whole: a power cut in the fence's
 * sector may have ruined the block that it lies in.
 */
export function lowerFence(file: VfsFile, program: Program): void {
  const { direction, firstSector } = program.head;
  const start = direction === "forward" ? savedMeta(program) : Buffer.from(firstSector, "base64");
  writeFully(file, start, 0, start.length, 0);
  file.sync();
  file.truncate(program.head.oldBytes);
  file.sync();
}

export function firstSectorOf(file: VfsFile): string {
  const sector = new Uint8Array(SECTOR_BYTES);
  const length = readFully(file, sector, 0, SECTOR_BYTES, 0);
  return Buffer.from(sector.subarray(0, length)).toString("base64");
}

/**
 * The same of a store: the header in force as a first copy, for the fence takes the second one with it, and that may be
 * the newer one.
 */
export function headerSectorOf(header: StoreHeader): string {
  const sequence = header.sequence - (header.sequence % HEADER_COPIES) + HEADER_COPIES;
  const block = encodeStoreHeader({ ...header, sequence });
  return Buffer.from(block.subarray(0, SECTOR_BYTES)).toString("base64");
}
