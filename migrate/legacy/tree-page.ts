/**
 * What leaves and branches share: the head of a tree page's body, its fences and its slot directory.
 * All offsets are relative to the page body (page offset 32).
 */

import { CorruptionError } from "../../src/base/errors.js";
import { readU16, readU64 } from "./big-endian.js";
import {
  HEADER_KIND,
  KIND_BRANCH,
  KIND_LEAF,
  NODE_BRANCH,
  NODE_LEAF,
  PAGE_HEADER_BYTES,
  PAGE_NUMBER_MAX,
  TREE_HEADER_BYTES,
  TREE_HIGH_LENGTH,
  TREE_LEFT,
  TREE_LOW_LENGTH,
  TREE_PARENT,
  TREE_RECORDS_END,
  TREE_RIGHT,
  TREE_SLOT_COUNT,
  TREE_SLOTS_START,
} from "./layout.js";

export class TreeHeader {
  body: Uint8Array = new Uint8Array(0);
  page = 0;
  isLeaf = false;
  slotCount = 0;
  recordsEnd = 0;
  slotsStart = 0;
  parent = 0;
  right = 0;
  left = 0;
  lowLength = 0;
  highLength = 0;
  /** Where the records may begin: after the fences. */
  recordsStart = 0;

  /**
   * Reads the head of `page`, a whole page with a good checksum, as page `number`. Throws CorruptionError
   * (G3); nothing read afterwards within the stated bounds can lie outside the page.
   */
  read(page: Uint8Array, number: number, path: string): void {
    const body = page.subarray(PAGE_HEADER_BYTES);
    this.body = body;
    this.page = number;
    this.isLeaf = page[HEADER_KIND] === KIND_LEAF;
    this.slotCount = readU16(body, TREE_SLOT_COUNT);
    this.recordsEnd = readU16(body, TREE_RECORDS_END);
    this.slotsStart = readU16(body, TREE_SLOTS_START);
    this.parent = readU64(body, TREE_PARENT);
    this.right = readU64(body, TREE_RIGHT);
    this.left = readU64(body, TREE_LEFT);
    this.lowLength = readU64(body, TREE_LOW_LENGTH);
    this.highLength = readU64(body, TREE_HIGH_LENGTH);
    this.recordsStart = TREE_HEADER_BYTES + this.lowLength + this.highLength;
    const fault = this.#fault(page[HEADER_KIND]!);
    if (fault !== undefined) {
      throw new CorruptionError("G3", fault, { path, page: number, offset: PAGE_HEADER_BYTES });
    }
  }

  /** Bytes of one slot entry as the directory's length says; 0 where there are no slots. */
  get entryBytes(): number {
    return this.slotCount === 0 ? 0 : (this.body.length - this.slotsStart) / this.slotCount;
  }

  lowFence(): Uint8Array {
    return this.body.subarray(TREE_HEADER_BYTES, TREE_HEADER_BYTES + this.lowLength);
  }

  highFence(): Uint8Array {
    return this.body.subarray(TREE_HEADER_BYTES + this.lowLength, this.recordsStart);
  }

  #fault(kind: number): string | undefined {
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) return `page kind ${kind} where a tree page was expected`;
    const node = this.body[0];
    if (node !== (this.isLeaf ? NODE_LEAF : NODE_BRANCH))
      return `node kind ${node} in a page of kind ${kind}`;
    if (this.body[1] !== 0) return `tree flags ${this.body[1]}`;
    if (this.parent > PAGE_NUMBER_MAX) return `an impossible parent, page ${this.parent}`;
    if (this.right > PAGE_NUMBER_MAX) return `an impossible right sibling, page ${this.right}`;
    if (this.left > PAGE_NUMBER_MAX) return `an impossible left sibling, page ${this.left}`;
    if (this.recordsStart > this.recordsEnd) return "the fences reach into the records or past them";
    if (this.recordsEnd > this.slotsStart) return "the records reach into the slot directory";
    if (this.slotsStart > this.body.length) return "the slot directory begins behind the page";
    const entry = this.entryBytes;
    if (this.slotCount === 0 ? this.slotsStart < this.body.length : entry !== 2 && entry !== 4) {
      return `${this.slotCount} slots do not fill the ${this.body.length - this.slotsStart} bytes of their directory`;
    }
    return undefined;
  }
}

/**
 * Record extents of a page, in slot order, in arrays that are reused. gen3 stores the length of a record;
 * before, a record ends where the next one in the page begins.
 */
export class SlotExtents {
  start: Uint32Array = new Uint32Array(64);
  end: Uint32Array = new Uint32Array(64);
  #sorted: Uint32Array = new Uint32Array(64);

  /** Throws CorruptionError (G3) where an extent leaves the record area or two overlap. */
  read(header: TreeHeader, entryBytes: number, path: string): void {
    const count = header.slotCount;
    if (this.start.length < count) this.#grow(count);
    const { body, slotsStart, recordsStart, recordsEnd } = header;
    const fail = (slot: number, reason: string): CorruptionError =>
      new CorruptionError("G3", `slot ${slot}: ${reason}`, {
        path,
        page: header.page,
        offset: PAGE_HEADER_BYTES + slotsStart + slot * entryBytes,
      });
    let inOrder = true;
    let previousEnd = recordsStart;
    for (let i = 0; i < count; i++) {
      const at = slotsStart + i * entryBytes;
      const start = readU16(body, at);
      const end = entryBytes === 4 ? start + readU16(body, at + 2) : start + 1;
      if (start < recordsStart || end > recordsEnd) throw fail(i, "the record lies outside the record area");
      if (start < previousEnd) inOrder = false;
      previousEnd = end;
      this.start[i] = start;
      this.end[i] = end;
    }
    const overlapping = inOrder ? -1 : this.#overlap(count);
    if (overlapping >= 0) throw fail(overlapping, "two records overlap");
    if (entryBytes === 2) this.#closeExtents(count, recordsEnd, inOrder);
  }

  /** Index of a slot whose extent begins inside another one, or -1. */
  #overlap(count: number): number {
    this.#sort(count);
    for (let k = 1; k < count; k++) {
      const slot = this.#sorted[k]! & 0xffff;
      if (this.start[slot]! < this.end[this.#sorted[k - 1]! & 0xffff]!) return slot;
    }
    return -1;
  }

  #closeExtents(count: number, recordsEnd: number, inOrder: boolean): void {
    if (inOrder) {
      for (let i = 1; i < count; i++) this.end[i - 1] = this.start[i]!;
      if (count > 0) this.end[count - 1] = recordsEnd;
      return;
    }
    for (let k = 1; k < count; k++) {
      this.end[this.#sorted[k - 1]! & 0xffff] = this.start[this.#sorted[k]! & 0xffff]!;
    }
    this.end[this.#sorted[count - 1]! & 0xffff] = recordsEnd;
  }

  /** Slots by where their records lie: start << 16 | slot, so that plain numbers sort. */
  #sort(count: number): void {
    for (let i = 0; i < count; i++) this.#sorted[i] = ((this.start[i]! << 16) | i) >>> 0;
    this.#sorted.subarray(0, count).sort();
  }

  #grow(count: number): void {
    this.start = new Uint32Array(count);
    this.end = new Uint32Array(count);
    this.#sorted = new Uint32Array(count);
  }
}
