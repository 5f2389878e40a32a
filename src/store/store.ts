/**
 * The store as its user sees it: the unnamed tree, named trees, transactions, snapshots, durability and
 * upkeep. Made by open().
 */

import { afterFailure } from "../base/after-failure.js";
import { ClosedError, NotFoundError, OptionError, ReadOnlyError, TransactionError } from "../base/errors.js";
import type { StoreMetrics } from "../base/metrics.js";
import { publishMetrics } from "../metrics/snapshot-file.js";
import type { Lock } from "../vfs/lock.js";
import { type BackupOptions, backupStore } from "./backup.js";
import {
  assertFunction,
  assertIterable,
  assertWorkOptions,
  readPath,
  readSync,
  type WriteOptions,
} from "./call-options.js";
import { assertEncodings, assertTreeName, type Catalog, type TreeRecord, UNNAMED } from "./catalog.js";
import { type CompactOptions, type CompactReport, compactStore } from "./compact.js";
import type { Engine } from "./engine.js";
import { readTreeOptions, type Settings, type TreeOptions } from "./options.js";
import { Snapshot } from "./snapshot.js";
import { collectStats, type StoreStats } from "./stats.js";
import { type BatchOperation, TreeHandle } from "./tree-handle.js";
import { type VerifyReport, verifyStore } from "./verify.js";

/** A batch operation that may name the tree that it is for. */
export type StoreOperation<K, V> = BatchOperation<K, V> & { readonly tree?: TreeHandle<K, V> };

/** What the operation `O` of a batch has to be: key and value are of its own tree's types, `K` and `V` without one. */
export type TypedOperation<O, K, V> = (O extends { readonly tree: TreeHandle<infer TK, infer TV> }
  ? StoreOperation<TK, TV>
  : StoreOperation<K, V>) & { readonly [P in Exclude<keyof O, "type" | "key" | "value" | "tree">]: never };

/**
 * An open store, and its unnamed tree. Every method but `close` and `metrics` throws ClosedError, or rejects with
 * it, once it is closed; every one that changes something throws ReadOnlyError where it was opened with `readOnly`,
 * and PoisonedError after a failed sync.
 */
export class Store<K = string, V = unknown> extends TreeHandle<K, V> {
  /** Absolute, with symbolic links resolved. */
  readonly path: string;
  readonly #catalog: Catalog;
  readonly #lock: Lock;
  readonly #settings: Settings;
  readonly #handles: Map<string, TreeHandle<never, never>> = new Map();
  #busy = "";
  readonly #stopPublishing: (() => void) | undefined;

  /** @internal */
  constructor(engine: Engine, catalog: Catalog, lock: Lock, settings: Settings, path: string) {
    super(engine, UNNAMED, catalog.tree(UNNAMED, -1)!);
    this.path = path;
    this.#catalog = catalog;
    this.#lock = lock;
    this.#settings = settings;
    const { metricsFile } = settings;
    this.#stopPublishing = metricsFile === undefined ? undefined : publishMetrics(this, metricsFile);
  }

  // ---- trees

  /**
   * A named tree, made where it is missing. Throws EncodingError where it exists with other encodings
   * than are asked for, NotFoundError where it is missing and the store is read-only, KeyTooLargeError for a name
   * that is longer than a key may be, OptionError for one that is empty, begins with a zero byte or has a lone surrogate.
   */
  tree<TK = string, TV = unknown>(name: string, options: TreeOptions = {}): TreeHandle<TK, TV> {
    this.engine.assertOpen();
    assertTreeName(name);
    const wanted = readTreeOptions(options);
    const found = this.#catalog.tree(name, -1);
    if (found !== undefined) assertEncodings(name, found, wanted);
    const known = this.#handles.get(name);
    if (known !== undefined && found !== undefined && known.root === found.root) {
      return known as unknown as TreeHandle<TK, TV>;
    }
    if (found === undefined && this.#settings.readOnly)
      throw new NotFoundError(name, `the store has no tree "${name}"`);
    const record = found ?? this.engine.change(undefined, false, () => this.#catalog.create(name, wanted));
    const handle = new TreeHandle<TK, TV>(this.engine, name, record);
    this.#handles.set(name, handle as unknown as TreeHandle<never, never>);
    if (found === undefined && this.engine.inTransaction) {
      this.engine.onEnd({
        committed: () => undefined,
        rolledBack: () => {
          handle.markGone(true);
          this.#handles.delete(name);
          this.engine.forgetTree(record.root);
        },
      });
    }
    return handle;
  }

  /** Names of the named trees, in the order of their bytes. */
  trees(): string[] {
    this.engine.assertOpen();
    return this.#catalog.names(-1);
  }

  /** Removes a named tree with all its records, which it reads once; false where there is none. Its handles end. */
  dropTree(name: string): boolean {
    this.engine.assertOpen();
    assertTreeName(name);
    const record = this.#catalog.tree(name, -1);
    if (record === undefined) return false;
    const handle = this.#handles.get(name);
    this.engine.change(undefined, false, () => {
      this.engine.treeAt(record.root).clear();
      this.engine.treeAt(record.root).forgetChanges();
      this.engine.pager.freePage(record.root);
      this.#catalog.remove(name);
      handle?.markGone(true);
      this.#handles.delete(name);
      this.engine.onEnd({
        committed: () => this.engine.forgetTree(record.root),
        rolledBack: () => {
          if (handle === undefined) return;
          handle.markGone(false);
          this.#handles.set(name, handle);
        },
      });
    });
    return true;
  }

  // ---- transactions

  /**
   * Runs `body` as one change: all of it is committed when it returns, and nothing when it throws.
   * Synchronous: a transaction in a transaction throws, and so does a callback that returns a promise, that of
   * `write()` included, as an async one does. What that wrote before its first `await` is undone; it runs on all the
   * same, and what it writes afterwards is committed, each change by itself. What its promise rejects with becomes the
   * error's `cause` then. Reads in a transaction see its own changes. Returns what `body` returns.
   * A change in it that fails half-way, for want of room or by an iterable that throws, ends it even where `body` catches that:
   * further changes throw TransactionError, and so does `transaction()`, with nothing committed. One that is refused for
   * its key or value has changed nothing, and may be caught.
   */
  transaction<T>(body: () => T, options?: WriteOptions): T {
    assertFunction("body", body);
    return this.engine.transaction(body, readSync(options));
  }

  /**
   * Applies a batch as one change and settles when it is durable ("none": when it is handed to the
   * operating system). The change is visible at once; many batches share one sync. Inside a
   * transaction it joins that, and settles when that is durable, or rejects when it is undone. Operations of
   * several trees may be mixed.
   */
  write<O extends { readonly type: "put" | "delete" }>(
    operations: Iterable<O & TypedOperation<O, K, V>>,
    options?: WriteOptions,
  ): Promise<void> {
    try {
      const { engine } = this;
      const sync = readSync(options);
      assertIterable("operations", operations);
      const apply = (): void => {
        for (const operation of operations as Iterable<StoreOperation<K, V>>) {
          if (typeof operation !== "object" || operation === null)
            throw new OptionError("operations", "must be objects");
          const tree = operation.tree ?? this;
          if (!(tree instanceof TreeHandle && tree.isOf(engine)))
            throw new OptionError("tree", "must be a tree of this store");
          tree.applyOperation(operation);
        }
      };
      if (engine.inTransaction) {
        engine.change(sync, true, apply);
        return this.#settlesWithTransaction();
      }
      engine.transaction(apply, false);
      if (engine.durability === "none" && sync !== true) return Promise.resolve();
      return engine.group.durable();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #settlesWithTransaction(): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      this.engine.onEnd({
        committed: () => this.engine.group.durable().then(resolve, reject),
        rolledBack: () => reject(new TransactionError("the transaction that this had joined was undone")),
      });
    });
    // Who undoes the transaction knows; who also awaits this sees it rejected all the same.
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * Settles when all changes so far are durable. Inside a transaction that includes its own: settles when it is
   * durable, or rejects when it is undone.
   */
  flush(): Promise<void> {
    try {
      this.engine.assertOpen();
      if (this.engine.inTransaction) return this.#settlesWithTransaction();
      this.engine.queue.flush();
      return this.engine.group.durable();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The store as it is now, for as long as the snapshot is open. Pages that change meanwhile are copied, and freed ones
   * stay: close it. Throws TransactionError inside a transaction.
   */
  snapshot(): Snapshot<K, V> {
    this.engine.beginUpkeep("a snapshot");
    const commit = this.engine.acquireSnapshot();
    try {
      return new Snapshot<K, V>(this.engine, this.#catalog, commit);
    } catch (error) {
      this.engine.releaseSnapshot(commit);
      throw error;
    }
  }

  // ---- upkeep

  /** Sizes and states, for people and programs. Reads the catalogue and a page for each tree. */
  stats(): StoreStats {
    this.engine.assertOpen();
    return collectStats(this.engine, this.#catalog, this.#settings, this.path);
  }

  /** The counters since the store was opened; a copy. */
  metrics(): StoreMetrics {
    return this.engine.readMetrics();
  }

  /**
   * Proves the whole file; reads all of it, and blocks the thread meanwhile. What is wrong is listed, not thrown. Throws
   * TransactionError inside a transaction.
   */
  verify(): VerifyReport {
    return verifyStore(this.engine, this.#catalog);
  }

  /**
   * Brings all commits into the data file now; blocks the thread meanwhile. Throws TransactionError inside a
   * transaction, DiskFullError and IoError: the log is kept then, and a later checkpoint may succeed.
   */
  checkpoint(): void {
    this.engine.beginUpkeep("a checkpoint");
    if (this.#settings.readOnly) throw new ReadOnlyError();
    this.engine.pager.checkpointNow();
    this.engine.group.settle();
  }

  /**
   * Writes a copy of the store as it is now to `path`, which must not exist, while writes go on. The
   * copy is complete and closed. Rejects with ExistsError, DiskFullError, IoError, the signal's reason when aborted,
   * and OptionError while another backup or a compaction runs; nothing is left then.
   */
  async backup(path: string | URL, options: BackupOptions = {}): Promise<void> {
    assertWorkOptions(options);
    const name = readPath(path);
    this.engine.beginUpkeep("a backup");
    await this.#exclusively("backup", () => backupStore(this.engine, this.#settings.vfs, name, options));
  }

  /**
   * Gives unused space back to the file system: moves pages from the end of the file to free ones and
   * cuts it. Works in small transactions between which writes go on; may be aborted at any time. An open snapshot
   * keeps it from giving back the pages that it sees; the report says how many are open. Rejects with the signal's
   * reason when aborted, and OptionError while another compaction or a backup runs.
   */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    assertWorkOptions(options);
    this.engine.beginUpkeep("compact");
    if (this.#settings.readOnly) throw new ReadOnlyError();
    return await this.#exclusively("compact", () =>
      compactStore(this.engine, this.#catalog, (name, record) => this.#rootMoved(name, record), options),
    );
  }

  #rootMoved(name: string, record: TreeRecord): void {
    if (name !== UNNAMED) {
      this.#handles.get(name)?.rebind(record);
      return;
    }
    this.rebind(record);
    this.engine.onUnnamedMoved?.(record.root);
  }

  async #exclusively<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy !== "") throw new OptionError(what, `cannot run while ${this.#busy} does`);
    this.#busy = what;
    try {
      return await work();
    } finally {
      this.#busy = "";
    }
  }

  /**
   * Brings everything into the data file, removes the log and lets go of the lock. Idempotent. After an
   * earlier failure it writes nothing: the next open recovers. Throws what failed; the store is closed
   * all the same.
   */
  close(): void {
    const { engine } = this;
    if (engine.closed) return;
    if (engine.inTransaction) throw new TransactionError("close is not possible inside a transaction");
    engine.queue.flush();
    this.#stopPublishing?.();
    let failed = true;
    try {
      engine.pager.close();
      failed = false;
    } finally {
      engine.closed = true;
      if (engine.pager.log.failure === undefined) engine.group.settle();
      engine.group.fail(new ClosedError());
      if (failed) afterFailure(() => this.#lock.release());
      else this.#lock.release();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
