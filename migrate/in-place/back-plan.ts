/**
 * Works out the way back, exactly and before the first write (M4): which legacy leaves and branches the store's
 * records make, full-key fences included, and where all of them go, the roots at the pages that they had.
 */

import { ValueTooLargeError } from "../../src/base/errors.js";
import { overflowPages } from "../../src/page/overflow.js";
import { ContentTally } from "../legacy/content.js";
import type { LegacyGeneration } from "../legacy/layout.js";
import { PageList } from "../legacy/page-set.js";
import { BulkPlanner } from "../legacy/writer-plan.js";
import type { CarriedPage } from "../legacy-record.js";
import { referenceOf, StoreLeafDecoder } from "../store-leaf.js";
import type { StorePages } from "../store-pages.js";
import type { LayoutInput, TrailingPages } from "./layout.js";
import type { DeadSpace, PageMap } from "./page-map.js";

/** A tree of the store that goes back. */
export interface TreeToReturn {
  readonly name: string;
  /** Of the store. */
  readonly storeRoot: number;
  /** Where the legacy root goes; 0 for a free choice. */
  readonly legacyRoot: number;
  readonly metaOffset: number | null;
}

export interface SizedLegacyTree extends TreeToReturn {
  readonly units: readonly [number, number];
  readonly leaves: readonly [number, number];
  readonly records: number;
  readonly digest: string;
  readonly branches: readonly number[];
}

export interface SizedLegacy {
  readonly generation: LegacyGeneration;
  readonly pageSize: number;
  readonly trees: readonly SizedLegacyTree[];
  readonly units: Uint32Array;
  readonly leafRecords: Uint32Array;
  readonly branchChildren: Uint32Array;
  /** Each has a place of its own, behind those of the branches in the list of trailing pages. */
  readonly carried: readonly CarriedPage[];
  readonly layout: Omit<LayoutInput, "batchPages" | "batchPagesMin">;
  /** The store's pages that hold records. */
  readonly markLive: (live: PageMap) => void;
}

/** Yields the leaves done. Throws what BulkPlanner throws, and CorruptionError. */
export function* sizeLegacy(
  pages: StorePages,
  pageCount: number,
  trees: readonly TreeToReturn[],
  generation: LegacyGeneration,
  pageSize: number,
  carried: readonly CarriedPage[],
): Generator<number, SizedLegacy> {
  const sizer = new LegacySizer(pages, generation, pageSize);
  const sized: SizedLegacyTree[] = [];
  for (const tree of trees) sized.push(yield* sizer.tree(tree, pageCount));
  return sizer.finish(sized, carried);
}

class LegacySizer {
  readonly #pages: StorePages;
  readonly #generation: LegacyGeneration;
  readonly #pageSize: number;
  readonly #units: PageList = new PageList();
  readonly #unitRecords: PageList = new PageList();
  /** Runs up to and with each unit. */
  readonly #unitRuns: PageList = new PageList();
  readonly #runStarts: PageList = new PageList();
  readonly #runPages: PageList = new PageList();
  readonly #leafRecords: PageList = new PageList();
  readonly #branchChildren: PageList = new PageList();
  readonly #trailing: TrailingPages[] = [];
  readonly #fixedLeaves: Map<number, number> = new Map();

  constructor(pages: StorePages, generation: LegacyGeneration, pageSize: number) {
    this.#pages = pages;
    this.#generation = generation;
    this.#pageSize = pageSize;
  }

  *tree(tree: TreeToReturn, pageCount: number): Generator<number, SizedLegacyTree> {
    const planner = new BulkPlanner(this.#generation, this.#pageSize);
    const leaf = new StoreLeafDecoder(this.#pages.path, this.#pages.pageSize);
    const tally = new ContentTally();
    const firstUnit = this.#units.length;
    const firstLeaf = this.#leafRecords.length;
    // The walk reads branches in between, so the pages of leaves are gathered first.
    const leaves = new PageList();
    for (const page of this.#pages.leaves(tree.storeRoot, pageCount)) leaves.push(page);
    for (let i = 0; i < leaves.length; i++) {
      this.#unit(leaves.at(i), leaf, planner, tally);
      yield this.#units.length;
    }
    const plan = planner.finish();
    for (const records of plan.levels[0]!) this.#leafRecords.push(records);
    this.#placeBranches(tree, plan.levels, firstLeaf);
    const { records, digest } = tally.finish();
    return {
      ...tree,
      units: [firstUnit, this.#units.length],
      leaves: [firstLeaf, this.#leafRecords.length],
      records,
      digest,
      branches: plan.levels.slice(1).map((level) => level.length),
    };
  }

  #unit(page: number, leaf: StoreLeafDecoder, planner: BulkPlanner, tally: ContentTally): void {
    leaf.decode(this.#pages.page(page), page, (reference, from) => {
      const run = referenceOf(reference);
      if (run.length > this.#pageSize) throw new ValueTooLargeError(run.length, this.#pageSize);
      this.#runStarts.push(run.page);
      this.#runPages.push(overflowPages(run.length, this.#pages.pageSize));
      return this.#pages.run(reference, from);
    });
    planner.add(leaf);
    tally.add(leaf);
    this.#units.push(page);
    this.#unitRecords.push(leaf.count);
    this.#unitRuns.push(this.#runStarts.length);
  }

  #placeBranches(tree: TreeToReturn, levels: readonly Uint32Array[], firstLeaf: number): void {
    if (levels.length === 1 && tree.legacyRoot > 0) this.#fixedLeaves.set(firstLeaf, tree.legacyRoot);
    for (let level = 1; level < levels.length; level++) {
      const isTop = level === levels.length - 1;
      for (const children of levels[level]!) {
        this.#branchChildren.push(children);
        this.#trailing.push({ pages: 1, fixed: isTop ? tree.legacyRoot : 0 });
      }
    }
  }

  finish(trees: readonly SizedLegacyTree[], carried: readonly CarriedPage[]): SizedLegacy {
    for (const { page } of carried) this.#trailing.push({ pages: 1, fixed: page });
    const units = this.#units.toArray();
    const unitRecords = this.#unitRecords;
    const runsOf = (unit: number): [number, number] => [
      unit === 0 ? 0 : this.#unitRuns.at(unit - 1),
      this.#unitRuns.at(unit),
    ];
    const eachPage = (unit: number, visit: (page: number) => void): void => {
      visit(units[unit]!);
      const [from, to] = runsOf(unit);
      for (let run = from; run < to; run++) {
        const start = this.#runStarts.at(run);
        for (let page = start; page < start + this.#runPages.at(run); page++) visit(page);
      }
    };
    const leafRecords = this.#leafRecords.toArray();
    return {
      generation: this.#generation,
      pageSize: this.#pageSize,
      trees,
      units,
      leafRecords,
      branchChildren: this.#branchChildren.toArray(),
      carried,
      layout: {
        unitCount: units.length,
        unitRecords: (unit) => unitRecords.at(unit),
        releaseUnit: (unit: number, space: DeadSpace) => eachPage(unit, (page) => space.release(page)),
        leafRecords,
        leafRuns: undefined,
        runPages: new Uint32Array(0),
        runUnit: 1,
        fixedLeaves: this.#fixedLeaves,
        trailing: this.#trailing,
      },
      markLive: (live) => {
        for (let unit = 0; unit < units.length; unit++) eachPage(unit, (page) => live.add(page));
      },
    };
  }
}
