/**
 * Works out the conversion of a legacy file in place, exactly, in one pass over its records: leaves, overflow
 * runs, branches, catalogue, and where all of them go.
 */

import { KeyTooLargeError } from "../../src/base/errors.js";
import { firstPage } from "../../src/pager/store-header.js";
import { BranchStack } from "../../src/tree/bulk-branches.js";
import { BulkBuilder } from "../../src/tree/bulk-builder.js";
import { runPages } from "../../src/tree/bulk-images.js";
import { LeafSizer } from "../../src/tree/bulk-leaves.js";
import type { RecordBatch } from "../legacy/leaf.js";
import type { LegacyFile } from "../legacy/legacy-file.js";
import { PageList } from "../legacy/page-set.js";
import type { LegacySurvey, LegacyTreeSurvey } from "../legacy/survey.js";
import type { RecordWatch } from "../legacy/walk.js";
import { type LegacyRecord, legacyRecordOf, storeTreeName } from "../legacy-record.js";
import { catalogEntries } from "../store-catalog.js";
import type { TrailingPages } from "./layout.js";

/** The trees of the target, sized. */
export interface SizedTree {
  readonly name: string;
  readonly survey: LegacyTreeSurvey | undefined;
  readonly records: number;
  readonly leaves: number;
  /** Branches of each level, 1 first. */
  readonly branches: readonly number[];
}

export interface SizedStore {
  readonly pageSize: number;
  readonly trees: readonly SizedTree[];
  readonly leafRecords: Uint32Array;
  readonly leafRuns: Uint32Array | undefined;
  readonly runPages: Uint32Array;
  /** Records of each leaf of the source, over all trees; a group of overlapping leaves counts as its first. */
  readonly unitRecords: Uint32Array;
  readonly legacy: LegacyRecord;
  /** Branches of all trees, then the catalogue. */
  readonly trailing: readonly TrailingPages[];
  /** Pages of the finished store if nothing has to stay where it is. */
  readonly pages: number;
}

/** Yields the number of source leaves done. Throws what LeafSizer throws: KeyTooLargeError. */
export function* sizeStore(
  file: LegacyFile,
  survey: LegacySurvey,
  pageSize: number,
): Generator<number, SizedStore> {
  const sizer = new StoreSizer(pageSize);
  const trees: SizedTree[] = [];
  let done = 0;
  for (let index = 0; index < survey.trees.length; index++) {
    const tree = survey.trees[index]!;
    for (const batch of file.batches(survey, tree)) {
      sizer.add(batch, batch.leavesDone);
      yield done + batch.leavesDone;
    }
    done += tree.order.pages.length;
    trees.push({
      ...sizer.finishTree(tree.order.pages.length),
      name: storeTreeName(survey, index),
      survey: tree,
    });
  }
  return sizer.finishAll(trees, survey);
}

/** Sizes the store while the file is checked: for a file that is in order there is no pass of its own for it. */
export class WalkSizer implements RecordWatch {
  readonly #sizer: StoreSizer;
  readonly #trees: Pick<SizedTree, "records" | "leaves" | "branches">[] = [];
  #units = 0;
  #failed = false;

  constructor(pageSize: number) {
    this.#sizer = new StoreSizer(pageSize);
  }

  leaf(batch: RecordBatch): void {
    if (this.#failed) return;
    try {
      this.#sizer.add(batch, ++this.#units);
    } catch (error) {
      if (!(error instanceof KeyTooLargeError)) throw error;
      this.#failed = true;
    }
  }

  endTree(sound: boolean): void {
    if (!sound) this.#failed = true;
    if (this.#failed) return;
    this.#trees.push(this.#sizer.finishTree(this.#units));
    this.#units = 0;
  }

  /** The size of what was checked; undefined where that has to be found out by sizeStore. */
  finish(survey: LegacySurvey): SizedStore | undefined {
    if (this.#failed || this.#trees.length !== survey.trees.length) return undefined;
    const trees: SizedTree[] = this.#trees.map((tree, index) => ({
      ...tree,
      name: storeTreeName(survey, index),
      survey: survey.trees[index],
    }));
    return this.#sizer.finishAll(trees, survey);
  }
}

const NO_ID: Uint8Array = new Uint8Array(16);

class StoreSizer {
  readonly #pageSize: number;
  #sizer: LeafSizer;
  #branches: BranchStack;
  #branchCounts: number[] = [];
  readonly #leafRecords: PageList = new PageList();
  readonly #leafRuns: PageList = new PageList();
  readonly #runPages: PageList = new PageList();
  readonly #unitRecords: PageList = new PageList();
  /** Of the tree in work. */
  #unitsDone = 0;
  #unitCount = 0;
  #records = 0;
  #firstLeaf = 0;
  #runsSettled = 0;
  #pendingRuns = 0;
  #last: Uint8Array = new Uint8Array(64);
  #lastBytes = -1;
  #shared = 0;
  #low: Uint8Array = new Uint8Array(0);

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    this.#sizer = new LeafSizer(pageSize);
    this.#branches = this.#stack();
  }

  #stack(): BranchStack {
    this.#branchCounts = [];
    return new BranchStack(this.#pageSize, (_image, level) => {
      this.#branchCounts[level - 1] = (this.#branchCounts[level - 1] ?? 0) + 1;
      return 1;
    });
  }

  add(batch: RecordBatch, leavesDone: number): void {
    const { count, keys, keyStart, keyLength, valueLength } = batch;
    for (let i = 0; i < count; i++) this.#record(keys, keyStart[i]!, keyLength[i]!, valueLength[i]!);
    this.#unitCount += count;
    if (leavesDone === this.#unitsDone) return;
    this.#unitRecords.push(this.#unitCount);
    for (let unit = this.#unitsDone + 1; unit < leavesDone; unit++) this.#unitRecords.push(0);
    this.#unitsDone = leavesDone;
    this.#unitCount = 0;
  }

  #record(keys: Uint8Array, start: number, length: number, valueBytes: number): void {
    const shared = this.#sharedWithLast(keys, start, length);
    const before = this.#sizer.count;
    if (this.#sizer.next(length, valueBytes, shared)) this.#closeLeaf(before, this.#shared);
    if (this.#sizer.overflows(length, valueBytes)) {
      this.#runPages.push(runPages(valueBytes, this.#pageSize));
      this.#pendingRuns = 1;
    } else this.#pendingRuns = 0;
    this.#remember(keys, start, length);
    this.#shared = shared;
    this.#records++;
  }

  #sharedWithLast(keys: Uint8Array, start: number, length: number): number {
    const last = this.#last;
    const limit = Math.min(this.#lastBytes, length);
    let same = 0;
    while (same < limit && keys[start + same] === last[same]) same++;
    return same;
  }

  #remember(keys: Uint8Array, start: number, length: number): void {
    if (this.#last.length < length) this.#last = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#last[i] = keys[start + i]!;
    this.#lastBytes = length;
  }

  /** A leaf ends in front of the last record taken, which shares `shared` with the one before it. */
  #closeLeaf(records: number, shared: number): void {
    const runs = this.#runPages.length - this.#pendingRuns;
    this.#push(records, runs);
    this.#low = this.#last.slice(0, shared + 1);
  }

  #push(records: number, runs: number): void {
    this.#branches.add(this.#low, 1);
    this.#leafRecords.push(records);
    this.#leafRuns.push(runs - this.#runsSettled);
    this.#runsSettled = runs;
  }

  finishTree(units: number): Pick<SizedTree, "records" | "leaves" | "branches"> {
    const before = this.#sizer.count;
    if (this.#sizer.finish()) this.#closeLeaf(before, this.#shared);
    this.#push(this.#sizer.count, this.#runPages.length);
    this.#branches.finish();
    for (; this.#unitsDone < units; this.#unitsDone++) this.#unitRecords.push(0);
    const tree = {
      records: this.#records,
      leaves: this.#leafRecords.length - this.#firstLeaf,
      branches: this.#branchCounts,
    };
    this.#firstLeaf = this.#leafRecords.length;
    this.#records = 0;
    this.#unitsDone = 0;
    this.#unitCount = 0;
    this.#lastBytes = -1;
    this.#pendingRuns = 0;
    this.#low = new Uint8Array(0);
    this.#sizer = new LeafSizer(this.#pageSize);
    this.#branches = this.#stack();
    return tree;
  }

  /** `trees` are those of the file; every store has an unnamed one as well. */
  finishAll(sized: readonly SizedTree[], survey: LegacySurvey): SizedStore {
    const trees = [...sized];
    if (!trees.some((tree) => tree.name === ""))
      trees.push({ ...this.finishTree(0), name: "", survey: undefined });
    const legacy = legacyRecordOf(survey);
    const trailing: TrailingPages[] = [];
    for (const tree of trees) {
      for (const count of tree.branches)
        for (let i = 0; i < count; i++) trailing.push({ pages: 1, fixed: 0 });
    }
    trailing.push(...catalogPages(this.#pageSize, trees, legacy));
    const runPages = this.#runPages.toArray();
    let pages = firstPage(this.#pageSize) + this.#leafRecords.length;
    for (const count of runPages) pages += count;
    for (const each of trailing) pages += each.pages;
    return {
      pageSize: this.#pageSize,
      trees,
      leafRecords: this.#leafRecords.toArray(),
      leafRuns: runPages.length === 0 ? undefined : this.#leafRuns.toArray(),
      runPages,
      unitRecords: this.#unitRecords.toArray(),
      legacy,
      trailing,
      pages,
    };
  }
}

/** Pages of the catalogue in the order in which its builder asks for them. */
function catalogPages(pageSize: number, trees: readonly SizedTree[], legacy: LegacyRecord): TrailingPages[] {
  const pages: TrailingPages[] = [];
  const builder = new BulkBuilder(pageSize, NO_ID, {
    allocate: (count) => {
      pages.push({ pages: count, fixed: 0 });
      return 1;
    },
    write: () => undefined,
  });
  const roots = new Map(trees.map((tree) => [tree.name, 1]));
  for (const { key, value } of catalogEntries(roots, legacy)) {
    builder.add(key, 0, key.length, value, 0, value.length);
  }
  builder.finish();
  return pages;
}
