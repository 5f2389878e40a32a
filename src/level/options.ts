/**
 * Options of the database and of its operations: abstract-level's own, those that classic-level adds, and
 * the store's.
 */

import type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractChainedBatchWriteOptions,
  AbstractClearOptions,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIterator,
  AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractKeyIteratorOptions,
  AbstractLevel,
  AbstractOpenOptions,
  AbstractPutOptions,
  AbstractValueIterator,
  AbstractValueIteratorOptions,
  Transcoder,
} from "abstract-level";
import type { Durability, StoreOptions } from "../store/options.js";
import type { Data } from "./formats.js";

/** Those of the store that an application may set; see StoreOptions. */
type StoreTuning = Pick<
  StoreOptions,
  "pageSize" | "cacheBytes" | "logBytes" | "readOnly" | "lockTimeoutMs" | "maxBytes" | "profile" | "vfs"
>;

/** Options of the constructor and of `open()`. */
export interface OpenOptions extends AbstractOpenOptions, StoreTuning {
  /**
   * When a write without a `sync` option of its own is durable. "none", the default, is what classic-level
   * gives: the write is handed to the operating system before its promise settles, survives the death of
   * the process, and is on disk at the next checkpoint, synced write or close. "group": a background sync
   * follows at once, the promise does not wait for it. "sync": as if every write said `sync: true`.
   */
  readonly durability?: Durability;
}

/** Options of the constructor. */
export interface DatabaseOptions<K, V>
  extends AbstractDatabaseOptions<K, V>,
    Omit<OpenOptions, "createIfMissing" | "errorIfExists" | "passive"> {
  /** These tune LevelDB; taken so that code for classic-level runs as it is, and ignored. */
  readonly compression?: boolean | undefined;
  readonly cacheSize?: number | undefined;
  readonly writeBufferSize?: number | undefined;
  readonly blockSize?: number | undefined;
  readonly maxOpenFiles?: number | undefined;
  readonly blockRestartInterval?: number | undefined;
  readonly maxFileSize?: number | undefined;
  /** Ignored too: a second opener, in another thread or not, gets LEVEL_LOCKED. */
  readonly multithreading?: boolean | undefined;
}

/** What classic-level adds to operations that read. */
export interface ReadOptions {
  /** Ignored. */
  readonly fillCache?: boolean | undefined;
}

/** What classic-level adds to operations that write. */
export interface WriteOptions {
  /**
   * true: the promise settles when the write is on disk, and all writes before it. Writes that wait at the
   * same time share one sync, which does not block the event loop. false: as durability "none".
   */
  readonly sync?: boolean | undefined;
}

export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}
export interface ClearOptions<K> extends AbstractClearOptions<K>, WriteOptions {}
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}

export interface AdditionalIteratorOptions extends ReadOptions {
  /** Ignored: nothing is read ahead. */
  readonly highWaterMarkBytes?: number | undefined;
}
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & AdditionalIteratorOptions;
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & AdditionalIteratorOptions;
export type ValueIteratorOptions<K, V> = AbstractValueIteratorOptions<K, V> & AdditionalIteratorOptions;

/** Of approximateSize() and compactRange(). */
export interface StartEndOptions<K> {
  readonly keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

export interface ChainedBatch<D, K, V> extends AbstractChainedBatch<D, K, V> {
  write(): Promise<void>;
  write(options: ChainedBatchWriteOptions): Promise<void>;
}

/** AbstractLevel with the options above on its methods. */
export interface TypedLevel<KDefault, VDefault> extends AbstractLevel<Data, KDefault, VDefault> {
  open(): Promise<void>;
  open(options: OpenOptions): Promise<void>;

  get(key: KDefault): Promise<VDefault | undefined>;
  get<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): Promise<V | undefined>;

  getSync(key: KDefault): VDefault | undefined;
  getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined;

  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>;
  getMany<K = KDefault, V = VDefault>(keys: K[], options: GetManyOptions<K, V>): Promise<(V | undefined)[]>;

  has(key: KDefault): Promise<boolean>;
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>;

  hasMany(keys: KDefault[]): Promise<boolean[]>;
  hasMany<K = KDefault>(keys: K[], options: HasManyOptions<K>): Promise<boolean[]>;

  put(key: KDefault, value: VDefault): Promise<void>;
  put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>;

  del(key: KDefault): Promise<void>;
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>;

  batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>;
  batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>;
  batch(): ChainedBatch<this, KDefault, VDefault>;

  iterator(): AbstractIterator<this, KDefault, VDefault>;
  iterator<K = KDefault, V = VDefault>(options: IteratorOptions<K, V>): AbstractIterator<this, K, V>;

  keys(): AbstractKeyIterator<this, KDefault>;
  keys<K = KDefault>(options: KeyIteratorOptions<K>): AbstractKeyIterator<this, K>;

  values(): AbstractValueIterator<this, KDefault, VDefault>;
  values<K = KDefault, V = VDefault>(options: ValueIteratorOptions<K, V>): AbstractValueIterator<this, K, V>;

  clear(): Promise<void>;
  clear<K = KDefault>(options: ClearOptions<K>): Promise<void>;
}
