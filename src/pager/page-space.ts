/**
 * The pages of the data file as the running transaction takes and gives them: free ones first, then new
 * ones at the file's end, claimed before they are used (P3). What it takes and gives counts when it
 * commits; undoing it gives back what it took.
 */

import { alignUp } from "../base/bytes.js";
import type { RedoLog } from "../log/redo-log.js";
import type { DataFile } from "./data-file.js";
import { type ExtentSet, FreeSpace, type Waiting } from "./free-space.js";
import type { StoreHeader } from "./store-header.js";

export class PageSpace {
  readonly free: FreeSpace = new FreeSpace();
  /** Pages below this are in use, free or headers. */
  pageCount: number;
  /** Root page of the catalogue, as the last commit left it. */
  catalogRoot: number;
  /** Whether the transaction has taken a run for bytes that bypass the log (W3). */
  tookRun = false;
  /** The last commit that freed pages. */
  freedBy = 0;
  /** Pages that commits have taken from the free ones since this was set; undefined: nobody asks. */
  givenOut: ExtentSet | undefined;

  readonly #data: DataFile;
  readonly #log: RedoLog;
  /** Pages a block. */
  readonly #unit: number;
  /** Pairs of first page and count. */
  readonly #taken: number[] = [];
  /** Those of them whose freeing was not durable. */
  readonly #early: Waiting[] = [];
  readonly #given: number[] = [];
  readonly #revoked: number[] = [];
  #pageCountBefore = 0;
  /** Where the transaction has moved the catalogue's root; -1: nowhere. */
  #catalogMovedTo = -1;
  #running = false;

  constructor(data: DataFile, log: RedoLog, header: StoreHeader, unit: number) {
    this.#data = data;
    this.#log = log;
    this.#unit = unit;
    this.pageCount = header.pageCount;
    this.catalogRoot = header.catalogRoot;
  }

  begin(): void {
    this.#pageCountBefore = this.pageCount;
    this.#running = true;
    this.tookRun = false;
  }

  /**
   * Takes the lowest page, or one that was freed by a commit that is not durable yet: what is put into it
   * reaches the file only when that one is (W2). No snapshot older than `oldestSnapshot` lives. Throws
   * DiskFullError.
   */
  takePage(oldestSnapshot: number): number {
    let page = this.free.ready.takeLowest();
    if (page < 0) {
      const waiting = this.free.takeWaiting(oldestSnapshot);
      if (waiting !== undefined) {
        this.#early.push(waiting);
        page = waiting.start;
      }
    }
    if (page >= 0) {
      this.#taken.push(page, 1);
      return page;
    }
    this.#data.claim(this.pageCount + 1, "change");
    return this.pageCount++;
  }

  /**
   * Takes pages that lie together, in whole blocks; their number is rounded up. They are free in the
   * last durable state and seen by no snapshot, and older records of them are revoked. The tightest that
   * there are, or the lowest. Throws DiskFullError.
   */
  takeRun(count: number, lowest: boolean): { readonly start: number; readonly count: number } {
    const whole = this.#wholeBlocks(count);
    const { ready } = this.free;
    let start = lowest ? ready.lowestRun(whole, this.#unit) : ready.take(whole, this.#unit);
    if (lowest && start >= 0) ready.remove(start, whole);
    if (start >= 0) this.#taken.push(start, whole);
    else {
      start = this.#wholeBlocks(this.pageCount);
      this.#data.claim(start + whole, "change");
      if (start > this.pageCount) this.#given.push(this.pageCount, start - this.pageCount);
      this.pageCount = start + whole;
    }
    this.#revoked.push(start, whole);
    this.tookRun = true;
    return { start, count: whole };
  }

  givePage(page: number): void {
    this.#given.push(page, 1);
  }

  giveRun(start: number, count: number): void {
    this.#given.push(start, this.#wholeBlocks(count));
  }

  /** The header says where the catalogue is, and is not written before the next checkpoint: until then, the log. */
  moveCatalog(root: number): void {
    this.#catalogMovedTo = root;
  }

  /** Start of the run that `takeRun` would take as the lowest; -1: none. */
  lowestRun(count: number): number {
    return this.free.ready.lowestRun(this.#wholeBlocks(count), this.#unit);
  }

  #wholeBlocks(pages: number): number {
    return alignUp(pages, this.#unit);
  }

  /** Single pages that the transaction has given; undefined: none. */
  givenPages(): Set<number> | undefined {
    if (this.#given.length === 0) return undefined;
    const pages = new Set<number>();
    for (let i = 0; i < this.#given.length; i += 2) if (this.#given[i + 1] === 1) pages.add(this.#given[i]!);
    return pages;
  }

  /** Pages that the transaction has taken from the free ones, as pairs of first page and count. */
  get taken(): readonly number[] {
    return this.#taken;
  }

  /** Logs what the transaction has taken and given. */
  log(): void {
    const { records } = this.#log;
    if (this.pageCount > this.#pageCountBefore) records.extent(this.#pageCountBefore, this.pageCount);
    this.#logPairs(this.#taken, (start, count) => records.allocate(start, count));
    this.#logPairs(this.#revoked, (start, count) => records.revoke(start, count));
    this.#logPairs(this.#given, (start, count) => records.free(start, count));
    if (this.#catalogMovedTo >= 0) records.catalog(this.#catalogMovedTo);
  }

  #logPairs(pairs: readonly number[], record: (start: number, count: number) => void): void {
    for (let i = 0; i < pairs.length; i += 2) {
      record(pairs[i]!, pairs[i + 1]!);
      if (this.#log.partIsFull) this.#log.writePart();
    }
  }

  /**
   * The transaction goes on in a new log segment: the pages that it has added to the file count as taken
   * from the free ones, since the checkpoint's header knows them as free.
   */
  carryOver(): void {
    if (this.pageCount > this.#pageCountBefore)
      this.#taken.push(this.#pageCountBefore, this.pageCount - this.#pageCountBefore);
    this.#pageCountBefore = this.pageCount;
  }

  /**
   * A checkpoint makes the file so many pages long, for its free list: they are none of the running
   * transaction's, which neither logs nor gives them back, and goes on behind them.
   */
  addForCheckpoint(pageCount: number): void {
    if (this.#running) this.carryOver();
    this.pageCount = pageCount;
    this.#pageCountBefore = pageCount;
  }

  committed(commit: number): void {
    if (this.givenOut !== undefined) this.#noteTaken(this.givenOut);
    if (this.#given.length > 0) this.freedBy = commit;
    if (this.#catalogMovedTo >= 0) this.catalogRoot = this.#catalogMovedTo;
    for (let i = 0; i < this.#given.length; i += 2)
      this.free.free(this.#given[i]!, this.#given[i + 1]!, commit);
    this.#end();
  }

  #noteTaken(pages: ExtentSet): void {
    for (let i = 0; i < this.#taken.length; i += 2) {
      const end = this.#taken[i]! + this.#taken[i + 1]!;
      // One by one: some may have been taken before.
      for (let page = this.#taken[i]!; page < end; page++) pages.add(page, 1);
    }
  }

  undone(): void {
    for (let i = 0; i < this.#taken.length; i += 2) this.free.ready.add(this.#taken[i]!, this.#taken[i + 1]!);
    for (const page of this.#early) {
      this.free.ready.remove(page.start, page.count);
      this.free.free(page.start, page.count, page.commit);
    }
    this.pageCount = this.#pageCountBefore;
    this.#end();
  }

  #end(): void {
    this.#running = false;
    this.#catalogMovedTo = -1;
    this.#taken.length = 0;
    this.#early.length = 0;
    this.#given.length = 0;
    this.#revoked.length = 0;
  }
}
