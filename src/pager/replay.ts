/**
 * Replay of the log's records into pages, in two passes over its committed frames: the first one learns which
 * pages were given to overflow runs, and how large the file becomes; the second one makes the changes.
 *
 * A record that no store can have written is damage (W1); what was replayed before it is then not used.
 */

import { copyBytes, EMPTY_BYTES, readU32, writeU32 } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import {
  BLOCK_BYTES,
  BLOCK_RECORD_BYTES,
  FILL_RECORD_BYTES,
  IMAGE_RECORD_BYTES,
  MOVE_RECORD_BYTES,
  OP_ALLOCATE,
  OP_BLOCK,
  OP_CATALOG,
  OP_EXTENT,
  OP_FILL,
  OP_FREE,
  OP_IMAGE,
  OP_MOVE,
  OP_PAD,
  OP_PAGE,
  OP_REVOKE,
  OP_SLOT,
  OP_SPLIT,
  OP_WRITE,
  PAGE_RECORD_BYTES,
  PAIR_RECORD_BYTES,
  SLOT_RECORD_BYTES,
  SPLIT_RECORD_BYTES,
  WRITE_RECORD_BYTES,
} from "../log/log-format.js";
import type { FrameView } from "../log/log-reader.js";
import type { ExtentSet } from "./free-space.js";
import { AT_NUMBER, AT_SLOTS, AT_TAIL, LEAF_SLOT_BYTES, LENGTH_MASK } from "./page-header.js";
import type { Pager } from "./pager.js";
import type { ReplayTarget } from "./replay-target.js";
import { RevokedPages } from "./revoked-pages.js";
import { firstPage } from "./store-header.js";

export class Replay {
  readonly #pager: Pager;
  readonly #path: string;
  readonly #free: ExtentSet;
  readonly #target: ReplayTarget;
  readonly #revoked: RevokedPages = new RevokedPages();
  /** Pages from here on cannot be there. */
  readonly #pagesPossible: number;
  readonly #imaged: Set<number> = new Set();
  /** Leaves that were split: the log has nothing else of what went to the right. */
  readonly #sources: Set<number> = new Set();
  /** Their bytes while they are revoked: pages that are no more, of which others were made. */
  readonly #gone: Map<number, Uint8Array> = new Map();
  /** Frames seen by the first pass, and by the second. */
  #collected = 0;
  #applied = 0;
  #page = -1;
  #bytes: Uint8Array = EMPTY_BYTES;
  #offset = 0;
  /** Pages of the file as far as it is replayed, and in the end. */
  #pages: number;
  #pagesInTheEnd: number;
  #catalogRoot: number;

  constructor(pager: Pager, path: string, free: ExtentSet, target: ReplayTarget, pagesPossible: number) {
    this.#pager = pager;
    this.#pagesPossible = pagesPossible;
    this.#pages = pager.pageCount;
    this.#pagesInTheEnd = pager.pageCount;
    this.#catalogRoot = pager.header.catalogRoot;
    this.#path = path;
    this.#free = free;
    this.#target = target;
  }

  #fail(reason: string): CorruptionError {
    return new CorruptionError("W1", `a record of the log ${reason}`, {
      path: this.#path,
      page: -1,
      offset: -1,
    });
  }

  /** Length of the record at `at`; throws where there is no such record or it leaves the frame. */
  #length(frame: FrameView, at: number): number {
    const b = frame.bytes;
    const op = b[at]!;
    let length: number;
    if (op === OP_PAD) length = 1;
    else if (op === OP_PAGE || op === OP_CATALOG) length = PAGE_RECORD_BYTES;
    else if (op === OP_WRITE) length = WRITE_RECORD_BYTES + (b[at + 3]! | (b[at + 4]! << 8));
    else if (op === OP_MOVE) length = MOVE_RECORD_BYTES;
    else if (op === OP_FILL) length = FILL_RECORD_BYTES;
    else if (op === OP_SLOT) length = SLOT_RECORD_BYTES + ((b[at + 9]! | (b[at + 10]! << 8)) & LENGTH_MASK);
    else if (op === OP_SPLIT) length = SPLIT_RECORD_BYTES + (b[at + 11]! | (b[at + 12]! << 8));
    else if (op === OP_IMAGE)
      length = IMAGE_RECORD_BYTES + (b[at + 5]! | (b[at + 6]! << 8)) + (b[at + 7]! | (b[at + 8]! << 8));
    else if (op === OP_BLOCK) length = BLOCK_RECORD_BYTES + BLOCK_BYTES;
    else if (op === OP_ALLOCATE || op === OP_FREE || op === OP_REVOKE || op === OP_EXTENT)
      length = PAIR_RECORD_BYTES;
    else throw this.#fail(`is of unknown kind ${op}`);
    if (at + length > frame.to) throw this.#fail("is cut off");
    return length;
  }

  /** First pass: which pages were given to overflow runs, and when (W3); and how large the file becomes. */
  survey(frame: FrameView): void {
    for (let at = frame.from; at < frame.to; at += this.#length(frame, at)) {
      const op = frame.bytes[at]!;
      if (op === OP_SPLIT) this.#sources.add(readU32(frame.bytes, at + 1));
      if (op !== OP_REVOKE && op !== OP_EXTENT && op !== OP_ALLOCATE) continue;
      const start = readU32(frame.bytes, at + 1);
      const count = readU32(frame.bytes, at + 5);
      const end = op === OP_EXTENT ? Math.max(start, count) : start + count;
      if (end > this.#pagesPossible) throw this.#fail("names too many pages");
      if (op === OP_REVOKE) this.#revoked.add(start, count, this.#collected);
      else this.#pagesInTheEnd = Math.max(this.#pagesInTheEnd, end);
    }
    this.#collected++;
  }

  /**
   * Between the passes: the file gets its size, since a power cut may have taken the zeros at its end, and
   * since pages of a large transaction come before the record that adds them. A limit that is lower than it was
   * does not keep from it.
   */
  begin(): void {
    const pager = this.#pager;
    this.#revoked.seal();
    pager.space.pageCount = this.#pagesInTheEnd;
    if (!pager.readOnly) pager.data.claim(pager.pageCount, "opening-or-closing");
  }

  /** Second pass. */
  apply(frame: FrameView): void {
    this.#page = -1;
    for (let at = frame.from; at < frame.to; ) {
      const length = this.#length(frame, at);
      this.#record(frame.bytes, at, length);
      at += length;
    }
    this.#applied++;
  }

  #record(b: Uint8Array, at: number, length: number): void {
    const op = b[at]!;
    if (op === OP_PAGE) this.#select(readU32(b, at + 1));
    else if (op === OP_WRITE || op === OP_MOVE || op === OP_FILL) this.#edit(b, at, op);
    else if (op === OP_SLOT) this.#slot(b, at, length);
    else if (op === OP_SPLIT) this.#split(b, at, length);
    else if (op === OP_IMAGE) this.#image(b, at);
    else if (op === OP_BLOCK) this.#block(b, at);
    else if (op === OP_CATALOG) this.#catalogRoot = readU32(b, at + 1);
    else if (op !== OP_PAD && op !== OP_REVOKE) this.#space(op, readU32(b, at + 1), readU32(b, at + 5));
  }

  #select(page: number): void {
    this.#page = -1;
    const { pool } = this.#pager;
    const block = page >>> pool.blockShift;
    if (this.#isRevoked(page)) {
      if (this.#gone.has(page)) this.#edits(page, this.#gone.get(page)!, 0);
      return;
    }
    if (!this.#imaged.has(block)) throw this.#fail(`changes page ${page}, of which the log has no image`);
    const index = page & ((1 << pool.blockShift) - 1);
    const offset = this.#target.edit(block) + (index << pool.pageShift);
    this.#edits(page, this.#target.bytes, offset);
    this.#target.touch(block, 1 << index);
  }

  /** Edits are of this page from here on. */
  #edits(page: number, bytes: Uint8Array, offset: number): void {
    this.#page = page;
    this.#bytes = bytes;
    this.#offset = offset;
  }

  /** Whether what the frame that is being applied says of the page is void. */
  #isRevoked(page: number): boolean {
    return this.#revoked.covers(page, this.#applied);
  }

  #edit(b: Uint8Array, at: number, op: number): void {
    if (this.#page < 0) return;
    const bytes = this.#bytes;
    const to = b[at + 1]! | (b[at + 2]! << 8);
    const second = b[at + 3]! | (b[at + 4]! << 8);
    const length = op === OP_MOVE ? b[at + 5]! | (b[at + 6]! << 8) : second;
    const limit = this.#pager.pageSize;
    if (to + length > limit || (op === OP_MOVE && second + length > limit))
      throw this.#fail("leaves its page");
    const target = this.#offset + to;
    if (op === OP_WRITE) copyBytes(bytes, target, b, at + WRITE_RECORD_BYTES, length);
    else if (op === OP_FILL) bytes.fill(b[at + 5]!, target, target + length);
    else bytes.copyWithin(target, this.#offset + second, this.#offset + second + length);
  }

  #slot(b: Uint8Array, at: number, length: number): void {
    if (this.#page < 0) return;
    const bytes = this.#bytes;
    const page = this.#offset;
    const slots = bytes[page + AT_SLOTS]! | (bytes[page + AT_SLOTS + 1]! << 8);
    const index = b[at + 1]! | (b[at + 2]! << 8);
    const record = b[at + 7]! | (b[at + 8]! << 8);
    const directory = this.#pager.pageSize - LEAF_SLOT_BYTES * (slots + 1);
    if (index > slots || record + length - SLOT_RECORD_BYTES > directory) throw this.#fail("leaves its page");
    const slot = page + this.#pager.pageSize - LEAF_SLOT_BYTES * (index + 1);
    bytes.copyWithin(page + directory, page + directory + LEAF_SLOT_BYTES, slot + LEAF_SLOT_BYTES);
    copyBytes(bytes, slot, b, at + 3, LEAF_SLOT_BYTES);
    bytes[page + AT_SLOTS] = slots + 1;
    bytes[page + AT_SLOTS + 1] = (slots + 1) >>> 8;
    copyBytes(bytes, page + AT_TAIL, b, at + 11, 4);
    copyBytes(bytes, page + record, b, at + SLOT_RECORD_BYTES, length - SLOT_RECORD_BYTES);
  }

  #image(b: Uint8Array, at: number): void {
    const page = readU32(b, at + 1);
    const front = b[at + 5]! | (b[at + 6]! << 8);
    const back = b[at + 7]! | (b[at + 8]! << 8);
    const { pool, pageSize } = this.#pager;
    if (pool.blockShift !== 0 || front + back > pageSize)
      throw this.#fail("holds an image that fits no page");
    if (!this.#whole(page)) return;
    const from = at + IMAGE_RECORD_BYTES;
    this.#bytes.set(b.subarray(from, from + front), this.#offset);
    this.#bytes.set(b.subarray(from + front, from + front + back), this.#offset + pageSize - back);
    this.#page = -1;
  }

  /** Selects a page that is about to be written whole, zeroed; false where nobody wants its bytes. */
  #whole(page: number): boolean {
    this.#assertPossible(page);
    this.#page = -1;
    if (this.#isRevoked(page)) {
      if (!this.#sources.has(page)) return false;
      const bytes = new Uint8Array(this.#pager.pageSize);
      this.#gone.set(page, bytes);
      this.#edits(page, bytes, 0);
      return true;
    }
    const offset = this.#target.image(page);
    this.#imaged.add(page);
    this.#edits(page, this.#target.bytes, offset);
    this.#target.touch(page, 1);
    return true;
  }

  /** The left half stays where the leaf was; the right one is a page that the log has no other image of. */
  #split(b: Uint8Array, at: number, length: number): void {
    const { pool, pageSize, redoSplit } = this.#pager;
    if (pool.blockShift !== 0) throw this.#fail("splits a small page");
    this.#select(readU32(b, at + 1));
    if (this.#page < 0) throw this.#fail("splits a page of which the log has no image");
    const leaf = this.#bytes.subarray(this.#offset, this.#offset + pageSize);
    const separator = b.subarray(at + SPLIT_RECORD_BYTES, at + length);
    const halves = redoSplit(leaf, b[at + 9]! | (b[at + 10]! << 8), separator);
    if (halves === undefined) throw this.#fail(`splits page ${this.#page} where it cannot be split`);
    leaf.set(halves.left);
    const right = readU32(b, at + 5);
    if (!this.#whole(right)) return;
    this.#bytes.set(halves.right, this.#offset);
    writeU32(this.#bytes, this.#offset + AT_NUMBER, right);
    this.#page = -1;
  }

  #assertPossible(page: number): void {
    if (page < firstPage(this.#pager.pageSize) || page >= this.#pagesPossible)
      throw this.#fail(`holds page ${page}, which cannot be there`);
  }

  #block(b: Uint8Array, at: number): void {
    const block = readU32(b, at + 1);
    if (this.#pager.pool.blockShift === 0) throw this.#fail("holds a block of small pages");
    this.#assertPossible(block * (1 << this.#pager.pool.blockShift));
    this.#page = -1;
    if (this.#isRevoked(block << this.#pager.pool.blockShift)) return;
    const offset = this.#target.image(block);
    this.#imaged.add(block);
    this.#target.bytes.set(
      b.subarray(at + BLOCK_RECORD_BYTES, at + BLOCK_RECORD_BYTES + BLOCK_BYTES),
      offset,
    );
    this.#target.touch(block, b[at + 5]!);
  }

  #space(op: number, start: number, count: number): void {
    if (op === OP_EXTENT) {
      this.#growTo(start);
      // A checkpoint that was tried again later lists pages as free that were added meanwhile.
      const known = Math.min(count, this.#pages);
      if (known > start && !this.#free.remove(start, known - start))
        throw this.#fail("adds pages that are there already");
      if (count > this.#pages) this.#pages = count;
      return;
    }
    if (op === OP_FREE) {
      if (start + count > this.#pages || !this.#free.add(start, count)) throw this.#fail("frees pages twice");
      return;
    }
    // Pages that a failed checkpoint had added at the end, and that were given out then.
    if (start + count > this.#pages) this.#growTo(start + count);
    if (!this.#free.remove(start, count)) throw this.#fail("gives out pages that are not free");
  }

  /** Pages that were added for a free list that never came into force are free. */
  #growTo(pages: number): void {
    if (pages <= this.#pages) return;
    this.#free.add(this.#pages, pages - this.#pages);
    this.#pages = pages;
  }

  finish(): void {
    const { header, space } = this.#pager;
    space.pageCount = Math.max(this.#pages, this.#pagesInTheEnd);
    const root = this.#catalogRoot;
    if (root < firstPage(header.pageSize) || root >= space.pageCount)
      throw this.#fail(`moves the catalogue to page ${root}, which cannot be there`);
    space.catalogRoot = root;
    header.catalogRoot = root;
    this.#target.finish();
  }
}
