/**
 * What a user does with one tree: the unnamed one (the store itself) or a named one.
 */

import { ClosedError, OptionError } from "../base/errors.js";
import type { Entry } from "../page/entry.js";
import type { Tree } from "../tree/tree.js";
import { assertIterable, readSync, type WriteOptions } from "./call-options.js";
import type { TreeRecord } from "./catalog.js";
import type { Engine } from "./engine.js";
import { keyCodec } from "./key-codec.js";
import type { RangeIterator } from "./range.js";
import type { BoundOptions, RangeOptions } from "./range-options.js";
import { Reader, type Source } from "./reader.js";
import { valueCodec } from "./value-codec.js";

/** One step of a batch. */
export type BatchOperation<K, V> =
  | { readonly type: "put"; readonly key: K; readonly value: V }
  | { readonly type: "delete"; readonly key: K };

/**
 * One tree of a store: the unnamed one (the store itself) or a named one. Every method may throw ClosedError (the store
 * is closed, or the tree gone), EncodingError and KeyTooLargeError for a key that cannot be one, CorruptionError and
 * IoError. What changes something also throws ValueTooLargeError, DiskFullError, ReadOnlyError and PoisonedError. Outside
 * of a transaction each change is one of its own, and nothing remains of one that throws.
 */
export class TreeHandle<K = string, V = unknown> {
  /** Empty: the unnamed tree. */
  readonly name: string;
  /** @internal */ protected readonly engine: Engine;
  /** Has ended where the tree is gone. */
  readonly #source: Source;
  #tree: Tree;
  #reader: Reader<K, V>;

  /** @internal Made by open() and Store.tree(). */
  constructor(engine: Engine, name: string, record: TreeRecord) {
    this.engine = engine;
    this.name = name;
    this.#source = { what: `the tree "${name}"`, ended: false };
    this.#tree = engine.treeAt(record.root);
    this.#reader = this.#readerOf(record);
  }

  #readerOf(record: TreeRecord): Reader<K, V> {
    const keys = keyCodec(record.keyEncoding);
    const values = valueCodec(record.valueEncoding);
    return new Reader<K, V>(this.engine, this.#tree, keys, values, -1, this.#source);
  }

  /** @internal The tree's root has moved. */
  rebind(record: TreeRecord): void {
    this.engine.forgetTree(this.#tree.root);
    this.#tree = this.engine.treeAt(record.root);
    this.#reader = this.#readerOf(record);
  }

  /** @internal The tree was dropped, or the transaction that made it was undone. */
  markGone(gone: boolean): void {
    this.#source.ended = gone;
  }

  #live(): Reader<K, V> {
    if (this.#source.ended) throw new ClosedError(this.#source.what);
    return this.#reader;
  }

  #assertUsable(): void {
    this.engine.assertOpen();
    this.#live();
  }

  // ---- reading

  /**
   * The value, a copy; undefined where the key is not there. Binary values, like small Buffers, may share
   * an ArrayBuffer: mind `byteOffset` when you use their `.buffer`.
   */
  get(key: K): V | undefined {
    return this.#live().get(key);
  }

  /** Whether the key is there. */
  has(key: K): boolean {
    return this.#live().has(key);
  }

  /** The values of several keys, undefined where one is not there. */
  getMany(keys: Iterable<K>): (V | undefined)[] {
    this.#assertUsable();
    assertIterable("keys", keys);
    const values: (V | undefined)[] = [];
    // Of the reader of then: the iterable is the caller's code.
    for (const key of keys) values.push(this.#reader.get(key));
    return values;
  }

  /**
   * The value's encoded bytes without a copy, where the value lies inline; undefined where the key is
   * not there. Valid until the next call on the store, reads included, and not to be written to. It may be that
   * call's key or value; of several records put at once it must be a copy, since each may move what it shows.
   */
  getView(key: K): Uint8Array | undefined {
    return this.#live().getView(key);
  }

  /**
   * Copies the value's encoded bytes to the start of `target` and allocates nothing. Returns their
   * number, -1 where the key is not there; a number above target.length says that nothing was copied.
   * Throws OptionError for a target of another kind.
   */
  getInto(key: K, target: Uint8Array): number {
    return this.#live().getInto(key, target);
  }

  /**
   * [key, value] pairs in key order, as of now; lazy. Inside a transaction: as the transaction goes on, with what it
   * changes meanwhile; ClosedError once that has ended.
   */
  range(options: RangeOptions<K> = {}): RangeIterator<[K, V]> {
    return this.#live().range<[K, V]>(options, "entries");
  }

  /** As range, keys only: values are not read. */
  keys(options: RangeOptions<K> = {}): RangeIterator<K> {
    return this.#live().range<K>(options, "keys");
  }

  /** As range, values only. */
  values(options: RangeOptions<K> = {}): RangeIterator<V> {
    return this.#live().range<V>(options, "values");
  }

  [Symbol.iterator](): RangeIterator<[K, V]> {
    return this.range();
  }

  /** Records in the range. All of them: at no cost; else one step a leaf. */
  count(options: RangeOptions<K> = {}): number {
    return this.#live().count(options);
  }

  // ---- writing

  /** Puts a record, new or in the place of the one with this key. */
  put(key: K, value: V, options?: WriteOptions): void {
    if (this.engine.queue.waiting === 0) this.#put(key, value, options);
    else this.#put(this.#own(key), this.#own(value), options);
  }

  #put(key: K, value: V, options: WriteOptions | undefined): void {
    const { engine } = this;
    const sync = options === undefined ? undefined : readSync(options);
    this.#live();
    engine.beginWrite();
    try {
      this.#tree.put(this.#encode(key, value));
    } catch (error) {
      engine.failed(error, false);
      throw error;
    }
    engine.endWrite(sync);
  }

  /** A view of the store's own memory as a copy, where something else is done before it is read (P4). */
  #own<T>(given: T): T {
    if (!(given instanceof Uint8Array) || !this.engine.pager.pool.isView(given)) return given;
    return new Uint8Array(given) as T & Uint8Array;
  }

  /**
   * Fills in the engine's entry, which the next encode overwrites. The key's bytes last: the value's toJSON and
   * the elements of a tuple are the caller's code, and may have used this store, closed it, or dropped the tree.
   */
  #encode(key: K, value: V): Entry {
    const { engine } = this;
    const { entry } = engine;
    const ownKey = this.#plain(key);
    this.#reader.values.encode(value, entry, engine.valueBuffer);
    entry.keyLength = this.#reader.keys.encode(ownKey, engine.keyBuffer, engine.context.keyBytesMax);
    if (engine.closed || this.#source.ended) this.#assertUsable();
    // A view of the store's own memory moves under the edit (P4). A Buffer's slice would be one more.
    if (engine.pager.pool.isView(entry.value)) entry.value = new Uint8Array(entry.value);
    return entry;
  }

  /**
   * A tuple with its elements read, once: reading them may run the caller's code, which may use the store. One that
   * is too long for a key is refused by its length, and none of it is read.
   */
  #plain(key: K): K {
    const isTuple = Array.isArray(key) && key.length <= this.engine.context.keyBytesMax;
    return isTuple ? ([...key] as K & unknown[]) : key;
  }

  /** Puts the record only where the key is not there; returns whether it did. */
  putIfAbsent(key: K, value: V, options?: WriteOptions): boolean {
    const sync = readSync(options);
    const ownKey = this.#own(this.#plain(key));
    const ownValue = this.#own(value);
    this.engine.queue.flush();
    if (this.#live().has(ownKey)) {
      this.engine.endWrite(sync);
      return false;
    }
    this.put(ownKey, ownValue, options);
    return true;
  }

  /** Removes a record; returns whether it was there. */
  delete(key: K, options?: WriteOptions): boolean {
    const { engine } = this;
    const sync = options === undefined ? undefined : readSync(options);
    const given = this.#plain(key);
    const ownKey = engine.queue.waiting === 0 ? given : this.#own(given);
    this.#live();
    engine.beginWrite();
    let removed = false;
    try {
      const length = this.#reader.keys.encode(ownKey, engine.keyBuffer, engine.context.keyBytesMax);
      removed = this.#tree.remove(engine.keyBuffer, length);
    } catch (error) {
      engine.failed(error, false);
      throw error;
    }
    engine.endWrite(sync);
    return removed;
  }

  /** Puts many records as one change: all or none. Sorted input is fastest. Returns how many were new. */
  putMany(entries: Iterable<readonly [K, V]>, options?: WriteOptions): number {
    this.#live();
    const { engine } = this;
    const sync = readSync(options);
    assertIterable("entries", entries);
    let added = 0;
    let done = 0;
    const putAll = (): void => {
      for (const entry of entries) {
        if (typeof entry !== "object" || entry === null)
          throw new OptionError("entries", "must be pairs of a key and a value");
        engine.beginWrite();
        try {
          // Taken apart by index: a pattern goes through an iterator of the pair's own.
          if (this.#tree.put(this.#encode(entry[0], entry[1]))) added++;
          done++;
        } catch (error) {
          engine.failed(error, done > 0);
          throw error;
        }
      }
    };
    const body = (): number => {
      try {
        putAll();
      } catch (error) {
        // It may be the iterable that has thrown, between two records.
        if (done > 0) engine.failed(error, true);
        throw error;
      }
      return added;
    };
    if (!engine.inTransaction) return engine.transaction(body, sync);
    body();
    engine.endWrite(sync);
    return added;
  }

  /**
   * Removes all records in the range; returns how many there were. Throws OptionError without a bound, with one
   * that is there but undefined, and with an empty prefix: `clear()` removes all.
   */
  deleteRange(options: BoundOptions<K>): number {
    const { low, high } = this.#live().removal(options);
    this.#assertUsable();
    // The smallest key above k is k followed by a zero byte.
    const from = low === undefined || low.inclusive ? low?.key : successor(low.key);
    const to = high === undefined || !high.inclusive ? high?.key : successor(high.key);
    if (from !== undefined && to !== undefined && Buffer.compare(from, to) >= 0) return 0;
    return this.engine.change(undefined, false, () => this.#tree.removeRange(from, to));
  }

  /** Removes all records. Takes nothing: `deleteRange` removes a range. */
  clear(...nothing: readonly []): void {
    if ((nothing as readonly unknown[]).length > 0)
      throw new OptionError("options", "clear takes none; deleteRange removes a range");
    this.#live();
    this.engine.change(undefined, false, () => this.#tree.clear());
  }

  /**
   * Puts a record and resolves when it is durable, whatever the store's durability. Made for many callers
   * that each await their own: the calls of one turn of the event loop, to all trees of the store, become one
   * transaction and share a sync. (A turn with more than 10,000 of them, or 1 MiB, makes several.) Key and
   * value are copied at once. Reads see the record when the promise resolves, and may see it before; changes
   * made after the call, awaited or not, find it made. Rejects without the others where the key or value is
   * not possible, and with all others of its transaction where that fails as a whole (DiskFullError): then
   * none of them has happened. After a PoisonedError that is not known before the store is reopened.
   * Not possible inside a transaction.
   */
  putAsync(key: K, value: V): Promise<void> {
    try {
      const { queue } = this.engine;
      this.#live();
      queue.begin();
      const entry = this.#encode(key, value);
      return queue.put(this.#tree, entry);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Removes a record as `putAsync` puts one; resolves to whether it was there. */
  deleteAsync(key: K): Promise<boolean> {
    try {
      const { queue, keyBuffer, context } = this.engine;
      const ownKey = this.#plain(key);
      this.#live();
      queue.begin();
      const length = this.#reader.keys.encode(ownKey, keyBuffer, context.keyBytesMax);
      return queue.remove(this.#tree, keyBuffer, length);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @internal Whether it is a handle of that store, and no other's. */
  isOf(engine: Engine): boolean {
    return this.engine === engine;
  }

  /** @internal One step of a batch, inside the caller's change. */
  applyOperation(operation: BatchOperation<K, V>): void {
    const { engine } = this;
    this.#live();
    if (operation.type === "put") this.#tree.put(this.#encode(operation.key, operation.value));
    else if (operation.type === "delete") {
      const key = this.#plain(operation.key);
      this.#assertUsable();
      const length = this.#reader.keys.encode(key, engine.keyBuffer, engine.context.keyBytesMax);
      this.#tree.remove(engine.keyBuffer, length);
    } else throw new OptionError("type", 'an operation is of type "put" or "delete"');
  }

  /** @internal */
  get root(): number {
    return this.#tree.root;
  }
}

function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
