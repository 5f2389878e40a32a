/**
 * Sets of page numbers that answer "which is the lowest from here on" quickly: a bit a page, and a bit for
 * each word that is not empty. And the map of a file under conversion that knows which target pages lie in
 * dead space only, whatever the two page sizes are.
 */

import { alignUp } from "../../src/base/bytes.js";

export class PageMap {
  readonly size: number;
  readonly #words: Uint32Array;
  readonly #summary: Uint32Array;
  count = 0;

  constructor(size: number) {
    this.size = size;
    this.#words = new Uint32Array((size + 31) >>> 5);
    this.#summary = new Uint32Array((this.#words.length + 31) >>> 5);
  }

  has(page: number): boolean {
    return page < this.size && ((this.#words[page >>> 5]! >>> (page & 31)) & 1) === 1;
  }

  /** False where it was there already or lies outside. */
  add(page: number): boolean {
    if (page >= this.size || this.has(page)) return false;
    this.#words[page >>> 5]! |= 1 << (page & 31);
    this.#summary[page >>> 10]! |= 1 << ((page >>> 5) & 31);
    this.count++;
    return true;
  }

  delete(page: number): boolean {
    if (!this.has(page)) return false;
    this.#words[page >>> 5]! &= ~(1 << (page & 31));
    if (this.#words[page >>> 5] === 0) this.#summary[page >>> 10]! &= ~(1 << ((page >>> 5) & 31));
    this.count--;
    return true;
  }

  /** The lowest page in the set from `from` on, or -1. */
  lowest(from = 0): number {
    if (from >= this.size) return -1;
    let word = from >>> 5;
    const first = this.#words[word]! & (-1 << (from & 31));
    if (first !== 0) return word * 32 + trailingZeros(first);
    word++;
    let group = word >>> 5;
    if (group >= this.#summary.length) return -1;
    let words = (word & 31) === 0 ? this.#summary[group]! : this.#summary[group]! & (-1 << (word & 31));
    while (words === 0) {
      if (++group >= this.#summary.length) return -1;
      words = this.#summary[group]!;
    }
    word = group * 32 + trailingZeros(words);
    return word * 32 + trailingZeros(this.#words[word]!);
  }

  /** The start of the lowest `pages` pages that lie together and begin at a multiple of `unit`, or -1. */
  lowestRun(pages: number, unit: number): number {
    let start = this.#aligned(0, unit);
    while (start >= 0) {
      let end = start + 1;
      while (end < start + pages && this.has(end)) end++;
      if (end === start + pages) return start;
      start = this.#aligned(end, unit);
    }
    return -1;
  }

  #aligned(from: number, unit: number): number {
    let page = this.lowest(from);
    while (page >= 0 && page % unit !== 0) page = this.lowest(alignUp(page, unit));
    return page;
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

export interface SpaceSizes {
  readonly sourcePageSize: number;
  readonly targetPageSize: number;
  /** First target page that a tree may use. */
  readonly firstPage: number;
  /** Bytes of the file as it is; what lies behind them is free for growth. */
  readonly fileBytes: number;
  /** Target pages behind the file that may be asked for. */
  readonly growthPages: number;
}

export class DeadSpace {
  /** Target pages inside the file, before any growth. */
  readonly insidePages: number;
  /** Target pages that nothing alive lies in and that nobody has taken. */
  readonly free: PageMap;
  /** How many of them are inside the file. */
  freeInside = 0;
  readonly #sizes: SpaceSizes;
  readonly #live: PageMap;

  /** `live` has the source pages that are alive. */
  constructor(sizes: SpaceSizes, live: PageMap) {
    this.#sizes = sizes;
    this.#live = live;
    this.insidePages = Math.floor(sizes.fileBytes / sizes.targetPageSize);
    this.free = new PageMap(this.insidePages + sizes.growthPages);
    for (let page = sizes.firstPage; page < this.free.size; page++) this.#freeIfDead(page);
  }

  /** A source page has died. */
  release(sourcePage: number): void {
    if (!this.#live.delete(sourcePage)) return;
    const { sourcePageSize, targetPageSize, firstPage } = this.#sizes;
    const first = Math.floor((sourcePage * sourcePageSize) / targetPageSize);
    const last = Math.ceil(((sourcePage + 1) * sourcePageSize) / targetPageSize) - 1;
    for (let page = Math.max(first, firstPage); page <= last; page++) this.#freeIfDead(page);
  }

  take(page: number): void {
    if (this.free.delete(page) && page < this.insidePages) this.freeInside--;
  }

  #freeIfDead(page: number): void {
    const { sourcePageSize, targetPageSize } = this.#sizes;
    const first = Math.floor((page * targetPageSize) / sourcePageSize);
    const last = Math.ceil(((page + 1) * targetPageSize) / sourcePageSize) - 1;
    const alive = this.#live.lowest(first);
    if (alive >= 0 && alive <= last) return;
    if (this.free.add(page) && page < this.insidePages) this.freeInside++;
  }
}
