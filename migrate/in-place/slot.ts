/**
 * How far a conversion in place has come: two slots in the journal, written in turn, each valid by its own
 * checksum. The valid one with the higher sequence counts; a torn write leaves the other.
 *
 *    0  CRC-32 of bytes 4.. up to the end of the low fence, seeded with the program's id   u32
 *    4  length of the low fence u32     8  sequence u32     12  phase u32
 *   16  batches done u32               20  catalogue root of the finished store u32
 *   24  first page of its free list u32
 *   28  low fence of the next target leaf
 */

import { crc32 } from "node:zlib";
import { alignUp, readU32, writeU32 } from "../../src/base/bytes.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { readFully, writeFully } from "../../src/vfs/whole-io.js";
import { type Program, SECTOR_BYTES } from "./program.js";

/** 0: only the journal is there. 1: leaves. 2: moves. 3: branches and checks. 4: the header may be written. */
export type Phase = 0 | 1 | 2 | 3 | 4;

export interface SlotState {
  readonly sequence: number;
  readonly phase: Phase;
  readonly batches: number;
  readonly catalogRoot: number;
  readonly freeListHead: number;
  readonly low: Uint8Array;
}

export const NO_SLOT: SlotState = {
  sequence: 0,
  phase: 0,
  batches: 0,
  catalogRoot: 0,
  freeListHead: 0,
  low: new Uint8Array(0),
};

/** The fence is up, and no page is written: the leaves have not begun. */
export const FENCED: SlotState = { ...NO_SLOT, sequence: 1, phase: 1 };

/** Whether every page is still as the conversion found it. */
export function isUntouched(state: SlotState): boolean {
  return state.sequence <= FENCED.sequence;
}

const FIXED_BYTES = 28;
const PHASE_MAX = 4;

/** Bytes of a slot that holds fences of up to `fenceBytesMax`. */
export function slotBytesFor(fenceBytesMax: number): number {
  const blocks = Math.ceil((FIXED_BYTES + fenceBytesMax) / 4096);
  return blocks * 4096;
}

function seedOf(program: Program): number {
  return crc32(program.head.id);
}

/** Writes the state into the slot whose turn it is; the caller syncs. */
export function writeSlot(file: VfsFile, program: Program, state: SlotState): void {
  const length = alignUp(FIXED_BYTES + state.low.length, SECTOR_BYTES);
  const bytes = new Uint8Array(length);
  writeU32(bytes, 4, state.low.length);
  writeU32(bytes, 8, state.sequence);
  writeU32(bytes, 12, state.phase);
  writeU32(bytes, 16, state.batches);
  writeU32(bytes, 20, state.catalogRoot);
  writeU32(bytes, 24, state.freeListHead);
  bytes.set(state.low, FIXED_BYTES);
  writeU32(bytes, 0, crc32(bytes.subarray(4, FIXED_BYTES + state.low.length), seedOf(program)));
  writeFully(file, bytes, 0, length, program.journalStart + (state.sequence % 2) * program.slotBytes);
}

/** The state in force. */
export function readSlot(file: VfsFile, program: Program): SlotState {
  let best = NO_SLOT;
  const bytes = new Uint8Array(program.slotBytes);
  for (let i = 0; i < 2; i++) {
    bytes.fill(0);
    readFully(file, bytes, 0, bytes.length, program.journalStart + i * program.slotBytes);
    const state = decode(bytes, program);
    if (state !== undefined && state.sequence > best.sequence) best = state;
  }
  return best;
}

function decode(bytes: Uint8Array, program: Program): SlotState | undefined {
  const length = readU32(bytes, 4);
  const phase = readU32(bytes, 12);
  if (FIXED_BYTES + length > bytes.length || phase > PHASE_MAX) return undefined;
  if (readU32(bytes, 0) !== crc32(bytes.subarray(4, FIXED_BYTES + length), seedOf(program))) return undefined;
  return {
    sequence: readU32(bytes, 8),
    phase: phase as Phase,
    batches: readU32(bytes, 16),
    catalogRoot: readU32(bytes, 20),
    freeListHead: readU32(bytes, 24),
    low: bytes.slice(FIXED_BYTES, FIXED_BYTES + length),
  };
}
