/**
 * What `store.stats()` returns.
 */

import { BRANCH_SLOT_BYTES, LEAF_SLOT_BYTES } from "../pager/page-header.js";
import { type Catalog, UNNAMED } from "./catalog.js";
import type { Engine } from "./engine.js";
import type { Settings } from "./options.js";

/** Sizes and states of a store at one moment; sizes in bytes where they are not in pages. */
export interface StoreStats {
  /** Absolute, with symbolic links resolved. */
  readonly path: string;
  /** 32 hexadecimal digits. */
  readonly storeId: string;
  readonly pageSize: number;
  readonly durability: string;
  readonly readOnly: boolean;
  /** Records of the unnamed tree, and of each named one. */
  readonly records: number;
  readonly trees: Record<string, number>;
  /** Pages in use or free, headers included. */
  readonly pages: number;
  readonly freePages: number;
  /** Size of the data file. */
  readonly dataBytes: number;
  /** Size of the active log segment, and how much of it is used; 0 until the log begins (see `open`). */
  readonly logBytes: number;
  readonly logUsedBytes: number;
  /** Memory that the cache may take. */
  readonly cacheBytes: number;
  /** The longest key, encoded. */
  readonly keyBytesMax: number;
  /** Number of the last commit, and of the last one that is durable. */
  readonly committed: number;
  readonly durableCommit: number;
  /** Whether all commits are durable; false for good after a failed sync. */
  readonly durable: boolean;
  /** Snapshots that are open, those that ranges and backups hold included. */
  readonly snapshots: number;
  /** Blocks kept for snapshots. */
  readonly versions: number;
  readonly checkpointRunning: boolean;
  /** Why the store takes no writes, or why the last checkpoint failed; undefined when all is well. */
  readonly failure: string | undefined;
  /** What a record, or a child, takes in its page's directory. */
  readonly slotBytes: { readonly leaf: number; readonly branch: number };
}

export function collectStats(engine: Engine, catalog: Catalog, settings: Settings, path: string): StoreStats {
  const { pager } = engine;
  const { log } = pager;
  const counts = new Map<string, number>();
  for (const [name, { root }] of catalog.all(-1)) {
    // Each by itself: the cache need not hold the roots of all trees.
    pager.beginOperation();
    counts.set(name, engine.treeAt(root).count(-1));
  }
  const records = counts.get(UNNAMED) ?? 0;
  counts.delete(UNNAMED);
  const failure = log.failure ?? pager.segments.failure;
  return {
    path,
    storeId: engine.storeId,
    pageSize: pager.pageSize,
    durability: settings.durability,
    readOnly: settings.readOnly,
    records,
    trees: Object.fromEntries(counts),
    pages: pager.pageCount,
    freePages: pager.free.pages,
    dataBytes: pager.data.claimedBytes,
    logBytes: log.started ? log.segmentBytes : 0,
    logUsedBytes: log.started ? log.usedBytes : 0,
    cacheBytes: pager.pool.frameCount << pager.pool.frameShift,
    keyBytesMax: engine.context.keyBytesMax,
    committed: log.committed,
    durableCommit: log.durable,
    durable: log.failure === undefined && log.durable === log.committed,
    snapshots: pager.versions.snapshots,
    versions: pager.versions.versions,
    checkpointRunning: pager.checkpoint.running,
    failure: failure === undefined ? undefined : failure instanceof Error ? failure.message : String(failure),
    slotBytes: { leaf: LEAF_SLOT_BYTES, branch: BRANCH_SLOT_BYTES },
  };
}
