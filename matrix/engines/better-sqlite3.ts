/** better-sqlite3: SQLite's native binding, once with rowid keys and once with BLOB or TEXT keys. */

import { join } from "node:path";
import type { Engine } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";
import {
  SQLITE_PRAGMAS,
  SQLITE_SETTINGS,
  type SqliteBinding,
  type SqliteKeyKind,
  sqliteStore,
} from "./sqlite.js";

/** Rows above this are iterated instead of collected. */
const COLLECT_ROWS_MAX = 1000;

interface NativeStatement {
  reader: boolean;
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): [unknown, unknown][];
  iterate(...parameters: unknown[]): IterableIterator<[unknown, unknown]>;
  raw(): NativeStatement;
  pluck(): NativeStatement;
}

interface NativeDatabase {
  pragma(source: string): unknown;
  prepare(sql: string): NativeStatement;
  close(): void;
}

type DatabaseConstructor = new (path: string) => NativeDatabase;

export const betterSqlite3Int: Engine = adapter("better-sqlite3", "INTEGER", "better-sqlite3 (INTEGER key)");
export const betterSqlite3Blob: Engine = adapter("better-sqlite3-blob", "BLOB", "better-sqlite3 (BLOB key)");

/** The package loads its native part with the first database. */
function openInMemory(module: unknown): void {
  new (module as DatabaseConstructor)(":memory:").close();
}

function adapter(id: string, kind: SqliteKeyKind, title: string): Engine {
  return {
    id,
    title,
    family: "peer",
    package: "better-sqlite3",
    durability: "durable",
    settings: `${SQLITE_SETTINGS}; ${kind === "INTEGER" ? "INTEGER PRIMARY KEY" : "BLOB or TEXT key WITHOUT ROWID"}`,
    readsOwnWrites: true,
    lockFiles: null,
    keyForm: (shape) => (shape === "text" ? "text" : kind === "INTEGER" ? "number" : "bytes"),
    unsupported: (_workload, shape) =>
      kind === "INTEGER" && shape === "text" ? "an INTEGER key holds no text; see better-sqlite3-blob" : null,
    probe: async () => probePeer("better-sqlite3", openInMemory),
    async open(request) {
      const Database = loadPeer("better-sqlite3") as DatabaseConstructor;
      const db = new Database(join(request.folder, "data.sqlite"));
      for (const pragma of SQLITE_PRAGMAS) db.pragma(pragma.slice("PRAGMA ".length));
      if (request.cacheBytes !== undefined)
        db.pragma(`cache_size = ${-Math.ceil(request.cacheBytes / 1024)}`);
      return sqliteStore(binding(db), kind, request.shape);
    },
  };
}

function binding(db: NativeDatabase): SqliteBinding {
  return {
    prepare(sql) {
      const statement = db.prepare(sql);
      const pair = statement.reader && sql.startsWith("SELECT k");
      if (pair) statement.raw();
      else if (statement.reader) statement.pluck();
      return {
        run: (parameters) => void statement.run(...parameters),
        value: (parameters) => statement.get(...parameters),
        rows(parameters) {
          const limit = parameters.at(-1) as number;
          const few = limit >= 0 && limit <= COLLECT_ROWS_MAX;
          return few ? statement.all(...parameters) : statement.iterate(...parameters);
        },
      };
    },
    close: () => db.close(),
  };
}
