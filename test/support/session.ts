/**
 * A store under test beside the model of what it should hold, and the history that a crash may go back
 * to: state i is what commit i left. A crash may give any state from the last one promised to the one
 * under way, and nothing else.
 */

import { open } from "../../src/index.js";
import type { Durability, StoreOptions } from "../../src/store/options.js";
import type { Store } from "../../src/store/store.js";
import type { TreeHandle } from "../../src/store/tree-handle.js";
import { Prng } from "../../src/vfs/prng.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { keyBytes, Model } from "./model.js";

export const STORE_PATH = "/s.esp";

export type ByteStore = Store<Uint8Array, Uint8Array>;
export type ByteTree = TreeHandle<Uint8Array, Uint8Array>;

export interface SessionSettings {
  readonly pageSize: number;
  readonly durability: Durability;
  readonly cacheBytes?: number;
  readonly logBytes?: number;
}

export const CACHE_BYTES_LEAST: number = 64 * 4096;
export const LOG_BYTES_LEAST: number = 256 * 1024;

export function storeOptions(settings: SessionSettings, vfs: Vfs): StoreOptions {
  return {
    vfs,
    pageSize: settings.pageSize,
    durability: settings.durability,
    cacheBytes: settings.cacheBytes ?? CACHE_BYTES_LEAST,
    logBytes: settings.logBytes ?? LOG_BYTES_LEAST,
    keyEncoding: "binary",
    valueEncoding: "binary",
  };
}

/** The states that a crash may leave, by number. */
export class History {
  readonly states: string[] = [new Model().fingerprint()];
  /** The newest state that was promised to survive a power cut. */
  durable = 0;
  /** The newest state that was promised to survive the death of the process. */
  committed = 0;
  /** Whether open() has returned: from then on the file is there. */
  opened = false;

  /** The newest state that can be there at all: under way, or committed. */
  get newest(): number {
    return this.states.length - 1;
  }

  begin(fingerprint: string): void {
    this.states.push(fingerprint);
  }

  commit(): void {
    this.committed = this.newest;
  }

  /** What was under way has certainly not happened. */
  undo(): void {
    this.states.pop();
  }

  promise(state: number = this.committed): void {
    if (state <= this.durable) return;
    this.durable = state;
    if (this.states[state] !== this.states[0]) this.opened = true;
  }
}

/** One step: what it does to the model and to the store. */
export interface Step {
  readonly put?: readonly (readonly [string, Uint8Array])[];
  readonly remove?: readonly string[];
  readonly tree?: string;
}

/** A batch was refused; its promise says why. */
export class NotApplied extends Error {}

export class Session {
  readonly vfs: Vfs;
  readonly settings: SessionSettings;
  readonly prng: Prng;
  readonly history: History = new History();
  model: Model = new Model();
  /** What a copy made by backup() has to hold, once one was begun. */
  backup = "";
  /** The crash test is to look at this moment more closely than at others. */
  closely = false;
  store!: ByteStore;

  constructor(vfs: Vfs, settings: SessionSettings, seed: number) {
    this.vfs = vfs;
    this.settings = settings;
    this.prng = new Prng(seed);
  }

  open(): void {
    this.store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(this.settings, this.vfs));
    this.history.opened = true;
  }

  /** Runs `body`, which changes the store in one commit, as `edit` changes the model. */
  change(edit: (model: Model) => void, body: () => void, sync?: boolean): void {
    const next = this.model.clone();
    edit(next);
    this.history.begin(next.fingerprint());
    try {
      body();
    } catch (error) {
      this.changeFailed(error);
      return;
    }
    this.history.commit();
    this.model = next;
    if (sync ?? this.settings.durability === "sync") this.history.promise();
    this.believe();
  }

  /** What is made of a change that threw. */
  protected changeFailed(error: unknown): void {
    throw error;
  }

  /** The store's own word on what is durable is a promise too. */
  protected believe(): void {
    if (this.store.stats().durable) this.history.promise();
  }

  tree(name: string): ByteTree {
    if (name === "") return this.store;
    return this.store.tree<Uint8Array, Uint8Array>(name, { keyEncoding: "binary", valueEncoding: "binary" });
  }

  put(key: string, value: Uint8Array, sync?: boolean): void {
    this.change(
      (model) => model.tree("").set(key, value),
      () => this.store.put(keyBytes(key), value, sync === undefined ? {} : { sync }),
      sync,
    );
  }

  delete(key: string): void {
    this.change(
      (model) => model.tree("").delete(key),
      () => void this.store.delete(keyBytes(key)),
    );
  }

  /** Several steps as one transaction. Trees must exist. */
  transaction(steps: readonly Step[], sync?: boolean): void {
    this.change(
      (model) => applyToModel(model, steps),
      () => this.store.transaction(() => this.applyToStore(steps), sync === undefined ? {} : { sync }),
      sync,
    );
  }

  applyToStore(steps: readonly Step[]): void {
    for (const step of steps) {
      const tree = this.tree(step.tree ?? "");
      for (const [key, value] of step.put ?? []) tree.put(keyBytes(key), value);
      for (const key of step.remove ?? []) tree.delete(keyBytes(key));
    }
  }

  /** A transaction that is undone. */
  rolledBack(steps: readonly Step[]): void {
    const stop = new Error("rolled back on purpose");
    try {
      this.store.transaction(() => {
        this.applyToStore(steps);
        throw stop;
      });
    } catch (error) {
      if (error !== stop) throw error;
    }
  }

  /** A batch whose promise is kept for later. */
  write(steps: readonly Step[]): Promise<void> {
    let promise: Promise<void> = Promise.resolve();
    this.change(
      (model) => applyToModel(model, steps),
      () => {
        const { commits } = this.store.metrics().log;
        promise = this.store.write(
          steps.flatMap((step) => [
            ...(step.put ?? []).map(([key, value]) => ({ type: "put", key: keyBytes(key), value }) as const),
            ...(step.remove ?? []).map((key) => ({ type: "delete", key: keyBytes(key) }) as const),
          ]),
        );
        if (this.store.metrics().log.commits === commits) {
          promise.catch(() => {}); // Who asked for it may never get it.
          throw new NotApplied();
        }
      },
      false,
    );
    const state = this.history.committed;
    if (this.settings.durability === "none") return promise;
    return promise.then(() => this.history.promise(state));
  }

  async flush(): Promise<void> {
    const state = this.history.committed;
    await this.store.flush();
    this.history.promise(state);
  }

  checkpoint(): void {
    const state = this.history.committed;
    this.store.checkpoint();
    this.history.promise(state);
  }

  close(): void {
    const state = this.history.committed;
    this.store.close();
    this.history.promise(state);
  }

  createTree(name: string): void {
    this.change(
      (model) => void model.tree(name),
      () => void this.tree(name),
    );
  }

  dropTree(name: string): void {
    this.change(
      (model) => model.trees.delete(name),
      () => void this.store.dropTree(name),
    );
  }

  clear(name: string): void {
    this.change(
      (model) => model.tree(name).clear(),
      () => this.tree(name).clear(),
    );
  }

  deleteRange(name: string, from: string, to: string): void {
    this.change(
      (model) => {
        const tree = model.tree(name);
        for (const key of [...tree.keys()]) if (key >= from && key < to) tree.delete(key);
      },
      () => void this.tree(name).deleteRange({ gte: keyBytes(from), lt: keyBytes(to) }),
    );
  }

  /** Random bytes that nothing else has: the seed runs on. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const step = length > 4096 ? 97 : 1;
    for (let at = 0; at < length; at += step) bytes[at] = this.prng.next();
    return bytes;
  }

  key(limit: number): string {
    return `k${String(this.prng.below(limit)).padStart(6, "0")}`;
  }
}

function applyToModel(model: Model, steps: readonly Step[]): void {
  for (const step of steps) {
    const tree = model.tree(step.tree ?? "");
    for (const [key, value] of step.put ?? []) tree.set(key, value);
    for (const key of step.remove ?? []) tree.delete(key);
  }
}
