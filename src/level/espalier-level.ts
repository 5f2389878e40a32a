/**
 * EspalierLevel: the store behind the interface of abstract-level. Encodings, sublevels, hooks, events and
 * deferred operations are abstract-level's; this class answers its private methods (names that begin with
 * an underscore), which get encoded keys and values. A method that is done at once returns no promise:
 * abstract-level awaits it in any case.
 */

import { AbstractLevel, type AbstractSnapshot } from "abstract-level";
import { TransactionError } from "../base/errors.js";
import type { Durability, StoreOptions } from "../store/options.js";
import type { Store } from "../store/store.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { calledBy, callerOutsideThePackage } from "../vfs/opened-at.js";
import type { Vfs } from "../vfs/vfs.js";
import { LevelChainedBatch } from "./chained-batch.js";
import { LevelError, levelError } from "./errors.js";
import type { Data } from "./formats.js";
import { EntryIterator, type EntryOptions, KeyIterator, ValueIterator } from "./iterators.js";
import { LevelStore, type RawOperation } from "./level-store.js";
import { destroyStore, prepareStoreFile } from "./location.js";
import type { DatabaseOptions, OpenOptions, StartEndOptions, TypedLevel, WriteOptions } from "./options.js";
import type { RawRange } from "./range.js";
import type { ScanOptions } from "./scan.js";
import { LevelSnapshot, type SnapshotOptions } from "./snapshot.js";
import type { Formats, KeyFormat, View } from "./view.js";

type Manifest = ConstructorParameters<typeof AbstractLevel>[0];
type Raw<T> = T & { readonly snapshot?: LevelSnapshot | null };

const MANIFEST: Manifest = {
  encodings: { utf8: true, buffer: true, view: true },
  implicitSnapshots: true,
  explicitSnapshots: true,
  has: true,
  getSync: true,
  seek: true,
  permanence: true,
  createIfMissing: true,
  errorIfExists: true,
  additionalMethods: { approximateSize: true, compactRange: true },
  signals: { iterators: true },
} as Manifest;

/** abstract-level's class, with the types of this database's options on its methods. */
const Base: new <K, V>(manifest: Manifest, options: DatabaseOptions<K, V> | undefined) => TypedLevel<K, V> =
  AbstractLevel as never;

/** The store as a database of the Level ecosystem, in the place of classic-level. */
export class EspalierLevel<KDefault = string, VDefault = string> extends Base<KDefault, VDefault> {
  readonly #location: string;
  /** For who finds the database locked: abstract-level opens it, mostly from a turn of its own. */
  readonly #madeAt: string;
  #open: LevelStore | undefined;
  #syncByDefault = false;
  /** Operations under way that close() waits for. */
  readonly #pending: Set<Promise<unknown>> = new Set();
  #compaction: Promise<unknown> = Promise.resolve();

  /**
   * `location` is a folder, in which the store is the file data.esp, or the store's file itself: a name
   * that ends in .esp, or a file that is there. Opens itself; operations wait until it is open.
   */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    assertLocation(location);
    super(MANIFEST, options);
    this.#location = location;
    this.#madeAt = callerOutsideThePackage();
  }

  /** As given to the constructor. */
  get location(): string {
    return this.#location;
  }

  /**
   * The store below, for what abstract-level has no word for: backup, flush, metrics, verify. Keys and values
   * of its unnamed tree are bytes. Throws LevelError LEVEL_DATABASE_NOT_OPEN.
   */
  get store(): Store<Uint8Array, Uint8Array> {
    return this.#opened().store;
  }

  #opened(): LevelStore {
    if (this.#open === undefined) throw new LevelError("LEVEL_DATABASE_NOT_OPEN", "Database is not open");
    return this.#open;
  }

  // ---- opening and closing

  protected _open(options: OpenOptions & { createIfMissing: boolean; errorIfExists: boolean }): void {
    const durability = options.durability ?? "none";
    const mayCreate = options.createIfMissing && options.readOnly !== true;
    try {
      const file = prepareStoreFile(options.vfs ?? nodeVfs, this.#location, mayCreate);
      this.#open = calledBy(this.#madeAt, () => new LevelStore(file, storeOptions(options, durability)));
    } catch (error) {
      throw levelError(error);
    }
    this.#syncByDefault = durability === "sync";
  }

  /**
   * Where the store says that something failed, close() rejects with it, once: the store is closed all the
   * same, and a second close() lets the database be opened again, which recovers it.
   */
  protected async _close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    const open = this.#open;
    this.#open = undefined;
    try {
      open?.store.close();
    } catch (error) {
      throw levelError(error);
    }
  }

  // ---- reading

  protected _get(key: Data, options: Raw<Formats>): Data | undefined {
    return this.#view(options).get(key, options);
  }

  protected _getSync(key: Data, options: Raw<Formats>): Data | undefined {
    return this.#view(options).get(key, options);
  }

  protected _getMany(keys: readonly Data[], options: Raw<Formats>): (Data | undefined)[] {
    const view = this.#view(options);
    return keys.map((key) => view.get(key, options));
  }

  protected _has(key: Data, options: Raw<KeyFormat>): boolean {
    return this.#view(options).has(key);
  }

  protected _hasMany(keys: readonly Data[], options: Raw<KeyFormat>): boolean[] {
    const view = this.#view(options);
    return keys.map((key) => view.has(key));
  }

  #view({ snapshot }: Raw<object>): View {
    return snapshot?.view ?? this.#opened().now;
  }

  protected _iterator(options: EntryOptions): EntryIterator<this, KDefault, VDefault> {
    return new EntryIterator<this, KDefault, VDefault>(this, this.#scanned(options), options);
  }

  protected _keys(options: ScanOptions): KeyIterator<this, KDefault> {
    return new KeyIterator<this, KDefault>(this, this.#scanned(options), options);
  }

  protected _values(options: ScanOptions): ValueIterator<this, KDefault, VDefault> {
    return new ValueIterator<this, KDefault, VDefault>(this, this.#scanned(options), options);
  }

  /** What a scan sees where no snapshot is given. Before it is made: the database would wait for one that was not. */
  #scanned(options: ScanOptions): View {
    const { engine, now } = this.#opened();
    if (engine.inTransaction && options.snapshot?.view === undefined)
      throw new TransactionError("an iterator without a snapshot is not possible inside a transaction");
    return now;
  }

  protected _snapshot(options: SnapshotOptions): AbstractSnapshot {
    const { engine, now } = this.#opened();
    engine.beginUpkeep("a snapshot");
    return new LevelSnapshot(engine, now.root, options);
  }

  // ---- writing

  protected _put(key: Data, value: Data, options: WriteOptions): Promise<void> | undefined {
    if (this.#isSynced(options)) return this.#track(this.#opened().putAwaited(key, value));
    this.#opened().put(key, value);
    return undefined;
  }

  protected _del(key: Data, options: WriteOptions): Promise<void> | undefined {
    if (this.#isSynced(options)) return this.#track(this.#opened().delAwaited(key));
    this.#opened().del(key);
    return undefined;
  }

  protected _batch(operations: readonly RawOperation[], options: WriteOptions): Promise<void> | undefined {
    this.#opened().batch(operations);
    return this.#written(options);
  }

  protected _chainedBatch(): LevelChainedBatch<this, KDefault, VDefault> {
    return new LevelChainedBatch<this, KDefault, VDefault>(this, (operations, options) =>
      this._batch(operations, options),
    );
  }

  protected _clear(options: RawRange & WriteOptions): Promise<void> | undefined {
    this.#opened().clear(options);
    return this.#written(options);
  }

  /** The change is made; what is left is to wait for its sync, if one is asked for. */
  #written(options: WriteOptions): Promise<void> | undefined {
    return this.#isSynced(options) ? this.#track(this.#synced()) : undefined;
  }

  #isSynced({ sync }: WriteOptions): boolean {
    return sync ?? this.#syncByDefault;
  }

  async #synced(): Promise<void> {
    try {
      await this.#opened().store.flush();
    } catch (error) {
      throw levelError(error);
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work);
    const done = (): void => void this.#pending.delete(work);
    work.then(done, done);
    return work;
  }

  // ---- what classic-level has beyond abstract-level

  /** Bytes of the file that the range [start, end) takes: its records' share of the pages in use. */
  async approximateSize<K = KDefault>(start: K, end: K, options?: StartEndOptions<K>): Promise<number> {
    assertStartAndEnd(start, end);
    if (this.status === "opening") {
      return await this.deferAsync(() => this.approximateSize(start, end, options));
    }
    const open = this.#opened();
    const [from, to] = this.#encodeKeys(start, end, options);
    try {
      return open.approximateBytes(from, to);
    } catch (error) {
      throw levelError(error);
    }
  }

  /**
   * Gives unused space back to the file system. There is nothing to compact in a range of a B+tree, so that
   * `start` and `end` are looked at by their encoding only.
   */
  async compactRange<K = KDefault>(start: K, end: K, options?: StartEndOptions<K>): Promise<void> {
    assertStartAndEnd(start, end);
    if (this.status === "opening") {
      return await this.deferAsync(() => this.compactRange(start, end, options));
    }
    const { store } = this.#opened();
    this.#encodeKeys(start, end, options);
    const run = this.#compaction.catch(() => undefined).then(() => store.compact());
    this.#compaction = run;
    try {
      await this.#track(run);
    } catch (error) {
      throw levelError(error);
    }
  }

  #encodeKeys<K>(start: K, end: K, options: StartEndOptions<K> | undefined): [Data, Data] {
    const encoding = this.keyEncoding(options?.keyEncoding as "utf8") as { encode(key: unknown): Data };
    return [encoding.encode(start), encoding.encode(end)];
  }

  /**
   * "espalier.stats": the store's figures as JSON. LevelDB's properties, and all that is not known, are the
   * empty string.
   */
  getProperty(property: string): string {
    if (typeof property !== "string") throw new TypeError("The first argument 'property' must be a string");
    const { store } = this.#opened();
    return property === "espalier.stats" ? JSON.stringify(store.stats()) : "";
  }

  /**
   * Removes a database: its files, and its folder if nothing else is in it. Nothing happens where there is
   * none. Rejects with LEVEL_LOCKED where it is open, and where the file is no store, which is left alone.
   */
  static async destroy(location: string, vfs: Vfs = nodeVfs): Promise<void> {
    assertLocation(location);
    try {
      destroyStore(vfs, location);
    } catch (error) {
      throw levelError(error);
    }
  }
}

const PASSED_ON = [
  "pageSize",
  "cacheBytes",
  "logBytes",
  "readOnly",
  "lockTimeoutMs",
  "maxBytes",
  "profile",
  "vfs",
] as const;

function storeOptions(
  options: OpenOptions & { createIfMissing: boolean; errorIfExists: boolean },
  durability: Durability,
): StoreOptions {
  const chosen = Object.fromEntries(
    PASSED_ON.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  const { createIfMissing, errorIfExists } = options;
  // Waiting for a sync is done here, without blocking the event loop.
  return {
    ...chosen,
    createIfMissing,
    errorIfExists,
    durability: durability === "sync" ? "none" : durability,
  };
}

function assertLocation(location: unknown): asserts location is string {
  if (typeof location !== "string" || location === "")
    throw new TypeError("The first argument 'location' must be a non-empty string");
}

function assertStartAndEnd(start: unknown, end: unknown): void {
  if (start === undefined || end === undefined)
    throw new TypeError("The arguments 'start' and 'end' are required");
}
