/**
 * The test bed of a round: the engine, the stream with its keys and values, and the stores in the child's
 * folder. A workload that writes gets a fresh store for every pass, copied from one that was loaded once; a
 * workload that only reads keeps one store, so that its caches are as warm as in a running application.
 */

import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Engine, EngineStore } from "../engines/engine.js";
import { engineById } from "../engines/registry.js";
import type { Census, CounterTree } from "../results/document.js";
import { type Key, valuePool } from "../streams/shapes.js";
import { readStreamFile, type SharedStream } from "../streams/stream-file.js";
import { workloadByName } from "../workloads/registry.js";
import type { Pass, PassContext, Workload } from "../workloads/workload.js";
import type { RoundRequest } from "./round.js";
import { syncFiles } from "./sync-files.js";

/** Commits in flight together for engines whose commits are awaited. */
const COMMITS_IN_FLIGHT = 16;
/** Operations in a transaction while a store is loaded. */
const LOAD_COMMIT_EVERY = 10_000;

/** Gets whose values are compared: enough to find an engine that lies, few enough to take a second. */
const GETS_CHECKED_MAX = 100_000;

export class Bed {
  readonly request: RoundRequest;
  readonly shared: SharedStream;
  /** Resident bytes with stream, keys and values in memory, before any store was opened. */
  readonly baseBytes: number;
  /** Taken when the last measured store was closed. */
  lastCounters: CounterTree | null = null;
  lastCensus: Census | null = null;
  readonly #engine: Engine;
  readonly #workload: Workload;
  readonly #keys: readonly Key[];
  readonly #values: readonly Buffer[];
  readonly #valueAt: (valueId: number) => Buffer;
  /** A loaded, closed store to copy; null when stores start empty or live in memory. */
  #template: string | null = null;
  /** The one store of a workload that only reads. */
  #readStore: EngineStore | null = null;
  #folder: string;
  #images = 0;

  /** Reads the stream and loads the store that passes start from. */
  static async make(request: RoundRequest): Promise<Bed> {
    const bed = new Bed(request);
    await bed.#makeTemplate();
    return bed;
  }

  private constructor(request: RoundRequest) {
    this.request = request;
    this.#engine = engineById(request.engine);
    this.#workload = workloadByName(request.workload);
    this.shared = readStreamFile(request.streamFile);
    const { shape, seed } = this.shared.stream.spec;
    this.#keys = this.shared.keys.inForm(this.#engine.keyForm(shape));
    this.#valueAt = valuePool(shape, seed);
    this.#values = Array.from(this.shared.stream.values, this.#valueAt);
    this.#folder = request.folder;
    this.baseBytes = process.memoryUsage().rss;
  }

  /** A store for a pass: fresh for workloads that write, the one warm store for the others. */
  async acquire(name: "scratch" | "measured"): Promise<EngineStore> {
    if (!this.#workload.writes) {
      this.#readStore ??= await this.#fresh("read");
      return this.#readStore;
    }
    return this.#fresh(name);
  }

  /** The pass over the first `operations` operations on a store that `acquire` gave. */
  prepare(store: EngineStore, operations: number, commitEvery: number): Pass {
    const folder = this.#folder;
    const context: PassContext = {
      store,
      stream: this.shared.stream,
      keys: this.#keys,
      values: this.#values,
      commitEvery,
      inFlight: this.#engine.durability === "durable-awaited" ? COMMITS_IN_FLIGHT : 1,
      readsOwnWrites: this.#engine.readsOwnWrites,
      expectation: this.shared.expectation,
      reopen: () => this.#open(folder),
      crashImage: async () => {
        const image = join(this.request.folder, `image-${this.#images++}`);
        copyWithoutLocks(folder, image, this.#engine.lockFiles);
        return () => this.#open(image);
      },
    };
    return this.#workload.prepare(context, operations);
  }

  /** Gives a scratch store back. */
  async release(store: EngineStore, pass: Pass): Promise<void> {
    if (pass.closesStore === true) this.#readStore = null;
    if (!this.#workload.writes) return;
    await store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Takes a measured store's counters and closes it. */
  async finish(store: EngineStore, pass: Pass): Promise<void> {
    this.#readStore = null;
    if (pass.closesStore === true) return;
    this.lastCounters = store.counters();
    this.lastCensus = store.census();
    await store.close();
  }

  /** Removes a measured store that is not the last. */
  async discard(): Promise<void> {
    if (this.#workload.writes) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Opens the store that was measured last. */
  openAgain(): Promise<EngineStore> {
    return this.#open(this.#folder);
  }

  /** How many gets of loaded records, spread over all of them, find another value; 0 where no gets are measured. */
  async wrongGets(store: EngineStore): Promise<number> {
    const { name } = this.#workload;
    if (name !== "reads" && name !== "level-gets") return 0;
    const { preload, preloadValues } = this.shared.stream;
    const stride = Math.ceil(preload.length / GETS_CHECKED_MAX);
    let wrong = 0;
    for (let i = 0; i < preload.length; i += stride) {
      const key = this.#keys[preload[i] as number] as Key;
      const value = name === "reads" ? store.get(key) : await store.level?.get(key);
      if (value == null || !this.#valueAt(preloadValues[i] as number).equals(value)) wrong++;
    }
    return wrong;
  }

  /** Bytes of all files of the store that was measured last; null for one in memory. */
  fileBytes(): number | null {
    if (this.#engine.durability === "memory") return null;
    let bytes = 0;
    for (const entry of readdirSync(this.#folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    }
    return bytes;
  }

  async #makeTemplate(): Promise<void> {
    if (this.shared.stream.preload.length === 0 || this.#engine.durability === "memory") return;
    const template = join(this.request.folder, "template");
    const store = await this.#open(template);
    await this.#load(store);
    await store.close();
    this.#template = template;
  }

  async #fresh(name: string): Promise<EngineStore> {
    const folder = join(this.request.folder, name);
    this.#folder = folder;
    if (this.#template !== null) {
      cpSync(this.#template, folder, { recursive: true });
      syncFiles(folder);
    }
    const store = await this.#open(folder);
    if (this.#template === null) await this.#load(store);
    return store;
  }

  #open(folder: string): Promise<EngineStore> {
    mkdirSync(folder, { recursive: true });
    const { shape } = this.shared.stream.spec;
    return this.#engine.open({ folder, shape, profile: this.request.profile });
  }

  /** Puts the stream's preload into an open store, in the stream's order. */
  async #load(store: EngineStore): Promise<void> {
    const { preload, preloadValues } = this.shared.stream;
    for (let from = 0; from < preload.length; from += LOAD_COMMIT_EVERY) {
      const to = Math.min(preload.length, from + LOAD_COMMIT_EVERY);
      await store.transaction(() => {
        for (let i = from; i < to; i++) {
          store.put(this.#keys[preload[i] as number] as Key, this.#valueAt(preloadValues[i] as number));
        }
      });
    }
  }
}

/** Copies a live store's files, but not the locks that name its holder. */
function copyWithoutLocks(from: string, to: string, lockFiles: RegExp | null): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, {
    recursive: true,
    filter: (source) => lockFiles === null || !lockFiles.test(basename(source)),
  });
}
