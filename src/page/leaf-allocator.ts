/**
 * The leaf allocator: serves every edit of a leaf where the leaf lies. In order: the record's own
 * extent; the first hole that fits; the open tail; else the page is packed once, through a scratch
 * page, with the new record in its place (ARCHITECTURE, "leaf allocator"; the page model is that of
 * LeanStore's BTreeNode and SQLite's allocateSpace).
 *
 * Each edit first asks whether it fits, which is O(1) and counts the slot, and changes nothing where
 * it does not: the tree then splits the leaf and tries again.
 */

import { copyBytes, copyWords } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import type { StoreMetrics } from "../base/metrics.js";
import { AT_HOLES, AT_PREFIX_LENGTH, AT_SLOTS, AT_TAIL, LEAF_SLOT_BYTES } from "../pager/page-header.js";
import type { PagePool } from "../pager/page-pool.js";
import type { Pager } from "../pager/pager.js";
import type { Entry } from "./entry.js";
import { FreeRegions } from "./free-regions.js";
import {
  arenaStart,
  headOf,
  highFence,
  LENGTH_MASK,
  lowFence,
  OVERFLOW_FLAG,
  prefixLength,
  suffixLength,
  suffixVarintBytes,
} from "./leaf.js";
import { LeafBuilder } from "./leaf-builder.js";

/** A pack happened: for whoever listens. */
export type PackListener = (page: number, moved: number) => void;

export class LeafAllocator {
  readonly regions: FreeRegions;
  readonly builder: LeafBuilder;
  /** Whether the last overwrite has put a shorter record in the place of a longer one. */
  shrunk = false;
  readonly #pager: Pager;
  readonly #pool: PagePool;
  readonly #metrics: StoreMetrics;
  readonly #onPack: PackListener;
  /** Extents of the slots that are being removed. */
  readonly #extents: Uint32Array;

  constructor(pager: Pager, profile: boolean, onPack: PackListener) {
    this.#pager = pager;
    this.#pool = pager.pool;
    this.#metrics = pager.metrics;
    this.#onPack = onPack;
    this.regions = new FreeRegions(pager.pool, pager.metrics.allocator, pager.metrics.slot_extent, profile);
    this.builder = new LeafBuilder(pager.pageSize);
    this.#extents = new Uint32Array(pager.pageSize / LEAF_SLOT_BYTES);
  }

  /** Bytes between the tail and the slot directory. */
  #open(offset: number): number {
    const { u16, pageSize } = this.#pool;
    return pageSize - LEAF_SLOT_BYTES * u16[(offset + AT_SLOTS) >> 1]! - u16[(offset + AT_TAIL) >> 1]!;
  }

  /** Bytes that a pack would leave between tail and directory: what record and slot may take. */
  room(offset: number): number {
    return this.#open(offset) + this.#pool.u16[(offset + AT_HOLES) >> 1]!;
  }

  /** Inserts a record as slot `index`. False, and nothing has changed, where the page cannot take it. */
  insert(page: number, index: number, entry: Entry): boolean {
    const offset = this.#pager.at(page);
    const suffix = entry.keyLength - prefixLength(this.#pool, offset);
    if (suffix < 0) throw this.#misrouted(page);
    const record = suffixVarintBytes(suffix) + suffix + entry.length;
    const room = this.room(offset);
    if (record + LEAF_SLOT_BYTES > room) {
      this.#countFailure(record, room);
      return false;
    }
    this.#pager.edits.select(page);
    const at = this.#place(offset, record, LEAF_SLOT_BYTES);
    if (at < 0) {
      this.#packWith(page, offset, index, index, entry);
      return true;
    }
    this.#writeRecord(offset + at, suffix, entry);
    this.#insertSlot(
      offset,
      index,
      headOf(entry.key, entry.keyLength - suffix, entry.keyLength),
      at,
      entry.overflow ? record | OVERFLOW_FLAG : record,
    );
    this.#pager.edits.slotInserted(index);
    return true;
  }

  /** A key that is shorter than what all keys of the leaf begin with: the branches lead to the wrong leaf. */
  #misrouted(page: number): CorruptionError {
    return new CorruptionError("L8", "its parent leads keys to it that are not between its fences", {
      path: this.#pager.data.file.path,
      page,
      offset: AT_PREFIX_LENGTH,
    });
  }

  /** As insert, in the place of slot `index`, which has the same key. */
  overwrite(page: number, index: number, entry: Entry): boolean {
    const pool = this.#pool;
    const offset = this.#pager.at(page);
    const slot = (offset + pool.pageSize - LEAF_SLOT_BYTES * (index + 1)) >> 1;
    const at = pool.u16[slot + 2]!;
    const old = pool.u16[slot + 3]! & LENGTH_MASK;
    const suffix = suffixLength(pool.u8, offset + at);
    const head = suffixVarintBytes(suffix) + suffix;
    const record = head + entry.length;
    if (record - old > this.room(offset)) {
      this.#countFailure(record, this.room(offset));
      return false;
    }
    this.#pager.edits.select(page);
    this.shrunk = record < old;
    const extended =
      record > old && at + old === pool.u16[(offset + AT_TAIL) >> 1]! && record - old <= this.#open(offset);
    if (record <= old || extended) {
      this.#metrics.allocator.in_place_overwrites++;
      this.#copyIn(offset + at + head, entry);
      this.#pager.edits.written(offset + at + head, entry.length);
      this.#setSlot(slot, at, entry.overflow ? record | OVERFLOW_FLAG : record);
      if (record < old) this.#release(offset, at + record, at + old);
      else if (extended) pool.u16[(offset + AT_TAIL) >> 1] = at + record;
      if (record !== old) this.#writeHeader(offset);
      return true;
    }
    return this.#overwriteElsewhere(page, offset, index, at, old, entry);
  }

  /** The old extent is dropped from the live set first, so that the new one may lie over it. */
  #overwriteElsewhere(
    page: number,
    offset: number,
    index: number,
    at: number,
    old: number,
    entry: Entry,
  ): boolean {
    const pool = this.#pool;
    const suffix = suffixLength(pool.u8, offset + at);
    const record = suffixVarintBytes(suffix) + suffix + entry.length;
    const slot = (offset + pool.pageSize - LEAF_SLOT_BYTES * (index + 1)) >> 1;
    if (pool.u16[(offset + AT_HOLES) >> 1]! + old < record && this.#open(offset) < record) {
      this.#packWith(page, offset, index, index + 1, entry);
      return true;
    }
    // An empty extent at the arena's start stands in for the old one while the holes are searched.
    pool.u16[slot + 2] = arenaStart(pool, offset);
    pool.u16[slot + 3] = 0;
    this.#release(offset, at, at + old);
    const to = this.#place(offset, record, 0);
    if (to < 0) {
      this.#packWith(page, offset, index, index + 1, entry);
      return true;
    }
    this.#writeRecord(offset + to, suffix, entry);
    this.#pager.edits.written(offset + to, record);
    this.#setSlot(slot, to, entry.overflow ? record | OVERFLOW_FLAG : record);
    this.#writeHeader(offset);
    return true;
  }

  /** Removes slot `index` and its record. */
  remove(page: number, index: number): void {
    this.removeRange(page, index, index + 1);
  }

  /** Removes slots from..to-1 and their records. */
  removeRange(page: number, from: number, to: number): void {
    if (from === to) return;
    const pool = this.#pool;
    const offset = this.#pager.edits.select(page);
    const slots = pool.u16[(offset + AT_SLOTS) >> 1]!;
    if (to - from === slots) {
      this.#clear(offset);
      return;
    }
    const directory = offset + pool.pageSize - LEAF_SLOT_BYTES * slots;
    const behind = offset + pool.pageSize - LEAF_SLOT_BYTES * to;
    for (let i = from; i < to; i++) {
      this.#extents[i - from] = pool.u32[(offset + pool.pageSize - LEAF_SLOT_BYTES * (i + 1) + 4) >> 2]!;
    }
    this.#pager.edits.move(directory + LEAF_SLOT_BYTES * (to - from), directory, behind - directory);
    pool.u16[(offset + AT_SLOTS) >> 1] = slots - (to - from);
    // A hole is looked for in the slots, which have lost all of the range, while it is released one by one.
    if (to - from > 1) this.regions.forget(offset);
    for (let i = 0; i < to - from; i++) {
      const extent = this.#extents[i]!;
      const at = extent & 0xffff;
      this.#release(offset, at, at + ((extent >>> 16) & LENGTH_MASK));
    }
    this.#writeHeader(offset);
  }

  /** The page loses its last record: there are no holes then. */
  #clear(offset: number): void {
    const { u16 } = this.#pool;
    u16[(offset + AT_SLOTS) >> 1] = 0;
    u16[(offset + AT_TAIL) >> 1] = arenaStart(this.#pool, offset);
    u16[(offset + AT_HOLES) >> 1] = 0;
    this.regions.setEmpty(offset);
    this.#writeHeader(offset);
  }

  /**
   * Finds room for a record, beside `slotBytes` more of directory; returns its offset in the page, and
   * tail and holes are set for it. -1, and nothing has changed, where only a pack helps.
   */
  #place(offset: number, record: number, slotBytes: number): number {
    const { u16 } = this.#pool;
    const open = this.#open(offset);
    if (open < slotBytes) return -1;
    const holes = u16[(offset + AT_HOLES) >> 1]!;
    if (holes >= record) {
      const at = this.regions.take(offset, record);
      if (at >= 0) {
        this.#metrics.allocator.hole_fits++;
        u16[(offset + AT_HOLES) >> 1] = holes - record;
        return at;
      }
    }
    if (open < record + slotBytes) return -1;
    this.#metrics.allocator.tail_fits++;
    const tail = u16[(offset + AT_TAIL) >> 1]!;
    u16[(offset + AT_TAIL) >> 1] = tail + record;
    return tail;
  }

  /** Bytes [from, to) of the page belong to no record any more; slots say so already. */
  #release(offset: number, from: number, to: number): void {
    const { u16 } = this.#pool;
    const tail = u16[(offset + AT_TAIL) >> 1]!;
    const holes = u16[(offset + AT_HOLES) >> 1]!;
    let low = from;
    let high = to;
    const built = this.regions.isBuilt(offset);
    if (built) {
      const hole = this.regions.absorb(offset, from, to);
      low = hole >>> 16;
      high = hole & 0xffff;
    }
    if (high === tail) {
      u16[(offset + AT_TAIL) >> 1] = low;
      u16[(offset + AT_HOLES) >> 1] = holes - (high - low - (to - from));
    } else {
      u16[(offset + AT_HOLES) >> 1] = holes + (to - from);
      if (built) this.regions.add(offset, low, high - low);
    }
  }

  /** Logs slots, tail and holes, which lie together. */
  #writeHeader(offset: number): void {
    this.#pager.edits.written(offset + AT_SLOTS, 6);
  }

  #writeRecord(at: number, suffix: number, entry: Entry): void {
    const pool = this.#pool;
    const { u8 } = pool;
    let to = at;
    if (suffix < 0x80) u8[to++] = suffix;
    else {
      u8[to++] = (suffix & 0x7f) | 0x80;
      u8[to++] = suffix >>> 7;
    }
    copyWords(pool, to, entry.keyMemory, entry.keyLength - suffix, suffix);
    this.#copyIn(to + suffix, entry);
  }

  #copyIn(at: number, entry: Entry): void {
    const { value, from, length } = entry;
    copyBytes(this.#pool.u8, at, value, from, length);
    this.#metrics.leaf.memcopy_bytes += length;
  }

  #insertSlot(offset: number, index: number, head: number, at: number, length: number): void {
    const pool = this.#pool;
    const slots = pool.u16[(offset + AT_SLOTS) >> 1]!;
    const directory = offset + pool.pageSize - LEAF_SLOT_BYTES * slots;
    const slot = offset + pool.pageSize - LEAF_SLOT_BYTES * (index + 1);
    if (index < slots) pool.u8.copyWithin(directory - LEAF_SLOT_BYTES, directory, slot + LEAF_SLOT_BYTES);
    pool.u32[slot >> 2] = head;
    pool.u32[(slot >> 2) + 1] = at | (length << 16);
    pool.u16[(offset + AT_SLOTS) >> 1] = slots + 1;
  }

  /** Points a slot (index of its first half word) at an extent; its head stays. */
  #setSlot(slot: number, at: number, length: number): void {
    const { u16 } = this.#pool;
    if (u16[slot + 2] === at && u16[slot + 3] === length) return;
    u16[slot + 2] = at;
    u16[slot + 3] = length;
    this.#pager.edits.written((slot + 2) * 2, 4);
  }

  /**
   * Packs the page with a new record between slots `before` and `after`: an insert where they are
   * equal, an overwrite where one lies between. It is known to fit.
   */
  #packWith(page: number, offset: number, before: number, after: number, entry: Entry): void {
    const pool = this.#pool;
    const slots = pool.u16[(offset + AT_SLOTS) >> 1]!;
    const moved =
      pool.u16[(offset + AT_TAIL) >> 1]! - arenaStart(pool, offset) - pool.u16[(offset + AT_HOLES) >> 1]!;
    this.builder.start(lowFence(pool, offset), highFence(pool, offset));
    this.builder.addFrom(pool, offset, 0, before);
    this.builder.add(entry.key, entry.keyLength, entry.value, entry.from, entry.length, entry.overflow);
    this.builder.addFrom(pool, offset, after, slots);
    this.builder.writeTo(this.#pager, page);
    this.#packed(page, offset, moved);
  }

  /** Packs the page: records in key order, no holes. Packing twice changes nothing. */
  pack(page: number): void {
    const pool = this.#pool;
    const offset = this.#pager.at(page);
    const moved =
      pool.u16[(offset + AT_TAIL) >> 1]! - arenaStart(pool, offset) - pool.u16[(offset + AT_HOLES) >> 1]!;
    this.builder.start(lowFence(pool, offset), highFence(pool, offset));
    this.builder.addFrom(pool, offset, 0, pool.u16[(offset + AT_SLOTS) >> 1]!);
    this.builder.writeTo(this.#pager, page);
    this.#packed(page, offset, moved);
  }

  #packed(page: number, offset: number, moved: number): void {
    this.regions.setEmpty(offset);
    this.#metrics.allocator.compactions++;
    this.#metrics.allocator.bytes_moved += moved;
    this.#onPack(page, moved);
  }

  /** Which of the two does not fit: the slot, the record, or only both together. */
  #countFailure(record: number, room: number): void {
    const failures = this.#metrics.allocator.failures;
    if (room < LEAF_SLOT_BYTES) failures.slot_overflow++;
    else if (room < record) failures.payload_exhausted++;
    else failures.page_full++;
  }
}
