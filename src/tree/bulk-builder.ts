/**
 * Streams sorted records into a tree: packed leaves, overflow runs, branches bottom-up. Pages go to a
 * sink that says where they belong and writes them; the pager has no part in it.
 */

import { BranchStack } from "./bulk-branches.js";
import { overflowRun, runPages, sealPage } from "./bulk-images.js";
import { LeafPacker, type SortedRecords } from "./bulk-leaves.js";

export interface BulkSink {
  /**
   * The first of `pages` pages that lie together and are the tree's from now on. What is more than one page
   * begins at a multiple of runUnit(page size).
   */
  allocate(pages: number): number;
  /** Gets whole pages, complete but for being written; the bytes are reused after the call. */
  write(page: number, image: Uint8Array): void;
  /** Is told of each leaf, in key order, after it was given to `write`. */
  leaf?(page: number): void;
}

export interface BulkTree {
  readonly root: number;
  readonly records: number;
}

export class BulkBuilder {
  readonly #pageSize: number;
  readonly #storeId: Uint8Array;
  readonly #sink: BulkSink;
  readonly #packer: LeafPacker;
  readonly #branches: BranchStack;
  #records = 0;
  #leaves = 0;

  constructor(pageSize: number, storeId: Uint8Array, sink: BulkSink) {
    this.#pageSize = pageSize;
    this.#storeId = storeId;
    this.#sink = sink;
    this.#packer = new LeafPacker(pageSize, {
      overflow: (value) => this.#overflow(value),
      leaf: (image, low, records, last) => this.#leaf(image, low, records, last),
    });
    this.#branches = new BranchStack(pageSize, (image, _level, isRoot) => this.#place(image, isRoot));
  }

  /** Takes a record whose key is above all before. Throws as LeafPacker.add. */
  add(
    keys: Uint8Array,
    keyStart: number,
    keyBytes: number,
    values: Uint8Array,
    valueStart: number,
    valueBytes: number,
  ): void {
    this.#packer.add(keys, keyStart, keyBytes, values, valueStart, valueBytes);
  }

  /** Takes all records of a batch, whose keys are above all before. Throws as LeafPacker.addAll. */
  addAll(batch: SortedRecords): void {
    this.#packer.addAll(batch);
  }

  /** Ends the tree; to be called once. */
  finish(): BulkTree {
    this.#packer.finish();
    return { root: this.#branches.finish(), records: this.#records };
  }

  #leaf(image: Uint8Array, low: Uint8Array, records: number, last: boolean): void {
    this.#records += records;
    const isRoot = last && this.#leaves === 0;
    this.#leaves++;
    const page = this.#place(image, isRoot);
    this.#sink.leaf?.(page);
    this.#branches.add(low, page);
  }

  #place(image: Uint8Array, isRoot: boolean): number {
    const page = this.#sink.allocate(1);
    sealPage(image, page, isRoot ? this.#records : 0, this.#storeId);
    this.#sink.write(page, image);
    return page;
  }

  #overflow(value: Uint8Array): Uint8Array {
    const pages = runPages(value.length, this.#pageSize);
    const page = this.#sink.allocate(pages);
    const { reference, image } = overflowRun(value, page, this.#pageSize, this.#storeId);
    this.#sink.write(page, image);
    return reference;
  }
}
