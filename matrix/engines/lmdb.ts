/**
 * lmdb: once with transactionSync, durable when it returns, and once with awaited batches, which its write
 * thread commits together and whose promises settle when they are on disk.
 */

import { join } from "node:path";
import type { ShapeName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Engine, EngineStore, OpenRequest, ScanRange } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";

interface LmdbDatabase {
  get(key: Key): Uint8Array | undefined;
  put(key: Key, value: Buffer): Promise<boolean>;
  remove(key: Key): Promise<boolean>;
  putSync(key: Key, value: Buffer): void;
  removeSync(key: Key): boolean;
  transactionSync(work: () => void): void;
  batch(work: () => void): Promise<boolean>;
  getRange(options: object): Iterable<{ key: Key; value: Uint8Array }>;
  flushed: Promise<boolean>;
  close(): Promise<void>;
}

const MAP_BYTES = 16 * 2 ** 30;

export const lmdbSync: Engine = {
  ...common("lmdb", "lmdb (transactionSync)"),
  durability: "durable",
  settings:
    "transactionSync, binary values, binary keys (ordered-binary for text), no cache, no compression; a commit syncs the data and the meta page",
  readsOwnWrites: true,
  async open(request) {
    const db = openDatabase(request);
    return {
      ...readingSide(db),
      transaction: (work) => db.transactionSync(work),
      put: (key, value) => db.putSync(key, value),
      delete: (key) => void db.removeSync(key),
      putMany(records) {
        for (const [key, value] of records) db.putSync(key, value);
      },
    };
  },
};

export const lmdbAwaited: Engine = {
  ...common("lmdb-awaited", "lmdb (awaited batches)"),
  durability: "durable-awaited",
  settings:
    "awaited batches, several in flight, default overlapping sync; otherwise as lmdb; a promise settles when its batch is on disk",
  readsOwnWrites: false,
  unsupported: (workload) =>
    workload === "mixed-read-through" ? "a batch cannot be read before it commits" : null,
  async open(request) {
    const db = openDatabase(request);
    return {
      ...readingSide(db),
      async transaction(work) {
        await db.batch(work);
      },
      put: (key, value) => void db.put(key, value),
      delete: (key) => void db.remove(key),
      putMany(records) {
        for (const [key, value] of records) void db.put(key, value);
      },
      async close() {
        await db.flushed;
        await db.close();
      },
    };
  },
};

type Common = Pick<
  Engine,
  "id" | "title" | "family" | "package" | "lockFiles" | "keyForm" | "unsupported" | "probe"
>;

function common(id: string, title: string): Common {
  return {
    id,
    title,
    family: "peer",
    package: "lmdb",
    lockFiles: /-lock$/,
    keyForm: (shape) => (shape === "text" ? "text" : "bytes"),
    unsupported: () => null,
    probe: async () => probePeer("lmdb"),
  };
}

function openDatabase(request: OpenRequest): LmdbDatabase {
  const { open } = loadPeer("lmdb") as { open(options: object): LmdbDatabase };
  return open({
    path: join(request.folder, "data.mdb"),
    noSubdir: true,
    mapSize: MAP_BYTES,
    encoding: "binary",
    keyEncoding: keyEncoding(request.shape),
    compression: false,
    cache: false,
  });
}

function keyEncoding(shape: ShapeName): string {
  return shape === "text" ? "ordered-binary" : "binary";
}

function readingSide(
  db: LmdbDatabase,
): Pick<EngineStore, "reading" | "get" | "scan" | "entries" | "counters" | "census" | "close"> {
  return {
    // Gets share one read transaction until the event loop turns, without being asked to.
    reading: (work) => work(),
    get: (key) => db.get(key),
    scan(range) {
      let seen = 0;
      for (const { value } of db.getRange(rangeOptions(range))) if (value.length > 0) seen++;
      return seen;
    },
    async *entries() {
      for (const { key, value } of db.getRange({})) {
        yield [typeof key === "string" ? Buffer.from(key) : (key as Buffer), value];
      }
    },
    counters: () => null,
    census: () => null,
    close: () => db.close(),
  };
}

function rangeOptions(range: ScanRange): object {
  const limit = Number.isFinite(range.limit) && range.limit >= 0 ? { limit: range.limit } : {};
  return range.from === null
    ? { reverse: range.reverse, ...limit }
    : { start: range.from, reverse: range.reverse, ...limit };
}
