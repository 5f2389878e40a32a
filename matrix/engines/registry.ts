/** The engines that the matrix knows, in the order in which tables show them. */

import { LEVEL_WORKLOADS, type WorkloadName } from "../results/document.js";
import { betterSqlite3Blob, betterSqlite3Int } from "./better-sqlite3.js";
import type { Engine } from "./engine.js";
import { espalierGroup, espalierNone, espalierSync } from "./espalier.js";
import {
  classicLevel,
  classicLevelBuffered,
  espalierLevel,
  espalierLevelBuffered,
  rocksdb,
} from "./level.js";
import { lmdbAwaited, lmdbSync } from "./lmdb.js";
import { nodeSqlite } from "./node-sqlite.js";
import { nodeSqlite3Wasm } from "./node-sqlite3-wasm.js";
import { rebuild, rebuildOnMiss } from "./rebuild.js";
import { sortedBtree } from "./sorted-btree.js";

/** There to be compared with classic-level through the interface of abstract-level, and for nothing else. */
const LEVEL_ENGINES: readonly Engine[] = [espalierLevel, espalierLevelBuffered, classicLevelBuffered];

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
  ...LEVEL_ENGINES,
];

/** Engines for every workload: those that stand for one interface only are left out. */
export const STORE_ENGINES: readonly Engine[] = ENGINES.filter((engine) => !LEVEL_ENGINES.includes(engine));

/** The engine of an id. Throws RangeError, naming all of them, for an id that is none. */
export function engineById(id: string): Engine {
  const engine = ENGINES.find((candidate) => candidate.id === id);
  if (engine === undefined) {
    throw new RangeError(`no engine is called ${id}; there are ${ENGINES.map(({ id }) => id).join(", ")}`);
  }
  return engine;
}

/** Whether a workload asks an engine for something that its interface has. */
export function hasWorkload(id: string, workload: WorkloadName): boolean {
  return !LEVEL_WORKLOADS.includes(workload) || engineById(id).isLevel === true;
}
