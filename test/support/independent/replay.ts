/** What the records of a log make of pages and space, after docs/format.md. */

import { BLOCK_BYTES, need } from "./header.js";
import { buildLeaf, leafOf } from "./leaf.js";
import type { Transaction } from "./log.js";

const PAD = 0;
const PAGE = 1;
const WRITE = 2;
const MOVE = 3;
const FILL = 4;
const IMAGE = 5;
const BLOCK = 6;
const ALLOCATE = 7;
const FREE = 8;
const REVOKE = 9;
const EXTENT = 10;
const SLOT = 11;
const SPLIT = 12;
const CATALOG = 13;

export class Replay {
  /** Pages that the log has made. */
  readonly pages: Map<number, Buffer> = new Map();
  /** Of these the ones whose own checksum is out of date. */
  readonly edited: Set<number> = new Set();
  readonly free: Set<number>;
  /** Kinds of records that there were. */
  readonly kinds: Set<number> = new Set();
  pageCount: number;
  catalogRoot: number;
  readonly #pageSize: number;
  /** Pages that the segment under way has made (W1). */
  readonly #imaged: Set<number> = new Set();
  #segment = 0;
  #page = -1;

  constructor(pageSize: number, free: Set<number>, pageCount: number, catalogRoot: number) {
    this.#pageSize = pageSize;
    this.free = free;
    this.pageCount = pageCount;
    this.catalogRoot = catalogRoot;
  }

  apply({ frames, segment }: Transaction): void {
    if (segment !== this.#segment) this.#imaged.clear();
    this.#segment = segment;
    for (const frame of frames) {
      this.#page = -1;
      for (let at = 0; at < frame.length; ) at = this.#record(frame, at + 1, frame[at]!);
    }
  }

  /** Does one record, whose body is at `at`; returns where the next one begins. */
  #record(b: Buffer, at: number, op: number): number {
    this.kinds.add(op);
    if (op === PAD) return at;
    if (op === IMAGE) return this.#image(b, at);
    if (op === BLOCK) return this.#block(b, at);
    if (op === SPLIT) return this.#split(b, at);
    if (op === ALLOCATE || op === EXTENT) return this.#takeOut(b, at, op);
    if (op === FREE || op === REVOKE) return this.#giveUp(b, at, op);
    if (op !== PAGE && op !== CATALOG) return this.#edit(b, at, op);
    if (op === PAGE) this.#page = b.readUInt32LE(at);
    else this.catalogRoot = b.readUInt32LE(at);
    return at + 4;
  }

  #takeOut(b: Buffer, at: number, op: number): number {
    const start = b.readUInt32LE(at);
    const end = b.readUInt32LE(at + 4) + (op === ALLOCATE ? start : 0);
    for (; this.pageCount < end; this.pageCount++) this.free.add(this.pageCount);
    for (let page = start; page < end; page++)
      need(this.free.delete(page), `P2: page ${page} is given out and not free`);
    return at + 8;
  }

  #giveUp(b: Buffer, at: number, op: number): number {
    const start = b.readUInt32LE(at);
    const end = start + b.readUInt32LE(at + 4);
    for (let page = start; page < end; page++) {
      if (op === FREE) {
        need(!this.free.has(page) && page < this.pageCount, `P2: page ${page} is freed twice`);
        this.free.add(page);
      } else {
        this.pages.delete(page);
        this.#imaged.delete(page);
      }
    }
    return at + 8;
  }

  #made(number: number, page: Buffer): void {
    this.pages.set(number, page);
    this.#imaged.add(number);
    this.edited.add(number);
    this.#page = -1;
  }

  #image(b: Buffer, at: number): number {
    const page = Buffer.alloc(this.#pageSize);
    const back = b.readUInt16LE(at + 6);
    const middle = at + 8 + b.readUInt16LE(at + 4);
    b.copy(page, 0, at + 8, middle);
    b.copy(page, page.length - back, middle, middle + back);
    need(this.#pageSize >= BLOCK_BYTES, "an image of a small page");
    this.#made(b.readUInt32LE(at), page);
    return middle + back;
  }

  #block(b: Buffer, at: number): number {
    const count = BLOCK_BYTES / this.#pageSize;
    need(count > 1, "a block of small pages");
    for (let i = 0; i < count; i++) {
      const number = b.readUInt32LE(at) * count + i;
      const from = at + 5 + i * this.#pageSize;
      this.#made(number, Buffer.from(b.subarray(from, from + this.#pageSize)));
      if (((b[at + 4]! >> i) & 1) === 0) this.edited.delete(number);
    }
    return at + 5 + BLOCK_BYTES;
  }

  #pageToEdit(number: number): Buffer {
    const page = this.pages.get(number);
    need(page !== undefined && this.#imaged.has(number), `W1: page ${number} is edited before its image`);
    this.edited.add(number);
    return page;
  }

  #edit(b: Buffer, at: number, op: number): number {
    const page = this.#pageToEdit(this.#page);
    const to = b.readUInt16LE(at);
    const second = b.readUInt16LE(at + 2);
    if (op === SLOT) return slotIn(page, b, at);
    if (op === WRITE) {
      b.copy(page, to, at + 4, at + 4 + second);
      return at + 4 + second;
    }
    if (op === FILL) {
      page.fill(b[at + 4]!, to, to + second);
      return at + 5;
    }
    need(op === MOVE, `a record of unknown kind ${op}`);
    page.copyWithin(to, second, second + b.readUInt16LE(at + 4));
    return at + 6;
  }

  #split(b: Buffer, at: number): number {
    const left = b.readUInt32LE(at);
    const right = b.readUInt32LE(at + 4);
    const cut = b.readUInt16LE(at + 8);
    const end = at + 12 + b.readUInt16LE(at + 10);
    const separator = b.subarray(at + 12, end);
    const page = this.#pageToEdit(left);
    const { low, high, records } = leafOf(page);
    need(this.#pageSize >= BLOCK_BYTES && cut <= records.length, "a leaf is split where it cannot be");
    const half = buildLeaf(page.length, low, separator, records.slice(0, cut));
    page.copy(half, 24, 24, 32);
    half.writeUInt32LE(left, 4);
    this.#made(left, half);
    this.#made(right, buildLeaf(page.length, separator, high, records.slice(cut)));
    this.pages.get(right)!.writeUInt32LE(right, 4);
    return end;
  }
}

function slotIn(page: Buffer, b: Buffer, at: number): number {
  const index = b.readUInt16LE(at);
  const slots = page.readUInt16LE(10);
  const from = page.length - 8 * slots;
  const slot = page.length - 8 * (index + 1);
  page.copyWithin(from - 8, from, slot + 8);
  b.copy(page, slot, at + 2, at + 10);
  page.writeUInt16LE(slots + 1, 10);
  b.copy(page, 12, at + 10, at + 14);
  const end = at + 14 + (page.readUInt16LE(slot + 6) & 0x7fff);
  b.copy(page, page.readUInt16LE(slot + 4), at + 14, end);
  return end;
}
