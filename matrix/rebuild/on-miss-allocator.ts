/**
 * The optional legacy way: try the old in-place edit first, behind its guardrails, and rebuild the leaf when
 * one of them fires. The old layout is a page of records in key order without gaps; its in-place insert
 * moves the records behind the new one up, its in-place delete leaves the dead bytes where they are.
 *
 * Guardrails, in the order in which they are asked: a replacement was never tried; a new first key would
 * not match the low fence, which used to be the first key; the free bytes must lie together; a page with
 * dead bytes between its records counts as fragmented and is not touched. A delete of the first key moved
 * the low fence.
 */

import type { Entry } from "../../src/page/entry.js";
import { headOf, LENGTH_MASK, OVERFLOW_FLAG, prefixLength, slotAt, slotCount } from "../../src/page/leaf.js";
import { AT_HOLES, AT_SLOTS, AT_TAIL, LEAF_SLOT_BYTES } from "../../src/pager/page-header.js";
import type { Guardrail } from "../results/document.js";
import { RebuildingAllocator } from "./rebuilding-allocator.js";

/** Half words of slot count, tail and hole bytes, which lie together in the header. */
const HEADER_BYTES = 6;

export class OnMissAllocator extends RebuildingAllocator {
  override insert(page: number, index: number, entry: Entry): boolean {
    if (!this.fits(page, entry, 0, LEAF_SLOT_BYTES)) return false;
    const guardrail = this.#insertGuardrail(page, index, entry);
    if (guardrail === null) this.#insertInPlace(page, index, entry);
    else this.rebuildWith(page, index, 0, entry, "insert", guardrail);
    return true;
  }

  override overwrite(page: number, index: number, entry: Entry): boolean {
    if (!this.fits(page, entry, this.recordBytes(page, index), 0)) return false;
    this.rebuildWith(page, index, 1, entry, "insert", "replacement");
    return true;
  }

  override removeRange(page: number, from: number, to: number): void {
    if (from === to) return;
    if (from === 0) this.rebuildWith(page, 0, to, null, "delete", "delete_first_key");
    else for (let index = to - 1; index >= from; index--) this.#removeInPlace(page, index);
  }

  #insertGuardrail(page: number, index: number, entry: Entry): Guardrail | null {
    const { u16, pageSize } = this.pager.pool;
    const offset = this.pager.at(page);
    if (index === 0) return "fence_mismatch";
    const slots = u16[(offset + AT_SLOTS) >> 1]!;
    const open = pageSize - LEAF_SLOT_BYTES * slots - u16[(offset + AT_TAIL) >> 1]!;
    if (open < this.sizeOf(offset, entry) + LEAF_SLOT_BYTES) return "contiguous_space";
    return u16[(offset + AT_HOLES) >> 1]! > 0 ? "fragmentation" : null;
  }

  /** Moves what lies behind up, then writes the record and its slot. */
  #insertInPlace(page: number, index: number, entry: Entry): void {
    const { pager } = this;
    const { pool } = pager;
    const offset = pager.edits.select(page);
    const { u16, u32 } = pool;
    const slots = slotCount(pool, offset);
    const tail = u16[(offset + AT_TAIL) >> 1]!;
    const record = this.sizeOf(offset, entry);
    const at = index < slots ? u16[(slotAt(pool, offset, index) + 4) >> 1]! : tail;
    pager.edits.move(offset + at + record, offset + at, tail - at);
    this.#writeRecord(offset + at, offset, entry, record);
    const directory = offset + pool.pageSize - LEAF_SLOT_BYTES * slots;
    pager.edits.move(directory - LEAF_SLOT_BYTES, directory, LEAF_SLOT_BYTES * (slots - index));
    const suffixFrom = prefixLength(pool, offset);
    const slot = slotAt(pool, offset, index);
    u32[slot >> 2] = headOf(entry.key, suffixFrom, entry.keyLength);
    u16[(slot + 4) >> 1] = at;
    u16[(slot + 6) >> 1] = entry.overflow ? record | OVERFLOW_FLAG : record;
    for (let i = index + 1; i <= slots; i++) u16[(slotAt(pool, offset, i) + 4) >> 1]! += record;
    pager.edits.written(directory - LEAF_SLOT_BYTES, LEAF_SLOT_BYTES * (slots - index + 1));
    u16[(offset + AT_SLOTS) >> 1] = slots + 1;
    u16[(offset + AT_TAIL) >> 1] = tail + record;
    pager.edits.written(offset + AT_SLOTS, HEADER_BYTES);
    this.census.servedInPlace();
  }

  #writeRecord(to: number, offset: number, entry: Entry, record: number): void {
    const { u8 } = this.pager.pool;
    const { key, keyLength, value, from, length } = entry;
    const prefix = prefixLength(this.pager.pool, offset);
    const suffix = keyLength - prefix;
    let at = to;
    if (suffix < 0x80) u8[at++] = suffix;
    else {
      u8[at++] = (suffix & 0x7f) | 0x80;
      u8[at++] = suffix >>> 7;
    }
    u8.set(key.subarray(prefix, keyLength), at);
    u8.set(value.subarray(from, from + length), at + suffix);
    this.pager.metrics.leaf.memcopy_bytes += length;
    this.pager.edits.written(to, record);
  }

  /** Takes the slot out; the record's bytes stay behind as a gap. */
  #removeInPlace(page: number, index: number): void {
    const { pager } = this;
    const { pool } = pager;
    const offset = pager.edits.select(page);
    const { u16 } = pool;
    const slots = slotCount(pool, offset);
    const slot = slotAt(pool, offset, index);
    const record = u16[(slot + 6) >> 1]! & LENGTH_MASK;
    const directory = offset + pool.pageSize - LEAF_SLOT_BYTES * slots;
    pager.edits.move(directory + LEAF_SLOT_BYTES, directory, slot - directory);
    u16[(offset + AT_SLOTS) >> 1] = slots - 1;
    u16[(offset + AT_HOLES) >> 1]! += record;
    pager.edits.written(offset + AT_SLOTS, HEADER_BYTES);
    this.census.servedInPlace();
  }
}
