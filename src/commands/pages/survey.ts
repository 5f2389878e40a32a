/**
 * Surveys a store page by page, damaged or not: what each page is, which leaves belong to which tree, and
 * what can't be reached, as page and key range. Nothing is thrown for what the bytes say.
 *
 * Leaves whose parent is lost are found by reading every page: a leaf knows its fences, and where they
 * lie in the lost range of exactly one tree, it belongs to that tree. Free pages hold old leaves that look
 * as good as live ones, so they are passed over as long as the free list can be read. Where it can't, no leaf is given to a
 * tree by its fences: it may be an old one, or another tree's.
 */

import { compareBytes, EMPTY_BYTES } from "../../base/bytes.js";
import { childAt, separatorOf } from "../../page/branch.js";
import { highFence, isOverflow, keyOf, lowFence, slotCount, valueAt, valueLength } from "../../page/leaf.js";
import { readReference } from "../../page/overflow.js";
import { AT_HOLES, AT_KIND, AT_LEVEL, AT_TAIL, directoryOf, KIND_LEAF } from "../../pager/page-header.js";
import { CATALOG_RECORD_BYTES, decodeTreeRecord, type TreeRecord } from "../../store/catalog.js";
import { runPages, runUnit } from "../../tree/bulk-images.js";
import type { PageSource } from "./page-source.js";

export const PAGE_UNKNOWN = 0;
export const PAGE_HEADER = 1;
export const PAGE_LEAF = 2;
export const PAGE_BRANCH = 3;
export const PAGE_OVERFLOW = 4;
export const PAGE_FREE = 5;
export const PAGE_DAMAGED = 6;

export interface LeafPage {
  readonly page: number;
  readonly low: Uint8Array;
  /** Empty: no upper bound. */
  readonly high: Uint8Array;
}

export interface LostRange extends LeafPage {
  readonly invariant: string;
  readonly reason: string;
}

/** A range that the walk of a tree found no way into. */
interface Gap extends LostRange {
  /** How many of the walked leaves lie before it. */
  readonly behind: number;
}

export interface SurveyedTree {
  readonly name: string;
  readonly record: TreeRecord;
  /** Pages in key order. Millions of them: a leaf's fences are read again with it. */
  leaves: number[];
  lost: Gap[];
}

export interface StoreSurvey {
  /** One PAGE_… a page. */
  readonly kinds: Uint8Array;
  /** Bytes in use on tree pages, and bytes in holes. */
  readonly used: Uint16Array;
  readonly holes: Uint16Array;
  readonly trees: SurveyedTree[];
  /** Leaves that nothing leads to and that fit no lost range. */
  readonly stray: LeafPage[];
  readonly problems: { readonly page: number; readonly invariant: string; readonly reason: string }[];
}

/** Reads the tree pages once, and every other page once more where something is lost. */
export function surveyStore(
  source: PageSource,
  onProgress?: (done: number, total: number) => void,
): StoreSurvey {
  const { pageCount } = source;
  const survey: StoreSurvey = {
    kinds: new Uint8Array(pageCount),
    used: new Uint16Array(pageCount),
    holes: new Uint16Array(pageCount),
    trees: [],
    stray: [],
    problems: [],
  };
  survey.kinds.fill(PAGE_HEADER, 0, source.firstPage);
  for (const { start, count } of source.free ?? []) survey.kinds.fill(PAGE_FREE, start, start + count);
  let done = 0;
  const step = (): void => onProgress?.(++done, pageCount);
  const catalog = walk(source, survey, catalogTree(source), step);
  for (const tree of treesIn(source, catalog, survey)) survey.trees.push(walk(source, survey, tree, step));
  if (catalog.lost.length > 0 || survey.trees.some(({ lost }) => lost.length > 0)) {
    adoptLeaves(source, survey, catalog.lost.length === 0 && source.free !== undefined, step);
  }
  return survey;
}

function catalogTree(source: PageSource): SurveyedTree {
  const record: TreeRecord = {
    root: source.header.catalogRoot,
    keyEncoding: "utf8",
    valueEncoding: "binary",
  };
  return { name: "(catalogue)", record, leaves: [], lost: [] };
}

interface Visit extends LeafPage {
  /** -1: any, at the root. */
  readonly level: number;
}

/** Walks a tree in key order, as far as it can be read. */
function walk(source: PageSource, survey: StoreSurvey, tree: SurveyedTree, step: () => void): SurveyedTree {
  const stack: Visit[] = [{ page: tree.record.root, low: EMPTY_BYTES, high: EMPTY_BYTES, level: -1 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    step();
    const { page } = visit;
    const problem = source.load(page) ?? misplaced(source, survey, visit);
    if (problem !== undefined) {
      const { invariant, reason } = problem;
      const { low, high } = visit;
      tree.lost.push({ page, low, high, invariant, reason, behind: tree.leaves.length });
      survey.problems.push({ page, invariant, reason });
      if (page < survey.kinds.length && !isTreePage(survey.kinds[page]!)) survey.kinds[page] = PAGE_DAMAGED;
      continue;
    }
    measure(source, survey, page);
    if (source.pool.u8[AT_KIND] === KIND_LEAF) {
      tree.leaves.push(page);
      markOverflow(source, survey);
    } else pushChildren(source, visit, stack);
  }
  return tree;
}

function isTreePage(kind: number): boolean {
  return kind === PAGE_LEAF || kind === PAGE_BRANCH;
}

/** A sound page at a place where it can't belong: reached twice, of another level, outside its bounds. */
function misplaced(
  source: PageSource,
  survey: StoreSurvey,
  { page, level, low, high }: Visit,
): { readonly invariant: string; readonly reason: string } | undefined {
  if (isTreePage(survey.kinds[page]!)) return { invariant: "P2", reason: "it is reached twice" };
  const found = source.pool.u8[AT_LEVEL]!;
  if (level >= 0 && found !== level)
    return { invariant: "B4", reason: `level ${found} where ${level} belongs` };
  if (found > 0) return undefined;
  const same =
    compareBytes(lowFence(source.pool, 0), low) === 0 && compareBytes(highFence(source.pool, 0), high) === 0;
  return same
    ? undefined
    : { invariant: "L1", reason: "its fences are not the bounds that its parent gives" };
}

function measure(source: PageSource, survey: StoreSurvey, page: number): void {
  const { u8, u16 } = source.pool;
  const kind = u8[AT_KIND]!;
  survey.kinds[page] = kind === KIND_LEAF ? PAGE_LEAF : PAGE_BRANCH;
  survey.holes[page] = u16[AT_HOLES >> 1]!;
  survey.used[page] = u16[AT_TAIL >> 1]! - u16[AT_HOLES >> 1]! + directoryOf(source.pool, 0);
}

function pushChildren(source: PageSource, visit: Visit, stack: Visit[]): void {
  const { pool } = source;
  const slots = slotCount(pool, 0);
  const level = pool.u8[AT_LEVEL]! - 1;
  let high = visit.high;
  for (let i = slots; i >= 0; i--) {
    const low = i === 0 ? visit.low : separatorOf(pool, 0, i - 1);
    stack.push({ page: childAt(pool, 0, i), low, high, level });
    high = low;
  }
}

/** Whole blocks: behind a value, its last one still has what was there before, old leaves for instance. */
function markOverflow(source: PageSource, survey: StoreSurvey): void {
  const { pool } = source;
  for (let i = slotCount(pool, 0) - 1; i >= 0; i--) {
    if (!isOverflow(pool, 0, i)) continue;
    const { page, length } = readReference(pool.u8, valueAt(pool, 0, i));
    const end = Math.min(page + runPages(length, source.pageSize), source.pageCount);
    if (page >= source.firstPage) survey.kinds.fill(PAGE_OVERFLOW, page, end);
  }
}

/** The trees that the readable part of the catalogue names. */
function treesIn(source: PageSource, catalog: SurveyedTree, survey: StoreSurvey): SurveyedTree[] {
  const trees: SurveyedTree[] = [];
  for (const page of catalog.leaves) {
    source.load(page);
    const { pool } = source;
    for (let i = 0; i < slotCount(pool, 0); i++) {
      const name = Buffer.from(keyOf(pool, 0, i)).toString("utf8");
      if (name.startsWith("\0") || valueLength(pool, 0, i) !== CATALOG_RECORD_BYTES) continue;
      const at = valueAt(pool, 0, i);
      const record = decodeTreeRecord(pool.u8.slice(at, at + CATALOG_RECORD_BYTES));
      if (record === undefined) {
        const reason = `the catalogue's record of "${name}" makes no sense`;
        survey.problems.push({ page, invariant: "S3", reason });
      } else trees.push({ name, record, leaves: [], lost: [] });
    }
  }
  return trees;
}

/** Finds leaves whose way from the root is lost, and gives them to the tree that misses them, where that can be told. */
function adoptLeaves(source: PageSource, survey: StoreSurvey, canTell: boolean, step: () => void): void {
  const adopted = new Map<SurveyedTree, Adopted[]>();
  for (let page = source.firstPage; page < source.pageCount; page++) {
    const kind = survey.kinds[page];
    if (kind !== PAGE_UNKNOWN && kind !== PAGE_DAMAGED) continue;
    step();
    const isBehindValue = mayBeBehindValue(source, survey, page);
    if (source.load(page) !== undefined || source.pool.u8[AT_KIND] !== KIND_LEAF) continue;
    const leaf: LeafPage = { page, low: lowFence(source.pool, 0), high: highFence(source.pool, 0) };
    const owners = survey.trees.flatMap((tree) => {
      const gap = tree.lost.find((range) => contains(range, leaf));
      return gap === undefined ? [] : [{ tree, gap }];
    });
    measure(source, survey, page);
    // An old leaf would have leaves that lie where its values lay passed over.
    if (source.free !== undefined) markOverflow(source, survey);
    const [owner] = owners;
    if (owners.length !== 1 || owner === undefined || !canTell || isBehindValue) {
      survey.stray.push(leaf);
      continue;
    }
    const { tree, gap } = owner;
    tree.lost = tree.lost.flatMap((range) => (contains(range, leaf) ? without(range, leaf) : [range]));
    const { behind } = gap;
    const own = adopted.get(tree);
    if (own === undefined) adopted.set(tree, [{ ...leaf, behind }]);
    else own.push({ ...leaf, behind });
  }
  for (const [tree, leaves] of adopted) tree.leaves = inOrder(tree.leaves, leaves);
}

/** A leaf that was found in a gap, and takes the gap's place among the walked ones. */
interface Adopted extends LeafPage {
  readonly behind: number;
}

function inOrder(walked: readonly number[], adopted: Adopted[]): number[] {
  const leaves: number[] = [];
  let taken = 0;
  for (const { page, behind } of adopted.sort((a, b) => compareBytes(a.low, b.low))) {
    while (taken < behind) leaves.push(walked[taken++]!);
    leaves.push(page);
  }
  while (taken < walked.length) leaves.push(walked[taken++]!);
  return leaves;
}

/** Whether the page's block begins with what is no page, and may be a value whose leaf is lost. */
function mayBeBehindValue(source: PageSource, survey: StoreSurvey, page: number): boolean {
  const first = page - (page % runUnit(source.pageSize));
  return first < page && survey.kinds[first] === PAGE_UNKNOWN && source.load(first) !== undefined;
}

function contains(range: LostRange, leaf: LeafPage): boolean {
  if (compareBytes(leaf.low, range.low) < 0) return false;
  return range.high.length === 0 || (leaf.high.length > 0 && compareBytes(leaf.high, range.high) <= 0);
}

/** What is left of a lost range when a leaf of it was found. */
function without(range: Gap, leaf: LeafPage): Gap[] {
  const rest: Gap[] = [];
  if (compareBytes(range.low, leaf.low) < 0) rest.push({ ...range, high: leaf.low });
  const open = range.high.length === 0;
  if (leaf.high.length > 0 && (open || compareBytes(leaf.high, range.high) < 0))
    rest.push({ ...range, low: leaf.high });
  return rest;
}
