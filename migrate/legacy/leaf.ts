/**
 * Decodes a legacy leaf into arrays of offsets and lengths, without an object for a record.
 *
 * gen1 stores the bytes of a key that differ from the key before it (the low fence before the first), and
 * not the length of a value; its keys are put together in a buffer of this decoder. gen2 and gen3 store
 * both whole, so their keys are read where they lie.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { compareBytes, readU16 } from "./big-endian.js";
import { type LegacyGeneration, PAGE_HEADER_BYTES, slotBytes, TREE_HEADER_BYTES } from "./layout.js";
import { SlotExtents, TreeHeader } from "./tree-page.js";

/** Records in key order; everything is valid until the next call of whoever handed it out. */
export interface RecordBatch {
  readonly count: number;
  /** What keyStart counts from. */
  readonly keys: Uint8Array;
  readonly keyStart: Uint32Array;
  readonly keyLength: Uint32Array;
  /** What valueStart counts from. */
  readonly values: Uint8Array;
  readonly valueStart: Uint32Array;
  readonly valueLength: Uint32Array;
}

/** gen1: prefix length and suffix length. */
export const PREFIX_HEADER_BYTES = 4;

export class LeafDecoder implements RecordBatch {
  readonly header: TreeHeader = new TreeHeader();
  readonly #extents: SlotExtents = new SlotExtents();
  readonly #path: string;
  #arena: Uint8Array = new Uint8Array(4096);
  #varint = 0;
  count = 0;
  keys: Uint8Array = this.#arena;
  keyStart: Uint32Array = new Uint32Array(64);
  keyLength: Uint32Array = new Uint32Array(64);
  values: Uint8Array = this.#arena;
  valueStart: Uint32Array = new Uint32Array(64);
  valueLength: Uint32Array = new Uint32Array(64);

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Decodes `page` (a leaf with a good checksum) as page `number` of `generation`. The views point into
   * `page`. Throws CorruptionError: G3 structure, G4 a record, G5 keys that do not ascend strictly.
   */
  decode(page: Uint8Array, number: number, generation: LegacyGeneration): void {
    const header = this.header;
    header.read(page, number, this.#path);
    if (!header.isLeaf) throw this.#bad("G3", 0, "a branch where a leaf was expected");
    const count = header.slotCount;
    const entry = slotBytes(generation);
    if (count > 0 && header.entryBytes !== entry) {
      throw this.#bad(
        "G11",
        header.slotsStart,
        `slots of ${header.entryBytes} bytes are not of ${generation}`,
      );
    }
    this.#extents.read(header, entry, this.#path);
    if (this.keyStart.length < count) this.#grow(count);
    this.count = count;
    this.values = header.body;
    if (generation === "gen1") this.#readPrefixed(count);
    else this.#readPlain(count, generation === "gen3");
    this.#checkOrder();
  }

  /** True where the leaf has no records or its first key is the low fence. */
  get beginsAtLowFence(): boolean {
    if (this.count === 0) return true;
    const { body, lowLength } = this.header;
    return (
      compareBytes(this.keys, this.keyStart[0]!, this.keyLength[0]!, body, TREE_HEADER_BYTES, lowLength) === 0
    );
  }

  /** A copy of key `index`. */
  key(index: number): Uint8Array {
    return this.keys.slice(this.keyStart[index]!, this.keyStart[index]! + this.keyLength[index]!);
  }

  /** `exact`: records fill their extents. Edits in place leave dead bytes behind those of gen2. */
  #readPlain(count: number, exact: boolean): void {
    const body = this.header.body;
    this.keys = body;
    const { start, end } = this.#extents;
    for (let i = 0; i < count; i++) {
      const stop = end[i]!;
      let at = start[i]!;
      let keyLength = body[at]!;
      let valueLength = body[at + 1]!;
      if (keyLength < 0x80 && valueLength < 0x80 && at + 1 < stop) at += 2;
      else {
        at = this.#readVarint(i, at, stop);
        keyLength = this.#varint;
        at = this.#readVarint(i, at, stop);
        valueLength = this.#varint;
      }
      if (keyLength === 0) throw this.#badRecord(i, "its key is empty");
      const unused = stop - at - keyLength - valueLength;
      if (unused < 0) throw this.#badRecord(i, "key and value reach past its end");
      if (exact && unused > 0) throw this.#badRecord(i, "key and value end before it does");
      this.keyStart[i] = at;
      this.keyLength[i] = keyLength;
      this.valueStart[i] = at + keyLength;
      this.valueLength[i] = valueLength;
    }
  }

  /** Leaves the value in #varint and returns the offset behind it. */
  #readVarint(index: number, from: number, stop: number): number {
    const body = this.header.body;
    let value = 0;
    let scale = 1;
    for (let at = from; at < stop && at < from + 5; at++) {
      const byte = body[at]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#varint = value;
        return at + 1;
      }
      scale *= 128;
    }
    throw this.#badRecord(index, "a length does not end");
  }

  #readPrefixed(count: number): void {
    const { body, lowLength } = this.header;
    const { start, end } = this.#extents;
    let total = 0;
    let baseLength = lowLength;
    for (let i = 0; i < count; i++) {
      const at = start[i]!;
      if (at + PREFIX_HEADER_BYTES > end[i]!) throw this.#badRecord(i, "it is shorter than its head");
      const prefix = readU16(body, at);
      const suffix = readU16(body, at + 2);
      const valueLength = end[i]! - at - PREFIX_HEADER_BYTES - suffix;
      if (valueLength < 0) throw this.#badRecord(i, "its key reaches past its end");
      if (prefix > baseLength)
        throw this.#badRecord(i, `it shares ${prefix} bytes with a key of ${baseLength}`);
      baseLength = prefix + suffix;
      this.keyLength[i] = baseLength;
      this.keyStart[i] = total;
      this.valueStart[i] = at + PREFIX_HEADER_BYTES + suffix;
      this.valueLength[i] = valueLength;
      total += baseLength;
    }
    if (this.#arena.length < total) this.#arena = new Uint8Array(total + (total >>> 1));
    this.keys = this.#arena;
    this.#joinKeys(count);
  }

  #joinKeys(count: number): void {
    const body = this.header.body;
    const arena = this.#arena;
    const start = this.#extents.start;
    let base = body;
    let baseStart = TREE_HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      const from = start[i]!;
      const prefix = readU16(body, from);
      const to = this.keyStart[i]!;
      const suffix = this.keyLength[i]! - prefix;
      for (let k = 0; k < prefix; k++) arena[to + k] = base[baseStart + k]!;
      for (let k = 0; k < suffix; k++) arena[to + prefix + k] = body[from + PREFIX_HEADER_BYTES + k]!;
      base = arena;
      baseStart = to;
    }
  }

  #checkOrder(): void {
    const { keys, keyStart, keyLength, count } = this;
    for (let i = 1; i < count; i++) {
      const order = compareBytes(
        keys,
        keyStart[i - 1]!,
        keyLength[i - 1]!,
        keys,
        keyStart[i]!,
        keyLength[i]!,
      );
      if (order >= 0)
        throw this.#bad("G5", this.#extents.start[i]!, `the key of record ${i} is not above the one before`);
    }
  }

  #grow(count: number): void {
    this.keyStart = new Uint32Array(count);
    this.keyLength = new Uint32Array(count);
    this.valueStart = new Uint32Array(count);
    this.valueLength = new Uint32Array(count);
  }

  #badRecord(index: number, reason: string): CorruptionError {
    return this.#bad("G4", this.#extents.start[index]!, `record ${index}: ${reason}`);
  }

  #bad(invariant: string, at: number, reason: string): CorruptionError {
    return new CorruptionError(invariant, reason, {
      path: this.#path,
      page: this.header.page,
      offset: PAGE_HEADER_BYTES + at,
    });
  }
}
