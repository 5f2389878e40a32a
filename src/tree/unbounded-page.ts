/**
 * Pages without bounds: a root, and what becomes of it. A root's content moves to another page when the tree
 * grows, comes back when it shrinks, and goes to a lower page when the store is compacted.
 */

import { EMPTY_BYTES } from "../base/bytes.js";
import { branchEntries, childAt, writeBranch } from "../page/branch.js";
import { slotCount } from "../page/leaf.js";
import type { LeafAllocator } from "../page/leaf-allocator.js";
import { AT_LEVEL } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";

/**
 * Copies the content of `from`, a leaf or a branch, to `to`, which keeps its number and record count.
 * REQUIRES: `from` has no bounds, and neither will `to`.
 */
export function copyUnboundedPage(pager: Pager, allocator: LeafAllocator, from: number, to: number): void {
  const { pool } = pager;
  const offset = pager.at(from);
  const level = pool.u8[offset + AT_LEVEL]!;
  if (level > 0) {
    const entries = branchEntries(pool, offset);
    writeBranch(pager, to, level, childAt(pool, offset, 0), entries, EMPTY_BYTES, EMPTY_BYTES);
    return;
  }
  const { builder, regions } = allocator;
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  builder.addFrom(pool, offset, 0, slotCount(pool, offset));
  builder.writeTo(pager, to);
  regions.setEmpty(pager.at(to));
}
