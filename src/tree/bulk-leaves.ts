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

const NONE: Uint8Array = new Uint8Array(0);

/** Up to here a loop beats a call of TypedArray.set with the view that it needs. */
const LOOP_BYTES_MAX = 256;

function copyWords(source: DataView, from: number, length: number, target: DataView, to: number): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) target.setUint32(to + i, source.getUint32(from + i));
  for (; i < length; i++) target.setUint8(to + i, source.getUint8(from + i));
}

export class LeafPacker {
  readonly #sizer: LeafSizer;
  readonly #builder: LeafBuilder;
  readonly #sink: LeafSink;
  readonly #path: string;
  /** Keys and values of the records that are not in a finished leaf yet, one behind the other. */
  #bytes: Uint8Array;
  #view: DataView;
  /** Where the values of the last record came from. */
  #source: Uint8Array = NONE;
  #sourceView: DataView = new DataView(NONE.buffer);
  readonly #keyScratch: Uint8Array;
  #used = 0;
  #key: Uint32Array = new Uint32Array(256);
  #value: Uint32Array = new Uint32Array(256);
  #end: Uint32Array = new Uint32Array(256);
  #count = 0;
  #low: Uint8Array = NONE;
  /** What the last record's key shares with the one before. */
  #shared = 0;

  constructor(pageSize: number, sink: LeafSink, path = "") {
    this.#sizer = new LeafSizer(pageSize);
    this.#builder = new LeafBuilder(pageSize);
    this.#sink = sink;
    this.#path = path;
    this.#bytes = new Uint8Array(pageSize * 4);
    this.#view = new DataView(this.#bytes.buffer);
    this.#keyScratch = new Uint8Array(pageSize);
  }

  /** The low fence of the open leaf; a copy is the caller's to make. */
  get low(): Uint8Array {
    return this.#low;
  }

  /** Begins in the middle of a load, with the leaf that has this low fence. */
  restart(low: Uint8Array): void {
    this.#sizer.restart(low.length);
    this.#low = low.slice();
    this.#used = 0;
    this.#count = 0;
  }

  /**
   * Takes a record whose key is above all before. Throws KeyTooLargeError, OptionError where the keys do
   * not ascend, and what the sink throws.
   */
  add(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    const shared = this.#sharedWithLast(keys, keyStart, keyBytes);
    const before = this.#shared;
    const closed = this.#sizer.next(keyBytes, valueBytes, shared);
    if (closed) this.#emit(before, false);
    this.#shared = shared;
    this.#append(keys, keyStart, keyBytes, values, valueStart, valueBytes);
  }

  /** Ends the load; a tree without records is one empty leaf. */
  finish(): void {
    if (this.#sizer.finish()) this.#emit(this.#shared, false);
    this.#emit(-1, true);
  }

  #sharedWithLast(keys: Uint8Array, start: number, length: number): number {
    if (this.#count === 0) return Math.max(0, this.#low.length - 1);
    const at = this.#key[this.#count - 1]!;
    const own = this.#value[this.#count - 1]! - at;
    const bytes = this.#bytes;
    const limit = Math.min(own, length);
    let same = 0;
    while (same < limit && bytes[at + same] === keys[start + same]) same++;
    const ascends = same < limit ? keys[start + same]! > bytes[at + same]! : length > own;
    if (!ascends) throw new OptionError("records", `${this.#path}: keys do not ascend`);
    return same;
  }

  #append(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    if (this.#used + keyBytes + valueBytes > this.#bytes.length) this.#grow(keyBytes + valueBytes);
    if (this.#count === this.#key.length) this.#growLists();
    const bytes = this.#bytes;
    let to = this.#used;
    this.#key[this.#count] = to;
    for (let i = 0; i < keyBytes; i++) bytes[to + i] = keys[keyStart + i]!;
    to += keyBytes;
    this.#value[this.#count] = to;
    if (valueBytes > LOOP_BYTES_MAX) bytes.set(values.subarray(valueStart, valueStart + valueBytes), to);
    else {
      if (values !== this.#source) {
        this.#source = values;
        this.#sourceView = new DataView(values.buffer, values.byteOffset, values.byteLength);
      }
      copyWords(this.#sourceView, valueStart, valueBytes, this.#view, to);
    }
    this.#used = to + valueBytes;
    this.#end[this.#count++] = this.#used;
  }

  #grow(more: number): void {
    const wider = new Uint8Array((this.#used + more) * 2);
    wider.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = wider;
    this.#view = new DataView(wider.buffer);
  }

  #growLists(): void {
    const wider = (list: Uint32Array): Uint32Array => {
      const copy = new Uint32Array(list.length * 2);
      copy.set(list);
      return copy;
    };
    this.#key = wider(this.#key);
    this.#value = wider(this.#value);
    this.#end = wider(this.#end);
  }

  /**
   * Makes a leaf of all records but the last, or of all where it is the last leaf. `shared` is what the
   * last record's key shares with the one before it.
   */
  #emit(shared: number, last: boolean): void {
    const records = last ? this.#count : this.#count - 1;
    const high = last ? NONE : this.#keyOf(records).slice(0, shared + 1);
    const references = this.#storeOverflow(records);
    this.#builder.start(this.#low, high);
    for (let i = 0; i < records; i++) this.#addRecord(i, references?.get(i));
    this.#sink.leaf(this.#builder.finish(), this.#low, records, last);
    this.#low = high;
    if (!last) this.#keepLast();
  }

  #keyOf(index: number): Uint8Array {
    return this.#bytes.subarray(this.#key[index]!, this.#value[index]!);
  }

  #storeOverflow(records: number): Map<number, Uint8Array> | undefined {
    let references: Map<number, Uint8Array> | undefined;
    for (let i = 0; i < records; i++) {
      const value = this.#value[i]!;
      const end = this.#end[i]!;
      if (!this.#sizer.overflows(value - this.#key[i]!, end - value)) continue;
      references ??= new Map();
      references.set(i, this.#sink.overflow(this.#bytes.subarray(value, end)));
    }
    return references;
  }

  #addRecord(index: number, reference: Uint8Array | undefined): void {
    const at = this.#key[index]!;
    const value = this.#value[index]!;
    const key = this.#keyScratch;
    for (let i = at; i < value; i++) key[i - at] = this.#bytes[i]!;
    const added =
      reference === undefined
        ? this.#builder.add(key, value - at, this.#bytes, value, this.#end[index]! - value, false)
        : this.#builder.add(key, value - at, reference, 0, reference.length, true);
    if (!added) throw new RangeError("a leaf was sized too small");
  }

  /** The undecided record moves to the front. */
  #keepLast(): void {
    const last = this.#count - 1;
    const from = this.#key[last]!;
    this.#bytes.copyWithin(0, from, this.#used);
    this.#used -= from;
    this.#key[0] = 0;
    this.#value[0] = this.#value[last]! - from;
    this.#end[0] = this.#used;
    this.#count = 1;
  }
}
