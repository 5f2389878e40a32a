/**
 * Puts legacy tree pages together byte by byte as the original does: fences, records in key order without
 * gaps, zeroes, slots. Records are gathered first, because where they begin depends on the high fence, which
 * is known last.
 */

import { writeU16, writeU32, writeU64, writeVarint } from "./big-endian.js";
import {
  BRANCH_RECORD_BYTES,
  KIND_BRANCH,
  KIND_LEAF,
  type LegacyGeneration,
  NODE_BRANCH,
  NODE_LEAF,
  PAGE_HEADER_BYTES,
  slotBytes,
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
import { PREFIX_HEADER_BYTES } from "./leaf.js";
import type { PageSeal } from "./page-check.js";

export interface TreeLinks {
  readonly page: number;
  readonly parent: number;
  readonly left: number;
  readonly right: number;
}

/** One page in the making. Lengths are the planner's business: what does not fit is a RangeError here. */
export class TreePageBuilder {
  readonly #generation: LegacyGeneration;
  readonly #seal: PageSeal;
  readonly #isLeaf: boolean;
  readonly #page: Uint8Array;
  readonly #body: Uint8Array;
  readonly #records: Uint8Array;
  #recordBytes = 0;
  readonly #offsets: Uint16Array;
  readonly #lengths: Uint16Array;
  #low: Uint8Array = new Uint8Array(64);
  #lowBytes = 0;
  #last: Uint8Array = new Uint8Array(64);
  #lastBytes = 0;
  count = 0;

  constructor(generation: LegacyGeneration, seal: PageSeal, isLeaf: boolean) {
    this.#generation = generation;
    this.#seal = seal;
    this.#isLeaf = isLeaf;
    this.#page = new Uint8Array(seal.pageSize);
    this.#body = this.#page.subarray(PAGE_HEADER_BYTES);
    this.#records = new Uint8Array(seal.pageSize);
    const slotsMax = Math.ceil(seal.pageSize / slotBytes(generation));
    this.#offsets = new Uint16Array(slotsMax);
    this.#lengths = new Uint16Array(slotsMax);
  }

  /** The low fence: the first key, or the first separator. */
  get low(): Uint8Array {
    return this.#low.subarray(0, this.#lowBytes);
  }

  #setLow(bytes: Uint8Array, start: number, length: number): void {
    if (this.#low.length < length) this.#low = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#low[i] = bytes[start + i]!;
    this.#lowBytes = length;
    if (this.#last.length < length) this.#last = new Uint8Array(length * 2);
    this.#last.set(this.low);
    this.#lastBytes = length;
  }

  addRecord(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    if (this.count === 0 && this.#lowBytes === 0) this.#setLow(keys, keyStart, keyBytes);
    let to = this.#recordBytes;
    const records = this.#records;
    if (this.#generation === "gen1") to = this.#putPrefixed(to, keys, keyStart, keyBytes);
    else {
      to = writeVarint(records, writeVarint(records, to, keyBytes), valueBytes);
      for (let i = 0; i < keyBytes; i++) records[to + i] = keys[keyStart + i]!;
      to += keyBytes;
    }
    if (valueBytes < 64) for (let i = 0; i < valueBytes; i++) records[to + i] = values[valueStart + i]!;
    else records.set(values.subarray(valueStart, valueStart + valueBytes), to);
    this.#close(to + valueBytes);
  }

  addChild(child: number, separator: Uint8Array): void {
    if (this.count === 0 && this.#lowBytes === 0) this.#setLow(separator, 0, separator.length);
    const at = this.#recordBytes;
    writeU64(this.#records, at, child);
    writeU16(this.#records, at + 8, separator.length);
    this.#records.set(separator, at + BRANCH_RECORD_BYTES);
    this.#close(at + BRANCH_RECORD_BYTES + separator.length);
  }

  /**
   * The finished, sealed page; reused by the next one, which begins empty. `high` is the high fence, of
   * length 0 on the last page of a level.
   */
  finish(links: TreeLinks, high: Uint8Array, highStart: number, highBytes: number): Uint8Array {
    const body = this.#body;
    body.fill(0);
    const recordsStart = TREE_HEADER_BYTES + this.#lowBytes + highBytes;
    const recordsEnd = recordsStart + this.#recordBytes;
    const slotsStart = body.length - this.count * slotBytes(this.#generation);
    if (recordsEnd > slotsStart) throw new RangeError(`page ${links.page} is planned too full`);
    body[0] = this.#isLeaf ? NODE_LEAF : NODE_BRANCH;
    writeU16(body, TREE_SLOT_COUNT, this.count);
    writeU16(body, TREE_RECORDS_END, recordsEnd);
    writeU16(body, TREE_SLOTS_START, slotsStart);
    writeU64(body, TREE_PARENT, links.parent);
    writeU64(body, TREE_RIGHT, links.right);
    writeU64(body, TREE_LEFT, links.left);
    writeU64(body, TREE_LOW_LENGTH, this.#lowBytes);
    writeU64(body, TREE_HIGH_LENGTH, highBytes);
    body.set(this.low, TREE_HEADER_BYTES);
    body.set(high.subarray(highStart, highStart + highBytes), TREE_HEADER_BYTES + this.#lowBytes);
    body.set(this.#records.subarray(0, this.#recordBytes), recordsStart);
    this.#putSlots(recordsStart, slotsStart);
    this.#seal.seal(this.#page, links.page, this.#isLeaf ? KIND_LEAF : KIND_BRANCH);
    this.#reset();
    return this.#page;
  }

  #putPrefixed(at: number, keys: Uint8Array, start: number, length: number): number {
    const last = this.#last;
    const limit = Math.min(this.#lastBytes, length);
    let same = 0;
    while (same < limit && keys[start + same] === last[same]) same++;
    writeU16(this.#records, at, same);
    writeU16(this.#records, at + 2, length - same);
    const to = at + PREFIX_HEADER_BYTES;
    if (last.length < length) {
      this.#last = new Uint8Array(length * 2);
      this.#last.set(last);
    }
    for (let i = same; i < length; i++) {
      this.#records[to + i - same] = keys[start + i]!;
      this.#last[i] = keys[start + i]!;
    }
    this.#lastBytes = length;
    return to + length - same;
  }

  #putSlots(recordsStart: number, slotsStart: number): void {
    const body = this.#body;
    const wide = this.#generation === "gen3";
    for (let i = 0; i < this.count; i++) {
      const offset = recordsStart + this.#offsets[i]!;
      if (wide) writeU32(body, slotsStart + i * 4, offset * 0x10000 + this.#lengths[i]!);
      else writeU16(body, slotsStart + i * 2, offset);
    }
  }

  #close(end: number): void {
    if (end > this.#records.length) throw new RangeError("the page is planned too full");
    this.#offsets[this.count] = this.#recordBytes;
    this.#lengths[this.count] = end - this.#recordBytes;
    this.#recordBytes = end;
    this.count++;
  }

  #reset(): void {
    this.count = 0;
    this.#recordBytes = 0;
    this.#lowBytes = 0;
    this.#lastBytes = 0;
  }
}
