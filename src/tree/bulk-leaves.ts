/**
 * Packs sorted records into full leaves, for loads that write a whole tree at once.
 *
 * The rule is greedy: a leaf takes the next record if, with the shortest separator behind that record
 * as its high fence, everything fits. A record is therefore decided when the one after it is known.
 * LeafSizer is the rule alone, by lengths, so that a load can be planned exactly before it writes;
 * LeafPacker keeps the bytes and makes the pages. Both decide alike because both ask the sizer.
 *
 * Keys of up to 127 bytes are packed to the byte; longer ones are counted with a two-byte length even
 * where the prefix makes it one.
 */

import { KeyTooLargeError, OptionError } from "../base/errors.js";
import { LeafBuilder } from "../page/leaf-builder.js";
import {
  inlineRecordBytesMax,
  KEY_VARINT_BYTES_MAX,
  keyBytesMax,
  OVERFLOW_REFERENCE_BYTES,
} from "../page/limits.js";
import { LEAF_SLOT_BYTES, PAGE_HEADER_BYTES } from "../pager/page-header.js";

export class LeafSizer {
  readonly #pageSize: number;
  readonly #keyBytesMax: number;
  readonly #inlineMax: number;
  /** Records of the open leaf that are decided, and what they take without fences and prefix. */
  count = 0;
  #bytes = 0;
  #lowBytes = 0;
  /** What the low fence shares with the undecided record's key. */
  #sharedWithLow = 0;
  /** The undecided record; -1: none. */
  #pendingBytes = -1;
  #pendingShared = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    this.#keyBytesMax = keyBytesMax(pageSize);
    this.#inlineMax = inlineRecordBytesMax(pageSize);
  }

  /** Whether a value of this length goes to overflow pages: the same answer as a put gives. */
  overflows(keyBytes: number, valueBytes: number): boolean {
    return KEY_VARINT_BYTES_MAX + keyBytes + valueBytes > this.#inlineMax;
  }

  /**
   * Takes the next record: its key's length, its value's, and what the key shares with the one before.
   * True: the open leaf is closed in front of the record before this one, which opens the next leaf.
   * Throws KeyTooLargeError.
   */
  next(keyBytes: number, valueBytes: number, shared: number): boolean {
    if (keyBytes > this.#keyBytesMax) throw new KeyTooLargeError(keyBytes, this.#keyBytesMax);
    const opens = this.#pendingBytes < 0;
    const closed = !opens && this.#settle(shared + 1, shared);
    const stored = this.overflows(keyBytes, valueBytes) ? OVERFLOW_REFERENCE_BYTES : valueBytes;
    this.#pendingBytes = LEAF_SLOT_BYTES + (keyBytes < 0x80 ? 1 : 2) + keyBytes + stored;
    this.#pendingShared = shared;
    if (!opens && shared < this.#sharedWithLow) this.#sharedWithLow = shared;
    return closed;
  }

  /** Decides the last record; as `next`. The leaf that is then open is the last one. */
  finish(): boolean {
    const closed = this.#pendingBytes >= 0 && this.#settle(0, 0);
    this.#pendingBytes = -1;
    return closed;
  }

  /** Begins anew in front of a record, whose leaf has a low fence of this length (0: the first leaf). */
  restart(lowBytes: number): void {
    this.count = 0;
    this.#bytes = 0;
    this.#lowBytes = lowBytes;
    this.#sharedWithLow = lowBytes;
    this.#pendingBytes = -1;
  }

  #settle(highBytes: number, sharedWithNext: number): boolean {
    const prefix = highBytes === 0 ? 0 : Math.min(this.#sharedWithLow, sharedWithNext);
    const fixed = PAGE_HEADER_BYTES + this.#lowBytes + highBytes;
    const records = this.#bytes + this.#pendingBytes - prefix * (this.count + 1);
    if (this.count === 0 || fixed + records <= this.#pageSize) {
      this.count++;
      this.#bytes += this.#pendingBytes;
      return false;
    }
    this.#lowBytes = this.#pendingShared + 1;
    this.#sharedWithLow = this.#lowBytes;
    this.#bytes = this.#pendingBytes;
    this.count = 1;
    return true;
  }
}

export interface LeafSink {
  /** Stores a value outside the leaf; returns its reference. Called before the leaf that refers to it. */
  overflow(value: Uint8Array): Uint8Array;
  /** A finished leaf without number, count and checksum; the image is reused. `last`: no other follows. */
  leaf(image: Uint8Array, low: Uint8Array, records: number, last: boolean): void;
}

/** Records in ascending order of keys: where each key and value lies, without an object for a record. */
export interface SortedRecords {
  readonly count: number;
  /** What keyStart counts from. */
  readonly keys: Uint8Array;
  readonly keyStart: Uint32Array;
  readonly keyLength: Uint32Array;
  /** What valueStart counts from; may be the same array as `keys`. */
  readonly values: Uint8Array;
  readonly valueStart: Uint32Array;
  readonly valueLength: Uint32Array;
}

const NONE: Uint8Array = new Uint8Array(0);
/** Room for the records of open leaves, at first. */
const RECORD_BYTES: number = 256 * 1024;

/**
 * Records are taken in by the batch: their bytes are copied as they lie, in one go, behind the image of the page
 * that is being made, so that each then moves within one buffer.
 */
export class LeafPacker {
  readonly #pageSize: number;
  readonly #sizer: LeafSizer;
  #builder: LeafBuilder;
  readonly #sink: LeafSink;
  readonly #path: string;
  /** The page image, then bytes of batches, in which the records that are not in a finished leaf lie. */
  #memory: Uint8Array<ArrayBuffer>;
  #used: number;
  /** Records first..count-1 are in no finished leaf. */
  #first = 0;
  #count = 0;
  #keyAt: Uint32Array = new Uint32Array(1024);
  #keyBytes: Uint32Array = new Uint32Array(1024);
  #valueAt: Uint32Array = new Uint32Array(1024);
  #valueBytes: Uint32Array = new Uint32Array(1024);
  #low: Uint8Array = NONE;
  /** What the last record's key shares with the one before. */
  #shared = 0;

  constructor(pageSize: number, sink: LeafSink, path = "") {
    this.#pageSize = pageSize;
    this.#sizer = new LeafSizer(pageSize);
    this.#sink = sink;
    this.#path = path;
    this.#memory = new Uint8Array(pageSize + RECORD_BYTES);
    this.#builder = new LeafBuilder(pageSize, this.#memory);
    this.#used = pageSize;
  }

  /** The low fence of the open leaf; a copy is the caller's to make. */
  get low(): Uint8Array {
    return this.#low;
  }

  /** Begins in the middle of a load, with the leaf that has this low fence. */
  restart(low: Uint8Array): void {
    this.#sizer.restart(low.length);
    this.#low = low.slice();
    this.#used = this.#pageSize;
    this.#first = 0;
    this.#count = 0;
  }

  /**
   * Takes records from..count-1 of a batch, whose keys are above all before; nothing of it is kept. Throws
   * KeyTooLargeError, OptionError where the keys do not ascend, and what the sink throws.
   */
  addAll(batch: SortedRecords, from = 0): void {
    if (from >= batch.count) return;
    const { keyLength, valueLength, count } = batch;
    let index = this.#takeIn(batch, from);
    for (let i = from; i < count; i++, index++) {
      const keyBytes = keyLength[i]!;
      const shared = this.#sharedWithLast(index, keyBytes);
      const before = this.#shared;
      const closed = this.#sizer.next(keyBytes, valueLength[i]!, shared);
      this.#count = index + 1;
      if (closed) this.#emit(before, index - 1);
      this.#shared = shared;
    }
  }

  /** As addAll, one record. */
  add(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    const one = (word: number): Uint32Array => Uint32Array.of(word);
    this.addAll({
      count: 1,
      keys,
      keyStart: one(keyStart),
      keyLength: one(keyBytes),
      values,
      valueStart: one(valueStart),
      valueLength: one(valueBytes),
    });
  }

  /** Ends the load; a tree without records is one empty leaf. */
  finish(): void {
    if (this.#sizer.finish()) this.#emit(this.#shared, this.#count - 1);
    this.#emit(-1, this.#count);
  }

  /** Copies the bytes of a batch behind the others; returns the index of its first record. */
  #takeIn(batch: SortedRecords, from: number): number {
    const { count, keys, keyStart, keyLength, values, valueStart, valueLength } = batch;
    const joined = keys === values;
    const keyRange = rangeOf(keyStart, keyLength, from, count);
    const valueRange = rangeOf(valueStart, valueLength, from, count);
    if (joined) {
      keyRange.start = Math.min(keyRange.start, valueRange.start);
      keyRange.end = Math.max(keyRange.end, valueRange.end);
    }
    const keySpan = keyRange.end - keyRange.start;
    const valueSpan = joined ? 0 : valueRange.end - valueRange.start;
    this.#reserve(keySpan + valueSpan, count - from);
    const keyDelta = this.#used - keyRange.start;
    this.#memory.set(keys.subarray(keyRange.start, keyRange.end), this.#used);
    const valueDelta = joined ? keyDelta : this.#used + keySpan - valueRange.start;
    if (!joined) this.#memory.set(values.subarray(valueRange.start, valueRange.end), this.#used + keySpan);
    this.#used += keySpan + valueSpan;
    for (let i = from, to = this.#count; i < count; i++, to++) {
      this.#keyAt[to] = keyStart[i]! + keyDelta;
      this.#keyBytes[to] = keyLength[i]!;
      this.#valueAt[to] = valueStart[i]! + valueDelta;
      this.#valueBytes[to] = valueLength[i]!;
    }
    return this.#count;
  }

  #sharedWithLast(index: number, length: number): number {
    if (index === 0) return Math.max(0, this.#low.length - 1);
    const last = this.#keyAt[index - 1]!;
    const own = this.#keyBytes[index - 1]!;
    const at = this.#keyAt[index]!;
    const bytes = this.#memory;
    const limit = Math.min(own, length);
    let same = 0;
    while (same < limit && bytes[last + same] === bytes[at + same]) same++;
    const ascends = same < limit ? bytes[at + same]! > bytes[last + same]! : length > own;
    if (!ascends) throw new OptionError("records", `${this.#path}: keys do not ascend`);
    return same;
  }

  /** Makes room for so many bytes and records; what is not in a finished leaf moves to the front. */
  #reserve(bytes: number, records: number): void {
    if (this.#used + bytes <= this.#memory.length && this.#count + records <= this.#keyAt.length) return;
    const pending = this.#count - this.#first;
    const keys = rangeOf(this.#keyAt, this.#keyBytes, this.#first, this.#count);
    const values = rangeOf(this.#valueAt, this.#valueBytes, this.#first, this.#count);
    const start = pending === 0 ? this.#used : Math.min(keys.start, values.start);
    const kept = this.#used - start;
    const needed = this.#pageSize + kept + bytes;
    let target = this.#memory;
    if (needed > target.length) {
      target = new Uint8Array(needed * 2);
      target.set(this.#memory.subarray(start, this.#used), this.#pageSize);
      this.#memory = target;
      this.#builder = new LeafBuilder(this.#pageSize, target);
    } else target.copyWithin(this.#pageSize, start, this.#used);
    this.#used = this.#pageSize + kept;
    const lists = pending + records > this.#keyAt.length ? (pending + records) * 2 : this.#keyAt.length;
    const delta = this.#pageSize - start;
    this.#keyAt = shifted(this.#keyAt, this.#first, pending, delta, lists);
    this.#valueAt = shifted(this.#valueAt, this.#first, pending, delta, lists);
    this.#keyBytes = shifted(this.#keyBytes, this.#first, pending, 0, lists);
    this.#valueBytes = shifted(this.#valueBytes, this.#first, pending, 0, lists);
    this.#first = 0;
    this.#count = pending;
  }

  /**
   * Makes a leaf of the records before `end`; where that is not the last leaf, `shared` is what the key of
   * record `end` shares with the one before it.
   */
  #emit(shared: number, end: number): void {
    const last = shared < 0;
    const high = last ? NONE : this.#memory.slice(this.#keyAt[end]!, this.#keyAt[end]! + shared + 1);
    const references = this.#storeOverflow(end);
    this.#builder.start(this.#low, high);
    for (let i = this.#first; i < end; i++) this.#addRecord(i, references?.get(i));
    this.#sink.leaf(this.#builder.finish(), this.#low, end - this.#first, last);
    this.#low = high;
    this.#first = end;
  }

  #storeOverflow(end: number): Map<number, Uint8Array> | undefined {
    let references: Map<number, Uint8Array> | undefined;
    for (let i = this.#first; i < end; i++) {
      const value = this.#valueAt[i]!;
      const length = this.#valueBytes[i]!;
      if (!this.#sizer.overflows(this.#keyBytes[i]!, length)) continue;
      references ??= new Map();
      references.set(i, this.#sink.overflow(this.#memory.subarray(value, value + length)));
    }
    return references;
  }

  #addRecord(index: number, reference: Uint8Array | undefined): void {
    const at = this.#keyAt[index]!;
    const length = this.#keyBytes[index]!;
    const added =
      reference === undefined
        ? this.#builder.addWithin(at, length, this.#valueAt[index]!, this.#valueBytes[index]!, false)
        : this.#builder.add(
            this.#memory.subarray(at, at + length),
            length,
            reference,
            0,
            reference.length,
            true,
          );
    if (!added) throw new RangeError("a leaf was sized too small");
  }
}

/** The bytes from the first of these extents to the last. */
function rangeOf(
  starts: Uint32Array,
  lengths: Uint32Array,
  from: number,
  to: number,
): { start: number; end: number } {
  let start = Number.MAX_SAFE_INTEGER;
  let end = 0;
  for (let i = from; i < to; i++) {
    const at = starts[i]!;
    if (at < start) start = at;
    if (at + lengths[i]! > end) end = at + lengths[i]!;
  }
  return { start, end };
}

/** Elements from.. of a list, moved to its front, or to that of a longer list, and changed by `delta`. */
function shifted(list: Uint32Array, from: number, count: number, delta: number, length: number): Uint32Array {
  const target = length === list.length ? list : new Uint32Array(length);
  for (let i = 0; i < count; i++) target[i] = list[from + i]! + delta;
  return target;
}
