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
import type { FreeList } from "./free-list.js";
import { KIND_LEAF, type LegacyGeneration } from "./layout.js";
import { LeafDecoder } from "./leaf.js";
import { orderLeaves } from "./leaf-order.js";
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
  #order: LeafOrder = { pages: new Uint32Array(0) };
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
      else this.#chain.push(page);
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

  *sort(): Generator<number, void> {
    const sorted = yield* orderLeaves(this.#source, this.#generation, this.#chain);
    this.#order = sorted.order;
    if (sorted.overlapping > 0)
      this.#healed.push(`${sorted.overlapping} leaves overlapped the leaf before them`);
  }

  result(): HealedTree {
    return { order: this.#order, healed: this.#healed, emptyLeaves: this.#emptyLeaves };
  }

  #read(page: number): void {
    this.#leaf.decode(this.#source.ofKind(page, KIND_LEAF), page, this.#generation);
    this.#pagesRead++;
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("G6", reason, { path: this.#source.path, page, offset: -1 });
  }
}
