/**
 * What the matrix's adapters have no method for: espalier's own ways of reading, and scans by the kind of
 * result (keys only, two strings). Settings are those of the adapters.
 */

import { join } from "node:path";
import { open } from "../../src/index.js";
import type { EngineStore, ScanRange } from "../engines/engine.js";
import { openEspalier } from "../engines/espalier.js";
import { loadPeer } from "../engines/peer-loading.js";
import { SQLITE_PRAGMAS } from "../engines/sqlite.js";
import type { Bed } from "./bed.js";

/** What a scan gives for each record. */
export type ScanKind = "records" | "keys" | "strings";

/** Visits records and returns how many; reads what the kind gives. */
export interface Scanner {
  scan(range: ScanRange): number | Promise<number>;
  close(): void | Promise<void>;
}

/** Rows above this are iterated instead of collected, as in the adapter. */
const COLLECT_ROWS_MAX = 1000;
const ITERATOR_BATCH = 1000;
const MAP_BYTES = 16 * 2 ** 30;
const LOAD_COMMIT_EVERY = 100_000;

/** Opens a bed's records for scans of one kind. */
export async function openScanner(bed: Bed, kind: ScanKind): Promise<Scanner> {
  if (kind === "records") return adapterScanner(await bed.open(await bed.loadedFolder()));
  const make = MAKERS[bed.engine.id];
  if (make === undefined) throw new Error(`${bed.engine.id} has no scans of ${kind}`);
  if (kind === "keys") return make(bed, await bed.loadedFolder(), "keys").scanner;
  const folder = await bed.loadedElsewhere("strings", async (part) => {
    const { load, scanner } = make(bed, part, "strings");
    await loadStrings(bed, load);
    await scanner.close();
  });
  return make(bed, folder, "strings").scanner;
}

type StringRecord = readonly [key: string, value: string];

interface Made {
  readonly scanner: Scanner;
  load(records: readonly StringRecord[]): void | Promise<void>;
}

type Maker = (bed: Bed, folder: string, kind: "keys" | "strings") => Made;

const MAKERS: Readonly<Record<string, Maker>> = {
  espalier: espalierMaker,
  "better-sqlite3": sqliteMaker,
  "better-sqlite3-blob": sqliteMaker,
  lmdb: lmdbMaker,
  "classic-level": levelMaker,
  rocksdb: levelMaker,
};

function adapterScanner(store: EngineStore): Scanner {
  return { scan: (range) => store.scan(range), close: () => store.close() };
}

async function loadStrings(bed: Bed, load: Made["load"]): Promise<void> {
  const ranks = bed.data.loaded.slice().sort();
  for (let from = 0; from < ranks.length; from += LOAD_COMMIT_EVERY) {
    const part = ranks.subarray(from, from + LOAD_COMMIT_EVERY);
    const keys = bed.data.keysOf(part, "text") as string[];
    await load(keys.map((key, i) => [key, bed.data.valueOf(part[i] as number).toString("latin1")]));
  }
}

function bounds<K>(range: ScanRange): { gte?: K; lte?: K; reverse: boolean; limit?: number } {
  const bound = range.from === null ? {} : { [range.reverse ? "lte" : "gte"]: range.from as K };
  return { ...bound, reverse: range.reverse, ...(range.limit < 0 ? {} : { limit: range.limit }) };
}

function espalierMaker(bed: Bed, folder: string, kind: "keys" | "strings"): Made {
  if (kind === "keys") {
    const { shape } = bed.spec;
    const store = openEspalier({ folder, shape, profile: false, cacheBytes: bed.cacheBytes }, "sync");
    return {
      load: () => undefined,
      scanner: { scan: (range) => countKeys(store.keys(bounds(range))), close: () => store.close() },
    };
  }
  const store = open<string, string>(join(folder, "data.esp"), {
    cacheBytes: bed.cacheBytes,
    keyEncoding: "utf8",
    valueEncoding: "utf8",
  });
  return {
    load: (records) => void store.putMany(records),
    scanner: {
      scan(range) {
        let seen = 0;
        for (const [, value] of store.range(bounds<string>(range))) if (value.length > 0) seen++;
        return seen;
      },
      close: () => store.close(),
    },
  };
}

function countKeys(keys: Iterable<unknown>): number {
  let seen = 0;
  for (const key of keys) if (key !== null) seen++;
  return seen;
}

interface SqliteStatement {
  run(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  iterate(...parameters: unknown[]): IterableIterator<unknown>;
  raw(): SqliteStatement;
  pluck(): SqliteStatement;
}

interface SqliteDatabase {
  pragma(source: string): unknown;
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  transaction(work: () => void): () => void;
  close(): void;
}

function sqliteMaker(bed: Bed, folder: string, kind: "keys" | "strings"): Made {
  const Database = loadPeer("better-sqlite3") as new (path: string) => SqliteDatabase;
  const db = new Database(join(folder, "data.sqlite"));
  for (const pragma of SQLITE_PRAGMAS) db.pragma(pragma.slice("PRAGMA ".length));
  db.pragma(`cache_size = ${-Math.ceil(bed.cacheBytes / 1024)}`);
  if (kind === "strings") {
    db.exec("CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID");
  }
  const columns = kind === "keys" ? "k" : "k, v";
  const statement = (where: string, order: string): SqliteStatement => {
    const prepared = db.prepare(`SELECT ${columns} FROM kv ${where} ORDER BY k ${order} LIMIT ?`);
    return kind === "keys" ? prepared.pluck() : prepared.raw();
  };
  const [all, allBack] = [statement("", ""), statement("", "DESC")];
  const [some, someBack] = [statement("WHERE k >= ?", ""), statement("WHERE k <= ?", "DESC")];
  const count =
    kind === "keys"
      ? countKeys
      : (rows: Iterable<unknown>): number => {
          let seen = 0;
          for (const row of rows) if (((row as StringRecord)[1] as string).length > 0) seen++;
          return seen;
        };
  return {
    load(records) {
      const insert = db.prepare("INSERT INTO kv (k, v) VALUES (?, ?)");
      db.transaction(() => {
        for (const record of records) insert.run(...record);
      })();
    },
    scanner: {
      scan({ from, reverse, limit }) {
        const chosen = from === null ? (reverse ? allBack : all) : reverse ? someBack : some;
        const parameters = from === null ? [limit] : [from, limit];
        const few = limit >= 0 && limit <= COLLECT_ROWS_MAX;
        return count(few ? chosen.all(...parameters) : chosen.iterate(...parameters));
      },
      close: () => db.close(),
    },
  };
}

interface LmdbDatabase {
  putSync(key: string, value: string): void;
  transactionSync(work: () => void): void;
  getKeys(options: object): Iterable<unknown>;
  getRange(options: object): Iterable<{ key: string; value: string }>;
  close(): Promise<void>;
}

function lmdbMaker(bed: Bed, folder: string, kind: "keys" | "strings"): Made {
  const lmdb = loadPeer("lmdb") as { open(options: object): LmdbDatabase };
  const db = lmdb.open({
    path: join(folder, "data.mdb"),
    noSubdir: true,
    mapSize: MAP_BYTES,
    encoding: kind === "strings" ? "string" : "binary",
    keyEncoding: bed.spec.shape === "text" ? "ordered-binary" : "binary",
    compression: false,
    cache: false,
  });
  const options = ({ from, reverse, limit }: ScanRange): object => ({
    ...(from === null ? {} : { start: from }),
    ...(limit < 0 ? {} : { limit }),
    reverse,
  });
  return {
    load: (records) =>
      db.transactionSync(() => {
        for (const [key, value] of records) db.putSync(key, value);
      }),
    scanner: {
      scan(range) {
        if (kind === "keys") return countKeys(db.getKeys(options(range)));
        let seen = 0;
        for (const { value } of db.getRange(options(range))) if (value.length > 0) seen++;
        return seen;
      },
      close: () => db.close(),
    },
  };
}

interface LevelIterator {
  nextv(size: number): Promise<unknown[]>;
  close(): Promise<void>;
}

interface LevelDatabase {
  batch(operations: object[], options: { sync: boolean }): Promise<void>;
  iterator(options: object): LevelIterator;
  keys(options: object): LevelIterator;
  close(): Promise<void>;
}

type LevelConstructor = new (path: string, options: object) => LevelDatabase;

function levelMaker(bed: Bed, folder: string, kind: "keys" | "strings"): Made {
  const options = {
    keyEncoding: bed.spec.shape === "text" ? "utf8" : "buffer",
    valueEncoding: kind === "strings" ? "utf8" : "buffer",
    cacheSize: bed.cacheBytes,
  };
  const rocks = bed.engine.id === "rocksdb";
  const Level = rocks
    ? (loadPeer("@nxtedition/rocksdb") as { RocksLevel: LevelConstructor }).RocksLevel
    : (loadPeer("classic-level") as { ClassicLevel: LevelConstructor }).ClassicLevel;
  const db = new Level(join(folder, rocks ? "rocks" : "level"), options);
  return {
    load: (records) =>
      db.batch(
        records.map(([key, value]) => ({ type: "put", key, value })),
        { sync: true },
      ),
    scanner: {
      async scan(range) {
        const iterator = kind === "keys" ? db.keys(bounds(range)) : db.iterator(bounds(range));
        let seen = 0;
        try {
          for (;;) {
            const rows = await iterator.nextv(ITERATOR_BATCH);
            if (rows.length === 0) return seen;
            seen += kind === "keys" ? countKeys(rows) : countStrings(rows as StringRecord[]);
          }
        } finally {
          await iterator.close();
        }
      },
      close: () => db.close(),
    },
  };
}

function countStrings(rows: readonly StringRecord[]): number {
  let seen = 0;
  for (const [, value] of rows) if (value.length > 0) seen++;
  return seen;
}
