/**
 * Sorts leaves by their first keys and finds those whose key ranges overlap: what turns any set of leaves into
 * a LeafOrder.
 *
 * Keys are not kept: eight bytes of each first key, taken behind what all of them share, decide nearly always,
 * and where they tie the pages are read again.
 */

import { compareBytes } from "./big-endian.js";
import { KIND_LEAF, type LegacyGeneration } from "./layout.js";
import { LeafDecoder } from "./leaf.js";
import type { LeafOrder } from "./leaf-stream.js";
import type { PageList } from "./page-set.js";
import type { LegacyPages } from "./pages.js";

export interface OrderedLeaves {
  readonly order: LeafOrder;
  /** Leaves that begin at or below a key before them. */
  readonly overlapping: number;
}

const ORDER_STEP = 256;

/**
 * `leaves` hold records, each leaf is in the list once. Yields the number of pages read; reads each leaf three
 * times. Throws CorruptionError for a leaf that cannot be read.
 */
export function* orderLeaves(
  source: LegacyPages,
  generation: LegacyGeneration,
  leaves: PageList,
): Generator<number, OrderedLeaves> {
  const sorter = new LeafSorter(source, generation, leaves);
  yield* sorter.findShared();
  yield* sorter.sort();
  return yield* sorter.findOverlaps();
}

class LeafSorter {
  readonly #source: LegacyPages;
  readonly #generation: LegacyGeneration;
  readonly #leaves: PageList;
  readonly #leaf: LeafDecoder;
  #shared = 0;
  #sorted: Uint32Array = new Uint32Array(0);
  #pagesRead = 0;

  constructor(source: LegacyPages, generation: LegacyGeneration, leaves: PageList) {
    this.#source = source;
    this.#generation = generation;
    this.#leaves = leaves;
    this.#leaf = new LeafDecoder(source.path);
  }

  /** How many bytes all first keys have in common. */
  *findShared(): Generator<number, void> {
    let sample: Uint8Array | undefined;
    for (let i = 0; i < this.#leaves.length; i++) {
      this.#read(this.#leaves.at(i));
      const key = this.#leaf.key(0);
      if (sample === undefined) {
        sample = key;
        this.#shared = key.length;
      }
      let same = 0;
      while (same < this.#shared && same < key.length && key[same] === sample[same]) same++;
      this.#shared = same;
      if (i % ORDER_STEP === 0) yield this.#pagesRead;
    }
  }

  *sort(): Generator<number, void> {
    const count = this.#leaves.length;
    const heads = new Float64Array(count);
    const tails = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.#read(this.#leaves.at(i));
      heads[i] = this.#keyWord(this.#shared);
      tails[i] = this.#keyWord(this.#shared + 4);
      if (i % ORDER_STEP === 0) yield this.#pagesRead;
    }
    const order = new Uint32Array(count).map((_, index) => index);
    order.sort((a, b) => heads[a]! - heads[b]! || tails[a]! - tails[b]! || this.#compareFirstKeys(a, b));
    this.#sorted = order.map((index) => this.#leaves.at(index));
  }

  *findOverlaps(): Generator<number, OrderedLeaves> {
    const overlaps = new Uint8Array(this.#sorted.length);
    let overlapping = 0;
    let highest: Uint8Array | undefined;
    for (let i = 0; i < this.#sorted.length; i++) {
      this.#read(this.#sorted[i]!);
      const first = this.#leaf.key(0);
      const last = this.#leaf.key(this.#leaf.count - 1);
      if (highest !== undefined && compareBytes(highest, 0, highest.length, first, 0, first.length) >= 0) {
        overlaps[i - 1] = 1;
        overlapping++;
        if (compareBytes(last, 0, last.length, highest, 0, highest.length) > 0) highest = last;
      } else highest = last;
      if (i % ORDER_STEP === 0) yield this.#pagesRead;
    }
    const order = overlapping === 0 ? { pages: this.#sorted } : { pages: this.#sorted, overlaps };
    return { order, overlapping };
  }

  #read(page: number): void {
    this.#leaf.decode(this.#source.ofKind(page, KIND_LEAF), page, this.#generation);
    this.#pagesRead++;
  }

  /** Four bytes of the current leaf's first key as a number; bytes behind its end count as zero. */
  #keyWord(from: number): number {
    const { keys, keyStart, keyLength } = this.#leaf;
    let word = 0;
    for (let i = from; i < from + 4; i++)
      word = word * 256 + (i < keyLength[0]! ? keys[keyStart[0]! + i]! : 0);
    return word;
  }

  #compareFirstKeys(a: number, b: number): number {
    if (a === b) return 0;
    this.#read(this.#leaves.at(a));
    const left = this.#leaf.key(0);
    this.#read(this.#leaves.at(b));
    const right = this.#leaf.key(0);
    return compareBytes(left, 0, left.length, right, 0, right.length) || a - b;
  }
}
