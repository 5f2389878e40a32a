/**
 * One leaf under the allocator, beside a sorted array that says what it should hold. `assert` proves the
 * page after each step: its bytes, its accounting, and the state that the allocator keeps with it.
 */

import { byteMemory } from "../../src/base/bytes.js";
import { open } from "../../src/index.js";
import { Entry } from "../../src/page/entry.js";
import { REGIONS_MAX } from "../../src/page/free-regions.js";
import {
  arenaStart,
  keyOf,
  recordAt,
  recordLength,
  searchLeaf,
  slotCount,
  valueAt,
  valueLength,
} from "../../src/page/leaf.js";
import type { LeafAllocator } from "../../src/page/leaf-allocator.js";
import { checkPage } from "../../src/page/page-check.js";
import { AT_HOLES, AT_TAIL } from "../../src/pager/page-header.js";
import type { Pager } from "../../src/pager/pager.js";
import type { Engine } from "../../src/store/engine.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

export interface LeafRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class LeafHarness {
  readonly pager: Pager;
  readonly allocator: LeafAllocator;
  readonly page: number;
  readonly records: LeafRecord[] = [];
  low: Uint8Array = new Uint8Array(0);
  high: Uint8Array = new Uint8Array(0);
  readonly #entry: Entry = new Entry();

  constructor(pageSize: number) {
    const store = open("/leaf.esp", { vfs: new MemoryVfs(), pageSize, durability: "none" });
    const { engine } = store as unknown as { engine: Engine };
    this.pager = engine.pager;
    this.allocator = engine.context.allocator;
    this.page = this.pager.allocatePage();
    this.reset(this.low, this.high);
  }

  get offset(): number {
    return this.pager.at(this.page);
  }

  /** An empty leaf with these fences. */
  reset(low: Uint8Array, high: Uint8Array): void {
    this.low = low;
    this.high = high;
    this.records.length = 0;
    this.allocator.builder.start(low, high);
    this.allocator.builder.writeTo(this.pager, this.page);
    this.allocator.regions.setEmpty(this.offset);
  }

  /** Commits, so that the log of a long run stays small. */
  commit(): void {
    this.pager.commit(false);
  }

  /** Index of the record with this key, or -(i + 1) where it would go. */
  find(key: Uint8Array): number {
    let i = 0;
    while (i < this.records.length && Buffer.compare(this.records[i]!.key, key) < 0) i++;
    return i < this.records.length && Buffer.compare(this.records[i]!.key, key) === 0 ? i : -(i + 1);
  }

  get #prefix(): number {
    let i = 0;
    while (i < this.low.length && i < this.high.length && this.low[i] === this.high[i]) i++;
    return i;
  }

  /** Bytes of a record, its slot not counted, worked out from the format's description. */
  bytesOf(record: LeafRecord): number {
    const suffix = record.key.length - this.#prefix;
    return (suffix < 128 ? 1 : 2) + suffix + record.value.length;
  }

  /** Bytes that are left when all records lie together. */
  room(): number {
    let room = this.pager.pageSize - 32 - this.low.length - this.high.length;
    for (const record of this.records) room -= this.bytesOf(record) + 8;
    return room;
  }

  /** Puts a record; returns whether the page took it, which it must exactly when there is room. */
  put(key: Uint8Array, value: Uint8Array): boolean {
    const record = { key, value };
    const at = this.find(key);
    const needed = at < 0 ? this.bytesOf(record) + 8 : this.bytesOf(record) - this.bytesOf(this.records[at]!);
    const fits = needed <= this.room();
    const before = fits ? undefined : this.bytes();
    const entry = this.#entry;
    entry.keyMemory = byteMemory(key);
    entry.keyLength = key.length;
    entry.value = value;
    entry.from = 0;
    entry.length = value.length;
    const took =
      at < 0
        ? this.allocator.insert(this.page, -(at + 1), entry)
        : this.allocator.overwrite(this.page, at, entry);
    if (took !== fits)
      throw new Error(`the page ${took ? "took" : "refused"} ${needed} bytes of ${this.room()}`);
    if (before !== undefined && Buffer.compare(before, this.bytes()) !== 0)
      throw new Error("an edit that was refused has changed the page");
    if (!took) return false;
    if (at < 0) this.records.splice(-(at + 1), 0, record);
    else this.records[at] = record;
    return true;
  }

  remove(from: number, to: number): void {
    this.allocator.removeRange(this.page, from, to);
    this.records.splice(from, to - from);
  }

  pack(): void {
    this.allocator.pack(this.page);
  }

  /** As when the page is evicted and read again: what the allocator knew of it is gone. */
  reload(): void {
    this.pager.pool.renew(this.offset >>> this.pager.pool.frameShift);
  }

  /** Gives the leaf other fences, as a split, merge or borrow does; false where that does not fit. */
  refence(low: Uint8Array, high: Uint8Array): boolean {
    const { builder } = this.allocator;
    const { pool } = this.pager;
    builder.start(low, high);
    if (!builder.addFrom(pool, this.offset, 0, this.records.length)) return false;
    builder.writeTo(this.pager, this.page);
    this.allocator.regions.setEmpty(this.offset);
    this.low = low;
    this.high = high;
    return true;
  }

  bytes(): Uint8Array {
    return this.pager.pool.u8.slice(this.offset, this.offset + this.pager.pageSize);
  }

  assert(): void {
    const { pool } = this.pager;
    const { offset } = this;
    const problem = checkPage(pool, offset);
    if (problem !== undefined) throw new Error(`page check: ${JSON.stringify(problem)}`);
    if (this.allocator.room(offset) !== this.room())
      throw new Error(`the page says ${this.allocator.room(offset)} bytes are left, but ${this.room()} are`);
    if (slotCount(pool, offset) !== this.records.length) throw new Error("a wrong number of slots");
    for (let i = 0; i < this.records.length; i++) this.#assertRecord(i);
    this.#assertRegions();
  }

  #assertRecord(index: number): void {
    const { pool } = this.pager;
    const { offset } = this;
    const { key, value } = this.records[index]!;
    if (searchLeaf(pool, offset, key, key.length) !== index) throw new Error(`record ${index} is not found`);
    if (Buffer.compare(keyOf(pool, offset, index), key) !== 0) throw new Error(`key ${index} is another`);
    const at = valueAt(pool, offset, index);
    const bytes = pool.u8.subarray(at, at + valueLength(pool, offset, index));
    if (Buffer.compare(bytes, value) !== 0) throw new Error(`the value of record ${index} is another`);
  }

  /** Extents do not overlap; remembered regions are holes, as long as they can be (L2). */
  #assertRegions(): void {
    const { pool } = this.pager;
    const { offset } = this;
    const extents = this.records.map((_, i) => {
      const from = recordAt(pool, offset, i) - offset;
      return { from, to: from + recordLength(pool, offset, i) };
    });
    extents.sort((a, b) => a.from - b.from);
    const holes = new Map<number, number>();
    let end = arenaStart(pool, offset);
    for (const { from, to } of extents) {
      if (from < end) throw new Error(`records overlap at ${from}`);
      if (from > end) holes.set(end, from);
      end = to;
    }
    const tail = pool.u16[(offset + AT_TAIL) >> 1]!;
    if (tail > end) holes.set(end, tail);
    let sum = 0;
    for (const [from, to] of holes) sum += to - from;
    if (sum !== pool.u16[(offset + AT_HOLES) >> 1]!) throw new Error("the hole bytes do not add up");
    const regions = this.allocator.regions.list(offset);
    if (regions.length > REGIONS_MAX) throw new Error("too many regions");
    const seen = new Set<number>();
    for (const region of regions) {
      const whole = holes.get(region.offset) === region.offset + region.length;
      if (!whole || seen.has(region.offset))
        throw new Error(
          `region ${region.offset}+${region.length} is not one of the holes ${JSON.stringify([...holes])}`,
        );
      seen.add(region.offset);
    }
  }
}
