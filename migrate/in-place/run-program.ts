/**
 * Carries out the program of a conversion in place from wherever it stands: fence, leaves, moves, branches and
 * checks, header. Every step can be done again; the slot says which are done (M3).
 */

import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { Follower } from "../follower.js";
import type { CheckedTree } from "../leaf-check.js";
import { backLeafMaker, backRecords, LegacyFinisher, writeLegacyHead } from "./back.js";
import { raiseFence } from "./fence.js";
import {
  movedPages,
  StoreFinisher,
  storeBytes,
  storeIdOf,
  storeLeafMaker,
  writeStoreHeaders,
} from "./forward.js";
import { forwardRecords } from "./forward-source.js";
import { LeafPhase, type LeafPhaseParts } from "./leaf-phase.js";
import { movePages } from "./move-phase.js";
import { BATCH_WORDS, type Program } from "./program.js";
import { readSlot, type SlotState, writeSlot } from "./slot.js";

export interface InPlaceStep {
  readonly phase: "convert" | "verify" | "finish";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly recordsDone: number;
  /** Bytes written or read since the step before, for pacing. */
  readonly bytesMoved: number;
}

/** The fence, where it is not up yet. */
export function ensureFence(file: VfsFile, program: Program): SlotState {
  const slot = readSlot(file, program);
  return slot.phase === 0 ? raiseFence(file, program) : slot;
}

/** Yields after each batch and every now and then. Throws CorruptionError, IoError, DiskFullError. */
export function* runProgram(
  vfs: Vfs,
  path: string,
  file: VfsFile,
  program: Program,
): Generator<InPlaceStep, void> {
  let slot = recheck(ensureFence(file, program));
  const follower = startFollower(file, program, slot);
  try {
    if (slot.phase === 1)
      slot = advance(file, program, yield* leaves(vfs, path, file, program, slot, follower), 2);
    if (slot.phase === 2) {
      for (const bytes of movePages(file, program)) yield step(program, "convert", 1, bytes);
      slot = advance(file, program, slot, 3);
    }
    // The places that pages have left are written to from here on.
    const checked = follower?.finish();
    if (slot.phase === 3) slot = advance(file, program, yield* finish(file, program, slot, checked), 4);
  } finally {
    follower?.close();
  }
  writeHead(file, program, slot);
  yield step(program, "finish", 1, 0);
}

/** What a run has checked that was interrupted before its last write is checked again by the one that tells of it. */
function recheck(slot: SlotState): SlotState {
  return slot.phase === 4 ? { ...slot, phase: 3 } : slot;
}

/** Leaves are checked while they are made, but only if none were made before: a digest has no middle to begin at. */
function startFollower(file: VfsFile, program: Program, slot: SlotState): Follower | undefined {
  const { direction, verify, oldBytes, targetPageSize } = program.head;
  if (direction !== "forward" || verify !== "full" || slot.phase !== 1 || slot.batches > 0) return undefined;
  return Follower.start(file, oldBytes, {
    pageSize: targetPageSize,
    storeId: storeIdOf(program),
    moved: movedPages(program),
  });
}

function advance(file: VfsFile, program: Program, slot: SlotState, phase: 2 | 3 | 4): SlotState {
  const next: SlotState = { ...slot, sequence: slot.sequence + 1, phase, low: new Uint8Array(0) };
  writeSlot(file, program, next);
  file.sync();
  return next;
}

function totalRecords(program: Program): number {
  return program.head.trees.reduce((sum, tree) => sum + tree.records, 0);
}

function step(
  program: Program,
  phase: InPlaceStep["phase"],
  share: number,
  moved: number,
  records?: number,
): InPlaceStep {
  const { oldBytes } = program.head;
  return {
    phase,
    bytesDone: Math.floor(oldBytes * share),
    bytesTotal: oldBytes,
    recordsDone: records ?? totalRecords(program),
    bytesMoved: moved,
  };
}

function* leaves(
  vfs: Vfs,
  path: string,
  file: VfsFile,
  program: Program,
  slot: SlotState,
  follower: Follower | undefined,
): Generator<InPlaceStep, SlotState> {
  const source =
    program.head.direction === "forward" ? forwardRecords(vfs, path, program) : backRecords(file, program);
  let phase: LeafPhase | undefined;
  try {
    const make = program.head.direction === "forward" ? storeLeafMaker : backLeafMaker;
    const parts: LeafPhaseParts = {
      records: source.records,
      maker: (tree, leaf, low, out) => make(program, tree, leaf, low, out),
      follower,
    };
    phase = new LeafPhase(file, program, slot, parts);
    const batches = program.tables.batches.length / BATCH_WORDS;
    let written = 0;
    for (const _ of phase.run()) {
      yield step(
        program,
        "convert",
        phase.slot.batches / batches,
        phase.bytesWritten - written,
        phase.recordsDone,
      );
      written = phase.bytesWritten;
    }
    return phase.slot;
  } finally {
    phase?.close();
    source.close();
  }
}

function* finish(
  file: VfsFile,
  program: Program,
  slot: SlotState,
  checked: readonly CheckedTree[] | undefined,
): Generator<InPlaceStep, SlotState> {
  const leafCount = Math.max(1, program.tables.leafPages.length);
  const forward = program.head.direction === "forward";
  const steps = forward
    ? new StoreFinisher(file, program, checked).run()
    : new LegacyFinisher(file, program).run();
  for (;;) {
    const next = steps.next();
    if (next.done === true) return { ...slot, ...next.value };
    yield step(program, "verify", next.value / leafCount, 64 * program.head.targetPageSize);
  }
}

/** Bytes of the finished file. */
export function finalBytes(program: Program): number {
  const { head } = program;
  return head.direction === "forward" ? storeBytes(program) : head.finalPages * head.targetPageSize;
}

/** Writes the header and cuts off the journal: the order makes the file whole at every moment in between. */
export function writeHead(file: VfsFile, program: Program, slot: SlotState): void {
  if (program.head.direction === "forward") writeStoreHeaders(file, program, slot);
  else writeLegacyHead(file, program, slot);
  file.truncate(finalBytes(program));
  file.sync();
}
