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

/** One tree as a snapshot sees it. Its methods are as those of TreeHandle, and throw ClosedError once the snapshot is closed. */
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
    this.#live().engine.assertOpen();
    assertIterable("keys", keys);
    return Array.from(keys, (key) => this.#reader.get(key));
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

/** What an open snapshot pins. */
interface Pin {
  readonly engine: Engine;
  readonly commit: number;
  released: boolean;
}

/** Gives back snapshots that were forgotten: they and all their trees. */
const forgotten: FinalizationRegistry<Pin> = new FinalizationRegistry((pin) => release(pin));

function release(pin: Pin): void {
  if (pin.released) return;
  pin.released = true;
  pin.engine.releaseSnapshot(pin.commit);
}

/** The unnamed tree as of the snapshot, and the way to the named ones. */
export class Snapshot<K = string, V = unknown> extends SnapshotTree<K, V> {
  readonly #engine: Engine;
  readonly #catalog: Catalog;
  /** Shared with the trees: as long as anybody has one of them, the snapshot is not forgotten. */
  readonly #source: Source;
  readonly #pin: Pin;

  /** @internal Made by Store.snapshot(). */
  constructor(engine: Engine, catalog: Catalog, commit: number) {
    const source: Source = { what: "the snapshot", ended: false };
    super(engine, catalog.tree(UNNAMED, commit)!, commit, source);
    this.#engine = engine;
    this.#catalog = catalog;
    this.#source = source;
    this.#pin = { engine, commit, released: false };
    forgotten.register(source, this.#pin, this.#pin);
  }

  /** A named tree as of the snapshot. Throws NotFoundError. */
  tree<TK = string, TV = unknown>(name: string): SnapshotTree<TK, TV> {
    this.#assertOpen();
    assertTreeName(name);
    const { commit } = this.#pin;
    const record = this.#catalog.tree(name, commit);
    if (record === undefined) throw new NotFoundError(name, `the snapshot has no tree "${name}"`);
    return new SnapshotTree<TK, TV>(this.#engine, record, commit, this.#source);
  }

  /** Names of the named trees. */
  trees(): string[] {
    this.#assertOpen();
    return this.#catalog.names(this.#pin.commit);
  }

  #assertOpen(): void {
    if (this.#source.ended) throw new ClosedError(this.#source.what);
    this.#engine.assertOpen();
  }

  /** Idempotent. */
  close(): void {
    this.#source.ended = true;
    release(this.#pin);
    forgotten.unregister(this.#pin);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
