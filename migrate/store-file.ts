/**
 * Writes a whole store to a fresh file, page after page: what the rewrite strategy and salvage make. The file
 * is synced and complete when this is done; nothing else refers to it before.
 */

import { alignUp } from "../src/base/bytes.js";
import { createMetrics } from "../src/base/metrics.js";
import { newStoreId } from "../src/base/store-id.js";
import { BLOCK_BYTES } from "../src/log/log-format.js";
import { DataFile } from "../src/pager/data-file.js";
import { writeFreeList } from "../src/pager/free-list.js";
import { ExtentSet } from "../src/pager/free-space.js";
import {
  encodeStoreHeader,
  firstPage,
  freshHeader,
  HEADER_COPIES,
  type StoreHeader,
} from "../src/pager/store-header.js";
import { BulkBuilder, type BulkTree } from "../src/tree/bulk-builder.js";
import { runUnit } from "../src/tree/bulk-images.js";
import type { Vfs, VfsFile } from "../src/vfs/vfs.js";
import { writeFully } from "../src/vfs/whole-io.js";
import { Follower } from "./follower.js";
import { keepPermissions } from "./kept-permissions.js";
import type { CheckedTree } from "./leaf-check.js";
import type { RecordBatch } from "./legacy/leaf.js";
import { PageList } from "./legacy/page-set.js";
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
  readonly like?: Model;
}

/** The file whose owner and permissions a new one gets. */
export interface Model {
  readonly path: string;
  /** Exactly these, or it is refused; otherwise those that can be had, and nobody is let in whom that one keeps out. */
  readonly exactly: boolean;
}

export interface WrittenTree {
  readonly root: number;
  /** In key order; empty where nobody followed. */
  readonly leaves: PageList;
  /** What the follower has found; undefined where there was none. */
  readonly checked: CheckedTree | undefined;
}

export interface WrittenStore {
  readonly storeId: Uint8Array;
  readonly pageSize: number;
  /** In the order in which they were written. */
  readonly trees: readonly WrittenTree[];
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
  const writer = new StoreFileWriter(vfs, path, store.pageSize, store.like);
  try {
    const names: string[] = [];
    for (const tree of store.trees) {
      names.push(tree.name);
      for (const batch of tree.batches) {
        writer.addAll(batch);
        if (writer.hasStepped()) yield writer.bytes;
      }
      writer.endTree();
    }
    return writer.finish(names, store.legacy);
  } finally {
    writer.close();
  }
}

/** The same, for a caller that has the records one batch after the other. */
export class StoreFileWriter {
  readonly #file: VfsFile;
  readonly #pageSize: number;
  readonly #storeId: Uint8Array = newStoreId();
  readonly #run: Uint8Array = new Uint8Array(WRITE_BYTES);
  #runStart = 0;
  #runBytes = 0;
  /** The catalogue's root never moves: at the end of the file it would keep the store from ever getting smaller. */
  readonly #catalogHome: number;
  #next: number;
  #told = 0;
  /** Pages left out before runs, which single pages fill later: never more than a block has. */
  readonly #skipped: number[] = [];
  readonly #trees: { readonly built: BulkTree; readonly leaves: PageList }[] = [];
  #leaves: PageList = new PageList();
  #tree: BulkBuilder;

  readonly #follower: Follower | undefined;

  /**
   * Creates `path`, which must not exist. `followBytes`: what will about be written, where it is to be checked on
   * the way.
   */
  constructor(vfs: Vfs, path: string, pageSize: number, like?: Model, followBytes = 0) {
    this.#file = vfs.open(path, "create", like?.path);
    if (like?.exactly === true) keepPermissions(vfs, like.path, path);
    this.#pageSize = pageSize;
    const store = { pageSize, storeId: this.#storeId, moved: [] };
    this.#follower = Follower.start(this.#file, followBytes, store);
    const first = firstPage(pageSize);
    this.#catalogHome = first;
    this.#next = first + 1;
    this.#tree = this.#builder(this.#follower);
  }

  get bytes(): number {
    return this.#next * this.#pageSize;
  }

  /** True once in a while: time to tell how far it is. */
  hasStepped(): boolean {
    if (this.bytes - this.#told < STEP_BYTES) return false;
    this.#told = this.bytes;
    return true;
  }

  /** Takes records of the tree in work. Throws what BulkBuilder and the file system throw. */
  addAll(batch: RecordBatch): void {
    this.#tree.addAll(batch);
  }

  endTree(): void {
    this.#trees.push({ built: this.#tree.finish(), leaves: this.#leaves });
    this.#leaves = new PageList();
    this.#follower?.endTree();
    this.#tree = this.#builder(this.#follower);
  }

  /** Ends and syncs the file; `names` are those of the trees, in their order. */
  finish(names: readonly string[], legacy: LegacyRecord | undefined): WrittenStore {
    const roots = new Map(names.map((name, index) => [name, this.#trees[index]!.built.root]));
    const records = this.#trees.reduce((sum, tree) => sum + tree.built.records, 0);
    if (!roots.has("")) roots.set("", this.#builder().finish().root);
    const catalog = this.#builder(undefined, [this.#catalogHome]);
    for (const { key, value } of catalogEntries(roots, legacy)) {
      catalog.add(key, 0, key.length, value, 0, value.length);
    }
    const catalogRoot = catalog.finish().root;
    this.#flush();
    const freeList = this.#freeList();
    this.#writeHeader(freshHeader(this.#pageSize, this.#storeId, catalogRoot, this.#next, freeList));
    this.#file.sync();
    const bytes = alignUp(this.bytes, BLOCK_BYTES);
    const checked = this.#follower?.finish();
    const trees = this.#trees.map(({ built, leaves }, index) => ({
      root: built.root,
      leaves,
      checked: checked?.[index],
    }));
    return { storeId: this.#storeId, pageSize: this.#pageSize, trees, pages: this.#next, bytes, records };
  }

  /** Harmless at any time. */
  close(): void {
    this.#follower?.close();
    this.#file.close();
  }

  #writeHeader(header: StoreHeader): void {
    const end = this.#next * header.pageSize;
    const rest = alignUp(end, BLOCK_BYTES) - end;
    if (rest > 0) writeFully(this.#file, new Uint8Array(rest), 0, rest, end);
    for (let copy = 0; copy < HEADER_COPIES; copy++) {
      const block = encodeStoreHeader({ ...header, sequence: copy });
      writeFully(this.#file, block, 0, block.length, copy * BLOCK_BYTES);
    }
  }

  /** `reserved`: single pages that are taken before any other. */
  #builder(follower?: Follower, reserved: number[] = []): BulkBuilder {
    const pageSize = this.#pageSize;
    return new BulkBuilder(pageSize, this.#storeId, {
      allocate: (pages) => (pages === 1 ? reserved.shift() : undefined) ?? this.#allocate(pages),
      write: (page, image) => this.#write(page * pageSize, image),
      leaf: (page) => {
        if (follower === undefined) return;
        follower.leaf(page);
        this.#leaves.push(page);
      },
    });
  }

  #allocate(pages: number): number {
    if (pages === 1 && this.#skipped.length > 0) return this.#skipped.shift()!;
    const unit = pages === 1 ? 1 : runUnit(this.#pageSize);
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
    const data = new DataFile(this.#file, this.#pageSize, Number.MAX_SAFE_INTEGER, createMetrics().pager);
    writeFreeList(data, this.#storeId, 0, extents, [{ start: home, count: 1 }]);
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
    this.#follower?.written();
  }
}
