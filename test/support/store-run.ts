/**
 * Random work on a store beside the model of what it should hold: every answer is compared, and the end
 * of each run is verify() and the digests of all trees.
 */

import { open } from "../../src/index.js";
import type { RangeIterator } from "../../src/store/range.js";
import type { Snapshot } from "../../src/store/snapshot.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { type KeyKind, KeySource } from "./key-kinds.js";
import { fingerprintOf, keyBytes, keyOfBytes, Model, type ModelTree, sortedKeys } from "./model.js";
import { type ByteStore, type ByteTree, CACHE_BYTES_LEAST, STORE_PATH, storeOptions } from "./session.js";

export interface RunPlan {
  readonly pageSize: number;
  readonly kind: KeyKind;
  readonly seed: number;
  readonly steps: number;
  /** Mostly removes in the second half, so that trees shrink. */
  readonly shrink?: boolean;
}

interface Bounds {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
}

interface OpenIterator {
  readonly iterator: RangeIterator<[Uint8Array, Uint8Array]>;
  /** What is still to come. */
  readonly rest: [string, Uint8Array][];
}

interface OpenSnapshot {
  readonly snapshot: Snapshot<Uint8Array, Uint8Array>;
  readonly model: Model;
}

const TREES: readonly string[] = ["", "", "", "one", "two"];
const NOTHING: ModelTree = new Map();

export class StoreRun {
  readonly plan: RunPlan;
  readonly vfs: MemoryVfs = new MemoryVfs();
  readonly prng: Prng;
  readonly keys: KeySource;
  store: ByteStore;
  model: Model = new Model();
  #iterators: OpenIterator[] = [];
  #snapshots: OpenSnapshot[] = [];
  #step = 0;

  constructor(plan: RunPlan) {
    this.plan = plan;
    this.prng = new Prng(plan.seed);
    this.keys = new KeySource(plan.kind, plan.pageSize, plan.seed + 1);
    this.store = this.#open();
  }

  #open(): ByteStore {
    const { pageSize } = this.plan;
    const options = storeOptions({ pageSize, durability: "none", cacheBytes: CACHE_BYTES_LEAST }, this.vfs);
    return open<Uint8Array, Uint8Array>(STORE_PATH, options);
  }

  async run(): Promise<void> {
    try {
      for (this.#step = 0; this.#step < this.plan.steps; this.#step++) await this.#one();
      this.#finishIterators();
      this.verify();
      this.store.close();
      this.store = this.#open();
      this.verify();
      this.store.close();
    } catch (error) {
      const { pageSize, kind, seed } = this.plan;
      throw new Error(
        `page size ${pageSize}, keys ${kind}, seed ${seed}, step ${this.#step}: ${error instanceof Error ? error.stack : error}`,
      );
    }
  }

  verify(): void {
    const report = this.store.verify();
    if (!report.ok) throw new Error(`verify: ${JSON.stringify(report.problems.slice(0, 4))}`);
    const digests = Object.entries(report.trees).map(([name, tree]) => [name, tree.digest] as const);
    if (fingerprintOf(digests) !== this.model.fingerprint()) throw new Error("the content is another");
    for (const [name, tree] of this.model.trees) {
      if (report.trees[name]?.records !== tree.size || this.#tree(name).count() !== tree.size)
        throw new Error(`tree "${name}" counts wrong`);
    }
    if (this.store.metrics().leaf.rebuilds !== 0) throw new Error("a leaf was rebuilt");
  }

  #tree(name: string): ByteTree {
    if (name === "") return this.store;
    return this.store.tree<Uint8Array, Uint8Array>(name, { keyEncoding: "binary", valueEncoding: "binary" });
  }

  async #one(): Promise<void> {
    const lot = this.prng.below(1000);
    const late = this.plan.shrink === true && this.#step > this.plan.steps / 2;
    if (lot < 400) this.#edit(late);
    else if (lot < 560) this.#look();
    else if (lot < 640) this.#transaction();
    else if (lot < 690) this.#compareRange();
    else if (lot < 740) this.#countRange();
    else if (lot < 770) this.#openIterator();
    else if (lot < 870) this.#advance();
    else if (lot < 890) this.#snapshot();
    else if (lot < 920) this.#deleteRange(late);
    else if (lot < 980) this.#putMany();
    else if (lot < 983) this.#clearOrDrop();
    else if (lot < 990) this.#reopen();
    else if (lot < 994) this.store.checkpoint();
    else if (lot < 996) await this.store.compact();
    else this.verify();
  }

  value(): Uint8Array {
    const { prng } = this;
    const lot = prng.below(100);
    const length = lot < 10 ? 0 : lot < 80 ? prng.below(60) : lot < 96 ? prng.below(900) : prng.below(40_000);
    const value = new Uint8Array(length);
    for (let i = 0; i < Math.min(length, 16); i++) value[(i * 7919) % length] = prng.next();
    return value;
  }

  #edit(late: boolean): void {
    const name = this.prng.pick(TREES);
    const tree = this.#tree(name);
    const model = this.model.tree(name);
    if (this.prng.chance(late ? 0.8 : 0.3)) {
      const key = this.keys.known();
      if (tree.delete(keyBytes(key)) !== model.delete(key)) throw new Error("delete gave the wrong answer");
      return;
    }
    const key = this.prng.chance(0.4) ? this.keys.known() : this.keys.next();
    const value = this.value();
    if (this.prng.chance(0.1)) {
      const absent = !model.has(key);
      if (tree.putIfAbsent(keyBytes(key), value) !== absent)
        throw new Error("putIfAbsent gave the wrong answer");
      if (absent) model.set(key, value);
      return;
    }
    tree.put(keyBytes(key), value);
    model.set(key, value);
  }

  #look(): void {
    const name = this.prng.pick(TREES);
    const key = this.keys.known();
    const expected = this.model.tree(name).get(key);
    const tree = this.#tree(name);
    sameValue(tree.get(keyBytes(key)), expected);
    if (tree.has(keyBytes(key)) !== (expected !== undefined)) throw new Error("has gave the wrong answer");
    const view = tree.getView(keyBytes(key));
    sameValue(view, expected);
    const target = new Uint8Array(50_000);
    const length = tree.getInto(keyBytes(key), target);
    if (length !== (expected?.length ?? -1)) throw new Error(`getInto gave ${length}`);
    if (expected !== undefined) sameValue(target.subarray(0, length), expected);
  }

  /**
   * Several edits, iterators that see them, older snapshots and ranges that end amid them, and perhaps an end that
   * undoes all of it.
   */
  #transaction(): void {
    if (this.prng.chance(0.4)) this.#openIterator();
    if (this.prng.chance(0.4)) this.#openSnapshot();
    const ending = this.prng.chance(0.5) ? 0.2 : 0;
    const before = this.model;
    this.model = before.clone();
    const stop = new Error("undone on purpose");
    const undo = this.prng.chance(0.4);
    try {
      this.store.transaction(() => {
        const count = 1 + this.prng.below(this.prng.chance(0.05) ? 400 : 20);
        for (let i = 0; i < count; i++) {
          this.#edit(false);
          if (this.prng.chance(ending)) this.#endOne();
        }
        if (this.prng.chance(0.3)) this.#editWhileIterating();
        if (this.prng.chance(0.2)) this.#deleteRange(false);
        if (this.prng.chance(0.3)) this.#compareRange();
        if (undo) throw stop;
      });
    } catch (error) {
      if (error !== stop) throw error;
      this.model = before;
      // What undoing has brought back is looked at before anything else changes it.
      if (ending > 0) this.verify();
    }
  }

  /** A snapshot is closed, or a range runs to its end. */
  #endOne(): void {
    if (this.prng.chance(0.5)) this.#lookAtSnapshot(1);
    else this.#advance(Number.POSITIVE_INFINITY);
  }

  /** Inside a transaction an iterator sees what is put and deleted ahead of it, and never goes back. */
  #editWhileIterating(): void {
    const name = this.prng.pick(TREES);
    const tree = this.#tree(name);
    const model = this.model.tree(name);
    let last: string | undefined;
    let steps = 0;
    for (const [bytes, value] of tree.range()) {
      const key = keyOfBytes(bytes);
      if (last !== undefined && key <= last) throw new Error("an iterator went back");
      for (const between of sortedKeys(model)) {
        if ((last === undefined || between > last) && between < key)
          throw new Error("an iterator left out a key");
      }
      sameValue(value, model.get(key));
      last = key;
      if (++steps > 12) return;
      const lot = this.prng.below(4);
      if (lot === 0) {
        tree.delete(bytes);
        model.delete(key);
      } else if (lot === 1) {
        const next = this.keys.next();
        const added = this.value();
        tree.put(keyBytes(next), added);
        model.set(next, added);
      } else if (lot === 2) {
        const changed = this.value();
        tree.put(bytes, changed);
        model.set(key, changed);
      }
    }
    if (last !== undefined && sortedKeys(model).some((key) => key > (last as string)))
      throw new Error("an iterator ended early");
  }

  bounds(): Bounds {
    const bounds: Bounds = {};
    const from = this.prng.below(3);
    const to = this.prng.below(3);
    if (from === 1) bounds.gt = this.keys.known();
    if (from === 2) bounds.gte = this.keys.known();
    if (to === 1) bounds.lt = this.keys.known();
    if (to === 2) bounds.lte = this.keys.known();
    return bounds;
  }

  #compareRange(): void {
    const name = this.prng.pick(TREES);
    const bounds = this.bounds();
    const reverse = this.prng.chance(0.4);
    const limit = this.prng.chance(0.3) ? this.prng.below(20) : undefined;
    const expected = select(this.model.tree(name), bounds, reverse).slice(0, limit);
    const options = { ...encoded(bounds), reverse, ...(limit === undefined ? {} : { limit }) };
    let i = 0;
    for (const [key, value] of this.#tree(name).range(options)) {
      const wanted = expected[i++];
      if (wanted === undefined || keyOfBytes(key) !== wanted[0])
        throw new Error(`range: a wrong key at ${i - 1}`);
      sameValue(value, wanted[1]);
    }
    if (i !== expected.length) throw new Error(`range: ${i} records, not ${expected.length}`);
    const keys = [...this.#tree(name).keys(options)].map(keyOfBytes);
    if (keys.join() !== expected.map(([key]) => key).join()) throw new Error("keys differs from range");
  }

  #countRange(): void {
    const name = this.prng.pick(TREES);
    const bounds = this.bounds();
    const count = this.#tree(name).count(encoded(bounds));
    const expected = select(this.model.tree(name), bounds, false).length;
    if (count !== expected) throw new Error(`count gave ${count}, not ${expected}`);
  }

  #openIterator(): void {
    if (this.#iterators.length >= 4) return;
    const name = this.prng.pick(TREES);
    const bounds = this.bounds();
    const reverse = this.prng.chance(0.5);
    const iterator = this.#tree(name).range({ ...encoded(bounds), reverse });
    this.#iterators.push({ iterator, rest: select(this.model.tree(name), bounds, reverse) });
  }

  /** Iterators see the store as it was when they were made. */
  #advance(steps: number = this.prng.below(30)): void {
    if (this.#iterators.length === 0) return;
    const at = this.prng.below(this.#iterators.length);
    const { iterator, rest } = this.#iterators[at] as OpenIterator;
    for (let i = steps; i > 0; i--) {
      const next = iterator.next();
      const wanted = rest.shift();
      if (next.done === true || wanted === undefined) {
        if (next.done !== true || wanted !== undefined)
          throw new Error("an iterator ended at the wrong place");
        this.#iterators.splice(at, 1);
        return;
      }
      if (keyOfBytes(next.value[0]) !== wanted[0]) throw new Error("an iterator gave a wrong key");
      sameValue(next.value[1], wanted[1]);
    }
    if (this.prng.chance(0.1)) {
      iterator.return?.();
      this.#iterators.splice(at, 1);
    }
  }

  #finishIterators(): void {
    while (this.#iterators.length > 0) this.#advance();
    for (const { snapshot } of this.#snapshots) snapshot.close();
    this.#snapshots = [];
    if (this.store.stats().snapshots !== 0 || this.store.stats().versions !== 0)
      throw new Error("snapshots or versions are left");
  }

  #snapshot(): void {
    if (this.#snapshots.length < 3 && this.prng.chance(0.5)) this.#openSnapshot();
    else this.#lookAtSnapshot(0.4);
  }

  #openSnapshot(): void {
    if (this.#snapshots.length >= 3) return;
    this.#snapshots.push({ snapshot: this.store.snapshot(), model: this.model.clone() });
  }

  /** Compares one, and closes it with some chance. */
  #lookAtSnapshot(closing: number): void {
    const at = this.prng.below(Math.max(1, this.#snapshots.length));
    const held = this.#snapshots[at];
    if (held === undefined) return;
    const name = this.prng.pick(TREES);
    if (name === "" || held.snapshot.trees().includes(name)) {
      const tree = name === "" ? held.snapshot : held.snapshot.tree<Uint8Array, Uint8Array>(name);
      const seen: ModelTree = new Map();
      for (const [key, value] of tree.range()) seen.set(keyOfBytes(key), value);
      const expected = held.model.trees.get(name) ?? NOTHING;
      if (seen.size !== expected.size || tree.count() !== expected.size)
        throw new Error("a snapshot changed its size");
      for (const [key, value] of expected) sameValue(seen.get(key), value);
      const key = this.keys.known();
      sameValue(tree.get(keyBytes(key)), expected.get(key));
    }
    if (this.prng.chance(closing)) {
      held.snapshot.close();
      this.#snapshots.splice(at, 1);
    }
  }

  #deleteRange(late: boolean): void {
    const name = this.prng.pick(TREES);
    const model = this.model.tree(name);
    const sorted = sortedKeys(model);
    if (sorted.length === 0) return;
    const start = this.prng.below(sorted.length);
    const length = this.prng.below(late || this.prng.chance(0.2) ? sorted.length : 12);
    const behind = sorted[start + length];
    const bounds = { gte: sorted[start] as string, ...(behind === undefined ? {} : { lt: behind }) };
    const expected = select(model, bounds, false);
    const removed = this.#tree(name).deleteRange(encoded(bounds));
    if (removed !== expected.length)
      throw new Error(`deleteRange removed ${removed}, not ${expected.length}`);
    for (const [key] of expected) model.delete(key);
  }

  #putMany(): void {
    const name = this.prng.pick(TREES);
    const model = this.model.tree(name);
    const entries: [string, Uint8Array][] = Array.from({ length: this.prng.below(40) }, () => [
      this.keys.next(),
      this.value(),
    ]);
    if (this.prng.chance(0.6)) entries.sort(([a], [b]) => (a < b ? -1 : 1));
    const size = model.size;
    for (const [key, value] of entries) model.set(key, value);
    const added = this.#tree(name).putMany(entries.map(([key, value]) => [keyBytes(key), value] as const));
    if (added !== model.size - size) throw new Error(`putMany added ${added}`);
  }

  #clearOrDrop(): void {
    const name = this.prng.pick(TREES);
    if (name === "" || this.prng.chance(0.5)) {
      this.#tree(name).clear();
      this.model.tree(name).clear();
      return;
    }
    if (this.store.dropTree(name) !== this.model.trees.delete(name))
      throw new Error("dropTree gave the wrong answer");
  }

  #reopen(): void {
    this.#finishIterators();
    this.store.close();
    this.store = this.#open();
  }
}

function encoded(bounds: Bounds): { gt?: Buffer; gte?: Buffer; lt?: Buffer; lte?: Buffer } {
  return Object.fromEntries(Object.entries(bounds).map(([name, key]) => [name, keyBytes(key as string)]));
}

export function select(tree: ModelTree, bounds: Bounds, reverse: boolean): [string, Uint8Array][] {
  const { gt, gte, lt, lte } = bounds;
  const inside = (key: string): boolean =>
    (gt === undefined || key > gt) &&
    (gte === undefined || key >= gte) &&
    (lt === undefined || key < lt) &&
    (lte === undefined || key <= lte);
  const chosen = sortedKeys(tree)
    .filter(inside)
    .map((key): [string, Uint8Array] => [key, tree.get(key) as Uint8Array]);
  return reverse ? chosen.reverse() : chosen;
}

function sameValue(found: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  if (found === undefined || expected === undefined) {
    if (found !== expected) throw new Error(found === undefined ? "a value is missing" : "a value too many");
    return;
  }
  if (Buffer.compare(found, expected) !== 0) throw new Error("a value is another");
}
