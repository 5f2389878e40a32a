/**
 * One B+tree: find, put and remove by encoded key. The root keeps its page number for the life of the
 * tree; there are no parent and no sibling pointers, so that a split changes the page, its new
 * sibling and the parent, nothing else.
 *
 * Edits run in the pager's transaction; who calls commits it. An edit that throws has left the
 * transaction half changed: it must be rolled back.
 */

import { byteMemory, compareBytes, EMPTY_BYTES } from "../base/bytes.js";
import { CorruptionError, KeyTooLargeError, ValueTooLargeError } from "../base/errors.js";
import { childAt, searchBranch } from "../page/branch.js";
import { Entry } from "../page/entry.js";
import { highFence, isBetweenFences, isOverflow, searchLeaf, slotCount, valueAt } from "../page/leaf.js";
import { LeafAllocator, type PackListener } from "../page/leaf-allocator.js";
import { writeEmptyRoot } from "../page/leaf-builder.js";
import { inlineRecordBytesMax, KEY_VARINT_BYTES_MAX, keyBytesMax, VALUE_BYTES_MAX } from "../page/limits.js";
import {
  encodeReference,
  freeOverflow,
  type OverflowReference,
  readReference,
  writeOverflow,
} from "../page/overflow.js";
import { AT_HIGH_LENGTH, AT_LEVEL, AT_RECORDS, RECORDS_BYTES } from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import type { Pager } from "../pager/pager.js";
import { type Path, wrongLevel } from "./path.js";
import { type MergeListener, Rebalancer } from "./rebalance.js";
import { type SplitListener, Splitter } from "./split.js";

/** Who is told of large events. */
export interface TreeListeners {
  readonly onPack: PackListener;
  readonly onSplit: SplitListener;
  readonly onMerge: MergeListener;
}

/** What all trees of a store share. */
export class TreeContext {
  readonly pager: Pager;
  readonly allocator: LeafAllocator;
  readonly splitter: Splitter;
  readonly rebalancer: Rebalancer;
  readonly keyBytesMax: number;
  readonly inlineRecordBytesMax: number;
  /** Trees whose count of records the running transaction has changed. */
  readonly counted: Tree[] = [];

  constructor(pager: Pager, profile: boolean, listeners: TreeListeners) {
    this.pager = pager;
    this.allocator = new LeafAllocator(pager, profile, listeners.onPack);
    this.rebalancer = new Rebalancer(pager, this.allocator, listeners.onMerge);
    this.splitter = new Splitter(pager, this.allocator, listeners.onSplit, this.rebalancer);
    this.keyBytesMax = keyBytesMax(pager.pageSize);
    this.inlineRecordBytesMax = inlineRecordBytesMax(pager.pageSize);
  }
}

export class Tree {
  readonly root: number;
  readonly context: TreeContext;
  readonly #pager: Pager;
  readonly #pool: PagePool;
  readonly #allocator: LeafAllocator;
  /** Changes with every edit: cursors that look at the running transaction compare it. */
  changes = 0;
  /** Records added minus records removed since the count in the root page was last brought up to date. */
  #countChange = 0;
  /** The running transaction knows of this change. */
  #counted = false;

  /** Where the last search ended. */
  #leaf = 0;
  /** The leaf that the last edit went to, in which transaction, and whether the one before did too. */
  #lastLeaf = 0;
  #lastTransaction = -1;
  #runs = false;

  constructor(context: TreeContext, root: number) {
    this.context = context;
    this.root = root;
    this.#pager = context.pager;
    this.#pool = context.pager.pool;
    this.#allocator = context.allocator;
  }

  /** Makes an empty tree; returns its root page. */
  static create(context: TreeContext): number {
    const page = context.pager.allocatePage();
    writeEmptyRoot(context.pager, context.allocator.builder, page);
    return page;
  }

  // ---- finding

  /** Offset of the leaf that holds the key, if any does, as the running transaction sees it. */
  #descend(key: Uint8Array, length: number): number {
    const pool = this.#pool;
    let page = this.root;
    let offset = pool.at(page);
    let level = pool.u8[offset + AT_LEVEL]!;
    while (level > 0) {
      page = childAt(pool, offset, searchBranch(pool, offset, key, length));
      offset = pool.at(page);
      level--;
      if (pool.u8[offset + AT_LEVEL] !== level) throw wrongLevel(this.#pager, page);
    }
    this.#leaf = page;
    return offset;
  }

  /** As #descend, but as commit `snapshot` left it. */
  #descendAt(key: Uint8Array, length: number, snapshot: number): number {
    const pool = this.#pool;
    let page = this.root;
    let offset = this.#pager.atSnapshot(page, snapshot);
    let level = pool.u8[offset + AT_LEVEL]!;
    while (level > 0) {
      page = childAt(pool, offset, searchBranch(pool, offset, key, length));
      offset = this.#pager.atSnapshot(page, snapshot);
      level--;
      if (pool.u8[offset + AT_LEVEL] !== level) throw wrongLevel(this.#pager, page);
    }
    return offset;
  }

  /** Offset of the leaf found by the last `find` that found the key. */
  foundIn = 0;

  /**
   * Slot of the key in the leaf at `foundIn`, or -1. `snapshot` is a commit number, or -1 for the
   * running transaction or the last commit. The offset is valid until the next call on the store.
   */
  find(key: Uint8Array, length: number, snapshot: number): number {
    this.#pager.beginOperation();
    const offset = snapshot < 0 ? this.#descend(key, length) : this.#descendAt(key, length, snapshot);
    const slot = searchLeaf(this.#pool, offset, key, length);
    this.foundIn = offset;
    return slot < 0 ? -1 : slot;
  }

  /** The way to the leaf that holds the key. */
  pathTo(key: Uint8Array, length: number): Path {
    const pool = this.#pool;
    const path: Path = { pages: [], positions: [], leaf: this.root };
    let offset = pool.at(path.leaf);
    for (let level = pool.u8[offset + AT_LEVEL]!; level > 0; ) {
      const position = searchBranch(pool, offset, key, length);
      path.pages.push(path.leaf);
      path.positions.push(position);
      path.leaf = childAt(pool, offset, position);
      offset = pool.at(path.leaf);
      if (pool.u8[offset + AT_LEVEL] !== --level) throw wrongLevel(this.#pager, path.leaf);
    }
    return path;
  }

  // ---- editing

  /**
   * Puts the entry's key and value; true when the key is new. A value that does not fit inline is
   * moved to an overflow run first. Throws KeyTooLargeError, ValueTooLargeError, DiskFullError.
   */
  put(entry: Entry): boolean {
    this.#assertSizes(entry);
    this.#pager.beginOperation();
    this.changes++;
    this.#makeInline(entry);
    for (;;) {
      const offset = this.#leafForEdit(entry);
      // First: the copy for a rollback reads the page in one go, and the search finds it in the processor's cache.
      this.#pager.edits.select(this.#leaf);
      const slot = searchLeaf(this.#pool, offset, entry.key, entry.keyLength);
      if (slot >= 0) {
        const old = this.#overflowOf(offset, slot);
        if (this.#allocator.overwrite(this.#leaf, slot, entry)) {
          if (old !== undefined) freeOverflow(this.#pager, old);
          // Values that get shorter empty a leaf as removals do.
          if (this.#allocator.shrunk && this.context.rebalancer.isUnderfull(offset))
            this.#rebalance(entry.key, entry.keyLength);
          return false;
        }
      } else if (this.#allocator.insert(this.#leaf, -slot - 1, entry)) {
        this.#addToCount(1);
        return true;
      }
      this.#makeRoom(entry, slot < 0 ? -slot - 1 : slot);
    }
  }

  #assertSizes(entry: Entry): void {
    if (entry.keyLength > this.context.keyBytesMax)
      throw new KeyTooLargeError(entry.keyLength, this.context.keyBytesMax);
    if (entry.length > VALUE_BYTES_MAX) throw new ValueTooLargeError(entry.length, VALUE_BYTES_MAX);
  }

  #makeInline(entry: Entry): void {
    entry.overflow = false;
    if (KEY_VARINT_BYTES_MAX + entry.keyLength + entry.length <= this.context.inlineRecordBytesMax) return;
    const value = entry.value.subarray(entry.from, entry.from + entry.length);
    entry.value = encodeReference(writeOverflow(this.#pager, value));
    entry.from = 0;
    entry.length = entry.value.length;
    entry.overflow = true;
  }

  /** As #descend; an edit that follows another in the same leaf skips the way down. */
  #leafForEdit(entry: Entry): number {
    const { key, keyLength } = entry;
    if (this.#runs && this.#lastTransaction === this.#pager.transaction) {
      const offset = this.#pool.at(this.#lastLeaf);
      if (isBetweenFences(this.#pool, offset, key, keyLength)) {
        this.#leaf = this.#lastLeaf;
        return offset;
      }
    }
    const offset = this.#descend(key, keyLength);
    this.#runs = this.#leaf === this.#lastLeaf;
    this.#lastLeaf = this.#leaf;
    this.#lastTransaction = this.#pager.transaction;
    return offset;
  }

  #makeRoom(entry: Entry, index: number): void {
    const path = this.pathTo(entry.key, entry.keyLength);
    this.#forgetLastLeaf();
    this.context.splitter.split(path, index, entry.key.subarray(0, entry.keyLength));
  }

  #forgetLastLeaf(): void {
    this.#lastTransaction = -1;
    this.#runs = false;
  }

  /** A leaf has moved to another page. */
  forgetLeaf(): void {
    this.changes++;
    this.#forgetLastLeaf();
  }

  /** Writes an overflow value to the lowest free run and points its slot there; the old run is the caller's. */
  moveOverflow(leaf: number, slot: number, key: Uint8Array, value: Uint8Array): void {
    const entry = new Entry();
    entry.keyMemory = byteMemory(key);
    entry.keyLength = key.length;
    entry.value = encodeReference(writeOverflow(this.#pager, value, true));
    entry.length = entry.value.length;
    entry.overflow = true;
    this.changes++;
    this.#allocator.overwrite(leaf, slot, entry);
  }

  #overflowOf(offset: number, slot: number): OverflowReference | undefined {
    if (!isOverflow(this.#pool, offset, slot)) return undefined;
    return readReference(this.#pool.u8, valueAt(this.#pool, offset, slot));
  }

  /** Removes a key; true when it was there. */
  remove(key: Uint8Array, length: number): boolean {
    this.#pager.beginOperation();
    const offset = this.#descend(key, length);
    if (this.#pager.mayTouchInVain(offset)) this.#pager.edits.select(this.#leaf);
    const slot = searchLeaf(this.#pool, offset, key, length);
    if (slot < 0) return false;
    this.changes++;
    const old = this.#overflowOf(offset, slot);
    this.#allocator.remove(this.#leaf, slot);
    if (old !== undefined) freeOverflow(this.#pager, old);
    this.#addToCount(-1);
    if (this.context.rebalancer.isUnderfull(offset)) this.#rebalance(key, length);
    return true;
  }

  #rebalance(key: Uint8Array, length: number): void {
    const path = this.pathTo(key, length);
    if (path.pages.length === 0) return;
    this.#forgetLastLeaf();
    this.context.rebalancer.rebalance(path);
  }

  /**
   * Removes all keys in [from, to); an undefined end is open. Returns how many there were. Works leaf
   * by leaf: nothing is read or changed that lies outside of the range's leaves and their parents.
   */
  removeRange(from: Uint8Array | undefined, to: Uint8Array | undefined): number {
    let start: Uint8Array = from ?? EMPTY_BYTES;
    let removed = 0;
    this.changes++;
    for (;;) {
      this.#pager.beginOperation();
      const offset = this.#descend(start, start.length);
      const next = this.fenceBehind(this.#leaf, start);
      removed += this.#removeInLeaf(offset, start, to);
      if (this.context.rebalancer.isUnderfull(offset)) this.#rebalance(start, start.length);
      if (next.length === 0 || (to !== undefined && compareBytes(next, to) >= 0)) return removed;
      start = next;
    }
  }

  /**
   * The high fence of a leaf that `key` has led to; empty: the tree ends there. Throws CorruptionError where it
   * does not lie above the key: going on from it would go round in circles.
   */
  fenceBehind(leaf: number, key: Uint8Array): Uint8Array {
    const fence = highFence(this.#pool, this.#pool.at(leaf));
    if (fence.length > 0 && compareBytes(fence, key) <= 0)
      throw new CorruptionError("L8", "its high fence is not above the keys that lead to it", {
        path: this.#pager.data.file.path,
        page: leaf,
        offset: AT_HIGH_LENGTH,
      });
    return fence;
  }

  #removeInLeaf(offset: number, start: Uint8Array, to: Uint8Array | undefined): number {
    const pool = this.#pool;
    const position = (key: Uint8Array): number => {
      const slot = searchLeaf(pool, offset, key, key.length);
      return slot < 0 ? -slot - 1 : slot;
    };
    const first = position(start);
    const inside = to !== undefined && isBetweenFences(pool, offset, to, to.length);
    const last = inside ? position(to) : slotCount(pool, offset);
    if (last <= first) return 0;
    this.#freeOverflows(offset, first, last);
    this.#allocator.removeRange(this.#leaf, first, last);
    this.#addToCount(first - last);
    return last - first;
  }

  /** Frees the overflow runs of slots from..to-1. */
  #freeOverflows(offset: number, from: number, to: number): void {
    for (let slot = from; slot < to; slot++) {
      const old = this.#overflowOf(offset, slot);
      if (old !== undefined) freeOverflow(this.#pager, old);
    }
  }

  /** Removes everything at the cost of reading the tree once; the root stays, empty. */
  clear(): void {
    this.changes++;
    this.#forgetLastLeaf();
    this.#addToCount(-this.count(-1));
    const pages: number[] = [this.root];
    const levels: number[] = [-1];
    while (pages.length > 0) {
      this.#pager.beginOperation();
      const page = pages.pop()!;
      const expected = levels.pop()!;
      const offset = this.#pool.at(page);
      const level = this.#pool.u8[offset + AT_LEVEL]!;
      if (expected >= 0 && level !== expected) throw wrongLevel(this.#pager, page);
      const slots = slotCount(this.#pool, offset);
      if (level === 0) this.#freeOverflows(offset, 0, slots);
      else {
        for (let i = 0; i <= slots; i++) {
          pages.push(childAt(this.#pool, offset, i));
          levels.push(level - 1);
        }
      }
      if (page !== this.root) this.#pager.freePage(page);
    }
    this.#pager.beginOperation();
    writeEmptyRoot(this.#pager, this.#allocator.builder, this.root);
  }

  // ---- counting

  /** Records in the tree. `snapshot` as in find. */
  count(snapshot: number): number {
    const offset = snapshot < 0 ? this.#pool.at(this.root) : this.#pager.atSnapshot(this.root, snapshot);
    const word = (offset + AT_RECORDS) >> 2;
    const stored = this.#pool.u32[word]! + this.#pool.u32[word + 1]! * 0x1_0000_0000;
    return snapshot < 0 ? stored + this.#countChange : stored;
  }

  #addToCount(records: number): void {
    this.#countChange += records;
    if (this.#counted) return;
    this.#counted = true;
    this.context.counted.push(this);
  }

  /** Writes the count into the root page: before each commit. */
  flushCount(): void {
    this.#counted = false;
    if (this.#countChange === 0) return;
    const count = this.count(-1);
    this.#pager.beginOperation();
    const offset = this.#pager.edits.select(this.root);
    const word = (offset + AT_RECORDS) >> 2;
    this.#pool.u32[word] = count >>> 0;
    this.#pool.u32[word + 1] = Math.floor(count / 0x1_0000_0000);
    this.#pager.edits.written(offset + AT_RECORDS, RECORDS_BYTES);
    this.#countChange = 0;
  }

  /** The tree holds so many records: for one whose root was made by copying. */
  setCount(count: number): void {
    this.#addToCount(count - this.count(-1));
  }

  /** The transaction was undone. */
  forgetChanges(): void {
    this.#countChange = 0;
    this.#counted = false;
    this.changes++;
    this.#forgetLastLeaf();
  }
}
