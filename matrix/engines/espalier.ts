/**
 * espalier itself, at each of its durabilities. "sync" commits with transactions that are on disk when they
 * return, "group" with awaited writes that share a background sync, "none" leaves syncing to checkpoints.
 */

import { join } from "node:path";
import { packageVersion } from "../../src/base/package-files.js";
import {
  type Durability,
  open,
  type RangeOptions,
  type Store,
  type StoreOperation,
} from "../../src/index.js";
import type { CounterTree, DurabilityClass, ShapeName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Engine, EngineStore, OpenRequest, ScanRange } from "./engine.js";

/** A store with keys in the shape's form and binary values. */
export type MatrixStore = Store<Key, Uint8Array>;

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
    async open(request) {
      const store = openEspalier(request, durability);
      return durability === "group"
        ? awaitedStore(store, request.shape)
        : transactionStore(store, request.shape);
    },
  };
}

/** Opens the store of a request; the same for every engine on this store's files. */
export function openEspalier(request: OpenRequest, durability: Durability): MatrixStore {
  return open<Key, Uint8Array>(join(request.folder, "data.esp"), {
    durability,
    cacheBytes: request.cacheBytes ?? CACHE_BYTES,
    keyEncoding: request.shape === "text" ? "utf8" : "binary",
    valueEncoding: "binary",
    profile: request.profile,
  });
}

function transactionStore(store: MatrixStore, shape: ShapeName): EngineStore {
  return {
    ...readingSide(store, shape),
    transaction: (work) => store.transaction(work),
    put: (key, value) => store.put(key, value),
    delete: (key) => void store.delete(key),
    putMany: (records) => void store.putMany(records),
  };
}

/** Collects a transaction's operations and hands them over in one awaited write. */
function awaitedStore(store: MatrixStore, shape: ShapeName): EngineStore {
  let operations: StoreOperation<Key, Uint8Array>[] = [];
  return {
    ...readingSide(store, shape),
    transaction(work) {
      operations = [];
      work();
      return store.write(operations);
    },
    put: (key, value) => void operations.push({ type: "put", key, value }),
    delete: (key) => void operations.push({ type: "delete", key }),
    putMany(records) {
      for (const [key, value] of records) operations.push({ type: "put", key, value });
    },
  };
}

/** What every engine on this store's files reads with. */
export function readingSide(
  store: MatrixStore,
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
        yield [shape === "text" ? Buffer.from(key as string) : (key as Uint8Array), value];
      }
    },
    counters: () => store.metrics() as unknown as CounterTree,
    census: () => null,
    async close() {
      await store.flush();
      store.close();
    },
  };
}

function rangeOptions(range: ScanRange): RangeOptions<Key> {
  const bound = range.from === null ? {} : range.reverse ? { lte: range.from } : { gte: range.from };
  const limit = range.limit < 0 ? {} : { limit: range.limit };
  return { ...bound, ...limit, reverse: range.reverse };
}
