/**
 * Splits. A leaf that cannot take a record is cut in two between records; the parent gets the
 * shortest separator that tells the halves apart. Appends leave the left page full, prepends the right
 * one; anything else cuts near the middle, where separators are shortest.
 *
 * One call splits one page and returns; the tree then descends again. A split of a page whose parent
 * has no room splits the parent instead, and so on up.
 */

import { compareBytes, EMPTY_BYTES, shortestSeparator } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import {
  type BranchEntry,
  branchEntries,
  branchFits,
  childAt,
  insertSeparator,
  writeBranch,
} from "../page/branch.js";
import {
  highFence,
  highFenceLength,
  keyOf,
  lowFence,
  lowFenceLength,
  recordLength,
  sharedWithPrevious,
  slotCount,
} from "../page/leaf.js";
import type { LeafAllocator } from "../page/leaf-allocator.js";
import { leafBytesUnder } from "../page/leaf-builder.js";
import { leafCapacity } from "../page/limits.js";
import { AT_LEVEL, AT_NUMBER, AT_SLOTS, BRANCH_SLOT_BYTES, LEAF_SLOT_BYTES } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";
import { highBound, lowBound, type Path } from "./path.js";
import type { Rebalancer } from "./rebalance.js";
import { copyUnboundedPage } from "./unbounded-page.js";

/** Halves may differ by this share of the page for the sake of a shorter separator. */
const CUT_WINDOW = 1 / 8;

interface Cut {
  /** Records before it stay on the left. */
  readonly at: number;
  readonly separator: Uint8Array;
}

/** Called after a leaf was split: the page, and the new one to its right. */
export type SplitListener = (page: number, right: number) => void;

export class Splitter {
  readonly #pager: Pager;
  readonly #allocator: LeafAllocator;
  readonly #rebalancer: Rebalancer | undefined;
  readonly #onSplit: SplitListener;

  /** With `rebalancer`, leaves at the ends of the tree are filled up where records keep coming there. */
  constructor(pager: Pager, allocator: LeafAllocator, onSplit: SplitListener, rebalancer?: Rebalancer) {
    this.#pager = pager;
    this.#allocator = allocator;
    this.#rebalancer = rebalancer;
    this.#onSplit = onSplit;
  }

  /** The leaf at the end of `path` cannot take `key` as its slot `index`: makes progress towards room. */
  split(path: Path, index: number, key: Uint8Array): void {
    if (path.pages.length === 0) {
      this.#growRoot(path.leaf);
      return;
    }
    if (this.#isAtEnd(path.leaf, index, key) && this.#rebalancer?.fillNeighbour(path, index > 0) === true)
      return;
    const cut = this.#chooseCut(path.leaf, index, key);
    const depth = this.#fullParent(path, cut.separator.length);
    if (depth < 0) this.#splitLeaf(path, cut);
    else if (depth === 0) this.#growRoot(path.pages[0]!);
    else this.#splitBranch(path, depth);
  }

  /**
   * Depth of the highest branch that has to be split before a separator of `length` bytes fits where
   * the path ends; -1: it fits already.
   */
  #fullParent(path: Path, length: number): number {
    const { pool } = this.#pager;
    let needed = length;
    let depth = path.pages.length - 1;
    for (; depth >= 0; depth--) {
      const offset = this.#pager.at(path.pages[depth]!);
      if (branchFits(pool, offset, needed)) return depth === path.pages.length - 1 ? -1 : depth + 1;
      const entries = branchEntries(pool, offset);
      needed = entries[this.#branchCut(path, depth, entries)]!.separator.length;
    }
    return 0;
  }

  // ---- leaves

  /** Whether a record comes before all others of the tree, or behind them. */
  #isAtEnd(page: number, index: number, key: Uint8Array): boolean {
    const { pool } = this.#pager;
    const offset = this.#pager.at(page);
    if (index === slotCount(pool, offset)) return highFenceLength(pool, offset) === 0;
    // Not where the first record is to grow.
    return index === 0 && lowFenceLength(pool, offset) === 0 && compareBytes(key, keyOf(pool, offset, 0)) < 0;
  }

  #chooseCut(page: number, index: number, key: Uint8Array): Cut {
    const { pool } = this.#pager;
    const offset = this.#pager.at(page);
    const slots = slotCount(pool, offset);
    const low = lowFence(pool, offset);
    const high = highFence(pool, offset);
    const fits = (at: number, separator: Uint8Array): boolean =>
      leafBytesUnder(pool, offset, 0, at, low, separator) <= leafCapacity(pool.pageSize) &&
      leafBytesUnder(pool, offset, at, slots, separator, high) <= leafCapacity(pool.pageSize);

    const atEnd = this.#isAtEnd(page, index, key);
    if (atEnd && index > 0) {
      const separator = shortestSeparator(keyOf(pool, offset, slots - 1), key);
      if (fits(slots, separator)) return { at: slots, separator };
      if (slots > 1) {
        const earlier = this.#separatorAt(offset, slots - 1);
        if (fits(slots - 1, earlier)) return { at: slots - 1, separator: earlier };
      }
    }
    if (atEnd && index === 0) {
      const separator = shortestSeparator(key, keyOf(pool, offset, 0));
      if (fits(0, separator)) return { at: 0, separator };
    }
    if (slots === 1) {
      const other = keyOf(pool, offset, 0);
      return index === 0
        ? { at: 0, separator: shortestSeparator(key, other) }
        : { at: 1, separator: shortestSeparator(other, key) };
    }
    return this.#middleCut(offset, slots, fits);
  }

  #separatorAt(offset: number, at: number): Uint8Array {
    const { pool } = this.#pager;
    return shortestSeparator(keyOf(pool, offset, at - 1), keyOf(pool, offset, at));
  }

  /** The shortest separator near the middle; failing that, whichever cut makes both halves fit. */
  #middleCut(offset: number, slots: number, fits: (at: number, separator: Uint8Array) => boolean): Cut {
    const { pool } = this.#pager;
    let total = 0;
    for (let i = 0; i < slots; i++) total += recordLength(pool, offset, i) + LEAF_SLOT_BYTES;
    let middle = 1;
    let left = recordLength(pool, offset, 0) + LEAF_SLOT_BYTES;
    while (middle < slots - 1 && left < total / 2)
      left += recordLength(pool, offset, middle++) + LEAF_SLOT_BYTES;
    const at = this.#shortestNear(offset, slots, middle);
    const separator = this.#separatorAt(offset, at);
    if (fits(at, separator)) return { at, separator };
    for (let distance = 0; distance < slots; distance++) {
      for (const other of [middle - distance, middle + distance]) {
        if (other < 1 || other >= slots) continue;
        const candidate = this.#separatorAt(offset, other);
        if (fits(other, candidate)) return { at: other, separator: candidate };
      }
    }
    throw new CorruptionError("L7", "its records take more room than it has", {
      path: this.#pager.data.file.path,
      page: pool.u32[(offset + AT_NUMBER) >> 2]!,
      offset: AT_SLOTS,
    });
  }

  /** The cut with the shortest separator within the window around the middle; of equals, the nearest. */
  #shortestNear(offset: number, slots: number, middle: number): number {
    const { pool } = this.#pager;
    let best = middle;
    let bestLength = sharedWithPrevious(pool, offset, middle);
    let spent = 0;
    for (let distance = 1; spent < pool.pageSize * CUT_WINDOW && bestLength > 0; distance++) {
      const low = middle - distance;
      const high = middle + distance;
      if (low < 1 || high >= slots) break;
      spent += recordLength(pool, offset, high) + LEAF_SLOT_BYTES;
      for (const at of [low, high]) {
        const length = sharedWithPrevious(pool, offset, at);
        if (length >= bestLength) continue;
        best = at;
        bestLength = length;
      }
    }
    return best;
  }

  #splitLeaf(path: Path, cut: Cut): void {
    const { pool } = this.#pager;
    const left = path.leaf;
    const right = this.#pager.allocatePage();
    const { builder } = this.#allocator;
    const logged = this.#pager.edits.logSplit(left, right, cut.at, cut.separator);
    const offset = this.#pager.at(left);
    builder.rightHalf(pool, offset, cut.at, cut.separator);
    builder.writeTo(this.#pager, right, logged);
    this.#allocator.regions.setEmpty(this.#pager.at(right));
    builder.leftHalf(pool, offset, cut.at, cut.separator);
    builder.writeTo(this.#pager, left, logged);
    this.#allocator.regions.setEmpty(offset);
    this.#link(path, path.pages.length - 1, { separator: cut.separator, child: right });
    this.#pager.metrics.leaf.splits++;
    this.#onSplit(left, right);
  }

  /** Puts a new child into the branch at `depth`, to the right of where the path goes. */
  #link(path: Path, depth: number, entry: BranchEntry): void {
    const low = lowBound(this.#pager, path, depth - 1);
    const high = highBound(this.#pager, path, depth - 1);
    insertSeparator(this.#pager, path.pages[depth]!, path.positions[depth]!, entry, low, high);
  }

  // ---- branches

  /** Index of the separator that moves up when the branch at `depth` is split. */
  #branchCut(path: Path, depth: number, entries: readonly BranchEntry[]): number {
    const appends = path.positions.slice(0, depth + 1).every((position, d) => {
      const offset = this.#pager.at(path.pages[d]!);
      return position === slotCount(this.#pager.pool, offset);
    });
    if (appends) return entries.length - 1;
    let left = 0;
    const sizes = entries.map((entry) => entry.separator.length + BRANCH_SLOT_BYTES);
    const half = sizes.reduce((sum, size) => sum + size, 0) / 2;
    let at = 0;
    while (at < entries.length - 1 && left + sizes[at]! <= half) left += sizes[at++]!;
    return at;
  }

  #splitBranch(path: Path, depth: number): void {
    const pager = this.#pager;
    const { pool } = pager;
    const page = path.pages[depth]!;
    const right = pager.allocatePage();
    const offset = pager.at(page);
    const level = pool.u8[offset + AT_LEVEL]!;
    const leftmost = childAt(pool, offset, 0);
    const entries = branchEntries(pool, offset);
    const cut = this.#branchCut(path, depth, entries);
    const { separator, child } = entries[cut]!;
    const low = lowBound(pager, path, depth - 1);
    const high = highBound(pager, path, depth - 1);
    writeBranch(pager, right, level, child, entries.slice(cut + 1), separator, high);
    writeBranch(pager, page, level, leftmost, entries.slice(0, cut), low, separator);
    this.#link(path, depth - 1, { separator, child: right });
    pager.metrics.leaf.branch_splits++;
  }

  /** The root keeps its page number: its content moves to a new page, of which it becomes the parent. */
  #growRoot(root: number): void {
    const pager = this.#pager;
    const { pool } = pager;
    const child = pager.allocatePage();
    copyUnboundedPage(pager, this.#allocator, root, child);
    const level = pool.u8[pager.at(root) + AT_LEVEL]!;
    writeBranch(pager, root, level + 1, child, [], EMPTY_BYTES, EMPTY_BYTES);
    pager.metrics.leaf.root_growths++;
  }
}
