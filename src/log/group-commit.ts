/**
 * Group commit: commits that wait for durability share one background sync, and those that arrive
 * meanwhile share the next.
 */

import type { RedoLog } from "./redo-log.js";

/** Who waits until a commit is durable. */
export interface Waiter {
  readonly commit: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class GroupCommit {
  readonly #log: RedoLog;
  #waiters: Waiter[] = [];
  #syncing = false;

  constructor(log: RedoLog) {
    this.#log = log;
  }

  /** Settles when all commits so far are durable. Rejects with PoisonedError when a sync has failed. */
  durable(): Promise<void> {
    const { committed: commit, failure } = this.#log;
    if (failure !== undefined) return Promise.reject(this.#log.poisoned());
    return new Promise((resolve, reject) => this.wait({ commit, resolve, reject }));
  }

  /** Tells `waiter` when its commit is durable, or that it cannot become so. */
  wait(waiter: Waiter): void {
    const { durable, failure } = this.#log;
    if (durable >= waiter.commit) waiter.resolve();
    else if (failure !== undefined) waiter.reject(this.#log.poisoned());
    else {
      this.#waiters.push(waiter);
      this.start();
    }
  }

  /** Starts a background sync unless one is under way, which then goes on with another. */
  start(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      // Commits of the same turn of the event loop join the first sync. (Tests put false timers, and a false
      // queueMicrotask, in the place of the process's; nobody can of this.)
      await undefined;
      while (this.#log.started && this.#log.durable < this.#log.committed) {
        await this.#log.syncInBackground();
        this.settle();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#syncing = false;
    }
    this.settle();
  }

  /** Resolves who waited for commits that are durable by now. */
  settle(): void {
    if (this.#waiters.length === 0) return;
    const { durable } = this.#log;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.commit <= durable) waiter.resolve();
      else waiting.push(waiter);
    }
    this.#waiters = waiting;
  }

  /** Rejects who still waits: with why the log takes no more, where it has failed. */
  fail(cause: unknown): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    if (waiters.length === 0) return;
    const error = this.#log.failure === undefined ? cause : this.#log.poisoned();
    for (const waiter of waiters) waiter.reject(error);
  }
}
