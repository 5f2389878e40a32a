/**
 * The target side of a rollback: legacy leaves in batches, then branches over leaves that are read back and
 * checked on the way, the free list, at last the meta page.
 */

import { CorruptionError } from "../../src/base/errors.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { ContentTally } from "../legacy/content.js";
import { writeFreeList } from "../legacy/free-list.js";
import { KIND_LEAF } from "../legacy/layout.js";
import { LeafDecoder, type RecordBatch } from "../legacy/leaf.js";
import { META_ROOT_FIELDS, patchMeta } from "../legacy/meta.js";
import { headerSalt, PageSeal } from "../legacy/page-check.js";
import { TreePageBuilder } from "../legacy/writer-page.js";
import { wholePage } from "../legacy-record.js";
import { StoreLeafDecoder } from "../store-leaf.js";
import { StorePages } from "../store-pages.js";
import { storeIdOf } from "./forward.js";
import { type RecordSource, savedMeta } from "./forward-source.js";
import type { LeafMaker, LeafOutput } from "./leaf-phase.js";
import { PageOutput } from "./page-output.js";
import { PageReader } from "./page-reader.js";
import type { Program, ProgramTree } from "./program.js";
import type { SlotState } from "./slot.js";

const NO_KEY: Uint8Array = new Uint8Array(0);

/** Records of a store's leaves that are not used up yet. */
export function backRecords(file: VfsFile, program: Program): RecordSource {
  const pages = new StorePages(file, program.head.sourcePageSize, storeIdOf(program));
  const { units } = program.tables;
  return {
    *records(tree: ProgramTree, unit: number): Generator<RecordBatch> {
      const leaf = new StoreLeafDecoder(file.path, program.head.sourcePageSize);
      for (let index = tree.units[0] + unit; index < tree.units[1]; index++) {
        const page = units[index]!;
        leaf.decode(pages.page(page), page, (reference, from) => pages.run(reference, from));
        yield leaf;
      }
    },
    close: () => undefined,
  };
}

/** Page numbers of a tree by level and index: leaves from their table, branches from the trailing pages. */
export class LegacyPlaces {
  readonly #program: Program;
  readonly #tree: ProgramTree;
  /** Where the branches of each level begin in the table of trailing pages, 1 first. */
  readonly #starts: number[] = [];

  constructor(program: Program, tree: ProgramTree) {
    this.#program = program;
    this.#tree = tree;
    let at = 0;
    for (const other of program.head.trees) {
      if (other === tree) break;
      for (const count of other.branches) at += count;
    }
    for (const count of tree.branches) {
      this.#starts.push(at);
      at += count;
    }
  }

  get height(): number {
    return this.#tree.branches.length + 1;
  }

  count(level: number): number {
    return level === 0 ? this.#tree.leaves[1] - this.#tree.leaves[0] : this.#tree.branches[level - 1]!;
  }

  page(level: number, index: number): number {
    if (level === 0) return this.#program.tables.leafPages[this.#tree.leaves[0] + index]!;
    return this.#program.tables.trailing[this.#starts[level - 1]! + index]!;
  }

  /** Children of branch `index` of `level`. */
  children(level: number, index: number): number {
    return this.#program.tables.branchChildren[this.#starts[level - 1]! + index]!;
  }

  links(
    level: number,
    index: number,
    parent: number,
  ): { page: number; parent: number; left: number; right: number } {
    return {
      page: this.page(level, index),
      parent: level + 1 < this.height ? this.page(level + 1, parent) : 0,
      left: index === 0 ? 0 : this.page(level, index - 1),
      right: index + 1 < this.count(level) ? this.page(level, index + 1) : 0,
    };
  }
}

function sealOf(program: Program): PageSeal {
  return new PageSeal(program.head.targetPageSize, headerSalt(savedMeta(program)));
}

/** Which parent the children of one level belong to, asked in ascending order. */
class ParentCursor {
  readonly #places: LegacyPlaces;
  readonly #level: number;
  #parent = 0;
  #end: number;

  constructor(places: LegacyPlaces, level: number) {
    this.#places = places;
    this.#level = level;
    this.#end = level + 1 < places.height ? places.children(level + 1, 0) : Number.POSITIVE_INFINITY;
  }

  of(index: number): number {
    while (index >= this.#end) this.#end += this.#places.children(this.#level + 1, ++this.#parent);
    return this.#parent;
  }
}

/** Makes a tree's leaves from `leaf` (over all trees) on. */
export function backLeafMaker(
  program: Program,
  tree: ProgramTree,
  leaf: number,
  _low: Uint8Array,
  out: LeafOutput,
): LeafMaker {
  const places = new LegacyPlaces(program, tree);
  const parents = new ParentCursor(places, 0);
  const builder = new TreePageBuilder(program.head.generation, sealOf(program), true);
  const counts = program.tables.leafRecords;
  let open = leaf;
  const close = (key: Uint8Array, start: number, length: number): void => {
    const index = open - tree.leaves[0];
    const records = builder.count;
    const image = builder.finish(places.links(0, index, parents.of(index)), key, start, length);
    out.putLeaf(image, records);
    open++;
  };
  return {
    low: NO_KEY,
    addAll: (batch, from) => {
      const { count, keys, keyStart, keyLength, values, valueStart, valueLength } = batch;
      for (let i = from; i < count; i++) {
        if (builder.count === counts[open]) close(keys, keyStart[i]!, keyLength[i]!);
        builder.addRecord(keys, keyStart[i]!, keyLength[i]!, values, valueStart[i]!, valueLength[i]!);
      }
    },
    finish: () => close(NO_KEY, 0, 0),
  };
}

const OUTPUT_BYTES: number = 1024 * 1024;

/** As StoreFinisher, for the way back. */
export class LegacyFinisher {
  readonly #file: VfsFile;
  readonly #program: Program;
  readonly #seal: PageSeal;
  readonly #output: PageOutput;

  constructor(file: VfsFile, program: Program) {
    this.#file = file;
    this.#program = program;
    this.#seal = sealOf(program);
    this.#output = new PageOutput(file, program.head.targetPageSize);
  }

  *run(): Generator<number, { readonly freeListHead: number }> {
    for (const tree of this.#program.head.trees) yield* this.#tree(tree);
    this.#carried();
    const extents = this.#program.head.gaps.map(({ start, count }) => ({ start, length: count }));
    const freeListHead = writeFreeList(extents, this.#seal, (page, bytes) => this.#put(page, bytes));
    this.#output.flush();
    this.#file.sync();
    return { freeListHead };
  }

  *#tree(tree: ProgramTree): Generator<number, void> {
    const places = new LegacyPlaces(this.#program, tree);
    const branches = new BranchLevels(this.#program, places, this.#seal, (page, bytes) =>
      this.#put(page, bytes),
    );
    const leaf = new LeafDecoder(this.#file.path);
    const pages = new PageReader(this.#file, this.#program.head.targetPageSize);
    const { verify, generation } = this.#program.head;
    const tally = new ContentTally();
    let records = 0;
    for (let index = tree.leaves[0]; index < tree.leaves[1]; index++) {
      const page = this.#program.tables.leafPages[index]!;
      const bytes = pages.page(page);
      const fault = this.#seal.fault(bytes, page);
      if (fault !== undefined || bytes[6] !== KIND_LEAF) throw this.#bad(page, fault ?? "it is not a leaf");
      leaf.decode(bytes, page, generation);
      records += leaf.count;
      if (verify === "full") tally.add(leaf);
      branches.add(leaf.count === 0 ? NO_KEY : leaf.key(0));
      if (index % 64 === 0) yield index;
    }
    branches.finish();
    if (records !== tree.records) throw this.#bad(-1, `${records} records arrived of ${tree.records}`);
    if (verify === "full" && tally.finish().digest !== tree.digest)
      throw this.#bad(-1, "the content digest differs from the one before");
  }

  /** Pages that are no tree pages go back to where they were. */
  #carried(): void {
    const { carried, targetPageSize } = this.#program.head;
    for (const { page, image } of carried) {
      const bytes = wholePage(image, targetPageSize);
      const fault = this.#seal.fault(bytes, page);
      if (fault !== undefined) throw this.#bad(page, `a page that was carried along: ${fault}`);
      this.#put(page, bytes);
    }
  }

  #put(page: number, bytes: Uint8Array): void {
    this.#output.add(page, bytes);
    if (this.#output.bytes >= OUTPUT_BYTES) this.#output.flush();
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("M4", reason, { path: this.#file.path, page, offset: -1 });
  }
}

/** Builds the branches of a tree from the first keys of its leaves, as they were planned. */
class BranchLevels {
  readonly #places: LegacyPlaces;
  readonly #levels: {
    readonly builder: TreePageBuilder;
    readonly parents: ParentCursor;
    done: number;
    given: number;
  }[];
  readonly #put: (page: number, bytes: Uint8Array) => void;

  constructor(
    program: Program,
    places: LegacyPlaces,
    seal: PageSeal,
    put: (page: number, bytes: Uint8Array) => void,
  ) {
    this.#places = places;
    this.#put = put;
    this.#levels = [];
    for (let level = 1; level < places.height; level++) {
      this.#levels.push({
        builder: new TreePageBuilder(program.head.generation, seal, false),
        parents: new ParentCursor(places, level),
        done: 0,
        given: 0,
      });
    }
  }

  /** Takes the first key of the next leaf. */
  add(low: Uint8Array): void {
    this.#child(1, low);
  }

  finish(): void {
    for (let level = 1; level < this.#places.height; level++) this.#close(level, NO_KEY);
  }

  #child(level: number, low: Uint8Array): void {
    const state = this.#levels[level - 1];
    if (state === undefined) return;
    if (state.builder.count === this.#places.children(level, state.done)) this.#close(level, low);
    state.builder.addChild(this.#places.page(level - 1, state.given++), low);
  }

  #close(level: number, high: Uint8Array): void {
    const state = this.#levels[level - 1]!;
    const index = state.done++;
    const low = state.builder.low.slice();
    this.#child(level + 1, low);
    const links = this.#places.links(level, index, state.parents.of(index));
    this.#put(links.page, state.builder.finish(links, high, 0, high.length));
  }
}

/** The meta page in the place of the fence: from there on the file is a legacy one. */
export function writeLegacyHead(file: VfsFile, program: Program, slot: SlotState): void {
  const page = legacyHead(program, slot);
  writeFully(file, page, 0, page.length, 0);
  file.sync();
}

/** The sealed meta page of the finished file. */
export function legacyHead(program: Program, slot: SlotState): Uint8Array {
  const { trees, finalPages } = program.head;
  const roots: { offset: number; page: number }[] = [];
  for (const tree of trees) {
    if (tree.metaOffset === null || !META_ROOT_FIELDS.some((field) => field.offset === tree.metaOffset))
      continue;
    const places = new LegacyPlaces(program, tree);
    roots.push({ offset: tree.metaOffset, page: places.page(places.height - 1, 0) });
  }
  return patchMeta(savedMeta(program), { nextPage: finalPages, freeListHead: slot.freeListHead, roots });
}
