/**
 * Gets out of a damaged legacy file what can still be read. Everything that the check of survey.ts refuses for
 * good reasons is taken here with a word about it:
 *
 * - leaves that a tree reaches, as far as they are sound;
 * - sound leaves that nothing reaches and that are not known to be free, since the branch above them may be
 *   what was lost. In a file with a log, some of those may be pages freed not long ago: their records can be
 *   older values or deleted ones. Where a key is in both, the reached leaf counts; else the higher page;
 * - a damaged log up to its damage, a damaged meta page by way of another page's header.
 *
 * All records go to one tree where the file has one; with several, a leaf follows its parents to a root, and
 * those that find none go to a tree named LOST_TREE.
 */

import { NotAStoreError } from "../../src/base/errors.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { hexOf, readU32, readU64 } from "./big-endian.js";
import { recogniseLeaf } from "./generation.js";
import {
  HEADER_KIND,
  HEADER_NUMBER,
  HEADER_PAGE_SIZE,
  KIND_BRANCH,
  KIND_LEAF,
  type LegacyGeneration,
  MAGIC_PAGE,
  PAGE_HEADER_BYTES,
  pageSizeFault,
  TREE_DEPTH_MAX,
  TREE_PARENT,
} from "./layout.js";
import { LeafDecoder } from "./leaf.js";
import { orderLeaves } from "./leaf-order.js";
import { type LeafBatch, type LeafOrder, readLeaves } from "./leaf-stream.js";
import { type LegacyFile, type OpenLegacyOptions, openLegacy } from "./legacy-file.js";
import { logStart } from "./log.js";
import { encodeMeta, patchMeta } from "./meta.js";
import { headerSalt, PageSeal } from "./page-check.js";
import { PageList, PageSet } from "./page-set.js";
import { type LegacyProblem, ProblemList } from "./problems.js";
import { BARE_TREE } from "./roots.js";
import type { LegacySurvey } from "./survey.js";

export const LOST_TREE = "lost_and_found";

export interface SalvagedTree {
  readonly name: string;
  readonly order: LeafOrder;
  /** Leaves of `order` that no branch led to. */
  readonly unreached: number;
}

export interface LegacySalvage {
  readonly generation: LegacyGeneration;
  readonly trees: readonly SalvagedTree[];
  /** Everything that is wrong with the file, and what could not be read for it. */
  readonly lost: readonly LegacyProblem[];
  /** Records of a tree in key order, each key once; see readLeaves. */
  readonly batches: (tree: SalvagedTree) => Generator<LeafBatch, void>;
  /** Values that were dropped in favour of another under the same key; grows while batches are read. */
  readonly dropped: LegacyProblem[];
  /** Bytes of the longest key in what can be read. */
  readonly longestKey: number;
  readonly close: () => void;
}

/**
 * Opens and searches the file; to be closed by the caller. Cost: the check, and another pass over the file.
 * Throws NotAStoreError or CorruptionError only where there is nothing at all to begin with.
 */
export function salvageLegacy(vfs: Vfs, path: string, options: OpenLegacyOptions = {}): LegacySalvage {
  const lost = new ProblemList();
  const file = openTolerant(vfs, path, options, lost);
  try {
    const survey = file.inspect();
    for (const problem of survey.problems) {
      lost.add(problem.invariant, problem.page, problem.offset, problem.reason);
    }
    return new Salvager(file, survey, lost).run();
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Opens with what is left: a log up to its damage or none, a meta page made up from another page. */
function openTolerant(vfs: Vfs, path: string, options: OpenLegacyOptions, lost: ProblemList): LegacyFile {
  const tolerant: OpenLegacyOptions = { ...options, log: { ...options.log, damaged: "cut" } };
  try {
    return openWithLog(vfs, path, tolerant, lost);
  } catch (error) {
    noteFailure(error, lost);
  }
  try {
    return openLegacy(vfs, path, { ...tolerant, logPath: null });
  } catch (error) {
    const log = options.logPath === undefined ? `${path}-wal` : options.logPath;
    const pageZero = metaFromOtherPage(vfs, path, log);
    if (pageZero === undefined) throw error;
    try {
      return openWithLog(vfs, path, { ...tolerant, pageZero }, lost);
    } catch (second) {
      noteFailure(second, lost);
      return openLegacy(vfs, path, { ...tolerant, logPath: null, pageZero });
    }
  }
}

function openWithLog(vfs: Vfs, path: string, options: OpenLegacyOptions, lost: ProblemList): LegacyFile {
  const file = openLegacy(vfs, path, options);
  const { end, reason } = file.pages.log.summary;
  if (end === "damaged") lost.add("G8", -1, -1, reason);
  if (end === "torn") lost.add("G8", -1, -1, `the log is cut short: ${reason}`);
  return file;
}

function noteFailure(error: unknown, lost: ProblemList): void {
  if (error instanceof NotAStoreError) lost.add("G1", 0, 0, "the first page does not begin with SOMB");
  else lost.addError(error);
}

/** How far into the file another page is looked for. */
const SEARCH_BYTES: number = 4 * 1024 * 1024;

/** A meta page with the page size and the salt of the first sound page behind it, and what the log says of itself. */
function metaFromOtherPage(vfs: Vfs, path: string, log: string | null): Uint8Array | undefined {
  const file = vfs.open(path, "read");
  try {
    const header = new Uint8Array(PAGE_HEADER_BYTES);
    const limit = Math.min(file.size(), SEARCH_BYTES);
    for (let at = PAGE_HEADER_BYTES; at < limit; at++) {
      if (readFully(file, header, 0, PAGE_HEADER_BYTES, at) < PAGE_HEADER_BYTES) break;
      const pageSize = readU32(header, HEADER_PAGE_SIZE);
      if (readU32(header, 0) !== MAGIC_PAGE || pageSizeFault(pageSize) !== undefined) continue;
      const number = readU64(header, HEADER_NUMBER);
      if (number * pageSize !== at || !isSound(file, pageSize, number, headerSalt(header))) continue;
      const salt = headerSalt(header);
      const start = log === null ? undefined : logStart(vfs, log, pageSize, salt);
      const meta = encodeMeta({ pageSize, salt, logSalt: start?.salt ?? 0n });
      const lastCheckpointLsn = Math.max(0, (start?.startLsn ?? 0) - 1);
      return patchMeta(meta, { nextPage: 1, freeListHead: 0, lastCheckpointLsn });
    }
    return undefined;
  } finally {
    file.close();
  }
}

function isSound(file: VfsFile, pageSize: number, number: number, salt: bigint): boolean {
  const page = new Uint8Array(pageSize);
  if (readFully(file, page, 0, pageSize, number * pageSize) < pageSize) return false;
  return new PageSeal(pageSize, salt).fault(page, number) === undefined;
}

class Salvager {
  readonly #file: LegacyFile;
  readonly #survey: LegacySurvey;
  readonly #lost: ProblemList;
  readonly #reached: PageSet;
  readonly #leaf: LeafDecoder;
  #generation: LegacyGeneration;
  #longestKey = 0;

  constructor(file: LegacyFile, survey: LegacySurvey, lost: ProblemList) {
    this.#file = file;
    this.#survey = survey;
    this.#lost = lost;
    this.#reached = new PageSet(file.pages.fileCount);
    this.#leaf = new LeafDecoder(file.path);
    this.#generation = survey.generation === "unknown" ? this.#anyGeneration() : survey.generation;
  }

  run(): LegacySalvage {
    const lists = new Map<string, PageList>();
    const unreached = new Map<string, number>();
    for (const tree of this.#survey.trees) {
      const list = new PageList();
      for (const page of tree.order.pages) if (this.#take(page)) list.push(page);
      lists.set(tree.name, list);
    }
    if (this.#survey.problems.length > 0) {
      for (const page of this.#unreachedLeaves()) {
        const name = this.#treeOf(page);
        const list = lists.get(name) ?? new PageList();
        lists.set(name, list);
        list.push(page);
        unreached.set(name, (unreached.get(name) ?? 0) + 1);
      }
    }
    const trees: SalvagedTree[] = [];
    for (const [name, list] of lists) {
      trees.push({ name, order: this.#order(list), unreached: unreached.get(name) ?? 0 });
    }
    const dropped = new ProblemList();
    return {
      generation: this.#generation,
      trees,
      lost: this.#lost.items,
      batches: (tree) => this.#batches(tree, dropped),
      dropped: dropped.items,
      longestKey: this.#longestKey,
      close: () => this.#file.close(),
    };
  }

  /** True for a leaf that can be read and holds records; it counts as reached. */
  #take(page: number): boolean {
    if (!this.#reached.add(page)) return false;
    return this.#recordsIn(page) > 0;
  }

  #recordsIn(page: number): number {
    try {
      this.#leaf.decode(this.#file.pages.ofKind(page, KIND_LEAF), page, this.#generation);
      const { count, keyLength } = this.#leaf;
      for (let i = 0; i < count; i++) this.#longestKey = Math.max(this.#longestKey, keyLength[i]!);
      return count;
    } catch (error) {
      this.#lost.addError(error);
      return 0;
    }
  }

  *#unreachedLeaves(): Generator<number, void> {
    for (const page of this.#allPages()) {
      if (this.#reached.has(page) || this.#survey.isFree(page)) continue;
      const bytes = this.#file.pages.raw(page);
      if (bytes[HEADER_KIND] !== KIND_LEAF || this.#file.pages.seal.fault(bytes, page) !== undefined)
        continue;
      if (this.#recordsIn(page) > 0) yield page;
    }
  }

  *#allPages(): Generator<number, void> {
    const { fileCount, log } = this.#file.pages;
    for (let page = 1; page < fileCount; page++) yield page;
    for (const page of log.pageNumbers()) if (page >= fileCount) yield page;
  }

  /** The tree whose root the leaf's parents lead to. */
  #treeOf(leaf: number): string {
    const trees = this.#survey.trees;
    if (trees.length === 0) return BARE_TREE;
    if (trees.length === 1) return trees[0]!.name;
    let page = leaf;
    for (let depth = 0; depth <= TREE_DEPTH_MAX; depth++) {
      const tree = trees.find((each) => each.root === page);
      if (tree !== undefined) return tree.name;
      if (!this.#file.pages.has(page)) break;
      const bytes = this.#file.pages.raw(page);
      const kind = bytes[HEADER_KIND];
      if (this.#file.pages.seal.fault(bytes, page) !== undefined) break;
      if (kind !== KIND_LEAF && kind !== KIND_BRANCH) break;
      page = readU64(bytes, PAGE_HEADER_BYTES + TREE_PARENT);
    }
    return LOST_TREE;
  }

  #order(list: PageList): LeafOrder {
    const steps = orderLeaves(this.#file.pages, this.#generation, list);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value.order;
    }
  }

  #batches(tree: SalvagedTree, dropped: ProblemList): Generator<LeafBatch, void> {
    return readLeaves(this.#file.pages, this.#generation, tree.order, {
      choose: (key, first, second) => {
        const [a, b] = [this.#reached.has(first.page), this.#reached.has(second.page)];
        const takeSecond = a === b ? second.page > first.page : b;
        const [kept, left] = takeSecond ? [second, first] : [first, second];
        const values = `${hexOf(left.value)} was dropped for ${hexOf(kept.value)} of page ${kept.page}`;
        dropped.add("G11", left.page, -1, `key ${hexOf(key)}: value ${values}`);
        return takeSecond;
      },
    });
  }

  /** Where no tree told the generation, any leaf may. */
  #anyGeneration(): LegacyGeneration {
    for (const anyFence of [false, true]) {
      for (const page of this.#allPages()) {
        const bytes = this.#file.pages.raw(page);
        if (bytes[HEADER_KIND] !== KIND_LEAF || this.#file.pages.seal.fault(bytes, page) !== undefined)
          continue;
        const found = recogniseLeaf(bytes, page, this.#file.path, anyFence);
        if (found !== undefined && found.generation !== "unknown") return found.generation;
      }
    }
    return "gen3";
  }
}
