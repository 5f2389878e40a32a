/** The engines that the matrix knows, in the order in which tables show them. */

import { betterSqlite3Blob, betterSqlite3Int } from "./better-sqlite3.js";
import type { Engine } from "./engine.js";
import { espalierGroup, espalierNone, espalierSync } from "./espalier.js";
import { classicLevel, rocksdb } from "./level.js";
import { lmdbAwaited, lmdbSync } from "./lmdb.js";
import { nodeSqlite } from "./node-sqlite.js";
import { nodeSqlite3Wasm } from "./node-sqlite3-wasm.js";
import { rebuild, rebuildOnMiss } from "./rebuild.js";
import { sortedBtree } from "./sorted-btree.js";

export const ENGINES: readonly Engine[] = [
  espalierSync,
  espalierGroup,
  espalierNone,
  rebuild,
  rebuildOnMiss,
  betterSqlite3Int,
  betterSqlite3Blob,
  lmdbSync,
  lmdbAwaited,
  classicLevel,
  rocksdb,
  nodeSqlite3Wasm,
  nodeSqlite,
  sortedBtree,
];

/** The engine of an id. Throws RangeError, naming all of them, for an id that is none. */
export function engineById(id: string): Engine {
  const engine = ENGINES.find((candidate) => candidate.id === id);
  if (engine === undefined) {
    throw new RangeError(`no engine is called ${id}; there are ${ENGINES.map(({ id }) => id).join(", ")}`);
  }
  return engine;
}
