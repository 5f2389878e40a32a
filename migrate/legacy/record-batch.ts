/** Turns single records into batches, for callers that have them one by one. */

import { compareBytes } from "./big-endian.js";
import type { RecordBatch } from "./leaf.js";

const BATCH_RECORDS = 512;
const BATCH_BYTES: number = 64 * 1024;

/** A batch is valid until the next one is asked for. */
export function* batchesOf(
  records: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>,
): Generator<RecordBatch, void> {
  const builder = new BatchBuilder();
  for (const { key, value } of records) {
    if (builder.isFull) yield builder.take();
    builder.push(key, 0, key.length, value, 0, value.length);
  }
  if (builder.count > 0) yield builder.take();
}

/** Order of the keys of two records. */
export function compareKeys(batch: RecordBatch, index: number, other: RecordBatch, at: number): number {
  return compareBytes(
    batch.keys,
    batch.keyStart[index]!,
    batch.keyLength[index]!,
    other.keys,
    other.keyStart[at]!,
    other.keyLength[at]!,
  );
}

/** Gathers records, wherever they lie, in one buffer. */
export class BatchBuilder {
  #bytes: Uint8Array = new Uint8Array(BATCH_BYTES);
  #used = 0;
  readonly #keyStart: Uint32Array = new Uint32Array(BATCH_RECORDS);
  readonly #keyLength: Uint32Array = new Uint32Array(BATCH_RECORDS);
  readonly #valueStart: Uint32Array = new Uint32Array(BATCH_RECORDS);
  readonly #valueLength: Uint32Array = new Uint32Array(BATCH_RECORDS);
  count = 0;

  /** To be asked before each push. */
  get isFull(): boolean {
    return this.count >= BATCH_RECORDS || this.#used >= BATCH_BYTES;
  }

  push(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    this.#reserve(keyBytes + valueBytes);
    this.#keyStart[this.count] = this.#used;
    this.#keyLength[this.count] = keyBytes;
    this.#bytes.set(keys.subarray(keyStart, keyStart + keyBytes), this.#used);
    this.#used += keyBytes;
    this.#valueStart[this.count] = this.#used;
    this.#valueLength[this.count] = valueBytes;
    this.#bytes.set(values.subarray(valueStart, valueStart + valueBytes), this.#used);
    this.#used += valueBytes;
    this.count++;
  }

  /** As push, a record of a batch. */
  pushFrom(batch: RecordBatch, index: number): void {
    const { keys, keyStart, keyLength, values, valueStart, valueLength } = batch;
    this.push(keys, keyStart[index]!, keyLength[index]!, values, valueStart[index]!, valueLength[index]!);
  }

  /** What was gathered; the builder is empty afterwards and reuses the memory with the next push. */
  take(): RecordBatch {
    const batch: RecordBatch = {
      count: this.count,
      keys: this.#bytes,
      keyStart: this.#keyStart,
      keyLength: this.#keyLength,
      values: this.#bytes,
      valueStart: this.#valueStart,
      valueLength: this.#valueLength,
    };
    this.count = 0;
    this.#used = 0;
    return batch;
  }

  #reserve(length: number): void {
    if (this.#used + length <= this.#bytes.length) return;
    const wider = new Uint8Array((this.#used + length) * 2);
    wider.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = wider;
  }
}
