/** Two streams of records in key order, as one; of a key that is in both, the first stream's record counts. */

import type { RecordBatch } from "./leaf.js";
import { BatchBuilder, compareKeys } from "./record-batch.js";

/** Where a stream stands. */
class Cursor {
  readonly #batches: Iterator<RecordBatch>;
  #batch: RecordBatch | undefined;
  #next = 0;

  constructor(batches: Iterable<RecordBatch>) {
    this.#batches = batches[Symbol.iterator]();
    this.#load();
  }

  get done(): boolean {
    return this.#batch === undefined;
  }

  advance(): void {
    this.#next++;
    if (this.#next >= this.#batch!.count) this.#load();
  }

  /** Order of the keys where both stand; a stream that has ended comes last. */
  compare(other: Cursor): number {
    if (this.#batch === undefined || other.#batch === undefined) return this.done ? 1 : -1;
    return compareKeys(this.#batch, this.#next, other.#batch, other.#next);
  }

  copyTo(out: BatchBuilder): void {
    out.pushFrom(this.#batch!, this.#next);
  }

  #load(): void {
    this.#next = 0;
    do {
      const step = this.#batches.next();
      this.#batch = step.done === true ? undefined : step.value;
    } while (this.#batch?.count === 0);
  }
}

/** A batch is valid until the next one is asked for. */
export function* mergeRecords(
  first: Iterable<RecordBatch>,
  second: Iterable<RecordBatch>,
): Generator<RecordBatch, void> {
  const out = new BatchBuilder();
  const [a, b] = [new Cursor(first), new Cursor(second)];
  while (!a.done || !b.done) {
    if (out.isFull) yield out.take();
    const order = a.compare(b);
    const chosen = order <= 0 ? a : b;
    chosen.copyTo(out);
    if (order === 0) b.advance();
    chosen.advance();
  }
  if (out.count > 0) yield out.take();
}
