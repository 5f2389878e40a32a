/**
 * Ranges: lazy iteration over a tree's records in key order. Outside of a transaction a range sees the
 * store as it was when the range was made, whatever is written meanwhile; inside one it sees the
 * transaction's edits as they are made, and dies with it. It holds its snapshot until it has given its last
 * record, is returned (`break`, `return()`, `using`) or garbage collected.
 */

import { ClosedError } from "../base/errors.js";
import { type ByteSource, byteSource } from "../base/text.js";
import {
  compareHighFence,
  compareLowFence,
  copyKey,
  copyKeySuffix,
  highFenceLength,
  isBetweenFences,
  isOverflow,
  lowFenceLength,
  searchLeaf,
  slotCount,
  valueAt,
  valueLength,
} from "../page/leaf.js";
import { overflowValue, readReference } from "../page/overflow.js";
import { Cursor } from "../tree/cursor.js";
import type { Tree } from "../tree/tree.js";
import type { Engine } from "./engine.js";
import type { KeyCodec } from "./key-codec.js";
import type { Bound, Bounds, RangeSettings } from "./range-options.js";
import type { ValueCodec } from "./value-codec.js";

/** Key buffers of ended ranges that are kept for new ones. */
const SPARE_KEY_BYTES_MAX = 4;

/** What an iterator yields for each record. */
export type RangeShape = "entries" | "keys" | "values";

interface Held {
  readonly engine: Engine;
  readonly snapshot: number;
  released: boolean;
}

/** Gives back the snapshots of iterators that nobody can reach any more. */
const forgotten: FinalizationRegistry<Held> = new FinalizationRegistry((held) => release(held));

function release(held: Held): void {
  if (held.released) return;
  held.released = true;
  if (held.snapshot >= 0) held.engine.releaseSnapshot(held.snapshot);
}

/** A range's iterator; `T` is [key, value], the key or the value. */
export class RangeIterator<T> implements IterableIterator<T> {
  readonly #engine: Engine;
  readonly #tree: Tree;
  readonly #keys: KeyCodec;
  readonly #values: ValueCodec;
  readonly #shape: RangeShape;
  readonly #bounds: Bounds;
  readonly #reverse: boolean;
  readonly #cursor: Cursor;
  readonly #held: Held;
  readonly #transaction: number;
  readonly #keyBytes: ByteSource;
  #keyLength = 0;
  /** Where and when the key buffer got the prefix of a leaf. */
  #prefixOf = -1;
  #prefixEpoch = -1;
  #left: number;
  #started = false;
  #done = false;
  #changes = 0;
  /** Slots of the current leaf from (reverse: down to) which the range ends. */
  #end = 0;
  /** The last of these slots, with which the range may end. In a transaction none: what is put behind it is met. */
  #lastSlot = -1;

  /** @internal Made by TreeHandle.range() and its like. */
  constructor(
    engine: Engine,
    tree: Tree,
    keys: KeyCodec,
    values: ValueCodec,
    shape: RangeShape,
    { low, high, reverse, limit }: RangeSettings,
    snapshot: number | undefined,
  ) {
    this.#engine = engine;
    this.#tree = tree;
    this.#keys = keys;
    this.#values = values;
    this.#shape = shape;
    this.#bounds = { low, high };
    this.#reverse = reverse;
    this.#left = limit;
    this.#keyBytes = engine.spareKeyBytes.pop() ?? byteSource(engine.keyBuffer.length);
    this.#transaction = engine.transactions;
    // Of a snapshot's commit too: that may be closed, or collected, while the iterator goes on.
    const own = snapshot === undefined && engine.inTransaction ? -1 : engine.acquireSnapshot(snapshot);
    this.#held = { engine, snapshot: own, released: false };
    this.#cursor = new Cursor(tree, own);
    if (own >= 0) forgotten.register(this, this.#held, this.#held);
    if (limit === 0) this.#finish();
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.return();
  }

  return(): IteratorResult<T> {
    this.#finish();
    return { done: true, value: undefined };
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    const spare = this.#engine.spareKeyBytes;
    if (spare.length < SPARE_KEY_BYTES_MAX) spare.push(this.#keyBytes);
    release(this.#held);
    if (this.#held.snapshot >= 0) forgotten.unregister(this.#held);
  }

  next(): IteratorResult<T> {
    if (this.#done) return { done: true, value: undefined };
    this.#engine.assertOpen();
    try {
      if (this.#left > 0 && this.#advance()) {
        const value = this.#record();
        if (--this.#left === 0 || (this.#cursor.slot === this.#lastSlot && this.#endsInLeaf()))
          this.#finish();
        return { done: false, value };
      }
    } catch (error) {
      // A loop over an iterator that has thrown does not end it.
      this.#finish();
      throw error;
    }
    this.#finish();
    return { done: true, value: undefined };
  }

  /** Moves to the next record inside the bounds. */
  #advance(): boolean {
    const cursor = this.#cursor;
    if (cursor.snapshot < 0) this.#assertSameTransaction();
    if (!this.#started) {
      this.#started = true;
      return this.#start() && this.#enterLeaf();
    }
    if (cursor.snapshot < 0) return this.#advanceLive();
    if (this.#reverse) return --cursor.slot >= this.#end || (cursor.slot < 0 && this.#stepBack());
    return ++cursor.slot < this.#end || (cursor.leftInLeaf <= 0 && cursor.skipLeaf() && this.#enterLeaf());
  }

  #stepBack(): boolean {
    this.#cursor.slot = 0;
    return this.#cursor.previous() && this.#enterLeaf();
  }

  #start(): boolean {
    this.#changes = this.#tree.changes;
    const { low, high } = this.#bounds;
    const cursor = this.#cursor;
    if (this.#reverse) {
      return high === undefined ? cursor.last() : cursor.seekBelow(high.key, high.key.length, high.inclusive);
    }
    if (low === undefined) return cursor.first();
    if (!cursor.seek(low.key, low.key.length)) return false;
    return low.inclusive || !this.#isAt(low.key) || cursor.next();
  }

  #isAt(key: Uint8Array): boolean {
    const { pool } = this.#engine.pager;
    const length = copyKey(pool, this.#cursor.offset, this.#cursor.slot, this.#keyBytes.u8);
    return length === key.length && this.#keyBytes.buffer.compare(key, 0, key.length, 0, length) === 0;
  }

  #assertSameTransaction(): void {
    if (this.#engine.transactions !== this.#transaction || !this.#engine.inTransaction)
      throw new ClosedError("the transaction that the range was made in");
  }

  /** In a transaction the tree may have changed under the cursor: goes on behind the last key. */
  #advanceLive(): boolean {
    const cursor = this.#cursor;
    if (this.#changes === this.#tree.changes) {
      return (this.#reverse ? cursor.previous() : cursor.next()) && this.#enterLeaf();
    }
    this.#changes = this.#tree.changes;
    const last = this.#keyBytes.u8.subarray(0, this.#keyLength);
    const found = this.#reverse
      ? cursor.seekBelow(last, last.length, false)
      : cursor.seek(last, last.length) && (!this.#atLast(last) || cursor.next());
    return found && this.#enterLeaf();
  }

  #atLast(last: Uint8Array): boolean {
    const { pool } = this.#engine.pager;
    const { offset, slot } = this.#cursor;
    // Where the last key is gone the cursor may have gone on to a leaf that has another prefix.
    return (
      isBetweenFences(pool, offset, last, last.length) && searchLeaf(pool, offset, last, last.length) === slot
    );
  }

  /** Works out where in the current leaf the range ends; false where it has ended before. */
  #enterLeaf(): boolean {
    const { pool } = this.#engine.pager;
    const cursor = this.#cursor;
    const offset = cursor.offset;
    if (this.#reverse) {
      const { low } = this.#bounds;
      this.#end = low === undefined ? 0 : this.#endBelow(offset, low);
      this.#lastSlot = cursor.snapshot < 0 ? -1 : this.#end;
      return cursor.slot >= this.#end;
    }
    const { high } = this.#bounds;
    this.#end =
      high === undefined ? slotCount(pool, offset) : cursor.slot + cursor.leftBelow(high.key, high.inclusive);
    this.#lastSlot = cursor.snapshot < 0 ? -1 : this.#end - 1;
    return cursor.slot < this.#end;
  }

  /** Whether the range is known to end in the current leaf; where only the next one could tell, the next step does. */
  #endsInLeaf(): boolean {
    const { pool } = this.#engine.pager;
    const { low, high } = this.#bounds;
    const cursor = this.#cursor;
    const offset = cursor.offset;
    if (this.#reverse) {
      if (this.#end > 0 || lowFenceLength(pool, offset) === 0) return true;
      return low !== undefined && compareLowFence(pool, offset, low.key) <= 0;
    }
    if (cursor.leftInLeaf > 1 || highFenceLength(pool, offset) === 0) return true;
    return high !== undefined && compareHighFence(pool, offset, high.key) >= (high.inclusive ? 1 : 0);
  }

  #endBelow(offset: number, low: Bound): number {
    const { pool } = this.#engine.pager;
    if (isBetweenFences(pool, offset, low.key, low.key.length)) {
      const slot = searchLeaf(pool, offset, low.key, low.key.length);
      return slot < 0 ? -slot - 1 : low.inclusive ? slot : slot + 1;
    }
    return compareHighFence(pool, offset, low.key) <= 0 ? slotCount(pool, offset) : 0;
  }

  #copyKey(offset: number): void {
    const { pool } = this.#engine.pager;
    const { slot, snapshot } = this.#cursor;
    const target = this.#keyBytes.u8;
    if (this.#prefixOf === offset && this.#prefixEpoch === pool.epoch && snapshot >= 0) {
      this.#keyLength = copyKeySuffix(pool, offset, slot, target);
      return;
    }
    this.#keyLength = copyKey(pool, offset, slot, target);
    this.#prefixOf = offset;
    this.#prefixEpoch = pool.epoch;
  }

  #record(): T {
    const cursor = this.#cursor;
    const offset = cursor.offset;
    if (this.#shape !== "values" || cursor.snapshot < 0) this.#copyKey(offset);
    if (this.#shape === "keys") return this.#keys.decode(this.#keyBytes, 0, this.#keyLength) as T;
    const value = this.#value(offset, cursor.slot);
    if (this.#shape === "values") return value as T;
    return [this.#keys.decode(this.#keyBytes, 0, this.#keyLength), value] as T;
  }

  #value(offset: number, slot: number): unknown {
    const { pager } = this.#engine;
    const at = valueAt(pager.pool, offset, slot);
    if (!isOverflow(pager.pool, offset, slot)) {
      return this.#values.decode(pager.pool, at, at + valueLength(pager.pool, offset, slot));
    }
    const reference = readReference(pager.pool.u8, at);
    return this.#values.decode(overflowValue(pager, reference), 0, reference.length);
  }
}
