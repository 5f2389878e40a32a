/**
 * Puts the leaves of a disordered tree in order. The original can leave children in the wrong order under a
 * branch, and leaves that its own cursor no longer reaches; nothing is lost, because every leaf is still in
 * the chain of siblings. So: from the leftmost leaf that the tree reaches along the left siblings to the head,
 * then right to the end, and sort by first key.
 *
 * What is refused: a chain that runs in a circle or leads to a free page, and a leaf of the tree that the
 * chain leaves out, because then neither of the two is the whole.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { compareBytes } from "./big-endian.js";
import type { FreeList } from "./free-list.js";
import { KIND_LEAF, type LegacyGeneration } from "./layout.js";
import { LeafDecoder } from "./leaf.js";
import type { LeafOrder } from "./leaf-stream.js";
import { PageList, PageSet } from "./page-set.js";
import type { LegacyPages } from "./pages.js";
import type { TreeWalk } from "./walk.js";

export interface HealedTree {
  readonly order: LeafOrder;
  /** What was wrong and is not any more, for a person. */
  readonly healed: readonly string[];
  readonly emptyLeaves: number;
}

const HEAL_STEP = 256;

/**
 * Yields the number of pages read. Reads each leaf three times, some more often where first keys are long
 * and alike. Throws CorruptionError: G6 where chain and tree cannot be brought together, others for damage.
 */
export function* healTree(
  source: LegacyPages,
  generation: LegacyGeneration,
  walk: TreeWalk,
  visited: PageSet,
  free: FreeList,
): Generator<number, HealedTree> {
  const healer = new Healer(source, generation, walk, visited, free);
  yield* healer.followChain();
  healer.compareWithTree();
  yield* healer.sort();
  yield* healer.findOverlaps();
  return healer.result();
}

class Healer {
  readonly #source: LegacyPages;
  readonly #generation: LegacyGeneration;
  readonly #walk: TreeWalk;
  readonly #visited: PageSet;
  readonly #free: FreeList;
  readonly #leaf: LeafDecoder;
  readonly #inChain: PageSet;
  /** The chain from its head, leaves with records only. */
  readonly #chain: PageList = new PageList();
  readonly #healed: string[] = [];
  #chainOnly = 0;
  #emptyLeaves = 0;
  #oneSided = 0;
  #sharedKey: Uint8Array | undefined;
  #shared = 0;
  #sorted: Uint32Array = new Uint32Array(0);
  #overlaps: Uint8Array | undefined;
  #pagesRead = 0;

  constructor(
    source: LegacyPages,
    generation: LegacyGeneration,
    walk: TreeWalk,
    visited: PageSet,
    free: FreeList,
  ) {
    this.#source = source;
    this.#generation = generation;
    this.#walk = walk;
    this.#visited = visited;
    this.#free = free;
    this.#leaf = new LeafDecoder(source.path);
    this.#inChain = new PageSet(source.fileCount);
  }

  *followChain(): Generator<number, void> {
    let page = yield* this.#findHead(this.#walk.leaves.at(0));
    let previous = 0;
    while (page !== 0) {
      if (!this.#inChain.add(page)) throw this.#bad(page, "the chain of siblings runs in a circle");
      if (this.#visited.add(page)) this.#takeChainOnly(page);
      this.#read(page);
      if (this.#leaf.header.left !== previous) this.#oneSided++;
      if (this.#leaf.count === 0) this.#emptyLeaves++;
      else {
        this.#chain.push(page);
        this.#narrowShared();
      }
      previous = page;
      page = this.#leaf.header.right;
      if (this.#inChain.size % HEAL_STEP === 0) yield this.#pagesRead;
    }
  }

  *#findHead(first: number): Generator<number, number> {
    const seen = new PageSet(this.#source.fileCount);
    let page = first;
    for (;;) {
      if (!seen.add(page)) throw this.#bad(page, "the left siblings run in a circle");
      this.#read(page);
      const left = this.#leaf.header.left;
      if (left === 0) return page;
      page = left;
      if (seen.size % HEAL_STEP === 0) yield this.#pagesRead;
    }
  }

  #takeChainOnly(page: number): void {
    if (this.#free.pages.has(page) && !this.#source.log.has(page)) {
      throw this.#bad(page, "the chain of siblings leads to this free page");
    }
    this.#chainOnly++;
  }

  compareWithTree(): void {
    const leaves = this.#walk.leaves;
    for (let i = 0; i < leaves.length; i++) {
      if (!this.#inChain.has(leaves.at(i))) {
        throw this.#bad(leaves.at(i), "the leaf is in the tree, but not in the chain of siblings");
      }
    }
    if (this.#chainOnly > 0)
      this.#healed.push(`${this.#chainOnly} leaves were reached through siblings only`);
    if (this.#oneSided > 0) this.#healed.push(`${this.#oneSided} sibling links had no counterpart`);
    if (!this.#walk.ordered) this.#healed.push("the leaves were not in key order under their branches");
    else if (this.#healed.length === 0)
      this.#healed.push("the chain of siblings was in another order than the tree");
  }

  /** Sorts by eight bytes of the first key behind what all first keys share, then by the whole key. */
  *sort(): Generator<number, void> {
    const count = this.#chain.length;
    const heads = new Float64Array(count);
    const tails = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.#read(this.#chain.at(i));
      heads[i] = this.#keyWord(this.#shared);
      tails[i] = this.#keyWord(this.#shared + 4);
      if (i % HEAL_STEP === 0) yield this.#pagesRead;
    }
    const order = new Uint32Array(count).map((_, index) => index);
    order.sort((a, b) => heads[a]! - heads[b]! || tails[a]! - tails[b]! || this.#compareFirstKeys(a, b));
    this.#sorted = order.map((index) => this.#chain.at(index));
  }

  *findOverlaps(): Generator<number, void> {
    const overlaps = new Uint8Array(this.#sorted.length);
    let groups = 0;
    let highest: Uint8Array | undefined;
    for (let i = 0; i < this.#sorted.length; i++) {
      this.#read(this.#sorted[i]!);
      const leaf = this.#leaf;
      const first = leaf.key(0);
      const last = leaf.key(leaf.count - 1);
      if (highest !== undefined && compareBytes(highest, 0, highest.length, first, 0, first.length) >= 0) {
        overlaps[i - 1] = 1;
        groups++;
        if (compareBytes(last, 0, last.length, highest, 0, highest.length) > 0) highest = last;
      } else highest = last;
      if (i % HEAL_STEP === 0) yield this.#pagesRead;
    }
    if (groups === 0) return;
    this.#overlaps = overlaps;
    this.#healed.push(`${groups} leaves overlapped the leaf before them`);
  }

  result(): HealedTree {
    const order =
      this.#overlaps === undefined
        ? { pages: this.#sorted }
        : { pages: this.#sorted, overlaps: this.#overlaps };
    return { order, healed: this.#healed, emptyLeaves: this.#emptyLeaves };
  }

  #read(page: number): void {
    this.#leaf.decode(this.#source.ofKind(page, KIND_LEAF), page, this.#generation);
    this.#pagesRead++;
  }

  /** Keeps how many bytes all first keys so far have in common. */
  #narrowShared(): void {
    const key = this.#leaf.key(0);
    if (this.#sharedKey === undefined) {
      this.#sharedKey = key;
      this.#shared = key.length;
      return;
    }
    let same = 0;
    while (same < this.#shared && same < key.length && key[same] === this.#sharedKey[same]) same++;
    this.#shared = same;
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
    this.#read(this.#chain.at(a));
    const left = this.#leaf.key(0);
    this.#read(this.#chain.at(b));
    const right = this.#leaf.key(0);
    return compareBytes(left, 0, left.length, right, 0, right.length) || a - b;
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("G6", reason, { path: this.#source.path, page, offset: -1 });
  }
}
