/**
 * What all handles of one open store share: the pager, the trees, the running transaction and the
 * group commit. Knows encoded bytes only.
 */

import { types } from "node:util";
import { alignUp, byteMemory } from "../base/bytes.js";
import { ClosedError, EspalierError, TransactionError } from "../base/errors.js";
import { hasListeners, publish } from "../base/events.js";
import { COMMIT_LATENCY_BUCKETS, type StoreMetrics } from "../base/metrics.js";
import type { ByteSource } from "../base/text.js";
import { GroupCommit } from "../log/group-commit.js";
import { Entry } from "../page/entry.js";
import type { Pager } from "../pager/pager.js";
import { Tree, TreeContext } from "../tree/tree.js";
import { AsyncWrites } from "./async-writes.js";
import { KEY_BUFFER_SLACK } from "./key-codec.js";
import type { Durability } from "./options.js";
import { VALUE_BUFFER_BYTES } from "./value-codec.js";

/** A commit that takes longer is published as slow. */
const SLOW_COMMIT_MS = 100;

/** Who must know how a transaction ended. */
export interface TransactionListener {
  committed(): void;
  rolledBack(): void;
}

export class Engine {
  readonly pager: Pager;
  readonly context: TreeContext;
  readonly durability: Durability;
  readonly profile: boolean;
  readonly group: GroupCommit;
  /** Flushed before every other change, so that none overtakes what was queued before it. */
  readonly queue: AsyncWrites;
  readonly storeId: string;
  readonly entry: Entry = new Entry();
  readonly keyBuffer: Buffer;
  /** Key buffers that ranges have left. */
  readonly spareKeyBytes: ByteSource[] = [];
  readonly valueBuffer: Buffer = Buffer.alloc(VALUE_BUFFER_BYTES);
  closed = false;
  /** Told the new root, when compact has moved that of the unnamed tree: for who has handles of his own to it. */
  onUnnamedMoved: ((root: number) => void) | undefined;
  /** Transactions that callers have begun: a range made in one does not outlive it. */
  transactions = 0;

  readonly #trees: Map<number, Tree> = new Map();
  /** An explicit transaction runs. */
  #explicit = false;
  /** A change of the running transaction is to be durable when that returns. */
  #syncWanted = false;
  /** Why the running transaction can only be rolled back. */
  #doomed: unknown;
  readonly #listeners: TransactionListener[] = [];

  constructor(pager: Pager, durability: Durability, profile: boolean) {
    this.pager = pager;
    this.durability = durability;
    this.profile = profile;
    this.storeId = Buffer.from(pager.header.storeId).toString("hex");
    const store = this.storeId;
    this.context = new TreeContext(pager, profile, {
      onPack: (page, moved) => {
        if (hasListeners("pack")) publish("pack", { store, page, bytes_moved: moved });
      },
      onSplit: (page, right) => {
        if (hasListeners("split")) publish("split", { store, page, right });
      },
      onMerge: (page) => {
        if (hasListeners("merge")) publish("merge", { store, page });
      },
    });
    this.group = new GroupCommit(pager.log);
    this.queue = new AsyncWrites(this);
    // In whole words: the ordered codec looks at its target as such.
    this.keyBuffer = Buffer.alloc(alignUp(this.context.keyBytesMax + KEY_BUFFER_SLACK, 8));
    this.entry.keyMemory = byteMemory(this.keyBuffer);
  }

  /** A copy of all counters. */
  readMetrics(): StoreMetrics {
    const { keyDecodes, keyCompares } = this.pager.pool;
    const metrics = structuredClone(this.pager.metrics);
    metrics.leaf.key_decodes = keyDecodes;
    metrics.leaf.key_compares = keyCompares;
    return metrics;
  }

  treeAt(root: number): Tree {
    let tree = this.#trees.get(root);
    if (tree === undefined) {
      tree = new Tree(this.context, root);
      this.#trees.set(root, tree);
    }
    return tree;
  }

  forgetTree(root: number): void {
    this.#trees.delete(root);
  }

  assertOpen(): void {
    if (this.closed) throw new ClosedError();
  }

  get inTransaction(): boolean {
    return this.#explicit;
  }

  /** Before what works on the store as a whole. */
  beginUpkeep(what: string): void {
    this.assertOpen();
    if (this.#explicit) throw new TransactionError(`${what} is not possible inside a transaction`);
    this.queue.flush();
  }

  // ---- writing

  /** Before every change. */
  beginWrite(): void {
    this.assertOpen();
    if (this.queue.waiting !== 0) this.queue.flush();
    this.pager.assertWritable();
    if (this.#doomed !== undefined) {
      throw new TransactionError(
        "an operation of this transaction failed, so that it can only be rolled back",
      );
    }
  }

  /** After a change that worked: commits it, unless a transaction runs that will. */
  endWrite(sync: boolean | undefined): void {
    if (this.#explicit) {
      if (sync === true) this.#syncWanted = true;
      return;
    }
    this.#commit(sync ?? this.durability === "sync");
    if (this.durability === "group") this.group.start();
  }

  /**
   * After a change that threw. Inside a transaction that is the end of it, unless the error came before
   * anything had changed; `partly` says that something may have, whatever the error.
   */
  failed(error: unknown, partly: boolean): void {
    if (!this.#explicit) {
      this.#rollback();
      return;
    }
    const harmless = !partly && error instanceof EspalierError && HARMLESS.has(error.code);
    if (!harmless) this.#doomed ??= error;
  }

  /** Runs an edit as one change. `sync` overrides the store's durability for it; `partly` as in failed. */
  change<T>(sync: boolean | undefined, partly: boolean, edit: () => T): T {
    this.beginWrite();
    let result: T;
    try {
      result = edit();
    } catch (error) {
      this.failed(error, partly);
      throw error;
    }
    this.endWrite(sync);
    return result;
  }

  /** All or nothing: what `body` changes is committed when it returns, undone when it throws. */
  transaction<T>(body: () => T, sync: boolean | undefined): T {
    this.assertOpen();
    if (this.#explicit) throw new TransactionError("a transaction runs already; transactions do not nest");
    this.queue.flush();
    this.pager.assertWritable();
    this.#explicit = true;
    this.#syncWanted = sync ?? this.durability === "sync";
    this.transactions++;
    let result: T;
    try {
      result = body();
      if (isThenable(result)) throw refusal(result);
      if (this.#doomed !== undefined) {
        throw new TransactionError("an operation of this transaction failed, so that it was rolled back");
      }
    } catch (error) {
      this.#explicit = false;
      this.#doomed = undefined;
      this.#rollback();
      throw error;
    }
    this.#explicit = false;
    this.#commit(this.#syncWanted);
    if (this.durability === "group") this.group.start();
    return result;
  }

  /** Tells `listener` how the running transaction ends. */
  onEnd(listener: TransactionListener): void {
    this.#listeners.push(listener);
  }

  #commit(sync: boolean): void {
    const start = this.profile || hasListeners("slow-commit") ? performance.now() : 0;
    const { counted } = this.context;
    try {
      // Not all trees: there may be thousands.
      for (const tree of counted) tree.flushCount();
      counted.length = 0;
      this.pager.commit(sync);
    } catch (error) {
      this.#rollback();
      throw error;
    }
    if (start !== 0) this.#measure(performance.now() - start);
    this.#notify(true);
  }

  #measure(ms: number): void {
    if (this.profile) {
      const bucket = Math.min(COMMIT_LATENCY_BUCKETS - 1, Math.max(0, Math.ceil(Math.log2(ms * 1000))));
      this.pager.metrics.log.commit_latency_us[bucket]!++;
    }
    if (ms >= SLOW_COMMIT_MS && hasListeners("slow-commit"))
      publish("slow-commit", { store: this.storeId, ms });
  }

  #rollback(): void {
    this.pager.rollback();
    this.context.counted.length = 0;
    for (const tree of this.#trees.values()) tree.forgetChanges();
    this.#notify(false);
  }

  #notify(committed: boolean): void {
    if (this.#listeners.length === 0) return;
    const listeners = this.#listeners.splice(0);
    if (committed) for (const listener of listeners) listener.committed();
    // Undone is first what was done last: a tree may have been made, dropped and made again.
    else for (const listener of listeners.reverse()) listener.rolledBack();
  }

  // ---- snapshots

  /** Pins the last commit, or one that is pinned already; returns its number, for `releaseSnapshot`. */
  acquireSnapshot(commit: number = this.pager.log.committed): number {
    this.pager.versions.acquire(commit);
    return commit;
  }

  releaseSnapshot(commit: number): void {
    if (!this.closed) this.pager.versions.release(commit);
  }
}

/** Errors that an operation throws before it has changed anything. */
const HARMLESS: ReadonlySet<string> = new Set([
  "ERR_ESPALIER_KEY_TOO_LARGE",
  "ERR_ESPALIER_VALUE_TOO_LARGE",
  "ERR_ESPALIER_ENCODING",
  "ERR_ESPALIER_TRANSACTION",
]);

/**
 * Of a transaction whose callback is async. Nobody but the store has the promise: its rejection would end the
 * process. It becomes the error's cause when it comes. A thenable of another kind is left alone, since asking it
 * may be what starts it.
 */
function refusal(result: unknown): TransactionError {
  const error = new TransactionError(
    "the callback of a transaction must not be async: it is over when it returns, and what it writes later is not part of it; what it rejects with becomes the cause of this error",
  );
  if (types.isPromise(result)) {
    result.catch((reason: unknown) => {
      Object.defineProperty(error, "cause", { value: reason, configurable: true, writable: true });
    });
  }
  return error;
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
