/**
 * The records of a tree, leaf by leaf in key order, from a list of its leaves.
 *
 * A list in which key ranges overlap (a tree that the original's own defect left in disorder) is merged
 * group by group: the leaves of a group are opened one after the other as the merge reaches their first
 * keys, so memory is bounded by how many overlap at one key and not by the size of the group. The same key
 * in two leaves with the same value is one record; with different values it is a CorruptionError (G11) that
 * shows both, for nobody can say which one counts.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { compareBytes, hexOf } from "./big-endian.js";
import { KIND_LEAF, type LegacyGeneration } from "./layout.js";
import { LeafDecoder, type RecordBatch } from "./leaf.js";
import type { LegacyPages } from "./pages.js";
import { BatchBuilder, compareKeys } from "./record-batch.js";

/** The leaves of one tree that hold records, by ascending first key. */
export interface LeafOrder {
  readonly pages: Uint32Array;
  /** Where given: 1 for a leaf that holds a key at or above the first key of the next leaf in the list. */
  readonly overlaps?: Uint8Array;
}

export interface LeafBatch extends RecordBatch {
  /** Leaves of the list up to this index (exclusive) are used up once this batch is. */
  readonly leavesDone: number;
}

/** More leaves than this overlapping at one key are refused. */
export const MERGE_LEAVES_MAX = 1024;

export interface ReadLeavesOptions {
  /** Indexes into the list, 0 and its length by default; a group of overlapping leaves must not be cut. */
  readonly from?: number;
  readonly to?: number;
  /** Told of each key that is there twice with one value. */
  readonly onDuplicate?: (key: Uint8Array) => void;
  /** Chooses between two values of one key: true for the second. Without it, such a key is an error. */
  readonly choose?: (key: Uint8Array, first: PlacedValue, second: PlacedValue) => boolean;
}

export interface PlacedValue {
  readonly page: number;
  readonly value: Uint8Array;
}

/**
 * Streams the records of the leaves of `order`. Each page is checked again. A batch is valid until the next
 * one. Throws CorruptionError.
 */
export function* readLeaves(
  source: LegacyPages,
  generation: LegacyGeneration,
  order: LeafOrder,
  options: ReadLeavesOptions = {},
): Generator<LeafBatch, void> {
  const { from = 0, to = order.pages.length } = options;
  const leaf = new LeafDecoder(source.path);
  for (let i = from; i < to; ) {
    if (order.overlaps?.[i] === 1) {
      const end = groupEnd(order.overlaps, i, to);
      yield* new GroupMerge(source, generation, order.pages, i, end, options).run();
      i = end;
      continue;
    }
    const page = order.pages[i]!;
    leaf.decode(source.ofKind(page, KIND_LEAF), page, generation);
    i++;
    yield {
      count: leaf.count,
      keys: leaf.keys,
      keyStart: leaf.keyStart,
      keyLength: leaf.keyLength,
      values: leaf.values,
      valueStart: leaf.valueStart,
      valueLength: leaf.valueLength,
      leavesDone: i,
    };
  }
}

/** Index behind the last leaf of the overlapping group that begins at `start`. */
export function groupEnd(overlaps: Uint8Array, start: number, limit: number): number {
  let end = start;
  while (end < limit - 1 && overlaps[end] === 1) end++;
  return end + 1;
}

/** One leaf in a merge, with its own copy of the page. */
class MergeInput {
  readonly leaf: LeafDecoder;
  readonly page: number;
  next = 0;

  constructor(source: LegacyPages, generation: LegacyGeneration, page: number) {
    this.leaf = new LeafDecoder(source.path);
    this.leaf.decode(source.ofKind(page, KIND_LEAF).slice(), page, generation);
    this.page = page;
  }

  get done(): boolean {
    return this.next >= this.leaf.count;
  }

  compare(other: MergeInput): number {
    return compareKeys(this.leaf, this.next, other.leaf, other.next);
  }

  copyTo(out: BatchBuilder): void {
    out.pushFrom(this.leaf, this.next);
  }

  value(): Uint8Array {
    const start = this.leaf.valueStart[this.next]!;
    return this.leaf.values.subarray(start, start + this.leaf.valueLength[this.next]!);
  }
}

class GroupMerge {
  readonly #source: LegacyPages;
  readonly #generation: LegacyGeneration;
  readonly #pages: Uint32Array;
  readonly #start: number;
  readonly #end: number;
  readonly #options: ReadLeavesOptions;
  readonly #active: MergeInput[] = [];
  #opened: number;
  #ahead: MergeInput | undefined;

  constructor(
    source: LegacyPages,
    generation: LegacyGeneration,
    pages: Uint32Array,
    start: number,
    end: number,
    options: ReadLeavesOptions,
  ) {
    this.#source = source;
    this.#generation = generation;
    this.#pages = pages;
    this.#start = start;
    this.#end = end;
    this.#opened = start;
    this.#options = options;
  }

  *run(): Generator<LeafBatch, void> {
    const out = new BatchBuilder();
    this.#openNext();
    for (;;) {
      const least = this.#least();
      if (least === undefined) break;
      if (out.isFull) yield { ...out.take(), leavesDone: this.#start };
      const chosen = this.#choose(least);
      chosen.copyTo(out);
      this.#advance(chosen);
    }
    yield { ...out.take(), leavesDone: this.#end };
  }

  /** The input with the smallest key, after opening every leaf that could hold it. */
  #least(): MergeInput | undefined {
    let least = smallest(this.#active);
    while (this.#ahead !== undefined && (least === undefined || this.#ahead.compare(least) <= 0)) {
      this.#active.push(this.#ahead);
      if (this.#active.length > MERGE_LEAVES_MAX) {
        throw this.#bad(this.#ahead.page, `more than ${MERGE_LEAVES_MAX} leaves overlap here`);
      }
      this.#openNext();
      least = smallest(this.#active);
    }
    return least;
  }

  #openNext(): void {
    this.#ahead = undefined;
    while (this.#opened < this.#end && this.#ahead === undefined) {
      const input = new MergeInput(this.#source, this.#generation, this.#pages[this.#opened++]!);
      if (!input.done) this.#ahead = input;
    }
  }

  /** Leaves one of the inputs that are at this key, and moves the others past it. */
  #choose(least: MergeInput): MergeInput {
    let chosen = least;
    for (const other of [...this.#active]) {
      if (other === chosen || other.compare(chosen) !== 0) continue;
      const dropped = this.#prefers(chosen, other) ? chosen : other;
      chosen = dropped === chosen ? other : chosen;
      this.#advance(dropped);
    }
    return chosen;
  }

  /** True where the record of `second` counts, not that of `first`, which has the same key. */
  #prefers(first: MergeInput, second: MergeInput): boolean {
    const key = first.leaf.key(first.next);
    const [mine, theirs] = [first.value(), second.value()];
    if (compareBytes(mine, 0, mine.length, theirs, 0, theirs.length) === 0) {
      this.#options.onDuplicate?.(key);
      return false;
    }
    const choose = this.#options.choose;
    if (choose !== undefined) {
      return choose(key, { page: first.page, value: mine }, { page: second.page, value: theirs });
    }
    const both = `page ${first.page} has value ${hexOf(mine)}, page ${second.page} has ${hexOf(theirs)}`;
    throw this.#bad(second.page, `key ${hexOf(key)} is there twice: ${both}`);
  }

  #advance(input: MergeInput): void {
    input.next++;
    if (input.done) this.#active.splice(this.#active.indexOf(input), 1);
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("G11", reason, { path: this.#source.path, page, offset: -1 });
  }
}

function smallest(inputs: readonly MergeInput[]): MergeInput | undefined {
  let least: MergeInput | undefined;
  for (const input of inputs) if (least === undefined || input.compare(least) < 0) least = input;
  return least;
}
