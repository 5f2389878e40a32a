/**
 * A way down from the root: the branch pages passed and the position taken in each. Only structure
 * changes (splits, merges) keep one; reads and ordinary edits do not.
 */

import { EMPTY_BYTES } from "../base/bytes.js";
import { CorruptionError } from "../base/errors.js";
import { separatorOf } from "../page/branch.js";
import { slotCount } from "../page/leaf.js";
import { AT_LEVEL } from "../pager/page-header.js";
import type { Pager } from "../pager/pager.js";

export interface Path {
  /** Branch pages from the root down. */
  readonly pages: number[];
  /** Position of the child taken in each: 0 is the leftmost. */
  readonly positions: number[];
  /** The leaf at the end. */
  leaf: number;
}

/** The separator to the left of what the path takes at `depth`, or the nearest further up; empty: none. */
export function lowBound(pager: Pager, path: Path, depth: number): Uint8Array {
  for (let d = depth; d >= 0; d--) {
    const position = path.positions[d]!;
    if (position > 0) return separatorOf(pager.pool, pager.at(path.pages[d]!), position - 1);
  }
  return EMPTY_BYTES;
}

/** The separator to the right of what the path takes at `depth`, or the nearest further up; empty: none. */
export function highBound(pager: Pager, path: Path, depth: number): Uint8Array {
  for (let d = depth; d >= 0; d--) {
    const offset = pager.at(path.pages[d]!);
    const position = path.positions[d]!;
    if (position < slotCount(pager.pool, offset)) return separatorOf(pager.pool, offset, position);
  }
  return EMPTY_BYTES;
}

/** A page that does not lie where its level says: going on from it could go round in circles. */
export function wrongLevel(pager: Pager, page: number): CorruptionError {
  return new CorruptionError("B4", "it is not of the level that its parent says", {
    path: pager.data.file.path,
    page,
    offset: AT_LEVEL,
  });
}
