/**
 * The page check: what must hold of a page before its bytes are used. Run when a page is loaded, by
 * verify and by tests; nothing that passes it can send a reader out of its page.
 */

import type { PageProblem } from "../pager/block-store.js";
import {
  AT_HIGH_LENGTH,
  AT_HOLES,
  AT_KIND,
  AT_LEVEL,
  AT_LOW_LENGTH,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  AT_TAIL,
  BRANCH_SLOT_BYTES,
  directoryBytes,
  KIND_BRANCH,
  KIND_LEAF,
  LEAF_SLOT_BYTES,
  PAGE_HEADER_BYTES,
} from "../pager/page-header.js";
import { HEAD_BYTES } from "./head-search.js";
import {
  headOf,
  LENGTH_MASK,
  OVERFLOW_FLAG,
  type PageMemory,
  suffixLength,
  suffixVarintBytes,
} from "./leaf.js";
import { keyBytesMax, OVERFLOW_REFERENCE_BYTES } from "./limits.js";

/** A tree is never higher than this: 2^32 pages with three children to a branch. */
export const LEVEL_MAX = 24;

function problem(invariant: string, offset: number, reason: string): PageProblem {
  return { invariant, offset, reason };
}

/** undefined: sound. Cost: linear in the slots. */
export function checkPage(pool: PageMemory, offset: number): PageProblem | undefined {
  const kind = pool.u8[offset + AT_KIND]!;
  const level = pool.u8[offset + AT_LEVEL]!;
  if (kind !== KIND_LEAF && kind !== KIND_BRANCH) return problem("L9", AT_KIND, `unknown page kind ${kind}`);
  if (kind === KIND_LEAF ? level !== 0 : level === 0 || level > LEVEL_MAX) {
    return problem("L9", AT_LEVEL, `kind ${kind} at level ${level}`);
  }
  const slots = pool.u16[(offset + AT_SLOTS) >> 1]!;
  const tail = pool.u16[(offset + AT_TAIL) >> 1]!;
  const prefix = pool.u16[(offset + AT_PREFIX_LENGTH) >> 1]!;
  const directory = pool.pageSize - directoryBytes(kind, slots);
  if (tail > directory) return problem("L6", AT_TAIL, "records and slots overlap");
  return kind === KIND_LEAF
    ? checkLeaf(pool, offset, slots, tail, prefix)
    : checkBranch(pool, offset, slots, tail, prefix);
}

function checkLeaf(
  pool: PageMemory,
  offset: number,
  slots: number,
  tail: number,
  prefix: number,
): PageProblem | undefined {
  const { u8, u16, u32, pageSize } = pool;
  const low = u16[(offset + AT_LOW_LENGTH) >> 1]!;
  const high = u16[(offset + AT_HIGH_LENGTH) >> 1]!;
  const keyMax = keyBytesMax(pageSize);
  if (low > keyMax || high > keyMax)
    return problem("L8", AT_LOW_LENGTH, "a fence is longer than a key can be");
  const arena = PAGE_HEADER_BYTES + low + high;
  if (tail < arena) return problem("L6", AT_TAIL, "the tail lies before the records");
  const lowAt = offset + PAGE_HEADER_BYTES;
  const highAt = lowAt + low;
  if (prefix > low || prefix > high)
    return problem("L1", AT_PREFIX_LENGTH, "the prefix is longer than a fence");
  for (let i = 0; i < prefix; i++) {
    if (u8[lowAt + i] !== u8[highAt + i])
      return problem("L1", AT_PREFIX_LENGTH, "the fences do not share the prefix");
  }
  let used = 0;
  let previous = 0;
  const base = ((offset + pageSize) >> 2) - 2;
  for (let i = 0; i < slots; i++) {
    const head = u32[base - 2 * i]!;
    const extent = u32[base - 2 * i + 1]!;
    const at = extent & 0xffff;
    const length = (extent >>> 16) & LENGTH_MASK;
    const slotAt = pageSize - LEAF_SLOT_BYTES * (i + 1);
    if (at < arena || at + length > tail || length === 0)
      return problem("L4", slotAt, `slot ${i} points outside the records`);
    const suffix = suffixLength(u8, offset + at);
    const key = suffixVarintBytes(suffix) + suffix;
    if (key > length || prefix + suffix > keyMax)
      return problem("L4", slotAt, `the key of slot ${i} leaves its record`);
    if (suffix < 0x80 !== u8[offset + at]! < 0x80)
      return problem("L4", slotAt, `the key length of slot ${i} is not minimal`);
    if (extent >>> 16 >= OVERFLOW_FLAG && length - key !== OVERFLOW_REFERENCE_BYTES) {
      return problem("B3", slotAt, `the overflow reference of slot ${i} has a wrong length`);
    }
    const keyAt = offset + at + suffixVarintBytes(suffix);
    if (head !== headOf(u8, keyAt, keyAt + suffix))
      return problem("L3", slotAt, `the head of slot ${i} is not its key's`);
    if (head < previous) return problem("L3", slotAt, `slot ${i} is out of order`);
    previous = head;
    used += length;
  }
  if (tail - arena - used !== u16[(offset + AT_HOLES) >> 1]!)
    return problem("L5", AT_HOLES, "the bytes in holes do not add up");
  return undefined;
}

function checkBranch(
  pool: PageMemory,
  offset: number,
  slots: number,
  tail: number,
  prefix: number,
): PageProblem | undefined {
  const { u8, u16, u32, pageSize } = pool;
  const arena = PAGE_HEADER_BYTES + prefix;
  const keyMax = keyBytesMax(pageSize);
  if (prefix > keyMax || tail < arena) return problem("B1", AT_PREFIX_LENGTH, "the prefix leaves the page");
  let used = 0;
  let previous = 0;
  const base = ((offset + pageSize) >> 2) - 3;
  for (let i = 0; i < slots; i++) {
    const head = u32[base - 3 * i]!;
    const extent = u32[base - 3 * i + 2]!;
    const at = extent & 0xffff;
    const length = extent >>> 16;
    const slotAt = pageSize - BRANCH_SLOT_BYTES * (i + 1);
    if (length === 0 || prefix + length > keyMax)
      return problem("B1", slotAt, `separator ${i} has an impossible length`);
    if (length > HEAD_BYTES) {
      if (at < arena || at + length > tail)
        return problem("B1", slotAt, `separator ${i} points outside its page`);
      if (head !== headOf(u8, offset + at, offset + at + length))
        return problem("B1", slotAt, `the head of separator ${i} is wrong`);
      used += length;
    } else if ((length < HEAD_BYTES && head << (8 * length) !== 0) || at !== 0) {
      return problem("B1", slotAt, `the head of separator ${i} has bytes behind its end`);
    }
    if (head < previous) return problem("B1", slotAt, `separator ${i} is out of order`);
    previous = head;
  }
  if (tail - arena - used !== u16[(offset + AT_HOLES) >> 1]!)
    return problem("B1", AT_HOLES, "the bytes in holes do not add up");
  return undefined;
}
