/**
 * A cursor walks a tree's records in key order, either way, through the parents: leaves have no
 * sibling pointers. It sees the tree as one commit left it, or, inside a transaction, as it is now;
 * then the caller must seek again when `tree.changes` has moved.
 *
 * Between two steps the cursor holds page numbers only. Offsets are looked up again when anything has
 * been loaded, evicted or touched since.
 */

import { childAt, searchBranch } from "../page/branch.js";
import { compareHighFence, isBetweenFences, searchLeaf, slotCount } from "../page/leaf.js";
import { AT_LEVEL } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";
import { wrongLevel } from "./path.js";
import type { Tree } from "./tree.js";

export class Cursor {
  /** Commit that the cursor sees, or -1. */
  readonly snapshot: number;
  /** Slot in the current leaf. */
  slot = 0;

  readonly #pager: Pager;
  readonly #root: number;
  readonly #pages: number[] = [];
  readonly #positions: number[] = [];
  #leaf = -1;
  #offset = 0;
  #slots = 0;
  #epoch = -1;

  constructor(tree: Tree, snapshot: number) {
    this.#pager = tree.context.pager;
    this.#root = tree.root;
    this.snapshot = snapshot;
  }

  #at(page: number): number {
    return this.snapshot < 0 ? this.#pager.at(page) : this.#pager.atSnapshot(page, this.snapshot);
  }

  /** Offset of the current leaf. */
  get offset(): number {
    if (this.#epoch !== this.#pager.pool.epoch) {
      this.#pager.beginOperation();
      this.#offset = this.#at(this.#leaf);
      this.#epoch = this.#pager.pool.epoch;
    }
    return this.#offset;
  }

  /** Goes to the first record at or above the key; false where there is none. */
  seek(key: Uint8Array, length: number): boolean {
    this.#descend(key, length);
    const slot = searchLeaf(this.#pager.pool, this.#offset, key, length);
    this.slot = slot < 0 ? -slot - 1 : slot;
    return this.slot < this.#slots || this.#nextLeaf();
  }

  /** Goes to the last record below the key (`inclusive`: at or below); false where there is none. */
  seekBelow(key: Uint8Array, length: number, inclusive: boolean): boolean {
    this.#descend(key, length);
    const slot = searchLeaf(this.#pager.pool, this.#offset, key, length);
    this.slot = slot < 0 ? -slot - 2 : inclusive ? slot : slot - 1;
    return this.slot >= 0 || this.#previousLeaf();
  }

  first(): boolean {
    this.#begin();
    this.#edge(this.#root, -1, false);
    return this.#slots > 0 || this.#nextLeaf();
  }

  last(): boolean {
    this.#begin();
    this.#edge(this.#root, -1, true);
    return this.#slots > 0 || this.#previousLeaf();
  }

  next(): boolean {
    return ++this.slot < this.#slots || this.#nextLeaf();
  }

  previous(): boolean {
    return --this.slot >= 0 || this.#previousLeaf();
  }

  /** Records of the current leaf from the current one on. */
  get leftInLeaf(): number {
    return this.#slots - this.slot;
  }

  /** Of those, how many lie below a key (`inclusive`: or at it). */
  leftBelow(key: Uint8Array, inclusive: boolean): number {
    const { pool } = this.#pager;
    const offset = this.offset;
    if (!isBetweenFences(pool, offset, key, key.length)) {
      return compareHighFence(pool, offset, key) <= 0 ? this.leftInLeaf : 0;
    }
    const slot = searchLeaf(pool, offset, key, key.length);
    return (slot < 0 ? -slot - 1 : inclusive ? slot + 1 : slot) - this.slot;
  }

  /** Goes on behind the current leaf's last record. */
  skipLeaf(): boolean {
    return this.#nextLeaf();
  }

  #begin(): void {
    this.#pager.beginOperation();
    this.#pages.length = 0;
    this.#positions.length = 0;
  }

  #descend(key: Uint8Array, length: number): void {
    this.#begin();
    const { pool } = this.#pager;
    let page = this.#root;
    let offset = this.#at(page);
    let level = pool.u8[offset + AT_LEVEL]!;
    while (level > 0) {
      const position = searchBranch(pool, offset, key, length);
      this.#pages.push(page);
      this.#positions.push(position);
      page = childAt(pool, offset, position);
      offset = this.#at(page);
      if (pool.u8[offset + AT_LEVEL] !== --level) throw wrongLevel(this.#pager, page);
    }
    this.#enter(page, offset);
  }

  #enter(page: number, offset: number): void {
    this.#leaf = page;
    this.#offset = offset;
    this.#epoch = this.#pager.pool.epoch;
    this.#slots = slotCount(this.#pager.pool, offset);
  }

  /** From `page` down its first or last children to a leaf; `level` is the page's, -1: unknown. */
  #edge(page: number, level: number, last: boolean): void {
    const { pool } = this.#pager;
    let current = page;
    let offset = this.#at(current);
    let expected = level < 0 ? pool.u8[offset + AT_LEVEL]! : level;
    if (pool.u8[offset + AT_LEVEL] !== expected) throw wrongLevel(this.#pager, current);
    while (expected > 0) {
      const position = last ? slotCount(pool, offset) : 0;
      this.#pages.push(current);
      this.#positions.push(position);
      current = childAt(pool, offset, position);
      offset = this.#at(current);
      if (pool.u8[offset + AT_LEVEL] !== --expected) throw wrongLevel(this.#pager, current);
    }
    this.#enter(current, offset);
    this.slot = last ? this.#slots - 1 : 0;
  }

  #nextLeaf(): boolean {
    return this.#stepLeaf(1);
  }

  #previousLeaf(): boolean {
    return this.#stepLeaf(-1);
  }

  /** Goes to the nearest leaf with records, behind the current one (1) or before it (-1); false: none is left. */
  #stepLeaf(by: 1 | -1): boolean {
    const { pool } = this.#pager;
    for (;;) {
      this.#pager.beginOperation();
      const depth = this.#pages.length - 1;
      if (depth < 0) return false;
      const offset = this.#at(this.#pages[depth]!);
      const position = this.#positions[depth]! + by;
      if (position < 0 || position > slotCount(pool, offset)) {
        this.#pages.pop();
        this.#positions.pop();
        continue;
      }
      this.#positions[depth] = position;
      this.#edge(childAt(pool, offset, position), pool.u8[offset + AT_LEVEL]! - 1, by < 0);
      if (this.#slots > 0) return true;
    }
  }
}
