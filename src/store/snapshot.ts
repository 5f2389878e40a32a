/**
 * Snapshots: the whole store as one commit left it, for as long as the snapshot is open, while writes
 * go on. The writer copies a page before the first change that a snapshot must not see.
 */

import { ClosedError, NotFoundError } from "../base/errors.js";
import { assertIterable } from "./call-options.js";
import { assertTreeName, type Catalog, type TreeRecord, UNNAMED } from "./catalog.js";
import type { Engine } from "./engine.js";
import { keyCodec } from "./key-codec.js";
import type { RangeIterator } from "./range.js";
import type { RangeOptions } from "./range-options.js";
import { Reader, type Source } from "./reader.js";
import { valueCodec } from "./value-codec.js";

/** One tree as a snapshot sees it. */
export class SnapshotTree<K = string, V = unknown> {
  readonly #reader: Reader<K, V>;
  readonly #source: Source;

  /** @internal Made by Store.snapshot(). */
  constructor(engine: Engine, record: TreeRecord, snapshot: number, source: Source) {
    const keys = keyCodec(record.keyEncoding);
    const values = valueCodec(record.valueEncoding);
    this.#reader = new Reader<K, V>(engine, engine.treeAt(record.root), keys, values, snapshot, source);
    this.#source = source;
  }

  #live(): Reader<K, V> {
    if (this.#source.ended) throw new ClosedError(this.#source.what);
    return this.#reader;
  }

  get(key: K): V | undefined {
    return this.#live().get(key);
  }

  has(key: K): boolean {
    return this.#live().has(key);
  }

  getMany(keys: Iterable<K>): (V | undefined)[] {
    this.#live();
    assertIterable("keys", keys);
    return Array.from(keys, (key) => this.#live().get(key));
  }

  /** Its iterator goes on where the snapshot is closed meanwhile. */
  range(options: RangeOptions<K> = {}): RangeIterator<[K, V]> {
    return this.#live().range<[K, V]>(options, "entries");
  }

  keys(options: RangeOptions<K> = {}): RangeIterator<K> {
    return this.#live().range<K>(options, "keys");
  }

  values(options: RangeOptions<K> = {}): RangeIterator<V> {
    return this.#live().range<V>(options, "values");
  }

  count(options: RangeOptions<K> = {}): number {
    return this.#live().count(options);
  }

  [Symbol.iterator](): RangeIterator<[K, V]> {
    return this.range();
  }
}

interface Hold extends Source {
  readonly engine: Engine;
  readonly commit: number;
}

/** Gives back snapshots that were forgotten. */
const forgotten: FinalizationRegistry<Hold> = new FinalizationRegistry((hold) => letGo(hold));

function letGo(hold: Hold): void {
  if (hold.ended) return;
  hold.ended = true;
  hold.engine.releaseSnapshot(hold.commit);
}

/** The unnamed tree as of the snapshot, and the way to the named ones. */
export class Snapshot<K = string, V = unknown> extends SnapshotTree<K, V> {
  readonly #engine: Engine;
  readonly #catalog: Catalog;
  readonly #hold: Hold;

  /** @internal Made by Store.snapshot(). */
  constructor(engine: Engine, catalog: Catalog, commit: number) {
    const hold: Hold = { what: "the snapshot", ended: false, engine, commit };
    super(engine, catalog.tree(UNNAMED, commit)!, commit, hold);
    this.#engine = engine;
    this.#catalog = catalog;
    this.#hold = hold;
    forgotten.register(this, hold, hold);
  }

  /** A named tree as of the snapshot. Throws NotFoundError. */
  tree<TK = string, TV = unknown>(name: string): SnapshotTree<TK, TV> {
    this.#assertOpen();
    assertTreeName(name);
    const record = this.#catalog.tree(name, this.#hold.commit);
    if (record === undefined) throw new NotFoundError(name, `the snapshot has no tree "${name}"`);
    return new SnapshotTree<TK, TV>(this.#engine, record, this.#hold.commit, this.#hold);
  }

  /** Names of the named trees. */
  trees(): string[] {
    this.#assertOpen();
    return this.#catalog.names(this.#hold.commit);
  }

  #assertOpen(): void {
    if (this.#hold.ended) throw new ClosedError(this.#hold.what);
    this.#engine.assertOpen();
  }

  /** Idempotent. */
  close(): void {
    letGo(this.#hold);
    forgotten.unregister(this.#hold);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
