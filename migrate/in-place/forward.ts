/**
 * The target side of a conversion to a store: leaves in batches, then branches and catalogue over leaves that
 * are read back and checked on the way, at last the header.
 */

import { alignUp } from "../../src/base/bytes.js";
import { CorruptionError } from "../../src/base/errors.js";
import { createMetrics } from "../../src/base/metrics.js";
import { BLOCK_BYTES } from "../../src/log/log-format.js";
import { DataFile } from "../../src/pager/data-file.js";
import { freeListPages, writeFreeList } from "../../src/pager/free-list.js";
import { type Extent, ExtentSet } from "../../src/pager/free-space.js";
import { encodeStoreHeader, freshHeader } from "../../src/pager/store-header.js";
import { BranchStack } from "../../src/tree/bulk-branches.js";
import { BulkBuilder } from "../../src/tree/bulk-builder.js";
import { overflowRun, sealPage } from "../../src/tree/bulk-images.js";
import { LeafPacker } from "../../src/tree/bulk-leaves.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { checkBranches } from "../branch-check.js";
import { type CheckedTree, LeafCheck } from "../leaf-check.js";
import type { RecordBatch } from "../legacy/leaf.js";
import { catalogEntries } from "../store-catalog.js";
import { StorePages } from "../store-pages.js";
import type { LeafMaker, LeafOutput } from "./leaf-phase.js";
import { PageOutput } from "./page-output.js";
import { MOVE_WORDS, type Program, type ProgramTree } from "./program.js";
import type { SlotState } from "./slot.js";

export function storeIdOf(program: Program): Uint8Array {
  return new Uint8Array(Buffer.from(program.head.storeId, "base64"));
}

/** Makes a tree's leaves from `leaf` (over all trees) on, whose low fence is `low`. */
export function storeLeafMaker(
  program: Program,
  tree: ProgramTree,
  leaf: number,
  low: Uint8Array,
  out: LeafOutput,
): LeafMaker {
  const { targetPageSize: pageSize } = program.head;
  const storeId = storeIdOf(program);
  const single = tree.leaves[1] - tree.leaves[0] === 1;
  const packer: LeafPacker = new LeafPacker(pageSize, {
    overflow: (value) => {
      const page = out.takeRun();
      const { reference, image } = overflowRun(value, page, pageSize, storeId);
      out.putRun(page, image);
      return reference;
    },
    leaf: (image, _low, records) => {
      sealPage(image, program.tables.leafPages[out.nextLeaf]!, single ? tree.records : 0, storeId);
      out.putLeaf(image, records);
    },
  });
  if (leaf > tree.leaves[0]) packer.restart(low);
  return {
    get low() {
      return packer.low;
    },
    addAll: (batch: RecordBatch, from: number) => packer.addAll(batch, from),
    finish: () => packer.finish(),
  };
}

export interface FinishedStore {
  readonly catalogRoot: number;
  readonly freeListHead: number;
}

/** Bytes of trailing pages that are gathered before they are written. */
const OUTPUT_BYTES: number = 1024 * 1024;

/**
 * Reads every leaf back in key order, checks it, sums up the content, and writes branches, catalogue and free
 * list into the places planned for them. Can be done again from the start at any time: it overwrites nothing
 * that it reads. Yields the leaves done. Throws CorruptionError (M2) where the content is not what it was.
 */
export class StoreFinisher {
  readonly #file: VfsFile;
  readonly #program: Program;
  readonly #pages: StorePages;
  readonly #storeId: Uint8Array;
  readonly #output: PageOutput;
  #trailing = 0;
  readonly #checked: readonly CheckedTree[] | undefined;

  /** `checked`: what was found by somebody who has checked all leaves, wherever they lay then. */
  constructor(file: VfsFile, program: Program, checked?: readonly CheckedTree[]) {
    this.#file = file;
    this.#program = program;
    this.#checked = checked;
    this.#storeId = storeIdOf(program);
    this.#pages = new StorePages(file, program.head.targetPageSize, this.#storeId);
    this.#output = new PageOutput(file, program.head.targetPageSize);
  }

  *run(): Generator<number, FinishedStore> {
    const { head } = this.#program;
    const roots = new Map<string, number>();
    const fences: number[] = [];
    for (const tree of head.trees) {
      const { root, check } = yield* this.#tree(tree);
      roots.set(tree.name, root);
      fences.push(check.fences);
    }
    const catalogRoot = this.#catalog(roots);
    this.#output.flush();
    const freeListHead = this.#freeList();
    this.#file.sync();
    this.#pages.forget();
    if (head.verify !== "none") {
      head.trees.forEach((tree, index) => {
        const [from, to] = tree.leaves;
        const page = (leaf: number): number => this.#program.tables.leafPages[from + leaf]!;
        const leaves = { count: to - from, page, fences: fences[index]! };
        checkBranches(this.#pages, roots.get(tree.name)!, leaves);
      });
    }
    return { catalogRoot, freeListHead };
  }

  *#tree(tree: ProgramTree): Generator<number, { root: number; check: CheckedTree }> {
    const { verify, trees, targetPageSize } = this.#program.head;
    const branches = new BranchStack(targetPageSize, (image, _level, isRoot) =>
      this.#place(image, isRoot ? tree.records : 0),
    );
    const known = this.#checked?.[trees.indexOf(tree)];
    const check = new LeafCheck(this.#pages, verify === "full" && known === undefined);
    const moved = new Set(movedPages(this.#program).map(([page]) => page));
    for (let index = tree.leaves[0]; index < tree.leaves[1]; index++) {
      const page = this.#program.tables.leafPages[index]!;
      const low = known === undefined || moved.has(page) ? check.leaf(page) : check.fences(page);
      branches.add(low, page);
      if (index % 64 === 0) yield index;
    }
    const root = branches.finish();
    const found = check.finish();
    if (known !== undefined && known.fences !== found.fences)
      throw this.#bad(root, "the fences of the leaves are not those that were checked");
    const { records, digest } = known ?? found;
    if (records !== tree.records) throw this.#bad(root, `${records} records arrived of ${tree.records}`);
    if (verify === "full" && digest !== tree.digest)
      throw this.#bad(root, "the content digest differs from the one before");
    return { root, check: found };
  }

  #place(image: Uint8Array, records: number): number {
    const page = this.#program.tables.trailing[this.#trailing++];
    if (page === undefined) throw this.#bad(-1, "there are more pages than were planned");
    sealPage(image, page, records, this.#storeId);
    this.#put(page, image);
    return page;
  }

  #put(page: number, image: Uint8Array): void {
    this.#output.add(page, image);
    if (this.#output.bytes >= OUTPUT_BYTES) this.#output.flush();
  }

  #catalog(roots: ReadonlyMap<string, number>): number {
    const { targetPageSize, legacy } = this.#program.head;
    const builder = new BulkBuilder(targetPageSize, this.#storeId, {
      allocate: () => this.#program.tables.trailing[this.#trailing++]!,
      write: (page, image) => this.#put(page, image),
    });
    for (const { key, value } of catalogEntries(roots, legacy ?? undefined)) {
      builder.add(key, 0, key.length, value, 0, value.length);
    }
    return builder.finish().root;
  }

  /** Unused pages between the others go to the store's free list, some of them to hold it. */
  #freeList(): number {
    const { gaps, targetPageSize } = this.#program.head;
    if (gaps.length === 0) return 0;
    const { chain, extents } = divideGaps(gaps, targetPageSize);
    const data = new DataFile(this.#file, targetPageSize, Number.MAX_SAFE_INTEGER, createMetrics().pager);
    writeFreeList(data, this.#storeId, 0, extents, chain);
    return chain[0]!.start;
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("M2", reason, { path: this.#file.path, page, offset: -1 });
  }
}

/** The lowest of the unused pages hold the free list, in as many gaps as it takes; the others are in it. */
export function divideGaps(
  gaps: readonly Extent[],
  pageSize: number,
): { chain: readonly Extent[]; extents: ExtentSet } {
  const chain: Extent[] = [];
  const extents = new ExtentSet();
  let left = freeListPages(gaps.length, pageSize);
  for (const { start, count } of gaps) {
    const held = Math.min(left, count);
    if (held > 0) chain.push({ start, count: held });
    extents.add(start + held, count - held);
    left -= held;
  }
  return { chain, extents };
}

/**
 * Ends a conversion: the second header copy, then the first one in the place of the fence. From there on the
 * file is a store, whatever else is left to be done.
 */
export function writeStoreHeaders(file: VfsFile, program: Program, slot: SlotState): void {
  const { targetPageSize, finalPages } = program.head;
  const header = freshHeader(
    targetPageSize,
    storeIdOf(program),
    slot.catalogRoot,
    finalPages,
    slot.freeListHead,
  );
  const end = finalPages * targetPageSize;
  const rest = storeBytes(program) - end;
  if (rest > 0) writeFully(file, new Uint8Array(rest), 0, rest, end);
  for (const copy of [1, 0]) {
    const block = encodeStoreHeader({ ...header, sequence: copy });
    writeFully(file, block, 0, block.length, copy * BLOCK_BYTES);
    file.sync();
  }
}

/** Pages that are written to a temporary place at first, and that place. */
export function movedPages({ tables: { moves } }: Program): [page: number, place: number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < moves.length; i += MOVE_WORDS) pairs.push([moves[i + 1]!, moves[i]!]);
  return pairs;
}

/** Bytes of the finished store: whole blocks. */
export function storeBytes(program: Program): number {
  const { targetPageSize, finalPages } = program.head;
  return alignUp(finalPages * targetPageSize, BLOCK_BYTES);
}
