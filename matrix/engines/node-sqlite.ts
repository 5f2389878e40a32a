/** node:sqlite, where the running Node has it (22.5 and later). */

import { join } from "node:path";
import type { Engine, Presence } from "./engine.js";
import { SQLITE_PRAGMAS, SQLITE_SETTINGS, type SqliteBinding, sqliteStore } from "./sqlite.js";

interface NativeStatement {
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): Record<string, unknown> | undefined;
  iterate(...parameters: unknown[]): Iterable<Record<string, unknown>>;
}

interface NativeDatabase {
  exec(sql: string): void;
  prepare(sql: string): NativeStatement;
  close(): void;
}

/** Kept out of the import's argument: the module is absent from older Nodes and from their types. */
const MODULE_NAME = "node:sqlite";

export const nodeSqlite: Engine = {
  id: "node-sqlite",
  title: "node:sqlite (INTEGER key)",
  family: "peer",
  package: null,
  durability: "durable",
  settings: `${SQLITE_SETTINGS}; INTEGER PRIMARY KEY, TEXT key WITHOUT ROWID for text`,
  readsOwnWrites: true,
  lockFiles: null,
  keyForm: (shape) => (shape === "text" ? "text" : "number"),
  unsupported: () => null,
  probe,
  async open(request) {
    const { DatabaseSync } = (await import(MODULE_NAME)) as {
      DatabaseSync: new (path: string) => NativeDatabase;
    };
    const db = new DatabaseSync(join(request.folder, "data.sqlite"));
    for (const pragma of SQLITE_PRAGMAS) db.exec(pragma);
    return sqliteStore(binding(db), request.shape === "text" ? "BLOB" : "INTEGER", request.shape);
  },
};

async function probe(): Promise<Presence> {
  try {
    await import(MODULE_NAME);
    return { present: true, version: process.versions.node, reason: null, install: null };
  } catch {
    return {
      present: false,
      version: null,
      reason: `Node ${process.versions.node} has no node:sqlite`,
      install: "run under Node 22.13 or later",
    };
  }
}

function binding(db: NativeDatabase): SqliteBinding {
  return {
    prepare(sql) {
      const statement = db.prepare(sql);
      return {
        run: (parameters) => void statement.run(...parameters),
        value: (parameters) => statement.get(...parameters)?.v,
        rows: (parameters) => pairs(statement.iterate(...parameters)),
      };
    },
    close: () => db.close(),
  };
}

function* pairs(rows: Iterable<Record<string, unknown>>): Iterable<readonly [unknown, unknown]> {
  for (const row of rows) yield [row.k, row.v];
}
