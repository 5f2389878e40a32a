/**
 * A store's pages read straight from the file, checked one by one (P1): number, checksum, and for leaves all
 * that StoreLeafDecoder checks. For files that the pager does not open because they are half converted.
 */

import { readU32 } from "../src/base/bytes.js";
import { CorruptionError } from "../src/base/errors.js";
import { VALUE_BYTES_MAX } from "../src/page/limits.js";
import { overflowChecksums, overflowPages, overflowSeed, readReference } from "../src/page/overflow.js";
import { LEVEL_MAX } from "../src/page/page-check.js";
import {
  AT_KIND,
  AT_LEFTMOST,
  AT_LEVEL,
  AT_NUMBER,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  BRANCH_SLOT_BYTES,
  checksumSeed,
  KIND_BRANCH,
  KIND_LEAF,
  PAGE_HEADER_BYTES,
  pageChecksum,
} from "../src/pager/page-header.js";
import type { VfsFile } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";

const NOT_MOVED: ReadonlyMap<number, number> = new Map();
const WINDOW_BYTES: number = 256 * 1024;

/** A separator's first bytes lie in its slot as a number; a longer one lies in the arena whole. */
const HEAD_BYTES = 4;

export interface BranchChildren {
  readonly level: number;
  readonly pages: readonly number[];
  readonly separators: readonly Uint8Array[];
}

export class StorePages {
  readonly path: string;
  readonly pageSize: number;
  readonly #file: VfsFile;
  readonly #storeId: Uint8Array;
  readonly #moved: ReadonlyMap<number, number>;
  readonly #seed: number;
  readonly #window: Uint8Array;
  readonly #windowPages: number;
  #first = 0;
  #count = 0;
  #lastRead = -1;

  /** `moved`: where pages lie that are not in their own places yet. */
  constructor(
    file: VfsFile,
    pageSize: number,
    storeId: Uint8Array,
    moved: ReadonlyMap<number, number> = NOT_MOVED,
  ) {
    this.path = file.path;
    this.pageSize = pageSize;
    this.#file = file;
    this.#storeId = storeId;
    this.#moved = moved;
    this.#seed = checksumSeed(storeId);
    this.#windowPages = Math.max(1, Math.floor(WINDOW_BYTES / pageSize));
    this.#window = new Uint8Array(this.#windowPages * pageSize);
  }

  /** Forgets what was read ahead; needed after every write to the file. */
  forget(): void {
    this.#count = 0;
    this.#lastRead = -1;
  }

  /** The page, valid until the next call. Throws CorruptionError (P1). */
  page(page: number): Uint8Array {
    const bytes = this.unchecked(page);
    if (readU32(bytes, 0) !== pageChecksum(bytes, 0, this.pageSize, this.#seed))
      throw this.#bad(page, 0, "P1", "the checksum does not match");
    return bytes;
  }

  /** As `page`, for a page whose checksum was compared before. */
  unchecked(page: number): Uint8Array {
    const place = this.#moved.get(page) ?? page;
    if (place < this.#first || place >= this.#first + this.#count) this.#fill(place);
    this.#lastRead = place;
    const at = (place - this.#first) * this.pageSize;
    const bytes = this.#window.subarray(at, at + this.pageSize);
    if (readU32(bytes, AT_NUMBER) !== page)
      throw this.#bad(page, AT_NUMBER, "P1", "it says that it is another page");
    return bytes;
  }

  #fill(page: number): void {
    const ahead = page === this.#lastRead + 1 ? this.#windowPages : 1;
    const length = readFully(this.#file, this.#window, 0, ahead * this.pageSize, page * this.pageSize);
    if (length < this.pageSize) throw this.#bad(page, -1, "P1", "the file ends before it");
    this.#first = page;
    this.#count = Math.floor(length / this.pageSize);
  }

  /** Children of a branch, in order, and the separators between them. Throws CorruptionError. */
  children(page: number): BranchChildren {
    const bytes = this.page(page);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const level = bytes[AT_LEVEL]!;
    const slots = view.getUint16(AT_SLOTS, true);
    if (bytes[AT_KIND] === KIND_LEAF && level === 0) return { level, pages: [], separators: [] };
    if (bytes[AT_KIND] !== KIND_BRANCH || level === 0 || level > LEVEL_MAX)
      throw this.#bad(page, AT_KIND, "L9", "it is no page of a tree");
    const prefix = view.getUint16(AT_PREFIX_LENGTH, true);
    if (PAGE_HEADER_BYTES + prefix + slots * BRANCH_SLOT_BYTES > this.pageSize)
      throw this.#bad(page, AT_SLOTS, "B1", "the slots leave the page");
    const pages = [view.getUint32(AT_LEFTMOST, true)];
    const separators: Uint8Array[] = [];
    for (let i = 0; i < slots; i++) {
      const at = this.pageSize - BRANCH_SLOT_BYTES * (i + 1);
      pages.push(view.getUint32(at + 4, true));
      separators.push(this.#separator(bytes, view, page, at, prefix));
    }
    return { level, pages, separators };
  }

  #separator(bytes: Uint8Array, view: DataView, page: number, at: number, prefix: number): Uint8Array {
    const start = view.getUint16(at + 8, true);
    const length = view.getUint16(at + 10, true);
    if (length > HEAD_BYTES && start + length > this.pageSize)
      throw this.#bad(page, at, "B1", "a separator leaves the page");
    const separator = new Uint8Array(prefix + length);
    separator.set(bytes.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + prefix));
    if (length > HEAD_BYTES) separator.set(bytes.subarray(start, start + length), prefix);
    else for (let i = 0; i < length; i++) separator[prefix + i] = bytes[at + HEAD_BYTES - 1 - i]!;
    return separator;
  }

  /** The leaves below `root` in key order; `limit` is the number of pages in the store. */
  *leaves(root: number, limit: number): Generator<number, void> {
    const stack: { page: number; level: number }[] = [{ page: root, level: -1 }];
    let seen = 0;
    while (stack.length > 0) {
      const { page, level } = stack.pop()!;
      if (++seen > limit) throw this.#bad(page, -1, "P2", "the tree has more pages than the file");
      const found = this.children(page);
      if (level >= 0 && found.level !== level)
        throw this.#bad(page, AT_LEVEL, "B4", `level ${found.level} below a parent of level ${level + 1}`);
      if (found.level === 0) yield page;
      for (let i = found.pages.length - 1; i >= 0; i--)
        stack.push({ page: found.pages[i]!, level: found.level - 1 });
    }
  }

  /** The value that an overflow reference leads to. Throws CorruptionError (B3). */
  run(reference: Uint8Array, page: number): Uint8Array {
    const { length, page: start, checksum } = readReference(reference, 0);
    const bytes = overflowPages(length, this.pageSize) * this.pageSize;
    if (length > VALUE_BYTES_MAX || start === 0)
      throw this.#bad(page, -1, "B3", "an overflow reference makes no sense");
    const image = new Uint8Array(bytes);
    const place = this.#moved.get(start) ?? start;
    if (readFully(this.#file, image, 0, bytes, place * this.pageSize) < bytes)
      throw this.#bad(start, -1, "B3", "the file ends inside an overflow run");
    const seed = overflowSeed(this.#storeId, start);
    const tableBytes = overflowPages(length, 1) - length;
    const table = image.subarray(0, tableBytes);
    const value = image.subarray(tableBytes, tableBytes + length);
    const actual = overflowChecksums(value, seed);
    if (actual.checksum !== checksum || Buffer.compare(actual.table, table) !== 0)
      throw this.#bad(start, -1, "B3", "the bytes of an overflow run are damaged");
    return value;
  }

  #bad(page: number, offset: number, invariant: string, reason: string): CorruptionError {
    return new CorruptionError(invariant, reason, { path: this.path, page, offset });
  }
}
