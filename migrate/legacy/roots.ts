/**
 * Finds the trees of a legacy file. The root of a bare tree is stored nowhere: it is the one tree page that
 * names no parent, is not known to be free, and whose children name it. A graph file names its roots in the
 * meta page. One sequential pass over the file also tells which pages are not tree pages at all.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { readU32, readU64 } from "./big-endian.js";
import { BranchDecoder } from "./branch.js";
import type { FreeList } from "./free-list.js";
import {
  HEADER_KIND,
  KIND_BRANCH,
  KIND_LEAF,
  KIND_OVERFLOW,
  KIND_SEGMENT,
  MAGIC_PAGE,
  PAGE_HEADER_BYTES,
  TREE_PARENT,
} from "./layout.js";
import type { MetaRootField } from "./meta.js";
import { PageList } from "./page-set.js";
import type { LegacyPages } from "./pages.js";
import type { ProblemList } from "./problems.js";

/** The name of a bare tree, whose root no field of the meta page holds. */
export const BARE_TREE = "main";

export interface LegacyTreeRoot {
  readonly name: string;
  readonly root: number;
  /** The meta field that named the root; undefined for a bare tree. */
  readonly field?: MetaRootField;
}

export interface FileScan {
  /** Tree pages that may be roots. */
  readonly candidates: readonly number[];
  /** Pages of kind 5 and 6 that are not known to be free: values may refer to them. */
  readonly carried: Uint32Array;
  /** Tree pages, whatever they are worth. */
  readonly treePages: number;
}

/** Pages looked at between two calls of the progress generator. */
const SCAN_STEP = 4096;

/**
 * Looks at the header of every page once, in file order, then at those that only the log holds. Yields the
 * number of pages done. A hostile file can make every page a candidate; only CANDIDATES_MAX are kept.
 */
export function* scanPages(source: LegacyPages, free: FreeList): Generator<number, FileScan> {
  const scanner = new PageScanner(source, free);
  for (let page = 1; page < source.fileCount; page++) {
    scanner.look(page);
    if (page % SCAN_STEP === 0) yield page;
  }
  for (const page of [...source.log.pageNumbers()].sort((a, b) => a - b)) {
    if (page >= source.fileCount) scanner.look(page);
  }
  yield source.fileCount;
  return scanner.result();
}

export const CANDIDATES_MAX = 4096;

class PageScanner {
  readonly #source: LegacyPages;
  readonly #free: FreeList;
  readonly #carried: PageList = new PageList();
  readonly #branch: BranchDecoder;
  readonly #parentless: number[] = [];
  #treePages = 0;

  constructor(source: LegacyPages, free: FreeList) {
    this.#source = source;
    this.#free = free;
    this.#branch = new BranchDecoder(source.path, source.pageSize);
  }

  look(page: number): void {
    const bytes = this.#source.raw(page);
    if (readU32(bytes, 0) !== MAGIC_PAGE) return;
    const kind = bytes[HEADER_KIND]!;
    const known =
      kind === KIND_LEAF || kind === KIND_BRANCH || kind === KIND_OVERFLOW || kind === KIND_SEGMENT;
    if (!known || (this.#free.pages.has(page) && !this.#source.log.has(page))) return;
    if (kind === KIND_OVERFLOW || kind === KIND_SEGMENT) {
      if (this.#source.seal.fault(bytes, page) === undefined) this.#carried.push(page);
      return;
    }
    this.#treePages++;
    if (readU64(bytes, PAGE_HEADER_BYTES + TREE_PARENT) !== 0) return;
    if (this.#parentless.length < CANDIDATES_MAX && this.#source.seal.fault(bytes, page) === undefined) {
      this.#parentless.push(page);
    }
  }

  result(): FileScan {
    const candidates = this.#parentless.filter((page) => this.#childrenAgree(page));
    return { candidates, carried: this.#carried.toArray(), treePages: this.#treePages };
  }

  /** False for a branch that a child disowns: a former root, freed when the tree became lower. */
  #childrenAgree(page: number): boolean {
    const bytes = this.#source.raw(page);
    if (bytes[HEADER_KIND] === KIND_LEAF) return true;
    try {
      this.#branch.decode(bytes, page);
    } catch (error) {
      if (error instanceof CorruptionError) return true; // The check of the tree says what is wrong.
      throw error;
    }
    for (let i = 0; i < this.#branch.count; i++) {
      const child = this.#branch.child[i]!;
      if (!this.#source.has(child)) continue;
      const below = this.#source.raw(child);
      if (this.#source.seal.fault(below, child) !== undefined) continue;
      if (readU64(below, PAGE_HEADER_BYTES + TREE_PARENT) !== page) return false;
    }
    return true;
  }
}

/**
 * The trees of the file: those that the meta page names, else the bare one. `root` decides about the pages beside them
 * that may be roots: it is taken, the others are left out with a note. A named tree never is.
 * Problems (G9): none or several candidates, or tree pages that no named root accounts for.
 */
export function chooseRoots(
  scan: FileScan,
  named: readonly { readonly field: MetaRootField; readonly page: number }[],
  root: number | undefined,
  problems: ProblemList,
  notes: ProblemList,
): LegacyTreeRoot[] {
  const trees: LegacyTreeRoot[] = named.map(({ field, page }) => ({ name: field.name, root: page, field }));
  const roots = new Set(named.map((each) => each.page));
  const others = scan.candidates.filter((page) => !roots.has(page));
  if (root !== undefined) {
    if (!roots.has(root)) trees.push({ name: BARE_TREE, root });
    for (const page of others) {
      if (page !== root) notes.add("G9", page, -1, "the page may be the root of a tree, which is left out");
    }
    return trees;
  }
  if (named.length > 0) {
    for (const page of others) {
      const choice = `--root ${page} takes it along, --root ${named[0]!.page} leaves it out`;
      problems.add(
        "G9",
        page,
        -1,
        `the page is the root of a tree that the meta page does not name; ${choice}`,
      );
    }
    return trees;
  }
  if (others.length > 1) {
    const shown = others.slice(0, 8).join(", ");
    problems.add(
      "G9",
      others[0]!,
      -1,
      `${others.length} pages may be the root (${shown}); --root chooses one`,
    );
    return [];
  }
  if (others.length === 0) {
    if (scan.treePages > 0) problems.add("G9", -1, -1, "no tree page is a root; --root chooses one");
    return [];
  }
  return [{ name: BARE_TREE, root: others[0]! }];
}
