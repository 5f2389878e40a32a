/**
 * The whole check of a legacy file before anything is done to it (M3 a): generation, trees, every page that
 * the trees reach, the content digest of each tree, and everything that forbids a conversion. Nothing is
 * written and nothing thrown for what the file's bytes say; problems are in the result.
 *
 * Memory: one bit a page twice, four bytes a leaf, and the windows of the readers.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { BranchDecoder } from "./branch.js";
import { type ContentSummary, ContentTally } from "./content.js";
import { type FreeList, readFreeList } from "./free-list.js";
import { type Recognition, recogniseEmpty, recogniseLeaf } from "./generation.js";
import { healTree } from "./heal.js";
import { HEADER_KIND, KIND_BRANCH, KIND_LEAF, type LegacyGeneration } from "./layout.js";
import { type LeafOrder, readLeaves } from "./leaf-stream.js";
import type { LogSummary } from "./log.js";
import type { LegacyMeta } from "./meta.js";
import { isZero } from "./page-check.js";
import { PageList, PageSet } from "./page-set.js";
import type { LegacyPages } from "./pages.js";
import { type LegacyProblem, ProblemList } from "./problems.js";
import { chooseRoots, type LegacyTreeRoot, scanPages } from "./roots.js";
import { type RecordWatch, TreeWalk } from "./walk.js";

export interface LegacyTreeSurvey extends LegacyTreeRoot {
  readonly height: number;
  readonly branches: number;
  /** Leaves, those without records included. */
  readonly leaves: number;
  readonly emptyLeaves: number;
  /** Where the records are; what readLeaves takes. */
  readonly order: LeafOrder;
  /** Undefined where the tree has problems. */
  readonly content: ContentSummary | undefined;
  /** What was in disorder and has been put right in `order`. */
  readonly healed: readonly string[];
  /** Records that were there twice with the same value; counted once. */
  readonly duplicates: number;
}

export interface LegacySurvey {
  readonly path: string;
  readonly pageSize: number;
  readonly fileBytes: number;
  readonly filePages: number;
  readonly generation: LegacyGeneration | "unknown";
  readonly recognisedBy: string;
  readonly meta: LegacyMeta;
  readonly log: LogSummary;
  readonly trees: readonly LegacyTreeSurvey[];
  /** Pages of the free list and in it; a hint. */
  readonly freePages: number;
  /** True where the free list covers the page and the log holds no image of it; a hint. */
  readonly isFree: (page: number) => boolean;
  /** Pages of kind 5 and 6 that may be referred to from inside values. */
  readonly carried: Uint32Array;
  /** Copies of them, in the same order; empty where they are more than CARRIED_BYTES_MAX. */
  readonly carriedImages: readonly Uint8Array[];
  /** Anything here forbids a conversion. */
  readonly problems: readonly LegacyProblem[];
  /** How many problems there are; more than `problems` holds where there are very many. */
  readonly problemCount: number;
  /** What is odd and harmless. */
  readonly notes: readonly LegacyProblem[];
}

/** Pages that are no tree pages are kept whole; they are held in memory until they are in their new place. */
export const CARRIED_BYTES_MAX: number = 16 * 1024 * 1024;

export interface SurveyOptions {
  /** Takes this generation instead of recognising it. */
  readonly assume?: LegacyGeneration;
  /** Takes this page as the only root. */
  readonly root?: number;
}

export interface SurveyProgress {
  readonly phase: "scan" | "walk" | "heal" | "digest";
  /** Pages done in this phase, and how many there may be; more than those where the log holds new pages. */
  readonly pages: number;
  readonly of: number;
}

/**
 * Checks the whole file, yielding progress every few hundred pages; a caller that wants to stop just stops.
 * Throws IoError only.
 */
export function* surveyPages(
  source: LegacyPages,
  meta: LegacyMeta,
  fileBytes: number,
  options: SurveyOptions = {},
  watch?: RecordWatch,
): Generator<SurveyProgress, LegacySurvey> {
  return yield* new Surveyor(source, meta, fileBytes, options, watch).run();
}

class Surveyor {
  readonly #source: LegacyPages;
  readonly #meta: LegacyMeta;
  readonly #fileBytes: number;
  readonly #options: SurveyOptions;
  readonly #watch: RecordWatch | undefined;
  readonly #problems: ProblemList = new ProblemList();
  readonly #notes: ProblemList = new ProblemList();
  readonly #visited: PageSet;
  #free: FreeList;

  constructor(
    source: LegacyPages,
    meta: LegacyMeta,
    fileBytes: number,
    options: SurveyOptions,
    watch: RecordWatch | undefined,
  ) {
    this.#source = source;
    this.#meta = meta;
    this.#fileBytes = fileBytes;
    this.#options = options;
    this.#watch = watch;
    this.#visited = new PageSet(source.fileCount);
    this.#free = { pages: new PageSet(0), listPages: 0 };
  }

  *run(): Generator<SurveyProgress, LegacySurvey> {
    const source = this.#source;
    const { end, reason, note, undecided } = source.log.summary;
    if (undecided !== "") this.#problems.add("G8", -1, -1, undecided);
    if (end === "torn") this.#notes.add("G8", -1, -1, `the log is cut short, as by a crash: ${reason}`);
    if (note !== "") this.#notes.add("G8", -1, -1, note);
    this.#free = readFreeList(source, this.#meta.freeListHead, this.#problems, this.#notes);
    const scan = yield* this.#phase("scan", scanPages(source, this.#free));
    const named = this.#namedTrees();
    const roots = chooseRoots(scan, named, this.#options.root, this.#problems, this.#notes);
    if (roots.length === 0 && scan.treePages === 0) this.#checkNoTree();
    const recognition = this.#recognise(roots);
    const trees: LegacyTreeSurvey[] = [];
    for (const root of roots) trees.push(yield* this.#surveyTree(root, recognition.generation));
    if (this.#options.root === undefined && named.length === 0) yield* this.#checkUnreached();
    return {
      path: source.path,
      pageSize: source.pageSize,
      fileBytes: this.#fileBytes,
      filePages: source.fileCount,
      generation: recognition.generation,
      recognisedBy: recognition.reason,
      meta: this.#meta,
      log: source.log.summary,
      trees,
      freePages: this.#free.pages.size,
      isFree: (page) => this.#isFree(page),
      carried: scan.carried,
      carriedImages: this.#imagesOf(scan.carried),
      problems: this.#problems.items,
      problemCount: this.#problems.count,
      notes: this.#notes.items,
    };
  }

  #imagesOf(pages: Uint32Array): Uint8Array[] {
    if (pages.length * this.#source.pageSize > CARRIED_BYTES_MAX) return [];
    return Array.from(pages, (page) => this.#source.raw(page).slice());
  }

  *#phase<T>(phase: SurveyProgress["phase"], steps: Generator<number, T>): Generator<SurveyProgress, T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      yield { phase, pages: step.value, of: this.#source.fileCount };
    }
  }

  /** The meta page's roots that are tree pages; the roots of segment trees are pages of kind 6. */
  #namedTrees(): LegacyMeta["roots"] {
    return this.#meta.roots.filter(({ field, page }) => {
      const kind = this.#source.has(page) ? this.#source.raw(page)[HEADER_KIND] : KIND_LEAF;
      if (kind === KIND_LEAF || kind === KIND_BRANCH || !field.name.startsWith("segments")) return true;
      this.#notes.add("G9", page, -1, `${field.name} is not a tree; its pages are carried along`);
      return false;
    });
  }

  #checkNoTree(): void {
    const next = this.#meta.nextPage;
    if (next <= 1) this.#notes.add("G9", -1, -1, "the file holds no tree");
    else
      this.#problems.add(
        "G9",
        -1,
        -1,
        `pages up to ${next - 1} were handed out, but the file holds no tree; was it cut off?`,
      );
  }

  #recognise(roots: readonly LegacyTreeRoot[]): Recognition {
    const assumed = this.#options.assume;
    if (assumed !== undefined) return { generation: assumed, reason: `assumed to be ${assumed}` };
    let records = 0;
    for (const anyFence of [false, true]) {
      const seen = new PageSet(this.#source.fileCount);
      records = 0;
      for (const { root } of roots) {
        const found = recogniseTree(this.#source, root, seen, anyFence);
        if (typeof found !== "number") return found;
        records += found;
      }
      if (records === 0) break;
    }
    if (records > 0) {
      const reason = `none of ${records} leaves with records decodes as one generation only`;
      this.#problems.add("G11", -1, -1, `${reason}; --assume chooses one`);
      return { generation: "unknown", reason };
    }
    return recogniseEmpty(this.#meta, this.#source.log.summary.form === "folder");
  }

  *#surveyTree(
    root: LegacyTreeRoot,
    recognised: LegacyGeneration | "unknown",
  ): Generator<SurveyProgress, LegacyTreeSurvey> {
    // Without records all generations decode alike.
    const generation = recognised === "unknown" ? "gen3" : recognised;
    const before = this.#problems.count;
    const walk = new TreeWalk(
      this.#source,
      generation,
      root.root,
      this.#visited,
      this.#problems,
      this.#notes,
      this.#watch,
    );
    try {
      return yield* this.#walked(root, walk, generation, before);
    } finally {
      walk.tally.close();
    }
  }

  *#walked(
    root: LegacyTreeRoot,
    walk: TreeWalk,
    generation: LegacyGeneration,
    before: number,
  ): Generator<SurveyProgress, LegacyTreeSurvey> {
    yield* this.#phase("walk", walk.run());
    this.#watch?.endTree(walk.sound && this.#problems.count === before);
    const base = { ...root, height: walk.height, branches: walk.branches, duplicates: 0 };
    if (walk.sound) {
      return {
        ...base,
        leaves: walk.leaves.length,
        emptyLeaves: walk.emptyLeaves,
        order: { pages: this.#withRecords(walk, generation) },
        content: this.#problems.count === before ? walk.tally.finish() : undefined,
        healed: [],
      };
    }
    const unhealed: LegacyTreeSurvey = {
      ...base,
      leaves: walk.leaves.length,
      emptyLeaves: walk.emptyLeaves,
      order: { pages: walk.leaves.toArray() },
      content: undefined,
      healed: [],
    };
    if (walk.broken) return unhealed;
    try {
      return { ...base, ...(yield* this.#heal(walk, generation)) };
    } catch (error) {
      this.#problems.addError(error);
      return unhealed;
    }
  }

  *#heal(
    walk: TreeWalk,
    generation: LegacyGeneration,
  ): Generator<SurveyProgress, Omit<LegacyTreeSurvey, keyof LegacyTreeRoot | "height" | "branches">> {
    const source = this.#source;
    const healed = yield* this.#phase("heal", healTree(source, generation, walk, this.#visited, this.#free));
    const tally = new ContentTally();
    let duplicates = 0;
    const onDuplicate = (): void => {
      duplicates++;
    };
    for (const batch of readLeaves(source, generation, healed.order, { onDuplicate })) {
      tally.add(batch);
      yield { phase: "digest", pages: batch.leavesDone, of: healed.order.pages.length };
    }
    const told = duplicates === 0 ? [] : [`${duplicates} records were there twice with the same value`];
    return {
      leaves: healed.order.pages.length + healed.emptyLeaves,
      emptyLeaves: healed.emptyLeaves,
      order: healed.order,
      content: tally.finish(),
      healed: [...healed.healed, ...told],
      duplicates,
    };
  }

  /** The leaves of a sound tree without the empty ones, which are rare. */
  #withRecords(walk: TreeWalk, generation: LegacyGeneration): Uint32Array {
    const all = walk.leaves.toArray();
    if (walk.emptyLeaves === 0) return all;
    const kept = new PageList();
    for (const batch of readLeaves(this.#source, generation, { pages: all })) {
      if (batch.count > 0) kept.push(all[batch.leavesDone - 1]!);
    }
    return kept.toArray();
  }

  /**
   * A searched root is only certain if no damaged page could have been it: every page that nothing reaches
   * must be known to be free, never written, or sound.
   */
  *#checkUnreached(): Generator<SurveyProgress, void> {
    const source = this.#source;
    for (let page = 1; page < source.fileCount; page++) {
      if (page % 65536 === 0) yield { phase: "scan", pages: page, of: source.fileCount };
      this.#checkUnreachedPage(page);
    }
    for (const page of source.log.pageNumbers()) {
      if (page >= source.fileCount) this.#checkUnreachedPage(page);
    }
  }

  #isFree(page: number): boolean {
    return this.#free.pages.has(page) && !this.#source.log.has(page);
  }

  #checkUnreachedPage(page: number): void {
    const source = this.#source;
    if (this.#visited.has(page) || this.#isFree(page)) return;
    const bytes = source.raw(page);
    const fault = source.seal.fault(bytes, page);
    if (fault === undefined || isZero(bytes)) return;
    this.#problems.add("G1", page, -1, `${fault}, and no other page says that it is not the root`);
  }
}

/** The first leaf below `root` that tells, or how many leaves with records there are that do not. */
function recogniseTree(
  source: LegacyPages,
  root: number,
  seen: PageSet,
  anyFence: boolean,
): Recognition | number {
  const branch = new BranchDecoder(source.path, source.pageSize);
  const pending = [root];
  let records = 0;
  while (pending.length > 0) {
    const page = pending.pop()!;
    if (!source.has(page) || !seen.add(page)) continue;
    try {
      const bytes = source.ofKind(page, KIND_LEAF, KIND_BRANCH);
      if (bytes[HEADER_KIND] === KIND_BRANCH) {
        branch.decode(bytes, page);
        for (let i = branch.count - 1; i >= 0; i--) pending.push(branch.child[i]!);
        continue;
      }
      const found = recogniseLeaf(bytes, page, source.path, anyFence);
      if (found !== undefined) return found;
      if (bytes[34] !== 0 || bytes[35] !== 0) records++;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error; // The walk reports it.
    }
  }
  return records;
}
