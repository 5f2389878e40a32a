/**
 * Decides, before a byte is written, where every page of the converted file goes and in which batches it is
 * written (M2, M3). Pure: numbers in, numbers out.
 *
 * - A batch writes only into space that was dead before it: what never lived, what earlier batches used up,
 *   the growth behind the file. What a batch uses up is dead for the next one.
 * - Leaves and overflow runs take the lowest dead space. Those that end up behind the final end of the file,
 *   or that have a page of their own, are written to a temporary place first and moved when all source pages
 *   are dead; their bytes are those of their final place from the start.
 * - Branches and the rest ("trailing" pages) come last and fill what is left at the bottom.
 */

import { type DeadSpace, PageMap } from "./page-map.js";

export interface LayoutInput {
  /** Source pages that are used up together, in key order: a leaf, or a group of leaves. */
  readonly unitCount: number;
  readonly unitRecords: (unit: number) => number;
  readonly releaseUnit: (unit: number, space: DeadSpace) => void;
  /** Records in each target leaf. */
  readonly leafRecords: Uint32Array;
  /** Overflow runs of each target leaf; absent where there are none at all. */
  readonly leafRuns: Uint32Array | undefined;
  /** Pages of each run, in order; runs begin at a multiple of `runUnit`. */
  readonly runPages: Uint32Array;
  readonly runUnit: number;
  /** Leaves that have a page of their own: leaf index to page. */
  readonly fixedLeaves: ReadonlyMap<number, number>;
  /** The pages that follow the leaves: 0 for a free choice, else the page; or a run of several. */
  readonly trailing: readonly TrailingPages[];
  readonly batchPages: number;
  readonly batchPagesMin: number;
}

export interface TrailingPages {
  readonly pages: number;
  /** A page of its own, or 0. */
  readonly fixed: number;
}

export interface Batch {
  /** Leaves below this index are written when the batch is. */
  readonly leaves: number;
  readonly runs: number;
  /** Where the next batch begins to read. */
  readonly unit: number;
  readonly record: number;
  /** Records written up to here. */
  readonly records: number;
}

export interface Move {
  readonly from: number;
  readonly to: number;
  readonly pages: number;
}

export interface Layout {
  readonly leafPages: Uint32Array;
  readonly runStarts: Uint32Array;
  readonly trailing: Uint32Array;
  readonly batches: readonly Batch[];
  readonly moves: readonly Move[];
  /** Pages of the finished file, from 0 to its last used page. */
  readonly finalPages: number;
  /** Unused pages below that, as extents. */
  readonly gaps: readonly { readonly start: number; readonly count: number }[];
  /** Target pages behind the file that are needed on the way. */
  readonly growthPages: number;
}

export class GrowthExhausted extends Error {}

export function planLayout(input: LayoutInput, space: DeadSpace, firstPage: number): Layout {
  return new LayoutPlanner(input, space, firstPage).run();
}

class LayoutPlanner {
  readonly #input: LayoutInput;
  readonly #space: DeadSpace;
  readonly #firstPage: number;
  readonly #leafPages: Uint32Array;
  readonly #runStarts: Uint32Array;
  readonly #batches: Batch[] = [];
  #moves: Move[] = [];
  #run = 0;
  #unit = 0;
  #record = 0;
  #records = 0;
  #batchStartUnit = 0;
  #batchPages = 0;
  #highest = 0;

  constructor(input: LayoutInput, space: DeadSpace, firstPage: number) {
    this.#input = input;
    this.#space = space;
    this.#firstPage = firstPage;
    this.#leafPages = new Uint32Array(input.leafRecords.length);
    this.#runStarts = new Uint32Array(input.runPages.length);
  }

  run(): Layout {
    const { leafRecords, fixedLeaves, trailing } = this.#input;
    for (const page of fixedLeaves.values()) this.#reserve(page);
    for (const each of trailing) if (each.fixed > 0) this.#reserve(each.fixed);
    for (let leaf = 0; leaf < leafRecords.length; leaf++) {
      this.#placeLeaf(leaf);
      if (this.#batchPages >= this.#input.batchPages) this.#closeBatch(leaf + 1);
    }
    this.#closeBatch(leafRecords.length);
    this.#settlePlaces();
    const places = this.#placeTrailing();
    const finalPages = this.#finalPages(places);
    return {
      leafPages: this.#leafPages,
      runStarts: this.#runStarts,
      trailing: places,
      batches: this.#batches,
      moves: this.#moves,
      finalPages,
      gaps: this.#gaps(finalPages, places),
      growthPages: Math.max(0, this.#highest + 1 - this.#space.insidePages),
    };
  }

  /** A reserved page is nobody else's, whether it is dead yet or not. */
  readonly #reserved: Set<number> = new Set();

  #reserve(page: number): void {
    this.#reserved.add(page);
    this.#space.take(page);
  }

  #placeLeaf(leaf: number): void {
    const { leafRuns, runPages, leafRecords } = this.#input;
    const runs = leafRuns?.[leaf] ?? 0;
    let needed = 1;
    for (let i = 0; i < runs; i++) needed += runPages[this.#run + i]!;
    const usedUp = this.#unit - this.#batchStartUnit;
    if (this.#space.freeInside < needed && usedUp >= this.#input.batchPagesMin) this.#closeBatch(leaf);
    for (let i = 0; i < runs; i++) {
      this.#runStarts[this.#run] = this.#take(runPages[this.#run]!);
      this.#run++;
    }
    this.#leafPages[leaf] = this.#take(1);
    this.#batchPages += needed;
    this.#useUp(leafRecords[leaf]!);
  }

  #take(pages: number): number {
    const { free } = this.#space;
    const start = pages === 1 ? free.lowest() : free.lowestRun(pages, this.#input.runUnit);
    if (start < 0) throw new GrowthExhausted();
    for (let page = start; page < start + pages; page++) this.#space.take(page);
    this.#highest = Math.max(this.#highest, start + pages - 1);
    return start;
  }

  #useUp(records: number): void {
    this.#records += records;
    this.#record += records;
    const { unitCount, unitRecords } = this.#input;
    while (this.#unit < unitCount && this.#record >= unitRecords(this.#unit)) {
      this.#record -= unitRecords(this.#unit);
      this.#unit++;
    }
  }

  #closeBatch(leaves: number): void {
    const last = this.#batches.at(-1);
    if ((last?.leaves ?? 0) === leaves) return;
    this.#batches.push({
      leaves,
      runs: this.#run,
      unit: this.#unit,
      record: this.#record,
      records: this.#records,
    });
    for (let unit = this.#batchStartUnit; unit < this.#unit; unit++) {
      this.#input.releaseUnit(unit, this.#space);
      for (const page of this.#reserved) this.#space.take(page);
    }
    this.#batchStartUnit = this.#unit;
    this.#batchPages = 0;
  }

  // From here on everything of the source is dead.

  #settlePlaces(): void {
    const limit = this.#limit();
    const { runPages, fixedLeaves } = this.#input;
    for (let run = 0; run < this.#runStarts.length; run++) {
      this.#runStarts[run] = this.#settle(this.#runStarts[run]!, runPages[run]!, limit);
    }
    for (let leaf = 0; leaf < this.#leafPages.length; leaf++) {
      const fixed = fixedLeaves.get(leaf);
      if (fixed === undefined) this.#leafPages[leaf] = this.#settle(this.#leafPages[leaf]!, 1, limit);
      else {
        this.#moves.push({ from: this.#leafPages[leaf]!, to: fixed, pages: 1 });
        this.#leafPages[leaf] = fixed;
      }
    }
  }

  /** Below this, the file has just room for everything that is free to choose its place. */
  #limit(): number {
    let wanted = this.#leafPages.length - this.#input.fixedLeaves.size;
    for (const pages of this.#input.runPages) wanted += pages;
    for (const each of this.#input.trailing) if (each.fixed === 0) wanted += each.pages;
    let limit = this.#firstPage + wanted;
    for (const page of [...this.#reserved].sort((a, b) => a - b)) if (page < limit) limit++;
    return limit;
  }

  #settle(from: number, pages: number, limit: number): number {
    if (from + pages <= limit) return from;
    const { free } = this.#space;
    const to = pages === 1 ? free.lowest() : free.lowestRun(pages, this.#input.runUnit);
    if (to < 0 || to >= from) return from;
    for (let page = to; page < to + pages; page++) this.#space.take(page);
    this.#moves.push({ from, to, pages });
    return to;
  }

  #placeTrailing(): Uint32Array {
    const { trailing } = this.#input;
    for (const { from, pages } of this.#moves) {
      for (let page = from; page < from + pages; page++) {
        if (!this.#reserved.has(page)) this.#space.free.add(page);
      }
    }
    const places = new Uint32Array(trailing.length);
    trailing.forEach((each, index) => {
      places[index] = each.fixed > 0 ? each.fixed : this.#take(each.pages);
    });
    return places;
  }

  #finalPages(places: Uint32Array): number {
    let end = this.#firstPage;
    const { runPages, trailing } = this.#input;
    this.#leafPages.forEach((page) => {
      end = Math.max(end, page + 1);
    });
    this.#runStarts.forEach((page, index) => {
      end = Math.max(end, page + runPages[index]!);
    });
    places.forEach((page, index) => {
      end = Math.max(end, page + trailing[index]!.pages);
    });
    for (const page of this.#reserved) this.#highest = Math.max(this.#highest, page);
    return end;
  }

  #gaps(finalPages: number, places: Uint32Array): { start: number; count: number }[] {
    const used = new PageMap(finalPages);
    const { runPages, trailing } = this.#input;
    for (const page of this.#leafPages) used.add(page);
    this.#runStarts.forEach((page, index) => {
      addRun(used, page, runPages[index]!);
    });
    places.forEach((page, index) => {
      addRun(used, page, trailing[index]!.pages);
    });
    const gaps: { start: number; count: number }[] = [];
    for (let page = this.#firstPage; page < finalPages; page++) {
      if (used.has(page)) continue;
      const last = gaps.at(-1);
      if (last !== undefined && last.start + last.count === page) last.count++;
      else gaps.push({ start: page, count: 1 });
    }
    return gaps;
  }
}

function addRun(map: PageMap, start: number, pages: number): void {
  for (let page = start; page < start + pages; page++) map.add(page);
}
