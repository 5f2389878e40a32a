/**
 * Reading one tree by typed keys, as the running transaction or the last commit left it, or as a
 * snapshot sees it. TreeHandle and SnapshotTree are made of it.
 */

import { copyBytes } from "../base/bytes.js";
import { ClosedError, OptionError } from "../base/errors.js";
import { isOverflow, valueAt, valueLength } from "../page/leaf.js";
import {
  assertReference,
  type OverflowReference,
  overflowValue,
  readOverflow,
  readReference,
} from "../page/overflow.js";
import { Cursor } from "../tree/cursor.js";
import type { Tree } from "../tree/tree.js";
import type { Engine } from "./engine.js";
import type { KeyCodec } from "./key-codec.js";
import { RangeIterator, type RangeShape } from "./range.js";
import {
  type BoundOptions,
  type Bounds,
  type RangeOptions,
  type RangeSettings,
  readRange,
  readRemoval,
} from "./range-options.js";
import type { ValueCodec } from "./value-codec.js";

/** What is read: it may end, a tree by being dropped, a snapshot by being closed, while a call reads its key. */
export interface Source {
  /** For the error. */
  readonly what: string;
  ended: boolean;
}

const ENDLESS: Source = { what: "", ended: false };

export class Reader<K, V> {
  readonly engine: Engine;
  readonly tree: Tree;
  readonly keys: KeyCodec;
  readonly values: ValueCodec;
  /** Commit that is read, or -1. */
  readonly snapshot: number;
  readonly #source: Source;

  constructor(
    engine: Engine,
    tree: Tree,
    keys: KeyCodec,
    values: ValueCodec,
    snapshot: number,
    source: Source = ENDLESS,
  ) {
    this.engine = engine;
    this.tree = tree;
    this.keys = keys;
    this.values = values;
    this.snapshot = snapshot;
    this.#source = source;
  }

  /** After the key was read: the elements of a tuple may be the caller's code. */
  #assertThere(): void {
    this.engine.assertOpen();
    if (this.#source.ended) throw new ClosedError(this.#source.what);
  }

  /** Slot of the key in the leaf at tree.foundIn, or -1. */
  #find(key: K): number {
    const { engine } = this;
    if (engine.closed) engine.assertOpen();
    const length = this.keys.encode(key, engine.keyBuffer, engine.context.keyBytesMax);
    if (engine.closed || this.#source.ended) this.#assertThere();
    return this.tree.find(engine.keyBuffer, length, this.snapshot);
  }

  has(key: K): boolean {
    return this.#find(key) >= 0;
  }

  get(key: K): V | undefined {
    const slot = this.#find(key);
    if (slot < 0) return undefined;
    const { pool } = this.engine.pager;
    const offset = this.tree.foundIn;
    const at = valueAt(pool, offset, slot);
    if (isOverflow(pool, offset, slot)) return this.#overflow(readReference(pool.u8, at)) as V;
    return this.values.decode(pool, at, at + valueLength(pool, offset, slot)) as V;
  }

  #overflow(reference: OverflowReference): unknown {
    const bytes = overflowValue(this.engine.pager, reference);
    return this.values.name === "binary" ? bytes.u8 : this.values.decode(bytes, 0, reference.length);
  }

  getView(key: K): Uint8Array | undefined {
    const slot = this.#find(key);
    if (slot < 0) return undefined;
    const { pool } = this.engine.pager;
    const offset = this.tree.foundIn;
    const at = valueAt(pool, offset, slot);
    if (isOverflow(pool, offset, slot))
      return overflowValue(this.engine.pager, readReference(pool.u8, at)).u8;
    return pool.handOut(at, at + valueLength(pool, offset, slot));
  }

  getInto(key: K, target: Uint8Array): number {
    // Cheaper than asking for its class.
    if (target.BYTES_PER_ELEMENT !== 1) throw new OptionError("target", "must be a Uint8Array");
    const slot = this.#find(key);
    if (slot < 0) return -1;
    const { pool } = this.engine.pager;
    const u8 = pool.u8;
    const offset = this.tree.foundIn;
    const at = valueAt(pool, offset, slot);
    if (isOverflow(pool, offset, slot)) {
      const reference = readReference(u8, at);
      assertReference(this.engine.pager, reference);
      if (reference.length <= target.length) readOverflow(this.engine.pager, reference, target);
      return reference.length;
    }
    const length = valueLength(pool, offset, slot);
    if (length > target.length) return length;
    copyBytes(target, 0, u8, at, length);
    return length;
  }

  range<T>(options: RangeOptions<K>, shape: RangeShape): RangeIterator<T> {
    const { engine, tree, keys, values, snapshot } = this;
    engine.assertOpen();
    const settings = this.#settings(options);
    this.#assertThere();
    const seen = snapshot < 0 ? undefined : snapshot;
    return new RangeIterator<T>(engine, tree, keys, values, shape, settings, seen);
  }

  #settings(options: RangeOptions<K>): RangeSettings {
    return readRange(options, this.keys, (key) => this.#encodeKey(key));
  }

  /** Bounds of a range that is to be removed. */
  removal(options: BoundOptions<K>): Bounds {
    return readRemoval(options, this.keys, (key) => this.#encodeKey(key));
  }

  #encodeKey(key: K): Uint8Array {
    const { engine } = this;
    const length = this.keys.encode(key, engine.keyBuffer, engine.context.keyBytesMax);
    return Uint8Array.prototype.slice.call(engine.keyBuffer, 0, length);
  }

  /** Records in the range; the whole tree's count costs nothing, any other one step a leaf. */
  count(options: RangeOptions<K>): number {
    this.engine.assertOpen();
    const { low, high, limit } = this.#settings(options);
    this.#assertThere();
    this.engine.pager.beginOperation();
    if (low === undefined && high === undefined) return Math.min(limit, this.tree.count(this.snapshot));
    const all = this.#rankFrom(low?.key, high?.key, high?.inclusive ?? false);
    const skipped = low !== undefined && !low.inclusive && this.#exists(low.key) ? 1 : 0;
    return Math.min(limit, Math.max(0, all - skipped));
  }

  #exists(key: Uint8Array): boolean {
    return this.tree.find(key, key.length, this.snapshot) >= 0;
  }

  /** Records from `from` on and below `to` (`inclusive`: or at it). */
  #rankFrom(from: Uint8Array | undefined, to: Uint8Array | undefined, inclusive: boolean): number {
    if (from !== undefined && to !== undefined && Buffer.compare(from, to) > 0) return 0;
    const cursor = new Cursor(this.tree, this.snapshot);
    if (!(from === undefined ? cursor.first() : cursor.seek(from, from.length))) return 0;
    let count = 0;
    do {
      const inLeaf = to === undefined ? cursor.leftInLeaf : cursor.leftBelow(to, inclusive);
      count += Math.max(0, inLeaf);
      if (inLeaf < cursor.leftInLeaf) break;
    } while (cursor.skipLeaf());
    return count;
  }
}
