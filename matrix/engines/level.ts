/**
 * The two engines behind an abstract-level interface: classic-level (LevelDB) and @nxtedition/rocksdb.
 * Both write batches with `sync: true`: one sync of the log before the promise settles.
 */

import { join } from "node:path";
import type { ShapeName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Engine, EngineStore, ScanRange } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";

interface LevelBatch {
  put(key: Key, value: Buffer): unknown;
  del(key: Key): unknown;
  write(options: { sync: boolean }): Promise<void>;
}

interface LevelIterator {
  nextv(size: number): Promise<[Key, Uint8Array][]>;
  close(): Promise<void>;
}

interface LevelDatabase {
  open(): Promise<void>;
  batch(): LevelBatch;
  iterator(options: object): LevelIterator;
  close(): Promise<void>;
}

type LevelConstructor = new (path: string, options: object) => LevelDatabase;

const CACHE_BYTES = 128 * 2 ** 20;
const ITERATOR_BATCH = 1000;

export const classicLevel: Engine = {
  ...common("classic-level", "classic-level", "classic-level"),
  settings:
    "batch with sync: true, getSync, buffers (utf8 keys for text), 128 MiB cache, 4 MiB write buffer; a commit syncs the log",
  async open(request) {
    const { ClassicLevel } = loadPeer("classic-level") as { ClassicLevel: LevelConstructor };
    const db = new ClassicLevel(join(request.folder, "level"), {
      ...encodings(request.shape),
      cacheSize: CACHE_BYTES,
    }) as LevelDatabase & { getSync(key: Key): Uint8Array | undefined };
    await db.open();
    return levelStore(db, (key) => db.getSync(key));
  },
};

export const rocksdb: Engine = {
  ...common("rocksdb", "@nxtedition/rocksdb", "rocksdb (@nxtedition/rocksdb)"),
  settings:
    "batch with sync: true, synchronous gets, buffers (utf8 keys for text), 128 MiB cache; a commit syncs the log",
  async open(request) {
    const { RocksLevel } = loadPeer("@nxtedition/rocksdb") as { RocksLevel: LevelConstructor };
    const options = encodings(request.shape);
    const db = new RocksLevel(join(request.folder, "rocks"), {
      ...options,
      cacheSize: CACHE_BYTES,
    }) as LevelDatabase & { _getManySync(keys: Key[], options: object): (Uint8Array | undefined)[] };
    await db.open();
    // Its only synchronous get, several times faster than the promise.
    const getOptions = { keyEncoding: "buffer", valueEncoding: "buffer" };
    return levelStore(db, (key) => db._getManySync([key], getOptions)[0]);
  },
};

type Common = Omit<Engine, "settings" | "open">;

function common(id: string, packageName: string, title: string): Common {
  return {
    id,
    title,
    family: "peer",
    package: packageName,
    durability: "durable",
    readsOwnWrites: false,
    lockFiles: /^LOCK$/,
    keyForm: (shape) => (shape === "text" ? "text" : "bytes"),
    unsupported: (workload) =>
      workload === "mixed-read-through" ? "it has no transactions to read through" : null,
    probe: async () => probePeer(packageName),
  };
}

function encodings(shape: ShapeName): { keyEncoding: string; valueEncoding: string } {
  return { keyEncoding: shape === "text" ? "utf8" : "buffer", valueEncoding: "buffer" };
}

function levelStore(db: LevelDatabase, get: (key: Key) => Uint8Array | undefined): EngineStore {
  let batch: LevelBatch | null = null;
  const current = (): LevelBatch => {
    if (batch === null) throw new Error("writes belong into a transaction");
    return batch;
  };
  return {
    transaction(work) {
      const own = db.batch();
      batch = own;
      try {
        work();
      } finally {
        batch = null;
      }
      return own.write({ sync: true });
    },
    reading: (work) => work(),
    put: (key, value) => void current().put(key, value),
    delete: (key) => void current().del(key),
    putMany(records) {
      const own = current();
      for (const [key, value] of records) own.put(key, value);
    },
    get,
    async scan(range) {
      let seen = 0;
      for await (const rows of batches(db, range)) {
        for (const [, value] of rows) if (value.length > 0) seen++;
      }
      return seen;
    },
    async *entries() {
      for await (const rows of batches(db, { from: null, reverse: false, limit: -1 })) {
        for (const [key, value] of rows)
          yield [typeof key === "string" ? Buffer.from(key) : (key as Buffer), value];
      }
    },
    counters: () => null,
    census: () => null,
    close: () => db.close(),
  };
}

async function* batches(db: LevelDatabase, range: ScanRange): AsyncGenerator<[Key, Uint8Array][]> {
  const bound = range.from === null ? {} : range.reverse ? { lte: range.from } : { gte: range.from };
  const limit = Number.isFinite(range.limit) ? range.limit : -1;
  const iterator = db.iterator({ ...bound, reverse: range.reverse, limit });
  try {
    for (;;) {
      const rows = await iterator.nextv(ITERATOR_BATCH);
      if (rows.length === 0) return;
      yield rows;
    }
  } finally {
    await iterator.close();
  }
}
