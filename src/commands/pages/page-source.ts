/**
 * Pages of a store's file, one at a time, damaged ones included: what salvage and inspect read. A page is
 * loaded into a scratch pool of its own, at offset 0, and comes with what the page check says of it.
 *
 * Where the store opens, its log is applied (in memory). Where it does not, the data file alone is read,
 * by whichever copy of its header is whole, or, for salvage, by a header worked out from the pages.
 */

import { CorruptionError, EspalierError, NotAStoreError, NotFoundError } from "../../base/errors.js";
import { createMetrics } from "../../base/metrics.js";
import { VALUE_BYTES_MAX } from "../../page/limits.js";
import {
  type OverflowReference,
  overflowChecksums,
  overflowPages,
  overflowSeed,
  overflowTableBytes,
} from "../../page/overflow.js";
import { checkPage } from "../../page/page-check.js";
import { identityProblem, type PageProblem } from "../../pager/block-store.js";
import { DataFile } from "../../pager/data-file.js";
import { readFreeList } from "../../pager/free-list.js";
import { ExtentSet } from "../../pager/free-space.js";
import { mayLackLog } from "../../pager/opened-header.js";
import { checksumSeed } from "../../pager/page-header.js";
import { FRAMES_MIN, PagePool } from "../../pager/page-pool.js";
import { firstPage, type StoreHeader } from "../../pager/store-header.js";
import { open } from "../../store/open.js";
import { readStoreHeader } from "../../store/read-header.js";
import { nodeVfs } from "../../vfs/node-vfs.js";
import type { VfsFile } from "../../vfs/vfs.js";
import { Session } from "../support/session.js";
import { rebuildHeader } from "./rebuild-header.js";
import { NO_OWNER } from "./scratch-pool.js";

export class PageSource {
  readonly path: string;
  readonly header: StoreHeader;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly firstPage: number;
  /** The page that was loaded last lies in it, at offset 0. */
  readonly pool: PagePool;
  /** Both copies of the header are lost, and this one comes from the pages. */
  readonly rebuilt: boolean;
  /** One copy of the header is damaged, and no log is there: whether that copy knew of one, nobody can tell. */
  readonly mayLackLog: boolean;
  /** Why the store does not open; undefined where it does. */
  readonly trouble: EspalierError | undefined;
  /** Free pages and those of the free list itself; undefined where the list can't be read. */
  readonly free: ExtentSet | undefined;
  readonly #data: DataFile;
  readonly #seed: number;
  readonly #session: Session | undefined;

  /**
   * Throws LockedError, NotFoundError, LegacyFormatError and the like; damage is no error, as long as a copy of
   * the header is left, or, with `rebuild`, pages that tell what was in it.
   */
  constructor(path: string, rebuild = false) {
    this.path = path;
    const opened = tryOpen(path, rebuild);
    this.rebuilt = opened.rebuilt;
    this.#session = opened.session;
    this.trouble = opened.trouble;
    this.header = opened.header;
    this.#data = opened.data;
    this.pageSize = this.header.pageSize;
    this.firstPage = firstPage(this.pageSize);
    this.mayLackLog = mayLackLog(this.#data, this.header);
    this.pageCount = this.#session?.engine.pager.pageCount ?? this.#pagesThere();
    this.#seed = checksumSeed(this.header.storeId);
    this.pool = new PagePool(this.pageSize, FRAMES_MIN, NO_OWNER, createMetrics().pager);
    this.free = this.#readFree();
  }

  /** Of a store that does not open: the header that is left may be of a time when the file was shorter. */
  #pagesThere(): number {
    return Math.max(this.header.pageCount, Math.floor(this.#data.file.size() / this.pageSize));
  }

  #readFree(): ExtentSet | undefined {
    if (this.rebuilt) return undefined;
    const all = new ExtentSet();
    const pager = this.#session?.engine.pager;
    if (pager !== undefined) {
      for (const set of [pager.free.committed(), pager.freeListChain])
        for (const { start, count } of set) all.add(start, count);
      return all;
    }
    try {
      const list = readFreeList(this.#data, { ...this.header, pageCount: this.pageCount });
      for (const set of [list.extents, list.chain]) for (const { start, count } of set) all.add(start, count);
      return all;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return undefined;
    }
  }

  /** Loads a page; returns what is wrong with it, undefined where it is sound. */
  load(page: number): PageProblem | undefined {
    const { pool, pageSize } = this;
    pool.u8.fill(0, 0, pageSize);
    if (page < this.firstPage || page >= this.pageCount)
      return { invariant: "B4", offset: -1, reason: "no such page" };
    const got = this.#read(pool.u8, page * pageSize, pageSize);
    if (got < pageSize) return { invariant: "P3", offset: got, reason: "the file ends before it" };
    return identityProblem(pool, 0, page, this.#seed) ?? checkPage(pool, 0);
  }

  /** Bytes of the file with the log applied. */
  #read(target: Uint8Array, position: number, length: number): number {
    const got = this.#data.read(target, 0, length, position);
    const blocks = this.#session?.engine.pager.blocks;
    if (blocks === undefined) return got;
    const { blockBytes } = this.#data;
    const block = Math.floor(position / blockBytes);
    const recovered = blocks.overlayOf(block);
    if (recovered === undefined) return got;
    const from = position - block * blockBytes;
    target.set(recovered.subarray(from, from + length));
    return length;
  }

  /** A value of an overflow run, undefined where its bytes are damaged. */
  run(reference: OverflowReference): Uint8Array | undefined {
    const pages = overflowPages(reference.length, this.pageSize);
    const { length, page, checksum } = reference;
    if (length > VALUE_BYTES_MAX || page < this.firstPage || page + pages > this.pageCount) return undefined;
    const value = new Uint8Array(length);
    const got = this.#data.read(value, 0, length, page * this.pageSize + overflowTableBytes(length));
    if (got < length) return undefined;
    const found = overflowChecksums(value, overflowSeed(this.header.storeId, page));
    return found.checksum === checksum ? value : undefined;
  }

  close(): void {
    if (this.#session === undefined) this.#data.file.close();
    else this.#session.store.close();
  }
}

interface Opened {
  readonly session: Session | undefined;
  readonly rebuilt: boolean;
  readonly trouble: EspalierError | undefined;
  readonly header: StoreHeader;
  readonly data: DataFile;
}

const DAMAGE: ReadonlySet<string> = new Set(["ERR_ESPALIER_CORRUPTION", "ERR_ESPALIER_LOG_MISSING"]);

function tryOpen(path: string, rebuild: boolean): Opened {
  let trouble: EspalierError;
  try {
    const session = new Session(open<unknown, unknown>(path, { readOnly: true }));
    const { pager } = session.engine;
    return { session, rebuilt: false, trouble: undefined, header: pager.header, data: pager.data };
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    if (!DAMAGE.has(error.code) && !(rebuild && error instanceof NotAStoreError)) throw error;
    trouble = error;
  }
  if (nodeVfs.stat(path) === undefined) throw new NotFoundError(path);
  const file = nodeVfs.open(path, "read");
  try {
    const left = headerLeft(file, path);
    const header = left ?? (rebuild ? rebuildHeader(file) : undefined);
    if (header === undefined) throw trouble;
    const data = new DataFile(file, header.pageSize, 0, createMetrics().pager);
    return { session: undefined, rebuilt: left === undefined, trouble, header, data };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** undefined where neither copy is whole. */
function headerLeft(file: VfsFile, path: string): StoreHeader | undefined {
  try {
    return readStoreHeader(file, path, true);
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof NotAStoreError) return undefined;
    throw error;
  }
}
