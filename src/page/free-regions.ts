/**
 * FreeRegion and SlotExtents: the live allocator state of the leaves in the pool. For each page frame
 * a bounded array of free regions (offset and length of a hole between records), built from the
 * extents of the page's slots at the first edit that needs it, and kept true afterwards (L2).
 *
 * The regions are a subset of the page's true holes, each as long as it can be, in no particular
 * order. When the array is full the smallest is forgotten; only a pack finds it again.
 *
 * The state belongs to the frame: it is void as soon as the pool renews the frame's bytes.
 */

import type { AllocatorMetrics, SlotExtentMetrics } from "../base/metrics.js";
import { AT_HOLES, AT_TAIL } from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import { arenaStart, LENGTH_MASK, slotCount } from "./leaf.js";

/** Regions remembered for a page. */
export const REGIONS_MAX = 8;
const FIELDS = 2 * REGIONS_MAX;

export interface FreeRegion {
  readonly offset: number;
  readonly length: number;
}

export class FreeRegions {
  readonly #pool: PagePool;
  readonly #metrics: AllocatorMetrics;
  readonly #slotMetrics: SlotExtentMetrics;
  readonly #profile: boolean;
  readonly #fields: Uint16Array;
  readonly #counts: Uint8Array;
  /** Incarnation of the frame that the state was built for. */
  readonly #builtFor: Uint32Array;
  /** Extents as offset << 16 | length while a state is built. */
  readonly #extents: Uint32Array;

  constructor(pool: PagePool, metrics: AllocatorMetrics, slotMetrics: SlotExtentMetrics, profile: boolean) {
    const pages = pool.frameCount << pool.blockShift;
    this.#pool = pool;
    this.#metrics = metrics;
    this.#slotMetrics = slotMetrics;
    this.#profile = profile;
    this.#fields = new Uint16Array(pages * FIELDS);
    this.#counts = new Uint8Array(pages);
    this.#builtFor = new Uint32Array(pages);
    this.#extents = new Uint32Array(pool.pageSize >> 3);
  }

  /** Index of the page at `offset` among all pages that the pool can hold. */
  #index(offset: number): number {
    return offset >>> this.#pool.pageShift;
  }

  /** Whether the page's regions are known. */
  isBuilt(offset: number): boolean {
    return this.#builtFor[this.#index(offset)] === this.#pool.incarnation[offset >>> this.#pool.frameShift];
  }

  /** The page has no holes: after a pack, or when it is new. */
  setEmpty(offset: number): void {
    const page = this.#index(offset);
    this.#counts[page] = 0;
    this.#builtFor[page] = this.#pool.incarnation[offset >>> this.#pool.frameShift]!;
  }

  /** The page's regions are not known any more; the next edit that needs them finds them again. */
  forget(offset: number): void {
    const incarnation = this.#pool.incarnation[offset >>> this.#pool.frameShift]!;
    this.#builtFor[this.#index(offset)] = incarnation - 1;
  }

  /** The page's regions, for checks and pictures. */
  list(offset: number): FreeRegion[] {
    const page = this.#index(offset);
    const regions: FreeRegion[] = [];
    if (!this.isBuilt(offset)) return regions;
    for (let i = 0; i < this.#counts[page]!; i++) {
      regions.push({
        offset: this.#fields[page * FIELDS + 2 * i]!,
        length: this.#fields[page * FIELDS + 2 * i + 1]!,
      });
    }
    return regions;
  }

  /** Takes `length` bytes from the first region that has them; returns where, or -1. Builds if need be. */
  take(offset: number, length: number): number {
    this.#ensure(offset);
    const page = this.#index(offset);
    const fields = this.#fields;
    const start = page * FIELDS;
    const end = start + 2 * this.#counts[page]!;
    for (let i = start; i < end; i += 2) {
      const size = fields[i + 1]!;
      if (size < length) continue;
      const at = fields[i]!;
      if (size === length) this.#dropAt(page, i);
      else {
        fields[i] = at + length;
        fields[i + 1] = size - length;
      }
      return at;
    }
    return -1;
  }

  #dropAt(page: number, at: number): void {
    const last = page * FIELDS + 2 * (this.#counts[page]! - 1);
    this.#fields[at] = this.#fields[last]!;
    this.#fields[at + 1] = this.#fields[last + 1]!;
    this.#counts[page]!--;
  }

  /**
   * The bytes [from, to) of the page have just become free, and no slot refers to them any more; the
   * header still counts the holes and the tail as before. Returns the whole hole that they are part
   * of as from << 16 | to, without remembering it: the caller adds it, or lowers the tail by it. (Only the
   * bytes themselves, where add would forget the hole at once and it lies beside nothing that is remembered.)
   * REQUIRES: the state is built.
   */
  absorb(offset: number, from: number, to: number): number {
    const page = this.#index(offset);
    const start = page * FIELDS;
    let low = from;
    let high = to;
    if (this.#isComplete(offset, page)) {
      for (let i = start + 2 * (this.#counts[page]! - 1); i >= start; i -= 2) {
        const at = this.#fields[i]!;
        const end = at + this.#fields[i + 1]!;
        if (end !== from && at !== to) continue;
        if (end === from) low = at;
        else high = end;
        this.#dropAt(page, i);
      }
    } else if (!this.#staysForgotten(page, from, to)) {
      const hole = this.#holeAround(offset, from, to);
      low = hole >>> 16;
      high = hole & 0xffff;
      for (let i = start + 2 * (this.#counts[page]! - 1); i >= start; i -= 2) {
        if (this.#fields[i]! >= low && this.#fields[i]! < high) this.#dropAt(page, i);
      }
    }
    return ((low << 16) | high) >>> 0;
  }

  /** Whether the remembered regions are all the holes there are. */
  #isComplete(offset: number, page: number): boolean {
    let sum = 0;
    const start = page * FIELDS;
    for (let i = start; i < start + 2 * this.#counts[page]!; i += 2) sum += this.#fields[i + 1]!;
    return sum === this.#pool.u16[(offset + AT_HOLES) >> 1]!;
  }

  /** Whether [from, to) is not worth a look at the slots: it touches no region, and none is smaller. */
  #staysForgotten(page: number, from: number, to: number): boolean {
    if (this.#counts[page]! < REGIONS_MAX) return false;
    const start = page * FIELDS;
    for (let i = start; i < start + FIELDS; i += 2) {
      const at = this.#fields[i]!;
      const length = this.#fields[i + 1]!;
      if (at === to || at + length === from || length < to - from) return false;
    }
    return true;
  }

  /** The hole around [from, to), found from the slots: something was forgotten. */
  #holeAround(offset: number, from: number, to: number): number {
    const { u32, u16 } = this.#pool;
    let low = arenaStart(this.#pool, offset);
    let high = u16[(offset + AT_TAIL) >> 1]!;
    const base = ((offset + this.#pool.pageSize) >> 2) - 1;
    for (let i = 0, n = slotCount(this.#pool, offset); i < n; i++) {
      const word = u32[base - 2 * i]!;
      const at = word & 0xffff;
      const end = at + ((word >>> 16) & LENGTH_MASK);
      if (end <= from && end > low) low = end;
      if (at >= to && at < high) high = at;
    }
    return ((low << 16) | high) >>> 0;
  }

  /** Remembers a region; forgets the smallest when there are too many. */
  add(offset: number, from: number, length: number): void {
    const page = this.#index(offset);
    const fields = this.#fields;
    const count = this.#counts[page]!;
    let at = page * FIELDS + 2 * count;
    if (count === REGIONS_MAX) {
      at = page * FIELDS;
      for (let i = at + 2; i < page * FIELDS + FIELDS; i += 2) if (fields[i + 1]! < fields[at + 1]!) at = i;
      if (fields[at + 1]! >= length) return;
    } else this.#counts[page]!++;
    fields[at] = from;
    fields[at + 1] = length;
  }

  #ensure(offset: number): void {
    if (this.isBuilt(offset)) {
      this.#metrics.state_reuses++;
      return;
    }
    this.#metrics.state_builds++;
    this.#slotMetrics.builds++;
    this.#slotMetrics.slots += slotCount(this.#pool, offset);
    if (!this.#profile) this.#build(offset);
    else {
      const start = process.hrtime.bigint();
      this.#build(offset);
      this.#slotMetrics.ns += Number(process.hrtime.bigint() - start);
    }
  }

  /** Finds the regions from the extents of the slots, sorted by offset. */
  #build(offset: number): void {
    this.setEmpty(offset);
    const { u32, u16 } = this.#pool;
    const n = slotCount(this.#pool, offset);
    const base = ((offset + this.#pool.pageSize) >> 2) - 1;
    for (let i = 0; i < n; i++) {
      const word = u32[base - 2 * i]!;
      this.#extents[i] = ((word << 16) | ((word >>> 16) & LENGTH_MASK)) >>> 0;
    }
    const sorted = this.#extents.subarray(0, n).sort();
    let end = arenaStart(this.#pool, offset);
    for (let i = 0; i < n; i++) {
      const at = sorted[i]! >>> 16;
      if (at > end) this.add(offset, end, at - end);
      end = at + (sorted[i]! & 0xffff);
    }
    const tail = u16[(offset + AT_TAIL) >> 1]!;
    if (tail > end) this.add(offset, end, tail - end);
  }
}
