/**
 * The content of a tree, summed up: record count, size ranges, and the digest by which trees are compared
 * across formats: SHA-256 over, in key order, u32be key length, key, u32be value length, value.
 *
 * Records are gathered in one buffer and hashed by the quarter MiB; a call for each record would cost more
 * than the hashing. Large contents are hashed by another thread meanwhile (thread-hash.ts).
 */

import type { RecordBatch } from "./leaf.js";
import { ThreadHash } from "./thread-hash.js";

export interface SizeRange {
  readonly min: number;
  readonly max: number;
  readonly total: number;
}

export interface ContentSummary {
  readonly records: number;
  /** All zero where there are no records. */
  readonly keyBytes: SizeRange;
  readonly valueBytes: SizeRange;
  /** Hexadecimal. */
  readonly digest: string;
}

const BUFFER_BYTES: number = 256 * 1024;
const STAGE_BYTES: number = 64 * 1024;
/** From so much content on a thread that hashes is worth its start. */
const THREAD_BYTES_MIN: number = 32 * 1024 * 1024;
/** Up to here words beat copyWithin. */
const WORDS_BYTES_MAX = 36;

/** The sizes of keys, or of values. */
class Lengths {
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #total = 0;

  /** Counts a batch, not an empty one; returns where its bytes begin and end. */
  measure(starts: Uint32Array, lengths: Uint32Array, count: number): [number, number] {
    let [from, to, min, max, total] = [Number.MAX_SAFE_INTEGER, 0, this.#min, this.#max, 0];
    for (let i = 0; i < count; i++) {
      const length = lengths[i]!;
      const start = starts[i]!;
      if (start < from) from = start;
      if (start + length > to) to = start + length;
      if (length < min) min = length;
      if (length > max) max = length;
      total += length;
    }
    this.#min = min;
    this.#max = max;
    this.#total += total;
    return [from, to];
  }

  range(): SizeRange {
    return { min: Math.min(this.#min, this.#max), max: this.#max, total: this.#total };
  }
}

export class ContentTally {
  readonly #hash: ThreadHash;
  /** What is to be hashed next, and behind it the bytes of the batch in work: so they move within one buffer. */
  #memory: Uint8Array = new Uint8Array(BUFFER_BYTES + STAGE_BYTES);
  #view: DataView = new DataView(this.#memory.buffer);
  #used = 0;
  #records = 0;
  readonly #keys: Lengths = new Lengths();
  readonly #values: Lengths = new Lengths();

  /** `expectedBytes`: about so much content will come. */
  constructor(expectedBytes = 0) {
    this.#hash = new ThreadHash(expectedBytes >= THREAD_BYTES_MIN);
  }

  /** Adds records that follow, in key order, those added before. */
  add(batch: RecordBatch): void {
    const { count, keys, values, keyStart, keyLength, valueStart, valueLength } = batch;
    if (count === 0) return;
    const [keyFrom, keyTo] = this.#keys.measure(keyStart, keyLength, count);
    const [valueFrom, valueTo] = this.#values.measure(valueStart, valueLength, count);
    this.#records += count;
    const joined = keys === values;
    const from = joined ? Math.min(keyFrom, valueFrom) : keyFrom;
    const to = joined ? Math.max(keyTo, valueTo) : keyTo;
    const keySpan = to - from;
    this.#reserve(keySpan + (joined ? 0 : valueTo - valueFrom));
    this.#memory.set(keys.subarray(from, to), BUFFER_BYTES);
    if (!joined) this.#memory.set(values.subarray(valueFrom, valueTo), BUFFER_BYTES + keySpan);
    const keyDelta = BUFFER_BYTES - from;
    const valueDelta = joined ? keyDelta : BUFFER_BYTES + keySpan - valueFrom;
    for (let i = 0; i < count; i++) {
      this.#append(keyStart[i]! + keyDelta, keyLength[i]!);
      this.#append(valueStart[i]! + valueDelta, valueLength[i]!);
    }
  }

  /** To be called once, at the end. */
  finish(): ContentSummary {
    this.#flush();
    return {
      records: this.#records,
      keyBytes: this.#keys.range(),
      valueBytes: this.#values.range(),
      digest: this.#hash.digest(),
    };
  }

  /** Where there will be no end: lets go of what helps it. Harmless at any time. */
  close(): void {
    this.#hash.close();
  }

  #reserve(stageBytes: number): void {
    if (BUFFER_BYTES + stageBytes <= this.#memory.length) return;
    const wider = new Uint8Array(BUFFER_BYTES + stageBytes * 2);
    wider.set(this.#memory.subarray(0, this.#used));
    this.#memory = wider;
    this.#view = new DataView(wider.buffer);
  }

  /** Length and bytes of what lies at `from` of the memory. */
  #append(from: number, length: number): void {
    if (this.#used + 4 + length > BUFFER_BYTES) this.#flush();
    const view = this.#view;
    let to = this.#used;
    view.setUint32(to, length);
    to += 4;
    this.#used = to + length;
    if (length > WORDS_BYTES_MAX) {
      if (this.#used <= BUFFER_BYTES) this.#memory.copyWithin(to, from, from + length);
      else this.#hashLong(from, length);
      return;
    }
    let i = 0;
    for (; i + 4 <= length; i += 4) view.setInt32(to + i, view.getInt32(from + i));
    for (; i < length; i++) view.setUint8(to + i, view.getUint8(from + i));
  }

  /** A value that the buffer has no room for even when it is empty. */
  #hashLong(from: number, length: number): void {
    this.#used -= length;
    this.#flush();
    this.#hash.update(this.#memory.subarray(from, from + length));
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#memory.subarray(0, this.#used));
    this.#used = 0;
  }
}
