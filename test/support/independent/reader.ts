/**
 * A second reader of stores, made after docs/format.md alone: it imports nothing of src, and is slow and strict. It reads
 * a store as its files are, closed or killed, and proves it: checksums, fences, counts, and that each page is
 * reached exactly once or free (P2).
 */

import { crc32 } from "node:zlib";
import { BLOCK_BYTES, type Header, need, readHeader, type StoreFiles, u64 } from "./header.js";
import { checkArena, headOf, type LeafRecord, leafOf, sharedPrefix } from "./leaf.js";
import { type LogContent, readLog } from "./log.js";
import { Replay } from "./replay.js";

export interface IndependentContent {
  /** Number of the last commit. */
  readonly commit: number;
  /** Records in key order by the trees' names; the unnamed one is "". */
  readonly trees: Map<string, [key: Buffer, value: Buffer][]>;
  readonly log: LogMarks;
}

/** What there was in the log, for tests that are there to meet it. */
export interface LogMarks {
  readonly kinds: ReadonlySet<number>;
  /** Segments that hold committed transactions. */
  readonly segments: number;
  readonly partsDropped: number;
}

/** Throws Unreadable. */
export function readIndependently(files: StoreFiles): IndependentContent {
  return new Reader(files).read();
}

interface Place {
  readonly page: number;
  readonly low: Buffer;
  readonly high: Buffer;
  /** undefined: a root, of any level. */
  readonly level: number | undefined;
}

const NOTHING = Buffer.alloc(0);
const MIB = 1024 * 1024;
const KIND_LEAF = 1;
const KIND_BRANCH = 2;
const KIND_FREE_LIST = 3;
const BRANCH_SLOT_BYTES = 12;
const PAGE_HEADER_BYTES = 32;

class Reader {
  readonly #data: Buffer;
  readonly #header: Header;
  readonly #replay: Replay;
  readonly #log: LogContent;
  readonly #firstPage: number;
  /** Pages a block. */
  readonly #block: number;
  /** Pages that are in use: the chain of the free list, and what trees reach. */
  readonly #used: Set<number> = new Set();

  constructor(files: StoreFiles) {
    const header = readHeader(files.data);
    const { pageSize, pages, catalogRoot } = header;
    this.#data = files.data;
    this.#header = header;
    this.#block = Math.max(1, BLOCK_BYTES / pageSize);
    this.#firstPage = Math.max(1, (2 * BLOCK_BYTES) / pageSize);
    this.#replay = new Replay(pageSize, new Set(), pages, catalogRoot);
    need(files.data.length >= pages * pageSize, "P3: the file is too short");
    this.#readFreeList();
    this.#log = readLog(files, header);
    for (const transaction of this.#log.transactions) this.#replay.apply(transaction);
  }

  read(): IndependentContent {
    const trees = new Map<string, [Buffer, Buffer][]>();
    for (const [name, value] of this.#tree(this.#replay.catalogRoot)) {
      if (name[0] === 0) continue;
      need(value.length === 8 && value[4]! < 3 && value[5]! < 3, "a tree's entry in the catalogue is wrong");
      trees.set(name.toString("utf8"), this.#tree(value.readUInt32LE(0)));
    }
    const { free, pageCount } = this.#replay;
    for (const page of free) need(!this.#used.has(page), `P2: page ${page} is used and free`);
    need(this.#used.size + free.size === pageCount - this.#firstPage, "P2: a page is neither used nor free");
    const { transactions, partsDropped } = this.#log;
    const segments = new Set(transactions.map(({ segment }) => segment)).size;
    const log = { kinds: this.#replay.kinds, segments, partsDropped };
    return { commit: this.#header.commit + transactions.length, trees, log };
  }

  #take(first: number, count: number): void {
    for (let page = first; page < first + count; page++) {
      const { pageCount } = this.#replay;
      need(page >= this.#firstPage && page < pageCount, `B4: page ${page} is no page of the store`);
      need(!this.#used.has(page), `P2: page ${page} is used twice`);
      this.#used.add(page);
    }
  }

  #page(number: number): Buffer {
    const { pageSize, seed } = this.#header;
    const at = number * pageSize;
    const page = this.#replay.pages.get(number) ?? this.#data.subarray(at, at + pageSize);
    need(page.length === pageSize && page.readUInt32LE(4) === number, `P1: page ${number} is another page`);
    const right = this.#replay.edited.has(number) || page.readUInt32LE(0) === crc32(page.subarray(4), seed);
    need(right, `P1: the checksum of page ${number} is wrong`);
    return page;
  }

  #readFreeList(): void {
    const { free } = this.#replay;
    let before = 0;
    for (let number = this.#header.freeList; number !== 0; ) {
      this.#take(number, 1);
      const page = this.#page(number);
      need(
        page[8] === KIND_FREE_LIST && u64(page, 24) <= this.#header.sequence,
        "the free list is another header's",
      );
      for (let i = 0; i < page.readUInt16LE(10); i++) {
        const start = page.readUInt32LE(PAGE_HEADER_BYTES + 8 * i);
        const end = start + page.readUInt32LE(PAGE_HEADER_BYTES + 8 * i + 4);
        need(
          start > before && end > start && end <= this.#header.pages,
          "P2: an extent of the free list is wrong",
        );
        for (let p = start; p < end; p++) free.add(p);
        before = end - 1;
      }
      number = page.readUInt32LE(16);
    }
  }

  #tree(root: number): [Buffer, Buffer][] {
    const records: [Buffer, Buffer][] = [];
    const stack: Place[] = [{ page: root, low: NOTHING, high: NOTHING, level: undefined }];
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      this.#take(place.page, 1);
      const page = this.#page(place.page);
      need(
        place.level === undefined || page[9] === place.level,
        `L9: page ${place.page} is of the wrong level`,
      );
      if (page[8] === KIND_LEAF)
        for (const { key, value, overflow } of this.#leaf(page, place))
          records.push([key, overflow ? this.#run(value) : value]);
      else stack.push(...this.#children(page, place).reverse());
    }
    need(u64(this.#page(root), 24) === records.length, `B5: the count in root ${root} is wrong`);
    return records;
  }

  #leaf(page: Buffer, { low, high }: Place): LeafRecord[] {
    const leaf = leafOf(page);
    need(leaf.low.equals(low) && leaf.high.equals(high), "L8: fences are not the parents' separators");
    return leaf.records;
  }

  #children(page: Buffer, { low, high }: Place): Place[] {
    need(page[8] === KIND_BRANCH && page[9]! > 0, "L9: a page of a tree is neither leaf nor branch");
    const prefix = sharedPrefix(low, high);
    const start = PAGE_HEADER_BYTES + prefix.length;
    need(page.readUInt16LE(20) === prefix.length, "B1: the prefix is not what the bounds share");
    need(page.subarray(PAGE_HEADER_BYTES, start).equals(prefix), "B1: the prefix is wrong");
    const slots = page.readUInt16LE(10);
    const extents: [number, number][] = [];
    const children = [{ page: page.readUInt32LE(16), low }];
    for (let i = 0; i < slots; i++) {
      const slot = page.length - BRANCH_SLOT_BYTES * (i + 1);
      const offset = page.readUInt16LE(slot + 8);
      const length = page.readUInt16LE(slot + 10);
      const inHead = Buffer.from(page.subarray(slot, slot + 4)).reverse();
      const rest = length > 4 ? page.subarray(offset, offset + length) : inHead.subarray(0, length);
      need(headOf(rest) === page.readUInt32LE(slot) && (length > 4 || offset === 0), "B1: a slot is wrong");
      if (length > 4) extents.push([offset, offset + length]);
      const separator = Buffer.concat([prefix, rest]);
      const inside = separator.compare(children.at(-1)!.low) > 0;
      need(inside && (high.length === 0 || separator.compare(high) < 0), "B1: separators do not ascend");
      children.push({ page: page.readUInt32LE(slot + 4), low: separator });
    }
    checkArena(page, start, extents, page.length - BRANCH_SLOT_BYTES * slots);
    const level = page[9]! - 1;
    return children.map((child, i) => ({ ...child, high: children[i + 1]?.low ?? high, level }));
  }

  /** The value of an overflow reference. */
  #run(reference: Buffer): Buffer {
    need(reference.length === 12, "B3: an overflow reference is wrong");
    const [length, first, checksum] = [0, 4, 8].map((at) => reference.readUInt32LE(at)) as [
      number,
      number,
      number,
    ];
    const { pageSize, seed } = this.#header;
    const table = length > MIB ? 4 * Math.ceil(length / MIB) : 0;
    const blocks = Math.ceil((table + length) / (this.#block * pageSize));
    need(first % this.#block === 0, "B3: an overflow run does not begin at a block");
    this.#take(first, blocks * this.#block);
    const bytes = this.#data.subarray(first * pageSize, first * pageSize + table + length);
    const right = (part: Buffer, sum: number): boolean => crc32(part, (seed ^ first) >>> 0) === sum;
    const value = bytes.subarray(table);
    need(bytes.length === table + length, "B3: an overflow run ends before its value");
    need(
      right(table > 0 ? bytes.subarray(0, table) : value, checksum),
      "B3: an overflow run's checksum is wrong",
    );
    for (let at = 0; at < table; at += 4) {
      const from = (at / 4) * MIB;
      need(right(value.subarray(from, from + MIB), bytes.readUInt32LE(at)), "B3: a MiB's checksum is wrong");
    }
    return value;
  }
}
