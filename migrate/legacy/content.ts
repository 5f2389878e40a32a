/**
 * The content of a tree, summed up: record count, size ranges, and the digest by which trees are compared
 * across formats: SHA-256 over, in key order, u32be key length, key, u32be value length, value.
 *
 * Records are gathered in one buffer and hashed by the quarter MiB; a call for each record would cost more
 * than the hashing.
 */

import { createHash, type Hash } from "node:crypto";
import type { RecordBatch } from "./leaf.js";

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

const BUFFER_BYTES = 256 * 1024;
/** Up to here a loop beats a call of TypedArray.set. */
const LOOP_BYTES_MAX = 160;

export class ContentTally {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer: Uint8Array = new Uint8Array(BUFFER_BYTES);
  readonly #view: DataView = new DataView(this.#buffer.buffer);
  #used = 0;
  #records = 0;
  #keyMin = Number.POSITIVE_INFINITY;
  #keyMax = 0;
  #keyTotal = 0;
  #valueMin = Number.POSITIVE_INFINITY;
  #valueMax = 0;
  #valueTotal = 0;

  /** Adds records that follow, in key order, those added before. */
  add(batch: RecordBatch): void {
    const { count, keys, values, keyStart, keyLength, valueStart, valueLength } = batch;
    const keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    const valueView =
      keys === values ? keyView : new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let i = 0; i < count; i++) {
      const keyBytes = keyLength[i]!;
      const valueBytes = valueLength[i]!;
      if (keyBytes < this.#keyMin) this.#keyMin = keyBytes;
      if (keyBytes > this.#keyMax) this.#keyMax = keyBytes;
      if (valueBytes < this.#valueMin) this.#valueMin = valueBytes;
      if (valueBytes > this.#valueMax) this.#valueMax = valueBytes;
      this.#keyTotal += keyBytes;
      this.#valueTotal += valueBytes;
      this.#append(keys, keyView, keyStart[i]!, keyBytes);
      this.#append(values, valueView, valueStart[i]!, valueBytes);
    }
    this.#records += count;
  }

  /** To be called once, at the end. */
  finish(): ContentSummary {
    this.#flush();
    const none = this.#records === 0;
    return {
      records: this.#records,
      keyBytes: { min: none ? 0 : this.#keyMin, max: this.#keyMax, total: this.#keyTotal },
      valueBytes: { min: none ? 0 : this.#valueMin, max: this.#valueMax, total: this.#valueTotal },
      digest: this.#hash.digest("hex"),
    };
  }

  #append(bytes: Uint8Array, view: DataView, from: number, length: number): void {
    if (this.#used + 4 + length > BUFFER_BYTES) this.#flush();
    this.#view.setUint32(this.#used, length);
    this.#used += 4;
    if (length <= LOOP_BYTES_MAX) {
      this.#appendByWords(view, from, length);
      return;
    }
    if (length > BUFFER_BYTES - this.#used) {
      this.#flush();
      this.#hash.update(bytes.subarray(from, from + length));
      return;
    }
    this.#buffer.set(bytes.subarray(from, from + length), this.#used);
    this.#used += length;
  }

  #appendByWords(source: DataView, from: number, length: number): void {
    const target = this.#view;
    let to = this.#used;
    let at = from;
    const end = from + length;
    for (; at + 4 <= end; at += 4, to += 4) target.setUint32(to, source.getUint32(at));
    for (; at < end; at++, to++) target.setUint8(to, source.getUint8(at));
    this.#used = to;
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
