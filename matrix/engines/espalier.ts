/**
 * espalier itself, at each of its durabilities. "sync" commits with transactions that are on disk when they
 * return, "group" with awaited writes that share a background sync, "none" leaves syncing to checkpoints.
 */

import { join } from "node:path";
import { packageVersion } from "../package-files.js";
import type { CounterTree, DurabilityClass, ShapeName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Engine, EngineStore, OpenRequest, ScanRange } from "./engine.js";

type Durability = "sync" | "group" | "none";

type WriteOperation = { type: "put"; key: Key; value: Buffer } | { type: "delete"; key: Key };

interface Store {
  get(key: Key): Uint8Array | undefined;
  put(key: Key, value: Buffer): void;
  delete(key: Key): boolean;
  putMany(entries: Iterable<readonly [Key, Buffer]>): void;
  transaction(work: () => void): void;
  write(operations: readonly WriteOperation[]): Promise<void>;
  range(options: object): Iterable<readonly [Key, Uint8Array]>;
  flush(): Promise<void>;
  metrics(): object;
  close(): void;
}

const CACHE_BYTES = 128 * 2 ** 20;

const WHAT_IS_SYNCED: Record<Durability, string> = {
  sync: "a commit syncs the log",
  group: "awaited writes, several in flight; a promise settles when a shared sync has covered it",
  none: "a commit hands the log to the operating system; checkpoints sync",
};

export const espalierSync: Engine = adapter("espalier", "sync", "durable");
export const espalierGroup: Engine = adapter("espalier-group", "group", "durable-awaited");
export const espalierNone: Engine = adapter("espalier-none", "none", "os-buffered");

function adapter(id: string, durability: Durability, durabilityClass: DurabilityClass): Engine {
  return {
    id,
    title: `espalier (${durability})`,
    family: "espalier",
    package: null,
    durability: durabilityClass,
    settings: `durability "${durability}", 4096-byte pages, 128 MiB cache, binary values, binary keys (utf8 for text); ${WHAT_IS_SYNCED[durability]}`,
    readsOwnWrites: true,
    lockFiles: /lock/,
    keyForm: (shape) => (shape === "text" ? "text" : "bytes"),
    unsupported: (workload) =>
      durability === "group" && workload === "mixed-read-through"
        ? "awaited writes are handed over whole; nothing can be read through them"
        : null,
    probe: async () => ({ present: true, version: packageVersion(), reason: null, install: null }),
    open: (request) => openStore(request, durability),
  };
}

async function openStore(request: OpenRequest, durability: Durability): Promise<EngineStore> {
  const specifier: string = "../../src/index.js";
  const { open } = (await import(specifier)) as { open(path: string, options: object): Store };
  const store = open(join(request.folder, "data.esp"), {
    durability,
    cacheBytes: CACHE_BYTES,
    keyEncoding: request.shape === "text" ? "utf8" : "binary",
    valueEncoding: "binary",
    profile: request.profile,
  });
  return durability === "group" ? awaitedStore(store, request.shape) : transactionStore(store, request.shape);
}

function transactionStore(store: Store, shape: ShapeName): EngineStore {
  return {
    ...readingSide(store, shape),
    transaction: (work) => store.transaction(work),
    put: (key, value) => store.put(key, value),
    delete: (key) => void store.delete(key),
    putMany: (keys, values) => store.putMany(pairs(keys, values)),
  };
}

/** Collects a transaction's operations and hands them over in one awaited write. */
function awaitedStore(store: Store, shape: ShapeName): EngineStore {
  let operations: WriteOperation[] = [];
  return {
    ...readingSide(store, shape),
    transaction(work) {
      operations = [];
      work();
      return store.write(operations);
    },
    put: (key, value) => void operations.push({ type: "put", key, value }),
    delete: (key) => void operations.push({ type: "delete", key }),
    putMany(keys, values) {
      for (const [key, value] of pairs(keys, values)) operations.push({ type: "put", key, value });
    },
  };
}

function readingSide(
  store: Store,
  shape: ShapeName,
): Pick<EngineStore, "reading" | "get" | "scan" | "entries" | "counters" | "census" | "close"> {
  return {
    // A get needs no transaction to be fast.
    reading: (work) => work(),
    get: (key) => store.get(key),
    scan(range) {
      let seen = 0;
      for (const [, value] of store.range(rangeOptions(range))) if (value.length > 0) seen++;
      return seen;
    },
    async *entries() {
      for (const [key, value] of store.range({})) {
        yield [shape === "text" ? Buffer.from(key as string) : (key as Buffer), value];
      }
    },
    counters: () => structuredClone(store.metrics()) as CounterTree,
    census: () => null,
    async close() {
      await store.flush();
      store.close();
    },
  };
}

function rangeOptions(range: ScanRange): object {
  const bound = range.from === null ? {} : range.reverse ? { lte: range.from } : { gte: range.from };
  const limit = range.limit < 0 ? {} : { limit: range.limit };
  return { ...bound, ...limit, reverse: range.reverse };
}

function* pairs(keys: readonly Key[], values: readonly Buffer[]): Iterable<readonly [Key, Buffer]> {
  for (let i = 0; i < keys.length; i++) yield [keys[i] as Key, values[i] as Buffer];
}
