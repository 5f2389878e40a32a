/** node-sqlite3-wasm: SQLite compiled to WebAssembly, with the same settings as the native binding. */

import { join } from "node:path";
import type { Engine } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";
import { SQLITE_PRAGMAS, SQLITE_SETTINGS, type SqliteBinding, sqliteStore } from "./sqlite.js";

interface WasmStatement {
  run(values: readonly unknown[]): unknown;
  get(values: readonly unknown[]): Record<string, unknown> | null;
  iterate(values: readonly unknown[]): Iterable<Record<string, unknown>>;
  finalize(): void;
}

interface WasmDatabase {
  exec(sql: string): void;
  get(sql: string): Record<string, unknown> | null;
  prepare(sql: string): WasmStatement;
  close(): void;
}

export const nodeSqlite3Wasm: Engine = {
  id: "node-sqlite3-wasm",
  title: "node-sqlite3-wasm (INTEGER key)",
  family: "peer",
  package: "node-sqlite3-wasm",
  durability: "durable",
  settings: `${SQLITE_SETTINGS}; locking_mode=EXCLUSIVE (it has no shared memory); INTEGER PRIMARY KEY, TEXT key WITHOUT ROWID for text`,
  readsOwnWrites: true,
  lockFiles: /\.lock$/,
  keyForm: (shape) => (shape === "text" ? "text" : "number"),
  unsupported: () => null,
  probe: async () => probePeer("node-sqlite3-wasm"),
  async open(request) {
    const { Database } = loadPeer("node-sqlite3-wasm") as { Database: new (path: string) => WasmDatabase };
    const db = new Database(join(request.folder, "data.sqlite"));
    // Without shared memory SQLite can keep a log only for a connection that is alone.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    for (const pragma of SQLITE_PRAGMAS) db.get(pragma);
    const mode = db.get("PRAGMA journal_mode")?.journal_mode;
    if (mode !== "wal") throw new Error(`the WebAssembly build is in journal mode ${String(mode)}, not wal`);
    return sqliteStore(binding(db), request.shape === "text" ? "BLOB" : "INTEGER", request.shape);
  },
};

function binding(db: WasmDatabase): SqliteBinding {
  const statements: WasmStatement[] = [];
  return {
    prepare(sql) {
      const statement = db.prepare(sql);
      statements.push(statement);
      return {
        run: (parameters) => void statement.run(parameters),
        value: (parameters) => statement.get(parameters)?.v,
        rows: (parameters) => pairs(statement.iterate(parameters)),
      };
    },
    close() {
      for (const statement of statements) statement.finalize();
      db.close();
    },
  };
}

function* pairs(rows: Iterable<Record<string, unknown>>): Iterable<readonly [unknown, unknown]> {
  for (const row of rows) yield [row.k, row.v];
}
