/**
 * Awaited writes: what callers put and delete in one turn of the event loop becomes one transaction at the end
 * of the turn, with one write to the log, and one background sync tells all of them.
 *
 * ENSURES: keys and values are copied when they are queued; operations take effect in the order of the calls,
 * and before any other change that is made after them (the engine flushes the queue first); a transaction that
 * fails leaves nothing of its operations, and rejects them all.
 */

// Not the global one: tests put false timers in its place, and these writes would wait for them.
import { setImmediate } from "node:timers";
import { copyBytes } from "../base/bytes.js";
import { TransactionError, ValueTooLargeError } from "../base/errors.js";
import type { GroupCommit, Waiter } from "../log/group-commit.js";
import type { Entry } from "../page/entry.js";
import { VALUE_BYTES_MAX } from "../page/limits.js";
import type { Pager } from "../pager/pager.js";
import type { Tree } from "../tree/tree.js";

/** A turn that queues more than this makes several transactions. */
const OPERATIONS_MAX = 10_000;
const BYTES_MAX = 1024 * 1024;

const ARENA_BYTES_START = 16 * 1024;
/** A larger arena is not kept for the next transaction. */
const ARENA_BYTES_KEPT = 2 * BYTES_MAX;

/** In the place of a value's length. */
const REMOVAL = -1;

/** One queued operation: its key lies in the arena, its value behind that. */
interface Operation {
  readonly tree: Tree;
  readonly at: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** What the promise resolves to: of a removal, whether the key was there. */
  outcome: boolean | undefined;
}

/** The operations of one transaction, from its commit to its sync. */
class Batch implements Waiter {
  commit = 0;
  readonly #operations: readonly Operation[];

  constructor(operations: readonly Operation[]) {
    this.#operations = operations;
  }

  /** All in one go: what the callers queue next comes together again. */
  resolve(): void {
    for (const operation of this.#operations) operation.resolve(operation.outcome);
  }

  reject(error: unknown): void {
    for (const operation of this.#operations) operation.reject(error);
  }
}

/** Where the queue's transactions go: the engine. */
export interface QueueTarget {
  readonly pager: Pager;
  readonly group: GroupCommit;
  readonly entry: Entry;
  readonly keyBuffer: Buffer;
  readonly inTransaction: boolean;
  assertOpen(): void;
  change<T>(sync: boolean | undefined, partly: boolean, edit: () => T): T;
}

export class AsyncWrites {
  readonly #engine: QueueTarget;
  #operations: Operation[] = [];
  #arena: Buffer = Buffer.alloc(0);
  #used = 0;
  #scheduled = false;

  constructor(engine: QueueTarget) {
    this.#engine = engine;
  }

  /** Operations that wait for their transaction. */
  get waiting(): number {
    return this.#operations.length;
  }

  /** Before an operation is encoded. Throws where it can be seen now that it will not work. */
  begin(): void {
    const engine = this.#engine;
    engine.assertOpen();
    engine.pager.assertWritable();
    if (engine.inTransaction) {
      throw new TransactionError(
        "an awaited write is not possible inside a transaction; use put or delete, which are part of it",
      );
    }
  }

  /** Queues the entry, which may be used again at once. Throws ValueTooLargeError. */
  put(tree: Tree, entry: Entry): Promise<void> {
    const { key, keyLength, value, from, length } = entry;
    if (length > VALUE_BYTES_MAX) throw new ValueTooLargeError(length, VALUE_BYTES_MAX);
    const at = this.#reserve(keyLength + length);
    copyBytes(this.#arena, at, key, 0, keyLength);
    copyBytes(this.#arena, at + keyLength, value, from, length);
    return this.#queue<void>(tree, at, keyLength, length);
  }

  remove(tree: Tree, key: Uint8Array, keyLength: number): Promise<boolean> {
    const at = this.#reserve(keyLength);
    copyBytes(this.#arena, at, key, 0, keyLength);
    return this.#queue<boolean>(tree, at, keyLength, REMOVAL);
  }

  /** Room for so many bytes in the arena; returns where. */
  #reserve(bytes: number): number {
    const at = this.#used;
    if (at + bytes > this.#arena.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES_START, this.#arena.length * 2, at + bytes));
      larger.set(this.#arena.subarray(0, at));
      this.#arena = larger;
    }
    this.#used = at + bytes;
    return at;
  }

  #queue<T>(tree: Tree, at: number, keyLength: number, valueLength: number): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      this.#operations.push({
        tree,
        at,
        keyLength,
        valueLength,
        resolve: resolve as (outcome: unknown) => void,
        reject,
        outcome: undefined,
      });
    });
    if (this.#used > BYTES_MAX || this.#operations.length >= OPERATIONS_MAX) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#endOfTurn);
    }
    return promise;
  }

  readonly #endOfTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Commits what is queued, now. Never throws: what fails is told to those who wait for it. */
  flush(): void {
    const operations = this.#operations;
    if (operations.length === 0) return;
    const arena = this.#arena;
    this.#operations = [];
    // What a listener queues while these are applied must not overwrite them.
    this.#arena = Buffer.alloc(0);
    this.#used = 0;
    const batch = new Batch(operations);
    const { group, pager } = this.#engine;
    try {
      this.#engine.change(false, true, () => this.#apply(operations, arena));
    } catch (error) {
      batch.reject(error);
      return;
    } finally {
      if (this.#arena.length === 0 && arena.length <= ARENA_BYTES_KEPT) this.#arena = arena;
    }
    batch.commit = pager.log.committed;
    group.wait(batch);
  }

  #apply(operations: readonly Operation[], arena: Buffer): void {
    const { entry, keyBuffer } = this.#engine;
    for (const operation of operations) {
      const { tree, at, keyLength, valueLength } = operation;
      copyBytes(keyBuffer, 0, arena, at, keyLength);
      if (valueLength === REMOVAL) {
        operation.outcome = tree.remove(keyBuffer, keyLength);
        continue;
      }
      entry.keyLength = keyLength;
      entry.value = arena;
      entry.from = at + keyLength;
      entry.length = valueLength;
      tree.put(entry);
    }
  }
}
