/**
 * Draws a leaf so that a person can see the allocator at work: fences, prefix, records where they lie,
 * holes, the open tail and the slot directory.
 */

import {
  arenaStart,
  highFence,
  isOverflow,
  keyOf,
  lowFence,
  prefixLength,
  recordAt,
  recordLength,
  slotCount,
  valueAt,
  valueLength,
} from "../../page/leaf.js";
import { readReference } from "../../page/overflow.js";
import { AT_HOLES, AT_TAIL, LEAF_SLOT_BYTES, PAGE_HEADER_BYTES } from "../../pager/page-header.js";
import type { PagePool } from "../../pager/page-pool.js";

export interface LeafSlot {
  readonly slot: number;
  readonly head: number;
  readonly offset: number;
  readonly length: number;
  readonly keyHex: string;
  readonly valueBytes: number;
  /** First page of the value's run, where it has one. */
  readonly overflowPage?: number;
}

export interface Extent {
  readonly kind: "header" | "fences" | "record" | "hole" | "tail" | "slots";
  readonly offset: number;
  readonly length: number;
  /** Of a record. */
  readonly slot?: number;
}

export interface LeafPicture {
  readonly pageSize: number;
  readonly lowHex: string;
  readonly highHex: string;
  readonly prefixHex: string;
  readonly slots: readonly LeafSlot[];
  /** The whole page in order of offsets, without gaps. */
  readonly extents: readonly Extent[];
  readonly usedBytes: number;
  readonly holeBytes: number;
  readonly tailBytes: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** REQUIRES: a leaf at offset 0 of the pool that the page check found sound. */
export function pictureOf(pool: PagePool): LeafPicture {
  const { pageSize } = pool;
  const tail = pool.u16[AT_TAIL >> 1]!;
  const slots = slotsOf(pool);
  const directory = pageSize - LEAF_SLOT_BYTES * slots.length;
  const low = lowFence(pool, 0);
  const arena = arenaStart(pool, 0);
  const extents: Extent[] = [{ kind: "header", offset: 0, length: PAGE_HEADER_BYTES }];
  push(extents, "fences", PAGE_HEADER_BYTES, arena);
  let at = arena;
  for (const { slot, offset, length } of [...slots].sort((a, b) => a.offset - b.offset)) {
    push(extents, "hole", at, offset);
    extents.push({ kind: "record", offset, length, slot });
    at = offset + length;
  }
  push(extents, "hole", at, tail);
  push(extents, "tail", tail, directory);
  push(extents, "slots", directory, pageSize);
  const holeBytes = pool.u16[AT_HOLES >> 1]!;
  return {
    pageSize,
    lowHex: hex(low),
    highHex: hex(highFence(pool, 0)),
    prefixHex: hex(low.subarray(0, prefixLength(pool, 0))),
    slots,
    extents,
    usedBytes: pageSize - holeBytes - (directory - tail),
    holeBytes,
    tailBytes: directory - tail,
  };
}

function push(extents: Extent[], kind: Extent["kind"], from: number, to: number): void {
  if (to > from) extents.push({ kind, offset: from, length: to - from });
}

function slotsOf(pool: PagePool): LeafSlot[] {
  const slots: LeafSlot[] = [];
  for (let slot = 0; slot < slotCount(pool, 0); slot++) {
    const at = valueAt(pool, 0, slot);
    const reference = isOverflow(pool, 0, slot) ? readReference(pool.u8, at) : undefined;
    slots.push({
      slot,
      head: pool.u32[(pool.pageSize - LEAF_SLOT_BYTES * (slot + 1)) >> 2]!,
      offset: recordAt(pool, 0, slot),
      length: recordLength(pool, 0, slot),
      keyHex: hex(keyOf(pool, 0, slot)),
      valueBytes: reference?.length ?? valueLength(pool, 0, slot),
      ...(reference && { overflowPage: reference.page }),
    });
  }
  return slots;
}

const CELLS_A_LINE = 64;
const LINES_MAX = 16;
/** What a cell shows; records take turns, so that neighbours can be told apart. */
const GLYPHS: Record<Extent["kind"], string> = {
  header: "H",
  fences: "F",
  record: "█",
  hole: "·",
  tail: " ",
  slots: "#",
};
const RECORD_TURNS = ["█", "▓"];

/** The page as lines of cells, with the offset before each; the legend says what they mean. */
export function drawBytes(picture: LeafPicture): string[] {
  const perCell = Math.max(1, Math.ceil(picture.pageSize / (CELLS_A_LINE * LINES_MAX)));
  const cells: string[] = [];
  let turn = 0;
  for (const { kind, offset, length } of picture.extents) {
    const glyph = kind === "record" ? RECORD_TURNS[turn++ % 2]! : GLYPHS[kind];
    const from = Math.floor(offset / perCell);
    const to = Math.ceil((offset + length) / perCell);
    for (let cell = from; cell < to; cell++) cells[cell] = glyph;
  }
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += CELLS_A_LINE) {
    const offset = String(i * perCell).padStart(6);
    lines.push(
      `${offset} │${cells
        .slice(i, i + CELLS_A_LINE)
        .join("")
        .padEnd(CELLS_A_LINE)}│`,
    );
  }
  const unit = perCell === 1 ? "a byte" : `${perCell} bytes`;
  lines.push(`       H header  F fences  █▓ records  · holes  (blank) open tail  # slots; a cell is ${unit}`);
  return lines;
}
