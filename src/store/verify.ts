/**
 * Verify: proves the whole file. Each page is reached exactly once or free exactly once; checksums,
 * structure, order, fences against parents, counts and overflow runs are right; and each tree gets a
 * digest of its content (content-digest.ts).
 */

import { compareBytes, EMPTY_BYTES, sharedPrefixLength } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import { childAt, separatorOf } from "../page/branch.js";
import {
  arenaStart,
  highFence,
  isOverflow,
  keyOf,
  lowFence,
  prefixLength,
  recordAt,
  recordLength,
  slotCount,
  valueAt,
  valueLength,
} from "../page/leaf.js";
import { type OverflowReference, overflowValue, readReference } from "../page/overflow.js";
import { checkPage } from "../page/page-check.js";
import { AT_LEVEL } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";
import { firstPage } from "../pager/store-header.js";
import { runPages } from "../tree/bulk-images.js";
import { type Catalog, UNNAMED } from "./catalog.js";
import { ContentDigest } from "./content-digest.js";
import type { Engine } from "./engine.js";

/** Something that cannot be right, and where. */
export interface VerifyProblem {
  /** Page number, or -1. */
  readonly page: number;
  /** Invariant of docs/invariants.md. */
  readonly invariant: string;
  readonly reason: string;
}

/** What a tree holds. */
export interface VerifiedTree {
  readonly records: number;
  /** Leaves and branches; overflow values aside. */
  readonly pages: number;
  /** Levels, leaves included. */
  readonly height: number;
  /**
   * SHA-256, in hexadecimal, over all records in key order: length of the key, key, length of the value, value; as
   * encoded bytes, and the lengths as four bytes, the highest first.
   */
  readonly digest: string;
}

/** What `verify()` found. */
export interface VerifyReport {
  /** Whether there are no problems. */
  readonly ok: boolean;
  /** Records of all trees. */
  readonly records: number;
  /** Pages of the file, headers and free ones included. */
  readonly pages: number;
  readonly freePages: number;
  /** Of the unnamed tree: see VerifiedTree. */
  readonly digest: string;
  /** By name; the unnamed one is "". */
  readonly trees: Record<string, VerifiedTree>;
  /** The first 1,000. */
  readonly problems: VerifyProblem[];
}

/** What is found beyond these is not listed: a file that is damaged all over has one a page. */
const PROBLEMS_MAX = 1000;

/** A page on the way, with what its parent says of it. */
interface Visit {
  readonly page: number;
  readonly level: number;
  readonly low: Uint8Array;
  readonly high: Uint8Array;
}

/** Pages reached between two steps, those of values included. */
const PAGES_A_STEP = 32;

export function verifyStore(engine: Engine, catalog: Catalog): VerifyReport {
  const steps = verifySteps(engine, catalog);
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}

/** As verifyStore, for who has other things to look after meanwhile: yields the pages reached. Nothing may write until it ends. */
export function* verifySteps(engine: Engine, catalog: Catalog): Generator<number, VerifyReport> {
  engine.beginUpkeep("verify");
  engine.pager.pool.dropClean();
  return yield* new Verifier(engine, catalog).run();
}

class Verifier {
  readonly #engine: Engine;
  readonly #catalog: Catalog;
  readonly #pager: Pager;
  readonly #problems: VerifyProblem[] = [];
  /** One bit a page: reached. */
  readonly #reached: Uint8Array;
  #pagesReached = 0;

  constructor(engine: Engine, catalog: Catalog) {
    this.#engine = engine;
    this.#catalog = catalog;
    this.#pager = engine.pager;
    this.#reached = new Uint8Array((engine.pager.pageCount >>> 3) + 1);
  }

  *run(): Generator<number, VerifyReport> {
    const pager = this.#pager;
    this.#claim(0, firstPage(pager.pageSize), "the header");
    yield* this.#tree(this.#catalog.root);
    const trees = new Map<string, VerifiedTree>();
    for (const [name, { root }] of this.#readCatalog()) trees.set(name, yield* this.#tree(root));
    this.#space();
    const verified = [...trees.values()];
    return {
      ok: this.#problems.length === 0,
      records: verified.reduce((sum, tree) => sum + tree.records, 0),
      pages: pager.pageCount,
      freePages: pager.free.pages,
      digest: trees.get(UNNAMED)?.digest ?? "",
      // A name may be any string: "__proto__" assigned to an object would be lost.
      trees: Object.fromEntries(trees),
      problems: this.#problems,
    };
  }

  #readCatalog(): Map<string, { root: number }> {
    try {
      return this.#catalog.all(-1);
    } catch (error) {
      this.#caught(error, this.#catalog.root);
      return new Map();
    }
  }

  #problem(page: number, invariant: string, reason: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ page, invariant, reason });
  }

  #caught(error: unknown, page: number): void {
    if (!(error instanceof CorruptionError)) throw error;
    this.#problem(error.page >= 0 ? error.page : page, error.invariant, error.reason);
  }

  #claim(start: number, count: number, what: string): boolean {
    let free = true;
    for (let page = start; page < start + count; page++) {
      if (page >= this.#pager.pageCount) {
        this.#problem(page, "P3", `${what} lies beyond the end of the file`);
        return false;
      }
      if ((this.#reached[page >>> 3]! & (1 << (page & 7))) !== 0) {
        this.#problem(page, "P2", `${what} is reached twice`);
        free = false;
      }
      this.#reached[page >>> 3]! |= 1 << (page & 7);
    }
    this.#pagesReached += count;
    return free;
  }

  /** Walks a tree in key order. */
  *#tree(root: number): Generator<number, VerifiedTree> {
    const content = new ContentDigest();
    let records = 0;
    let pages = 0;
    let height = 0;
    let ordered = true;
    const stack: Visit[] = [{ page: root, level: -1, low: EMPTY_BYTES, high: EMPTY_BYTES }];
    let told = this.#pagesReached;
    while (stack.length > 0) {
      if (this.#pagesReached - told >= PAGES_A_STEP) {
        told = this.#pagesReached;
        yield told;
      }
      const visit = stack.pop()!;
      this.#pager.beginOperation();
      try {
        if (!this.#claim(visit.page, 1, "a tree page")) continue;
        pages++;
        const level = this.#page(visit, stack);
        if (visit.page === root) height = level + 1;
        if (level === 0) records += this.#leaf(visit, content);
      } catch (error) {
        ordered = false;
        this.#caught(error, visit.page);
      }
    }
    if (ordered && records !== this.#engine.treeAt(root).count(-1)) {
      this.#problem(
        root,
        "B5",
        `the tree holds ${records} records, but says ${this.#engine.treeAt(root).count(-1)}`,
      );
    }
    return { records, pages, height, digest: content.finish() };
  }

  /** Checks a page against its parent; a branch's children go on the stack. Returns its level. */
  #page(visit: Visit, stack: Visit[]): number {
    const { pool } = this.#pager;
    const offset = this.#pager.at(visit.page);
    const problem = checkPage(pool, offset);
    if (problem !== undefined) this.#problem(visit.page, problem.invariant, problem.reason);
    const level = pool.u8[offset + AT_LEVEL]!;
    if (visit.level >= 0 && level !== visit.level) {
      throw new CorruptionError("B4", `level ${level} under a parent of level ${visit.level + 1}`, {
        page: visit.page,
        offset: AT_LEVEL,
      });
    }
    if (level > 0) this.#branch(visit, offset, level, stack);
    return level;
  }

  #branch(visit: Visit, offset: number, level: number, stack: Visit[]): void {
    const { pool } = this.#pager;
    const slots = slotCount(pool, offset);
    const separators: Uint8Array[] = [visit.low];
    for (let i = 0; i < slots; i++) {
      const separator = separatorOf(pool, offset, i);
      const previous = separators[i]!;
      if (compareBytes(previous, separator) >= 0)
        this.#problem(visit.page, "B1", `separator ${i} is not above the bound before it`);
      separators.push(separator);
    }
    const last = separators[slots]!;
    if (visit.high.length > 0 && compareBytes(last, visit.high) >= 0) {
      this.#problem(visit.page, "B1", "a separator is not below the page's upper bound");
    }
    separators.push(visit.high);
    const prefix = prefixLength(pool, offset);
    if (prefix !== sharedPrefixLength(visit.low, visit.high)) {
      this.#problem(visit.page, "B1", "the prefix is not what the bounds share");
    }
    for (let i = slots; i >= 0; i--) {
      stack.push({
        page: childAt(pool, offset, i),
        level: level - 1,
        low: separators[i]!,
        high: separators[i + 1]!,
      });
    }
  }

  #leaf(visit: Visit, content: ContentDigest): number {
    const { pool } = this.#pager;
    const offset = this.#pager.at(visit.page);
    const low = lowFence(pool, offset);
    const high = highFence(pool, offset);
    if (compareBytes(low, visit.low) !== 0)
      this.#problem(visit.page, "L8", "its low fence is not its parent's separator");
    if (compareBytes(high, visit.high) !== 0)
      this.#problem(visit.page, "L8", "its high fence is not its parent's separator");
    const slots = slotCount(pool, offset);
    this.#extents(visit.page, offset, slots);
    let previous: Uint8Array | undefined;
    for (let slot = 0; slot < slots; slot++) {
      const key = keyOf(pool, offset, slot);
      if (previous !== undefined && compareBytes(previous, key) >= 0)
        this.#problem(visit.page, "L8", `key ${slot} is not above the one before it`);
      previous = key;
      if (slot === 0 && compareBytes(key, low) < 0)
        this.#problem(visit.page, "L8", "a key lies below the low fence");
      if (slot === slots - 1 && high.length > 0 && compareBytes(key, high) >= 0)
        this.#problem(visit.page, "L8", "a key lies above the high fence");
    }
    this.#contents(visit.page, offset, slots, content);
    return slots;
  }

  /** Record extents do not overlap, and the remembered free regions are holes. */
  #extents(page: number, offset: number, slots: number): void {
    const { pool } = this.#pager;
    const used: { at: number; length: number }[] = [];
    for (let slot = 0; slot < slots; slot++) {
      used.push({ at: recordAt(pool, offset, slot) - offset, length: recordLength(pool, offset, slot) });
    }
    for (const region of this.#engine.context.allocator.regions.list(offset))
      used.push({ at: region.offset, length: region.length });
    used.sort((a, b) => a.at - b.at);
    let end = arenaStart(pool, offset);
    for (const { at, length } of used) {
      if (at < end) this.#problem(page, "L4", `extents overlap at ${at}`);
      end = at + length;
    }
  }

  /** Adds a leaf's records to the content's digest, and reads overflow runs. One that is damaged is left out. */
  #contents(page: number, offset: number, slots: number, content: ContentDigest): void {
    const { pool } = this.#pager;
    for (let slot = 0; slot < slots; slot++) {
      const at = valueAt(pool, offset, slot);
      const value = isOverflow(pool, offset, slot)
        ? this.#overflow(page, readReference(pool.u8, at))
        : pool.u8.subarray(at, at + valueLength(pool, offset, slot));
      if (value !== undefined) content.add(keyOf(pool, offset, slot), value);
    }
  }

  /** The value of an overflow run that a leaf refers to; undefined where it is damaged. */
  #overflow(page: number, reference: OverflowReference): Uint8Array | undefined {
    const pager = this.#pager;
    try {
      const value = overflowValue(pager, reference).u8;
      const pages = runPages(reference.length, pager.pageSize);
      this.#claim(reference.page, pages, `an overflow run of page ${page}`);
      return value;
    } catch (error) {
      this.#caught(error, page);
      return undefined;
    }
  }

  /** The free list, and the pages that are neither reached nor free. */
  #space(): void {
    const pager = this.#pager;
    for (const extent of pager.freeListChain)
      this.#claim(extent.start, extent.count, "a page of the free list");
    for (const extent of pager.free.committed()) this.#claim(extent.start, extent.count, "a free page");
    if (this.#problems.length > 0) return;
    for (let page = 0; page < pager.pageCount; page++) {
      const reached = (this.#reached[page >>> 3]! & (1 << (page & 7))) !== 0;
      if (!reached && !pager.isInCheckpoint(page)) this.#problem(page, "P2", "neither used nor free");
    }
  }
}
