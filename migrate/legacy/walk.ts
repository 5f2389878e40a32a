/**
 * Walks one legacy tree from its root, in tree order, checking every page that it reaches: header and
 * checksum (G1), structure (G3), records (G4), order within and across leaves (G5), sibling links (G6), no
 * page twice and all leaves on one level (G7). Without recursion: one decoded branch a level.
 *
 * Damage is collected, not thrown, and the walk goes on beside it. Where keys and links are in order, the
 * content is summed up on the way; where they are not, heal.ts looks further.
 */

import { compareBytes } from "./big-endian.js";
import { BranchDecoder } from "./branch.js";
import { ContentTally } from "./content.js";
import {
  HEADER_KIND,
  KIND_BRANCH,
  KIND_LEAF,
  type LegacyGeneration,
  TREE_DEPTH_MAX,
  TREE_HEADER_BYTES,
} from "./layout.js";
import { LeafDecoder, type RecordBatch } from "./leaf.js";
import { PageList, type PageSet } from "./page-set.js";
import type { LegacyPages } from "./pages.js";
import type { ProblemList } from "./problems.js";
import type { TreeHeader } from "./tree-page.js";

/** Pages between two calls of the progress generator. */
const WALK_STEP = 256;

/** Is told of the records of a tree while it is checked: one pass for the check and for what needs them next. */
export interface RecordWatch {
  /** The records of the next leaf in key order; valid during the call. */
  leaf(batch: RecordBatch): void;
  /** The tree ends. Not `sound`: something is wrong with it, and what was told is worth nothing. */
  endTree(sound: boolean): void;
}

interface Level {
  readonly branch: BranchDecoder;
  next: number;
}

export class TreeWalk {
  /** Every leaf in tree order, those without records too. */
  readonly leaves: PageList = new PageList();
  /** The caller's to finish or to close. */
  readonly tally: ContentTally;
  emptyLeaves = 0;
  branches = 0;
  /** Levels, the leaves' included; 0 until a leaf was seen. */
  height = 0;
  /** False once a leaf begins at or below the last key before it. */
  ordered = true;
  /** False once the sibling links and the tree order of the leaves differ. */
  linked = true;
  /** True once a page could not be read: the tree is not whole. */
  broken = false;

  readonly #source: LegacyPages;
  readonly #generation: LegacyGeneration;
  readonly #root: number;
  readonly #visited: PageSet;
  readonly #problems: ProblemList;
  readonly #notes: ProblemList;
  readonly #levels: Level[] = [];
  #depth = 0;
  readonly #watch: RecordWatch | undefined;
  readonly #leaf: LeafDecoder;
  #lastKey: Uint8Array = new Uint8Array(64);
  #lastKeyLength = -1;
  #previousLeaf = 0;
  #previousRight = 0;

  /** `visited` is shared by the trees of a file: no page may belong to two of them. */
  constructor(
    source: LegacyPages,
    generation: LegacyGeneration,
    root: number,
    visited: PageSet,
    problems: ProblemList,
    notes: ProblemList,
    watch?: RecordWatch,
  ) {
    this.#source = source;
    this.#generation = generation;
    this.#root = root;
    this.#visited = visited;
    this.#problems = problems;
    this.#notes = notes;
    this.#watch = watch;
    this.#leaf = new LeafDecoder(source.path);
    this.tally = new ContentTally(source.fileCount * source.pageSize);
  }

  /** Yields the number of pages seen, every now and then. */
  *run(): Generator<number, void> {
    let pages = 1;
    this.#visit(this.#root, 0);
    while (this.#depth > 0) {
      const level = this.#levels[this.#depth - 1]!;
      if (level.next >= level.branch.count) {
        this.#depth--;
        continue;
      }
      this.#visit(level.branch.child[level.next++]!, level.branch.header.page);
      if (++pages % WALK_STEP === 0) yield pages;
    }
    if (this.#previousRight !== 0) this.linked = false;
  }

  /** True where tree order is key order and the chain of leaves says the same. */
  get sound(): boolean {
    return !this.broken && this.ordered && this.linked;
  }

  #visit(page: number, parent: number): void {
    if (!this.#visited.add(page)) {
      this.#fail("G7", page, "it is reached twice");
      return;
    }
    try {
      const bytes = this.#source.ofKind(page, KIND_LEAF, KIND_BRANCH);
      if (bytes[HEADER_KIND] === KIND_BRANCH) this.#enterBranch(bytes, page, parent);
      else this.#visitLeaf(bytes, page, parent);
    } catch (error) {
      this.broken = true;
      this.#problems.addError(error);
    }
  }

  #enterBranch(bytes: Uint8Array, page: number, parent: number): void {
    if (this.#depth >= TREE_DEPTH_MAX) {
      this.#fail("G7", page, `the tree is deeper than ${TREE_DEPTH_MAX} levels`);
      return;
    }
    const depth = this.#depth;
    const known = this.#levels[depth];
    const level = known ?? { branch: new BranchDecoder(this.#source.path, this.#source.pageSize), next: 0 };
    if (known === undefined) this.#levels.push(level);
    level.branch.decode(bytes, page);
    level.next = 0;
    this.#depth++;
    this.branches++;
    this.#checkParent(level.branch.header, parent);
    const unordered = level.branch.unorderedEntry();
    if (unordered >= 0)
      this.#notes.add("G5", page, -1, `the separator of entry ${unordered} is not above the one before`);
  }

  #visitLeaf(bytes: Uint8Array, page: number, parent: number): void {
    const leaf = this.#leaf;
    leaf.decode(bytes, page, this.#generation);
    this.#checkDepth(page);
    this.#checkParent(leaf.header, parent);
    this.#checkLinks(leaf.header, page);
    this.leaves.push(page);
    if (leaf.count === 0) {
      this.emptyLeaves++;
      return;
    }
    this.#checkLowFence(page);
    this.#checkOrder();
    if (!this.sound) return;
    this.tally.add(leaf);
    this.#watch?.leaf(leaf);
  }

  #checkDepth(page: number): void {
    const height = this.#depth + 1;
    if (this.height === 0) this.height = height;
    if (this.height !== height)
      this.#fail("G7", page, `the leaf is on level ${height}, others on ${this.height}`);
  }

  #checkParent(header: TreeHeader, parent: number): void {
    if (header.parent === parent) return;
    if (header.page === this.#root) {
      this.#fail("G9", header.page, `it is no root: it names page ${header.parent} as its parent`);
      return;
    }
    const reason = `it names page ${header.parent} as its parent, the tree has page ${parent}`;
    this.#notes.add("G7", header.page, -1, reason);
  }

  #checkLinks(header: TreeHeader, page: number): void {
    const first = this.leaves.length === 0;
    if (header.left !== this.#previousLeaf || (!first && this.#previousRight !== page)) this.linked = false;
    this.#previousLeaf = page;
    this.#previousRight = header.right;
  }

  #checkLowFence(page: number): void {
    const { keys, keyStart, keyLength, header } = this.#leaf;
    const first = compareBytes(
      header.body,
      TREE_HEADER_BYTES,
      header.lowLength,
      keys,
      keyStart[0]!,
      keyLength[0]!,
    );
    if (first > 0) this.#notes.add("G5", page, -1, "the low fence is above the first key");
  }

  #checkOrder(): void {
    const { keys, keyStart, keyLength, count } = this.#leaf;
    if (this.#lastKeyLength >= 0) {
      const order = compareBytes(this.#lastKey, 0, this.#lastKeyLength, keys, keyStart[0]!, keyLength[0]!);
      if (order >= 0) this.ordered = false;
    }
    const length = keyLength[count - 1]!;
    const start = keyStart[count - 1]!;
    if (this.#lastKey.length < length) this.#lastKey = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#lastKey[i] = keys[start + i]!;
    this.#lastKeyLength = length;
  }

  #fail(invariant: "G7" | "G9", page: number, reason: string): void {
    this.broken = true;
    this.#problems.add(invariant, page, -1, reason);
  }
}
