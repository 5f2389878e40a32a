/**
 * The stores of one engine and one bed, inside a child process: the loaded one that cells only read, copies of
 * it for cells that write, and empty ones. And the proof that a store holds what the work must have left.
 */

import { closeSync, cpSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Engine, EngineStore } from "../engines/engine.js";
import { syncFiles } from "../runner/sync-files.js";
import type { Key, KeyForm } from "../streams/shapes.js";
import { BlockHasher } from "./block-hasher.js";
import { type Content, Dataset } from "./dataset.js";
import { type BedSpec, bedName } from "./plan.js";

/** Operations in a transaction while a store is loaded. */
const LOAD_COMMIT_EVERY = 50_000;
const CACHE_BYTES_MIN = 128 * 2 ** 20;
/** As much as espalier takes. */
const CACHE_BYTES_MAX = 2047 * 2 ** 20;
/** A text key's length, on average; and what an engine adds to a record. */
const TEXT_KEY_BYTES = 60;
const RECORD_EXTRA_BYTES = 12;

export class Bed {
  readonly spec: BedSpec;
  readonly engine: Engine;
  readonly data: Dataset;
  readonly form: KeyForm;
  /** The cache of every engine that has one: the whole store fits, however it is laid out. */
  readonly cacheBytes: number;
  readonly #templates: string;
  readonly #scratch: string;
  #stores = 0;

  /** `folder` is the run's: loaded stores in it are shared by the sections. */
  constructor(engine: Engine, spec: BedSpec, folder: string) {
    this.engine = engine;
    this.spec = spec;
    this.data = new Dataset(spec);
    this.form = engine.keyForm(spec.shape);
    this.cacheBytes = cacheBytesFor(spec);
    this.#templates = join(folder, "loaded");
    this.#scratch = join(folder, `scratch-${process.pid}`);
  }

  keysOf(ranks: Uint32Array): Key[] {
    return this.data.keysOf(ranks, this.form);
  }

  /** The folder of the loaded, closed store; loads it when no section has done so yet. */
  async loadedFolder(): Promise<string> {
    const folder = join(this.#templates, `${this.engine.id}-${bedName(this.spec)}`);
    return loadOnce(folder, async (part) => {
      const store = await this.open(part);
      await this.load(store, this.data.loaded);
      await store.close();
    });
  }

  /** A folder of its own for something else that is loaded once, as `loadedFolder`. */
  async loadedElsewhere(name: string, load: (folder: string) => Promise<void>): Promise<string> {
    return loadOnce(join(this.#templates, `${this.engine.id}-${bedName(this.spec)}-${name}`), load);
  }

  /** A copy of the loaded store that may be written to, synced, so that nobody's sync has to carry it. */
  async copyOfLoaded(): Promise<string> {
    const from = await this.loadedFolder();
    const folder = this.emptyFolder();
    cpSync(from, folder, { recursive: true });
    syncFiles(folder);
    return folder;
  }

  emptyFolder(): string {
    const folder = join(this.#scratch, String(this.#stores++));
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  discard(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  open(folder: string): Promise<EngineStore> {
    const { shape } = this.spec;
    return this.engine.open({ folder, shape, profile: false, cacheBytes: this.cacheBytes });
  }

  /** Puts records in the given order, in large transactions. */
  async load(store: EngineStore, ranks: Uint32Array): Promise<void> {
    for (let from = 0; from < ranks.length; from += LOAD_COMMIT_EVERY) {
      const part = ranks.subarray(from, from + LOAD_COMMIT_EVERY);
      const keys = this.keysOf(part);
      await store.transaction(() => {
        for (let i = 0; i < part.length; i++) {
          store.put(keys[i] as Key, this.data.valueOf(part[i] as number));
        }
      });
    }
  }

  /** Reads all of a store and compares it with what it must hold. Returns its hash. Throws where they differ. */
  async prove(folder: string, content: Content): Promise<string> {
    const store = await this.open(folder);
    try {
      return await this.#compare(store, content);
    } finally {
      await store.close();
    }
  }

  async #compare(store: EngineStore, content: Content): Promise<string> {
    const hasher = new BlockHasher();
    let rank = nextHeld(content, 0);
    for await (const [key, value] of store.entries()) {
      if (rank === content.length) throw new Error(`${this.engine.id} holds more records than it must`);
      const expected = this.data.valueOf(rank, content[rank]);
      if (!this.data.bytesOf(rank).equals(key) || !expected.equals(value)) {
        throw new Error(`${this.engine.id} holds another record than that of rank ${rank}`);
      }
      hasher.add(key, value);
      rank = nextHeld(content, rank + 1);
    }
    if (rank !== content.length) throw new Error(`${this.engine.id} lacks records from rank ${rank} on`);
    return hasher.digest();
  }

  /** Removes what the cells have left. */
  discardAll(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

function cacheBytesFor({ shape, records, valueBytes }: BedSpec): number {
  const recordBytes = (shape === "text" ? TEXT_KEY_BYTES : 8) + valueBytes + RECORD_EXTRA_BYTES;
  const wanted = Math.ceil((records * 1.5 * recordBytes * 2) / 2 ** 20) * 2 ** 20;
  return Math.min(CACHE_BYTES_MAX, Math.max(CACHE_BYTES_MIN, wanted));
}

function nextHeld(content: Content, from: number): number {
  let rank = from;
  while (rank < content.length && content[rank] === 0) rank++;
  return rank;
}

/** A half-loaded store is never taken for a loaded one: the mark is made last. */
async function loadOnce(folder: string, load: (folder: string) => Promise<void>): Promise<string> {
  const mark = `${folder}.loaded`;
  if (!existsSync(mark)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await load(folder);
    syncFiles(folder);
    closeSync(openSync(mark, "w"));
  }
  return folder;
}
