/**
 * What the three bindings of SQLite share: the schema, the settings, the statements, and an EngineStore
 * over any binding that can prepare them.
 *
 * Every binding runs WAL with synchronous=FULL: a commit appends to the log and syncs it before it returns.
 */

import type { ShapeName } from "../results/document.js";
import { type Key, keyBytesOfNumber } from "../streams/shapes.js";
import type { EngineStore, ScanRange } from "./engine.js";

export type SqliteKeyKind = "INTEGER" | "BLOB";

/** Settings that every binding gets, one statement each. */
export const SQLITE_PRAGMAS: readonly string[] = [
  "PRAGMA page_size = 4096",
  "PRAGMA journal_mode = WAL",
  "PRAGMA synchronous = FULL",
  "PRAGMA cache_size = -131072",
];

export const SQLITE_SETTINGS =
  "WAL, synchronous=FULL, page_size 4096, 128 MiB cache, prepared statements; a commit syncs the log";

/** The table: keys by number as rowids, all others in the tree itself. */
export function createTable(kind: SqliteKeyKind, shape: ShapeName): string {
  if (kind === "INTEGER") return "CREATE TABLE IF NOT EXISTS kv (k INTEGER PRIMARY KEY, v BLOB NOT NULL)";
  const type = shape === "text" ? "TEXT" : "BLOB";
  return `CREATE TABLE IF NOT EXISTS kv (k ${type} PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID`;
}

/** A prepared statement, as the bindings' adapters reduce theirs. */
export interface SqliteStatement {
  run(parameters: readonly unknown[]): void;
  /** First column of the first row. */
  value(parameters: readonly unknown[]): unknown;
  /** Rows as [key, value]. */
  rows(parameters: readonly unknown[]): Iterable<readonly [unknown, unknown]>;
}

/** A binding, opened. */
export interface SqliteBinding {
  prepare(sql: string): SqliteStatement;
  close(): void;
}

const UPSERT = "INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v";

/** An EngineStore over an open binding. The statements are prepared once. */
export function sqliteStore(db: SqliteBinding, kind: SqliteKeyKind, shape: ShapeName): EngineStore {
  db.prepare(createTable(kind, shape)).run([]);
  const begin = db.prepare("BEGIN IMMEDIATE");
  const beginRead = db.prepare("BEGIN DEFERRED");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const upsert = db.prepare(UPSERT);
  const remove = db.prepare("DELETE FROM kv WHERE k = ?");
  const select = db.prepare("SELECT v FROM kv WHERE k = ?");
  const forward = db.prepare("SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?");
  const backward = db.prepare("SELECT k, v FROM kv WHERE k <= ? ORDER BY k DESC LIMIT ?");
  const allForward = db.prepare("SELECT k, v FROM kv ORDER BY k LIMIT ?");
  const allBackward = db.prepare("SELECT k, v FROM kv ORDER BY k DESC LIMIT ?");

  const rowsOf = (range: ScanRange): Iterable<readonly [unknown, unknown]> => {
    if (range.from === null) return (range.reverse ? allBackward : allForward).rows([range.limit]);
    return (range.reverse ? backward : forward).rows([range.from, range.limit]);
  };
  const within = (opening: SqliteStatement, work: () => void): void => {
    opening.run([]);
    try {
      work();
    } catch (error) {
      rollback.run([]);
      throw error;
    }
    commit.run([]);
  };
  return {
    transaction: (work) => within(begin, work),
    reading: (work) => within(beginRead, work),
    put: (key, value) => upsert.run([key, value]),
    delete: (key) => remove.run([key]),
    putMany(records) {
      for (const record of records) upsert.run(record);
    },
    get: (key) => select.value([key]) as Uint8Array | undefined,
    scan(range) {
      let seen = 0;
      for (const row of rowsOf(range)) if ((row[1] as Uint8Array).length > 0) seen++;
      return seen;
    },
    async *entries() {
      for (const [key, value] of rowsOf({ from: null, reverse: false, limit: -1 })) {
        yield [keyBytes(key as Key | Uint8Array | bigint), value as Uint8Array];
      }
    },
    counters: () => null,
    census: () => null,
    close: () => db.close(),
  };
}

function keyBytes(key: Key | Uint8Array | bigint): Uint8Array {
  if (typeof key === "string") return Buffer.from(key);
  if (typeof key === "number" || typeof key === "bigint") return keyBytesOfNumber(Number(key));
  return key;
}
