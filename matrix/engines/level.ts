/**
 * Databases behind the interface of abstract-level: classic-level (LevelDB), @nxtedition/rocksdb, and the
 * store itself as `espalier/level` has it. One adapter drives them all, so that what differs between two of
 * them is the database: chained batches, synchronous gets, iterators read by nextv().
 */

import { join } from "node:path";
import { packageVersion } from "../../src/base/package-files.js";
import type { CounterTree, DurabilityClass, EngineFamily, ShapeName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Engine, EngineStore, OpenRequest, Presence, ScanRange } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";

interface LevelBatch {
  put(key: Key, value: Buffer): unknown;
  del(key: Key): unknown;
  write(options: { sync: boolean }): Promise<void>;
}

interface LevelIterator {
  nextv(size: number): Promise<[Key, Uint8Array][]>;
  all(): Promise<[Key, Uint8Array][]>;
  close(): Promise<void>;
}

interface LevelDatabase {
  open(): Promise<void>;
  batch(): LevelBatch;
  iterator(options: object): LevelIterator;
  close(): Promise<void>;
}

/** A database as classic-level 3 and abstract-level 3 have it. */
interface FullLevelDatabase extends LevelDatabase {
  get(key: Key): Promise<Uint8Array | undefined>;
  getSync(key: Key): Uint8Array | undefined;
}

type LevelConstructor<T extends LevelDatabase> = new (path: string, options: object) => T;

const CACHE_BYTES = 128 * 2 ** 20;
const ITERATOR_BATCH = 1000;

const DRIVEN =
  "chained batches, getSync, utf8 keys for text and buffers otherwise, buffers as values, 128 MiB cache";
const SYNCED = "batches with sync: true, a commit syncs the log";
const BUFFERED = "batches without sync, a commit hands the log to the operating system";

export const classicLevel: Engine = {
  ...common("classic-level", "classic-level", "classic-level"),
  isLevel: true,
  settings: `${DRIVEN}, 4 MiB write buffer; ${SYNCED}`,
  open: (request) => openClassic(request, true),
};

export const classicLevelBuffered: Engine = {
  ...common("classic-level-buffered", "classic-level", "classic-level (no sync)"),
  durability: "os-buffered",
  isLevel: true,
  settings: `${DRIVEN}, 4 MiB write buffer; ${BUFFERED}`,
  open: (request) => openClassic(request, false),
};

export const espalierLevel: Engine = ownLevel("espalier-level", "espalier/level", true);
export const espalierLevelBuffered: Engine = ownLevel(
  "espalier-level-buffered",
  "espalier/level (no sync)",
  false,
);

export const rocksdb: Engine = {
  ...common("rocksdb", "@nxtedition/rocksdb", "rocksdb (@nxtedition/rocksdb)"),
  settings:
    "batch with sync: true, synchronous gets, buffers (utf8 keys for text), 128 MiB cache; a commit syncs the log",
  async open(request) {
    type RocksDatabase = LevelDatabase & {
      _getManySync(keys: Key[], options: object): (Uint8Array | undefined)[];
    };
    const { RocksLevel } = loadPeer("@nxtedition/rocksdb") as { RocksLevel: LevelConstructor<RocksDatabase> };
    const db = new RocksLevel(join(request.folder, "rocks"), levelOptions(request));
    await db.open();
    // Its only synchronous get, several times faster than the promise.
    const getOptions = { keyEncoding: "buffer", valueEncoding: "buffer" };
    return levelStore(db, (key) => db._getManySync([key], getOptions)[0], true);
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

function ownLevel(id: string, title: string, sync: boolean): Engine {
  const family: EngineFamily = "espalier";
  const durability: DurabilityClass = sync ? "durable" : "os-buffered";
  return {
    ...common(id, "abstract-level", title),
    family,
    package: null,
    durability,
    isLevel: true,
    lockFiles: /lock/,
    settings: `${DRIVEN}, 4096-byte pages; ${sync ? SYNCED : BUFFERED}`,
    probe: probeOwn,
    open: (request) => openOwn(request, sync),
  };
}

/** Loaded when it is asked for: abstract-level, which it needs, may be missing. */
async function loadOwn(): Promise<{ EspalierLevel: LevelConstructor<OwnDatabase> }> {
  return (await import("../../src/level/index.js")) as unknown as {
    EspalierLevel: LevelConstructor<OwnDatabase>;
  };
}

type OwnDatabase = FullLevelDatabase & { readonly store: { metrics(): unknown } };

async function probeOwn(): Promise<Presence> {
  try {
    await loadOwn();
    return { present: true, version: packageVersion(), reason: null, install: null };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    const text = error instanceof Error ? (error.message.split("\n")[0] as string) : String(error);
    return {
      present: false,
      version: null,
      reason: missing ? "abstract-level is not installed" : `espalier/level does not load: ${text}`,
      install: "npm install --no-save abstract-level",
    };
  }
}

async function openOwn(request: OpenRequest, sync: boolean): Promise<EngineStore> {
  const { EspalierLevel } = await loadOwn();
  const db = new EspalierLevel(join(request.folder, "level"), {
    ...levelOptions(request),
    cacheBytes: request.cacheBytes ?? CACHE_BYTES,
    profile: request.profile,
  });
  await db.open();
  return { ...fullStore(db, sync), counters: () => db.store.metrics() as CounterTree };
}

async function openClassic(request: OpenRequest, sync: boolean): Promise<EngineStore> {
  const { ClassicLevel } = loadPeer("classic-level") as { ClassicLevel: LevelConstructor<FullLevelDatabase> };
  const db = new ClassicLevel(join(request.folder, "level"), levelOptions(request));
  await db.open();
  return fullStore(db, sync);
}

function levelOptions({ shape, cacheBytes }: OpenRequest): object {
  return { ...encodings(shape), cacheSize: cacheBytes ?? CACHE_BYTES };
}

function encodings(shape: ShapeName): { keyEncoding: string; valueEncoding: string } {
  return { keyEncoding: shape === "text" ? "utf8" : "buffer", valueEncoding: "buffer" };
}

function fullStore(db: FullLevelDatabase, sync: boolean): EngineStore {
  return {
    ...levelStore(db, (key) => db.getSync(key), sync),
    level: {
      get: (key) => db.get(key),
      all: async (range) => withValues(await db.iterator(iteratorOptions(range)).all()),
    },
  };
}

function levelStore(
  db: LevelDatabase,
  get: (key: Key) => Uint8Array | undefined,
  sync: boolean,
): EngineStore {
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
      return own.write({ sync });
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
      for await (const rows of batches(db, range)) seen += withValues(rows);
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

/** Looks at every value, as a reader does; returns how many there are. */
function withValues(rows: readonly [Key, Uint8Array][]): number {
  let seen = 0;
  for (const [, value] of rows) if (value.length > 0) seen++;
  return seen;
}

function iteratorOptions(range: ScanRange): object {
  const bound = range.from === null ? {} : range.reverse ? { lte: range.from } : { gte: range.from };
  const limit = Number.isFinite(range.limit) ? range.limit : -1;
  return { ...bound, reverse: range.reverse, limit };
}

async function* batches(db: LevelDatabase, range: ScanRange): AsyncGenerator<[Key, Uint8Array][]> {
  const iterator = db.iterator(iteratorOptions(range));
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
