/**
 * The free pages of the data file, as sorted, coalesced extents, and the pages that are free but
 * must wait: until no older snapshot can read them (P2) and their commit is durable (W3). What is
 * logged before it reaches the file need not wait for that (W2).
 *
 * Cost: binary search an operation, plus moving the entries behind it, but for the lowest being taken, and for many that
 * are added at once.
 */

import { alignUp } from "../base/bytes.js";

export interface Extent {
  readonly start: number;
  readonly count: number;
}

/** Up to this, moving the entries is cheaper than a view of the others. */
const SMALL_LENGTH = 1024;
/** So many are added one by one; of more, it is cheaper to merge them with all that are there. */
const FEW = 64;

/** Sorted, disjoint, never touching. */
export class ExtentSet {
  #starts: Uint32Array = new Uint32Array(64);
  #counts: Uint32Array = new Uint32Array(64);
  #length = 0;
  #pages = 0;

  get pages(): number {
    return this.#pages;
  }

  get length(): number {
    return this.#length;
  }

  *[Symbol.iterator](): Generator<Extent> {
    for (let i = 0; i < this.#length; i++) yield { start: this.#starts[i]!, count: this.#counts[i]! };
  }

  /** Index of the first extent that ends behind `page`. */
  #find(page: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.#starts[mid]! + this.#counts[mid]! <= page) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  has(page: number): boolean {
    const i = this.#find(page);
    return i < this.#length && this.#starts[i]! <= page;
  }

  /** Adds pages; false, and nothing is changed, where one of them is in the set already. */
  add(start: number, count: number): boolean {
    if (count === 0) return true;
    const i = this.#find(start);
    if (i < this.#length && this.#starts[i]! < start + count) return false;
    const joinsLeft = i > 0 && this.#starts[i - 1]! + this.#counts[i - 1]! === start;
    const joinsRight = i < this.#length && this.#starts[i]! === start + count;
    this.#pages += count;
    if (joinsLeft && joinsRight) {
      this.#counts[i - 1]! += count + this.#counts[i]!;
      this.#drop(i);
    } else if (joinsLeft) this.#counts[i - 1]! += count;
    else if (joinsRight) {
      this.#starts[i] = start;
      this.#counts[i]! += count;
    } else this.#insert(i, start, count);
    return true;
  }

  /** As add, of each of them. */
  addAll(extents: readonly Extent[]): void {
    if (extents.length <= FEW) {
      for (const { start, count } of extents) this.add(start, count);
      return;
    }
    // At the end of a set nothing is moved.
    const merged = new ExtentSet();
    let i = 0;
    const addOwnBelow = (end: number): void => {
      for (; i < this.#length && this.#starts[i]! < end; i++) merged.add(this.#starts[i]!, this.#counts[i]!);
    };
    for (const { start, count } of [...extents].sort((a, b) => a.start - b.start)) {
      addOwnBelow(start + count);
      merged.add(start, count);
    }
    addOwnBelow(Number.POSITIVE_INFINITY);
    this.#starts = merged.#starts;
    this.#counts = merged.#counts;
    this.#length = merged.#length;
    this.#pages = merged.#pages;
  }

  /** Takes pages out; false, and nothing is changed, where one of them is not in the set. */
  remove(start: number, count: number): boolean {
    if (count === 0) return true;
    const i = this.#find(start);
    if (i === this.#length) return false;
    const first = this.#starts[i]!;
    const end = first + this.#counts[i]!;
    if (first > start || end < start + count) return false;
    this.#pages -= count;
    if (first === start && end === start + count) this.#drop(i);
    else if (first === start) {
      this.#starts[i] = start + count;
      this.#counts[i]! -= count;
    } else {
      this.#counts[i] = start - first;
      if (end > start + count) this.#insert(i + 1, start + count, end - start - count);
    }
    return true;
  }

  /**
   * Takes `count` pages that lie together and start at a multiple of `unit`: the tightest extent, the
   * lowest of equals; -1: none.
   */
  take(count: number, unit: number): number {
    let best = -1;
    for (let i = 0; i < this.#length; i++) {
      const size = this.#counts[i]!;
      if (size < count || (best >= 0 && size >= this.#counts[best]!)) continue;
      const start = this.#starts[i]!;
      if (alignUp(start, unit) - start + count > size) continue;
      best = i;
      if (size === count) break;
    }
    if (best < 0) return -1;
    const start = alignUp(this.#starts[best]!, unit);
    this.remove(start, count);
    return start;
  }

  /** The lowest page; -1: none. */
  lowest(): number {
    return this.#length === 0 ? -1 : this.#starts[0]!;
  }

  /** Start of the lowest run of `count` pages that starts at a multiple of `unit`; -1: none. */
  lowestRun(count: number, unit: number): number {
    for (let i = 0; i < this.#length; i++) {
      if (this.#counts[i]! < count) continue;
      const start = alignUp(this.#starts[i]!, unit);
      if (start + count <= this.#starts[i]! + this.#counts[i]!) return start;
    }
    return -1;
  }

  /** Takes the lowest page; -1: none. */
  takeLowest(): number {
    if (this.#length === 0) return -1;
    const page = this.#starts[0]!;
    this.remove(page, 1);
    return page;
  }

  /** Takes out the pages that reach up to `end`; returns where they began. */
  trimEnd(end: number): number {
    const last = this.#length - 1;
    if (last < 0 || this.#starts[last]! + this.#counts[last]! !== end) return end;
    const start = this.#starts[last]!;
    this.remove(start, this.#counts[last]!);
    return start;
  }

  #insert(at: number, start: number, count: number): void {
    if (this.#length === this.#starts.length) {
      const starts = new Uint32Array(this.#length * 2);
      const counts = new Uint32Array(this.#length * 2);
      starts.set(this.#starts);
      counts.set(this.#counts);
      this.#starts = starts;
      this.#counts = counts;
    }
    this.#starts.copyWithin(at + 1, at, this.#length);
    this.#counts.copyWithin(at + 1, at, this.#length);
    this.#starts[at] = start;
    this.#counts[at] = count;
    this.#length++;
  }

  #drop(at: number): void {
    // The lowest are taken one by one: of a million extents, moving the others down takes a millisecond each time.
    if (at === 0 && this.#length > SMALL_LENGTH) {
      this.#starts = this.#starts.subarray(1);
      this.#counts = this.#counts.subarray(1);
      this.#length--;
      return;
    }
    this.#starts.copyWithin(at, at + 1, this.#length);
    this.#counts.copyWithin(at, at + 1, this.#length);
    this.#length--;
  }
}

/** Free since that commit. */
export interface Waiting extends Extent {
  readonly commit: number;
}

export class FreeSpace {
  /** Free in the last durable state, and seen by no snapshot. */
  readonly ready: ExtentSet = new ExtentSet();
  readonly #waiting: Waiting[] = [];
  #waitingPages = 0;

  get pages(): number {
    return this.ready.pages + this.#waitingPages;
  }

  /** Pages that are not usable yet. */
  get waitingPages(): number {
    return this.#waitingPages;
  }

  /** The commit that freed the pages that wait longest; Infinity: none wait. */
  get oldestWaiting(): number {
    return this.#waiting[0]?.commit ?? Number.POSITIVE_INFINITY;
  }

  /** Pages freed by commit number `commit`. */
  free(start: number, count: number, commit: number): void {
    this.#waiting.push({ start, count, commit });
    this.#waitingPages += count;
  }

  /** Makes usable what was freed up to commit `durable` and is seen by no snapshot older than that. */
  settle(durable: number, oldestSnapshot: number): void {
    const limit = Math.min(durable, oldestSnapshot);
    let done = 0;
    while (done < this.#waiting.length && this.#waiting[done]!.commit <= limit)
      this.#waitingPages -= this.#waiting[done++]!.count;
    if (done > 0) this.ready.addAll(this.#waiting.splice(0, done));
  }

  /**
   * Takes a page that waits for nothing but that its commit becomes durable, of those that were freed last;
   * undefined: none.
   */
  takeWaiting(oldestSnapshot: number): Waiting | undefined {
    const last = this.#waiting.at(-1);
    if (last === undefined || last.commit > oldestSnapshot) return undefined;
    const { start, commit } = last;
    if (last.count === 1) this.#waiting.pop();
    else this.#waiting[this.#waiting.length - 1] = { start: start + 1, count: last.count - 1, commit };
    this.#waitingPages--;
    return { start, count: 1, commit };
  }

  /** All free pages of the committed state, the waiting ones included. */
  committed(): ExtentSet {
    const all = new ExtentSet();
    for (const extent of this.ready) all.add(extent.start, extent.count);
    all.addAll(this.#waiting);
    return all;
  }
}
