/**
 * Writes a whole store to a fresh file, page after page: what the rewrite strategy and salvage make. The file
 * is synced and complete when this is done; nothing else refers to it before.
 */

import { randomBytes } from "node:crypto";
import { createMetrics } from "../src/base/metrics.js";
import { BLOCK_BYTES } from "../src/log/log-format.js";
import { DataFile } from "../src/pager/data-file.js";
import { writeFreeList } from "../src/pager/free-list.js";
import { ExtentSet } from "../src/pager/free-space.js";
import { encodeStoreHeader, firstPage, HEADER_COPIES, type StoreHeader } from "../src/pager/store-header.js";
import { BulkBuilder, type BulkTree } from "../src/tree/bulk-builder.js";
import { runUnit } from "../src/tree/bulk-images.js";
import type { Vfs, VfsFile } from "../src/vfs/vfs.js";
import { writeFully } from "../src/vfs/whole-io.js";
import type { RecordBatch } from "./legacy/leaf.js";
import type { LegacyRecord } from "./legacy-record.js";
import { catalogEntries } from "./store-catalog.js";

export interface TreeToWrite {
  /** Empty for the unnamed tree. */
  readonly name: string;
  /** In ascending order of keys. */
  readonly batches: Iterable<RecordBatch>;
}

export interface StoreToWrite {
  readonly pageSize: number;
  readonly trees: Iterable<TreeToWrite>;
  readonly legacy: LegacyRecord | undefined;
}

export interface WrittenStore {
  readonly pages: number;
  readonly bytes: number;
  readonly records: number;
}

/** Between two calls of the progress generator. */
const STEP_BYTES: number = 1024 * 1024;
const WRITE_BYTES: number = 1024 * 1024;

/**
 * Creates `path`, which must not exist. Yields the number of bytes written so far. Throws what the batches,
 * BulkBuilder and the file system throw; the caller removes the file then.
 */
export function* writeStoreFile(
  vfs: Vfs,
  path: string,
  store: StoreToWrite,
): Generator<number, WrittenStore> {
  const file = vfs.open(path, "create");
  try {
    return yield* new StoreFileWriter(file, store).run();
  } finally {
    file.close();
  }
}

/** A header of a store that was never opened. */
export function freshHeader(
  pageSize: number,
  storeId: Uint8Array,
  catalogRoot: number,
  pageCount: number,
  freeListHead = 0,
): StoreHeader {
  return {
    pageSize,
    storeId,
    sequence: 0,
    clean: true,
    log: undefined,
    compatibleFeatures: 0,
    readOnlyCompatibleFeatures: 0,
    incompatibleFeatures: 0,
    catalogRoot,
    pageCount,
    freeListHead,
    lastGeneration: 0,
    commit: 0,
  };
}

class StoreFileWriter {
  readonly #file: VfsFile;
  readonly #store: StoreToWrite;
  readonly #storeId: Uint8Array = new Uint8Array(randomBytes(16));
  readonly #run: Uint8Array = new Uint8Array(WRITE_BYTES);
  #runStart = 0;
  #runBytes = 0;
  #next: number;
  /** Pages left out before runs, which single pages fill later: never more than a block has. */
  readonly #skipped: number[] = [];

  constructor(file: VfsFile, store: StoreToWrite) {
    this.#file = file;
    this.#store = store;
    this.#next = firstPage(store.pageSize);
  }

  *run(): Generator<number, WrittenStore> {
    const { pageSize, trees, legacy } = this.#store;
    const roots = new Map<string, number>();
    let records = 0;
    for (const tree of trees) {
      const built = yield* this.#tree(tree.batches);
      roots.set(tree.name, built.root);
      records += built.records;
    }
    if (!roots.has("")) roots.set("", (yield* this.#tree([])).root);
    const catalog = this.#builder();
    for (const { key, value } of catalogEntries(roots, legacy)) {
      catalog.add(key, 0, key.length, value, 0, value.length);
    }
    const catalogRoot = catalog.finish().root;
    this.#flush();
    const header = freshHeader(pageSize, this.#storeId, catalogRoot, this.#next, this.#freeList());
    this.#writeHeader(header);
    this.#file.sync();
    const bytes = Math.ceil((this.#next * pageSize) / BLOCK_BYTES) * BLOCK_BYTES;
    return { pages: this.#next, bytes, records };
  }

  #writeHeader(header: StoreHeader): void {
    const end = this.#next * header.pageSize;
    const rest = Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES - end;
    if (rest > 0) writeFully(this.#file, new Uint8Array(rest), 0, rest, end);
    for (let copy = 0; copy < HEADER_COPIES; copy++) {
      const block = encodeStoreHeader({ ...header, sequence: copy });
      writeFully(this.#file, block, 0, block.length, copy * BLOCK_BYTES);
    }
  }

  *#tree(batches: Iterable<RecordBatch>): Generator<number, BulkTree> {
    const builder = this.#builder();
    let told = this.#next;
    for (const batch of batches) {
      builder.addAll(batch);
      if ((this.#next - told) * this.#store.pageSize < STEP_BYTES) continue;
      told = this.#next;
      yield this.#next * this.#store.pageSize;
    }
    return builder.finish();
  }

  #builder(): BulkBuilder {
    const { pageSize } = this.#store;
    return new BulkBuilder(pageSize, this.#storeId, {
      allocate: (pages) => this.#allocate(pages),
      write: (page, image) => this.#write(page * pageSize, image),
    });
  }

  #allocate(pages: number): number {
    if (pages === 1 && this.#skipped.length > 0) return this.#skipped.shift()!;
    const unit = pages === 1 ? 1 : runUnit(this.#store.pageSize);
    while (this.#next % unit !== 0) this.#skipped.push(this.#next++);
    const page = this.#next;
    this.#next += pages;
    return page;
  }

  /** Skipped pages that nothing has filled; the first of them holds the list. Returns its page, or 0. */
  #freeList(): number {
    const [home, ...rest] = this.#skipped;
    if (home === undefined) return 0;
    const extents = new ExtentSet();
    for (const page of rest) extents.add(page, 1);
    const { pageSize } = this.#store;
    const data = new DataFile(this.#file, pageSize, Number.MAX_SAFE_INTEGER, createMetrics().pager);
    writeFreeList(data, this.#storeId, extents, { start: home, count: 1 });
    return home;
  }

  /** Pages come out in the order of their numbers, but for an overflow run before its leaf. */
  #write(position: number, image: Uint8Array): void {
    const follows = position === this.#runStart + this.#runBytes;
    if (!follows || this.#runBytes + image.length > this.#run.length) this.#flush();
    if (this.#runBytes === 0) this.#runStart = position;
    if (image.length > this.#run.length) {
      writeFully(this.#file, image, 0, image.length, position);
      return;
    }
    this.#run.set(image, this.#runBytes);
    this.#runBytes += image.length;
  }

  #flush(): void {
    writeFully(this.#file, this.#run, 0, this.#runBytes, this.#runStart);
    this.#runBytes = 0;
  }
}
