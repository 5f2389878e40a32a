/**
 * Compact: moves pages that lie behind the end that the file would have without free pages into free
 * ones before it, then cuts the file. Small transactions, between which other writes go on; each leaves
 * a whole store, so that it can be stopped at any point.
 *
 * A root moves like any other page: the catalogue is told, and so are the tree's handles. Snapshots go on
 * with the old one, whose bytes they keep. They look for other trees in the catalogue, whose own root stays where
 * it is while there are any.
 */

import { setImmediate } from "node:timers/promises";
import { EMPTY_BYTES } from "../base/bytes.js";
import { branchEntries, childAt, setChild, writeBranch } from "../page/branch.js";
import { highFence, isOverflow, keyOf, lowFence, slotCount, valueAt } from "../page/leaf.js";
import { freeOverflow, overflowPages, overflowValue, readReference } from "../page/overflow.js";
import { AT_LEVEL } from "../pager/page-header.js";
import { highBound, lowBound, type Path } from "../tree/path.js";
import type { Tree } from "../tree/tree.js";
import { copyUnboundedPage } from "../tree/unbounded-page.js";
import type { Progress } from "./backup.js";
import { type Catalog, encodeTreeRecord, type TreeRecord } from "./catalog.js";
import type { Engine } from "./engine.js";

export interface CompactOptions {
  /** Stops it between two transactions; what has moved stays moved. */
  readonly signal?: AbortSignal;
  /** Called after each transaction, and at the end. */
  readonly onProgress?: (progress: Progress) => void;
}

/** What a compaction has done. */
export interface CompactReport {
  /** Size of the data file. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Those of overflow values included. */
  readonly pagesMoved: number;
  /**
   * Snapshots that were open at the end, those that ranges hold included. As long as they are, pages that they
   * see are not free: where it is not 0, another run after them may give more back.
   */
  readonly snapshots: number;
}

/** Told after a tree's root has moved. */
export type RootListener = (name: string, record: TreeRecord) => void;

/** What moves leaves room for others, which the next pass moves there. */
const PASSES_MAX = 3;
/** Leaves looked at in one transaction. */
const LEAVES_A_STEP = 64;

export async function compactStore(
  engine: Engine,
  catalog: Catalog,
  onRootMoved: RootListener,
  options: CompactOptions,
): Promise<CompactReport> {
  const { pager } = engine;
  options.signal?.throwIfAborted();
  pager.checkpointNow();
  const bytesBefore = pager.data.file.size();
  const mover = new Mover(engine, options);
  for (let pass = 0, before = -1; pass < PASSES_MAX && mover.moved > before; pass++) {
    before = mover.moved;
    const trees = catalog.all(-1);
    await mover.moveTree(catalog.root, () => true);
    for (const [name, { root }] of trees)
      await mover.moveTree(root, () => catalog.tree(name, -1)?.root === root);
    for (const name of trees.keys()) {
      const record = mover.durableIfMoved(() => mover.moveRoot(catalog, name));
      if (record !== undefined) onRootMoved(name, record);
    }
    // Salvage, where it has no log, looks for the catalogue where the header says.
    if (mover.durableIfMoved(() => mover.moveCatalog(catalog))) pager.checkpointNow();
  }
  await mover.letOthersIn();
  engine.beginUpkeep("compact");
  pager.trim();
  const report = {
    bytesBefore,
    bytesAfter: pager.data.file.size(),
    pagesMoved: mover.moved,
    snapshots: pager.versions.snapshots,
  };
  // Last, since it may close the store.
  mover.tellProgress(true);
  return report;
}

class Mover {
  moved = 0;
  readonly #engine: Engine;
  readonly #options: CompactOptions;
  /** Pages from here on are to be moved. */
  readonly #limit: number;
  /** Leaves that all passes look at, at most. */
  readonly #total: number;
  #looked = 0;

  constructor(engine: Engine, options: CompactOptions) {
    const { pageCount, free } = engine.pager;
    this.#engine = engine;
    this.#options = options;
    this.#limit = pageCount - free.pages;
    this.#total = pageCount * PASSES_MAX;
  }

  /** Before each transaction. Throws the signal's reason, and ClosedError. */
  async letOthersIn(): Promise<void> {
    await setImmediate();
    this.#options.signal?.throwIfAborted();
    this.#engine.assertOpen();
  }

  tellProgress(atEnd: boolean): void {
    const total = this.#total;
    this.#options.onProgress?.({ done: atEnd ? total : Math.min(this.#looked, total), total });
  }

  /** One transaction; durable, so that its free pages are of use, but no sync where it has only looked. */
  durableIfMoved<T>(step: () => T): T {
    const engine = this.#engine;
    const before = this.moved;
    const body = (): T => {
      const result = step();
      if (this.moved > before) engine.endWrite(true);
      return result;
    };
    return engine.transaction(body, false);
  }

  /** Moves what a tree has behind the limit, all but its root, as long as it is there. */
  async moveTree(root: number, isThere: () => boolean): Promise<void> {
    let start: Uint8Array | undefined = EMPTY_BYTES;
    while (start !== undefined) {
      await this.letOthersIn();
      // The tree was dropped meanwhile: its pages are others' by now.
      if (!isThere()) return;
      const from: Uint8Array = start;
      const tree = this.#engine.treeAt(root);
      start = this.durableIfMoved(() => this.#step(tree, from));
      this.tellProgress(false);
    }
  }

  /** Looks at some leaves from `start` on; returns where to go on, undefined at the tree's end. */
  #step(tree: Tree, start: Uint8Array): Uint8Array | undefined {
    const { pager } = this.#engine;
    let key = start;
    for (let i = 0; i < LEAVES_A_STEP; i++) {
      pager.beginOperation();
      const path = tree.pathTo(key, key.length);
      this.#moveBranches(tree, path);
      this.#moveLeaf(tree, path);
      this.#moveValues(tree, path.leaf);
      this.#looked++;
      const next = tree.fenceBehind(path.leaf, key);
      if (next.length === 0) return undefined;
      key = next;
    }
    return key;
  }

  /** A free page before `page`, which lies behind the limit; or -1. */
  #lowerPage(page: number): number {
    const { pager } = this.#engine;
    pager.settleFree();
    const lowest = pager.free.ready.lowest();
    return lowest >= 0 && lowest < page ? pager.allocatePage() : -1;
  }

  /** Moves the root of a tree, where that helps; returns the tree's new record. */
  moveRoot(catalog: Catalog, name: string): TreeRecord | undefined {
    this.#engine.pager.beginOperation();
    const old = catalog.tree(name, -1);
    const root = old === undefined ? -1 : this.#rootMoved(old.root);
    if (old === undefined || root < 0) return undefined;
    const record = { ...old, root };
    catalog.write(name, encodeTreeRecord(record));
    return record;
  }

  /** Returns whether it has moved. */
  moveCatalog(catalog: Catalog): boolean {
    const { pager } = this.#engine;
    if (pager.versions.snapshots > 0) return false;
    pager.beginOperation();
    const root = this.#rootMoved(catalog.root);
    if (root >= 0) catalog.moveTo(root);
    return root >= 0;
  }

  /** Copies a root to a lower page, and frees it; returns where it is then, -1: where it was. */
  #rootMoved(root: number): number {
    const { pager, context } = this.#engine;
    const to = root < this.#limit ? -1 : this.#lowerPage(root);
    if (to < 0) return -1;
    const tree = this.#engine.treeAt(root);
    const count = tree.count(-1);
    copyUnboundedPage(pager, context.allocator, root, to);
    pager.freePage(root);
    tree.forgetChanges();
    this.#engine.treeAt(to).setCount(count);
    this.moved++;
    return to;
  }

  #moveBranches(tree: Tree, path: Path): void {
    const { pager } = this.#engine;
    const { pool } = pager;
    for (let depth = 1; depth < path.pages.length; depth++) {
      const page = path.pages[depth]!;
      if (page < this.#limit) continue;
      const to = this.#lowerPage(page);
      if (to < 0) return;
      const offset = pager.at(page);
      const entries = branchEntries(pool, offset);
      const low = lowBound(pager, path, depth - 1);
      const high = highBound(pager, path, depth - 1);
      writeBranch(pager, to, pool.u8[offset + AT_LEVEL]!, childAt(pool, offset, 0), entries, low, high);
      this.#relink(tree, path, depth, page, to);
      path.pages[depth] = to;
    }
  }

  #moveLeaf(tree: Tree, path: Path): void {
    const { pager, context } = this.#engine;
    const { pool } = pager;
    if (path.pages.length === 0 || path.leaf < this.#limit) return;
    const to = this.#lowerPage(path.leaf);
    if (to < 0) return;
    const offset = pager.at(path.leaf);
    const { builder } = context.allocator;
    builder.start(lowFence(pool, offset), highFence(pool, offset));
    builder.addFrom(pool, offset, 0, slotCount(pool, offset));
    builder.writeTo(pager, to);
    context.allocator.regions.setEmpty(pager.at(to));
    this.#relink(tree, path, path.pages.length, path.leaf, to);
    path.leaf = to;
  }

  #relink(tree: Tree, path: Path, depth: number, from: number, to: number): void {
    const { pager } = this.#engine;
    setChild(pager, path.pages[depth - 1]!, path.positions[depth - 1]!, to);
    pager.freePage(from);
    tree.forgetLeaf();
    this.moved++;
  }

  /** Overflow runs that end behind the limit go to the lowest run, if that is lower. */
  #moveValues(tree: Tree, leaf: number): void {
    const { pager } = this.#engine;
    const { pool } = pager;
    const slots = slotCount(pool, pager.at(leaf));
    for (let slot = 0; slot < slots; slot++) {
      const offset = pager.at(leaf);
      if (!isOverflow(pool, offset, slot)) continue;
      const reference = readReference(pool.u8, valueAt(pool, offset, slot));
      const pages = overflowPages(reference.length, pager.pageSize);
      if (reference.page + pages <= this.#limit) continue;
      pager.settleFree();
      const lowest = pager.space.lowestRun(pages);
      if (lowest < 0 || lowest >= reference.page) continue;
      const value = overflowValue(pager, reference).u8;
      const key = keyOf(pool, offset, slot);
      tree.moveOverflow(leaf, slot, key, value);
      freeOverflow(pager, reference);
      this.moved += pages;
    }
  }
}
