/**
 * Merges and borrows, by bytes and with hysteresis: a page that is less than a quarter full joins its
 * neighbour where both together leave a fifth of the page free, and else takes records from it until
 * both hold the same. Branch pages follow the same rule, and the root takes in an only child.
 */

import { shortestSeparator } from "../base/bytes.js";
import {
  type BranchEntry,
  branchBytes,
  branchEntries,
  branchRoom,
  childAt,
  insertSeparator,
  removeSeparator,
  separatorOf,
  writeBranch,
} from "../page/branch.js";
import { highFence, keyOf, lowFence, prefixLength, recordLength, slotCount } from "../page/leaf.js";
import type { LeafAllocator } from "../page/leaf-allocator.js";
import { LeafBuilder, leafBytesUnder } from "../page/leaf-builder.js";
import { branchCapacity, leafCapacity, separatorBytes } from "../page/limits.js";
import { AT_LEVEL, LEAF_SLOT_BYTES } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";
import { highBound, lowBound, type Path } from "./path.js";
import { copyUnboundedPage } from "./unbounded-page.js";

const UNDERFULL = 1 / 4;
const MERGED_FILL_MAX = 0.8;
/** Share of a leaf that must be free for it to take records of a full neighbour at the tree's end. */
const FILL_ROOM = 1 / 10;
/** How often a smaller number of records is tried: separators and prefixes are known only then. */
const FILL_TRIES = 4;

/** Called after a merge with the number of the page that is gone. */
export type MergeListener = (page: number) => void;

export class Rebalancer {
  readonly #pager: Pager;
  readonly #allocator: LeafAllocator;
  readonly #second: LeafBuilder;
  readonly #onMerge: MergeListener;

  constructor(pager: Pager, allocator: LeafAllocator, onMerge: MergeListener) {
    this.#pager = pager;
    this.#allocator = allocator;
    this.#second = new LeafBuilder(pager.pageSize);
    this.#onMerge = onMerge;
  }

  /** Whether the leaf at `offset` should be rebalanced. O(1). */
  isUnderfull(offset: number): boolean {
    const capacity = leafCapacity(this.#pager.pageSize);
    return capacity - this.#allocator.room(offset) < capacity * UNDERFULL;
  }

  /** Rebalances the leaf at the end of `path`, then the branches above it. */
  rebalance(path: Path): void {
    if (path.pages.length === 0) return;
    this.#rebalanceLeaf(path);
    for (let depth = path.pages.length - 1; depth > 0; depth--) this.#rebalanceBranch(path, depth);
    this.#shrinkRoot(path.pages[0]!);
  }

  // ---- leaves

  #rebalanceLeaf(path: Path): void {
    const depth = path.pages.length - 1;
    const parent = path.pages[depth]!;
    const { pool } = this.#pager;
    const offset = this.#pager.at(parent);
    const children = slotCount(pool, offset) + 1;
    if (children < 2) return;
    const position = Math.min(path.positions[depth]!, children - 2);
    const left = childAt(pool, offset, position);
    const right = childAt(pool, offset, position + 1);
    if (!this.#mergeLeaves(parent, position, left, right)) this.#balanceLeaves(path, position, left, right);
  }

  #mergeLeaves(parent: number, position: number, left: number, right: number): boolean {
    const pager = this.#pager;
    const { pool } = pager;
    const a = pager.at(left);
    const b = pager.at(right);
    const low = lowFence(pool, a);
    const high = highFence(pool, b);
    const bytes =
      leafBytesUnder(pool, a, 0, slotCount(pool, a), low, high) +
      leafBytesUnder(pool, b, 0, slotCount(pool, b), low, high) -
      low.length -
      high.length;
    if (bytes > leafCapacity(pager.pageSize) * MERGED_FILL_MAX) return false;
    const { builder, regions } = this.#allocator;
    builder.start(low, high);
    builder.addFrom(pool, a, 0, slotCount(pool, a));
    builder.addFrom(pool, b, 0, slotCount(pool, b));
    builder.writeTo(pager, left);
    regions.setEmpty(a);
    removeSeparator(pager, parent, position);
    pager.freePage(right);
    pager.metrics.leaf.merges++;
    this.#onMerge(right);
    return true;
  }

  /** Moves the boundary between two leaves so that both hold the same number of bytes. */
  #balanceLeaves(path: Path, position: number, left: number, right: number): void {
    const a = this.#pager.at(left);
    const b = this.#pager.at(right);
    const slots = slotCount(this.#pager.pool, a);
    const all = slots + slotCount(this.#pager.pool, b);
    this.#moveBoundary(path, position, this.#evenCut(a, slots, b, all));
  }

  /**
   * The leaf at the end of `path` is full, and at one end of the tree, where records keep coming: its
   * neighbour takes as many of its records as it has room for. A leaf that got its second fence by a split
   * has such room, since its keys are cut by a longer prefix since then. False where that is too little to
   * be worth it.
   */
  fillNeighbour(path: Path, appends: boolean): boolean {
    const pager = this.#pager;
    const { pool } = pager;
    const depth = path.pages.length - 1;
    const parent = pager.at(path.pages[depth]!);
    const position = appends ? path.positions[depth]! - 1 : path.positions[depth]!;
    if (position < 0 || position >= slotCount(pool, parent)) return false;
    const neighbour = pager.at(childAt(pool, parent, appends ? position : position + 1));
    const room = this.#allocator.room(neighbour);
    if (room < leafCapacity(pager.pageSize) * FILL_ROOM) return false;
    const leaf = pager.at(path.leaf);
    const slots = slotCount(pool, leaf);
    const theirs = slotCount(pool, neighbour);
    const gain = prefixLength(pool, neighbour) - prefixLength(pool, leaf);
    // All keys of the leaf are longer than the prefix that it would get there.
    let moved = 0;
    let bytes = 0;
    for (; moved < slots - 1; moved++) {
      const slot = appends ? moved : slots - 1 - moved;
      bytes += LEAF_SLOT_BYTES + recordLength(pool, leaf, slot) - gain;
      if (bytes > room) break;
    }
    for (let left = FILL_TRIES; left > 0 && moved > 0; left--, moved -= 1 + (moved >> 4)) {
      if (this.#moveBoundary(path, position, appends ? theirs + moved : slots - moved)) return true;
    }
    return false;
  }

  /** Leaves `cut` records of two leaves together on the left; false, and nothing has changed: they don't fit. */
  #moveBoundary(path: Path, position: number, cut: number): boolean {
    const pager = this.#pager;
    const { pool } = pager;
    const parent = pager.at(path.pages.at(-1)!);
    const left = childAt(pool, parent, position);
    const right = childAt(pool, parent, position + 1);
    const a = pager.at(left);
    const b = pager.at(right);
    const slots = slotCount(pool, a);
    const all = slots + slotCount(pool, b);
    if (cut === slots || cut === 0 || cut === all) return false;
    const keyAt = (i: number): Uint8Array => (i < slots ? keyOf(pool, a, i) : keyOf(pool, b, i - slots));
    const separator = shortestSeparator(keyAt(cut - 1), keyAt(cut));
    const depth = path.pages.length - 1;
    if (!this.#mayReplaceSeparator(path, depth, position, separator)) return false;
    const first = this.#allocator.builder;
    const second = this.#second;
    first.start(lowFence(pool, a), separator);
    second.start(separator, highFence(pool, b));
    const fits =
      first.addFrom(pool, a, 0, Math.min(cut, slots)) &&
      first.addFrom(pool, b, 0, Math.max(0, cut - slots)) &&
      second.addFrom(pool, a, Math.min(cut, slots), slots) &&
      second.addFrom(pool, b, Math.max(0, cut - slots), all - slots);
    if (!fits) return false;
    first.writeTo(pager, left);
    second.writeTo(pager, right);
    this.#allocator.regions.setEmpty(a);
    this.#allocator.regions.setEmpty(b);
    this.#replaceSeparator(path, depth, position, separator);
    pager.metrics.leaf.borrows++;
    return true;
  }

  /** Number of records that leave about half of the bytes on the left. */
  #evenCut(a: number, slots: number, b: number, all: number): number {
    const { pool } = this.#pager;
    const size = (i: number): number =>
      LEAF_SLOT_BYTES + (i < slots ? recordLength(pool, a, i) : recordLength(pool, b, i - slots));
    let total = 0;
    for (let i = 0; i < all; i++) total += size(i);
    let left = 0;
    let cut = 0;
    while (cut < all && left + size(cut) / 2 <= total / 2) left += size(cut++);
    return cut;
  }

  // ---- separators

  #mayReplaceSeparator(path: Path, depth: number, index: number, separator: Uint8Array): boolean {
    const { pool } = this.#pager;
    const offset = this.#pager.at(path.pages[depth]!);
    const prefix = prefixLength(pool, offset);
    const old = separatorOf(pool, offset, index);
    const gain = separatorBytes(old.length - prefix) - separatorBytes(separator.length - prefix);
    return branchRoom(pool, offset) + gain >= 0;
  }

  #replaceSeparator(path: Path, depth: number, index: number, separator: Uint8Array): void {
    const pager = this.#pager;
    const page = path.pages[depth]!;
    const child = childAt(pager.pool, pager.at(page), index + 1);
    removeSeparator(pager, page, index);
    const low = lowBound(pager, path, depth - 1);
    const high = highBound(pager, path, depth - 1);
    insertSeparator(pager, page, index, { separator, child }, low, high);
  }

  // ---- branches

  #rebalanceBranch(path: Path, depth: number): void {
    const pager = this.#pager;
    const { pool } = pager;
    const offset = pager.at(path.pages[depth]!);
    const capacity = branchCapacity(pager.pageSize);
    if (capacity - branchRoom(pool, offset) >= capacity * UNDERFULL) return;
    const parent = path.pages[depth - 1]!;
    const parentOffset = pager.at(parent);
    const children = slotCount(pool, parentOffset) + 1;
    if (children < 2) return;
    const position = Math.min(path.positions[depth - 1]!, children - 2);
    const beside: Path = {
      pages: path.pages.slice(0, depth),
      positions: [...path.positions.slice(0, depth - 1), position],
      leaf: -1,
    };
    this.#joinBranches(beside, position);
  }

  /** Merges, or balances, the two branches at `position` and to the right of it under the path's end. */
  #joinBranches(path: Path, position: number): void {
    const pager = this.#pager;
    const { pool } = pager;
    const depth = path.pages.length - 1;
    const parent = path.pages[depth]!;
    const parentOffset = pager.at(parent);
    const left = childAt(pool, parentOffset, position);
    const right = childAt(pool, parentOffset, position + 1);
    const a = pager.at(left);
    const b = pager.at(right);
    const level = pool.u8[a + AT_LEVEL]!;
    const low = lowBound(pager, path, depth);
    const high = highBound(
      pager,
      { ...path, positions: [...path.positions.slice(0, depth), position + 1] },
      depth,
    );
    const middle: BranchEntry = {
      separator: separatorOf(pool, parentOffset, position),
      child: childAt(pool, b, 0),
    };
    const entries = [...branchEntries(pool, a), middle, ...branchEntries(pool, b)];
    const leftmost = childAt(pool, a, 0);
    const capacity = branchCapacity(pager.pageSize);
    if (branchBytes(entries, low, high) <= capacity * MERGED_FILL_MAX) {
      writeBranch(pager, left, level, leftmost, entries, low, high);
      removeSeparator(pager, parent, position);
      pager.freePage(right);
      this.#onMerge(right);
      return;
    }
    const cut = entries.length >> 1;
    const { separator, child } = entries[cut]!;
    const before = entries.slice(0, cut);
    const after = entries.slice(cut + 1);
    const fits =
      branchBytes(before, low, separator) <= capacity && branchBytes(after, separator, high) <= capacity;
    if (!fits || !this.#mayReplaceSeparator(path, depth, position, separator)) return;
    writeBranch(pager, left, level, leftmost, before, low, separator);
    writeBranch(pager, right, level, child, after, separator, high);
    this.#replaceSeparator(path, depth, position, separator);
  }

  /** A root with one child takes that child's content in, as often as it can. */
  #shrinkRoot(root: number): void {
    const pager = this.#pager;
    const { pool } = pager;
    for (;;) {
      const offset = pager.at(root);
      if (pool.u8[offset + AT_LEVEL] === 0 || slotCount(pool, offset) > 0) return;
      const child = childAt(pool, offset, 0);
      copyUnboundedPage(pager, this.#allocator, child, root);
      pager.freePage(child);
      this.#onMerge(child);
    }
  }
}
