/**
 * What leaves of a store hold in a half-converted file whose journal is damaged. Which of them count, and of which trees
 * they are, nobody can say any more: they go to trees of their own, as those of a store that has lost its catalogue.
 */

import { readU32 } from "../../src/base/bytes.js";
import { CorruptionError } from "../../src/base/errors.js";
import { rebuildHeader } from "../../src/commands/pages/rebuild-header.js";
import { withoutOverlaps } from "../../src/commands/pages/salvage.js";
import type { LeafPage } from "../../src/commands/pages/survey.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { AT_NUMBER, checksumSeed, pageChecksum } from "../../src/pager/page-header.js";
import { firstPage, type StoreHeader } from "../../src/pager/store-header.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { readExactly } from "../../src/vfs/whole-io.js";
import type { RecordBatch } from "../legacy/leaf.js";
import type { ProblemList } from "../legacy/problems.js";
import { StoreLeafDecoder } from "../store-leaf.js";
import { StorePages } from "../store-pages.js";
import { storeLeaves } from "./half-salvage.js";

/** Leaves whose ranges do not overlap. */
export interface StrayTree {
  readonly leaves: number;
  /** In key order; what is damaged is told while they are read. */
  readonly records: Iterable<RecordBatch>;
}

export interface StrayLeaves {
  readonly trees: readonly StrayTree[];
  /** No key is longer. */
  readonly longestKey: number;
}

/** Reads the file twice. Throws IoError. */
export function findStrayLeaves(file: VfsFile, lost: ProblemList): StrayLeaves {
  const header = rebuildHeader(file);
  if (header === undefined) return { trees: [], longestKey: 0 };
  const { leaves, places } = soundLeaves(file, header);
  const pages = new StorePages(file, header.pageSize, header.storeId, places);
  const trees = withoutOverlaps(leaves).map((group) => {
    const list = Uint32Array.from(group, ({ page }) => page);
    const all = { pages: list, range: [0, list.length], needed: () => true } as const;
    return { leaves: list.length, records: storeLeaves(pages, all, lost) };
  });
  return { trees, longestKey: keyBytesMax(header.pageSize) };
}

/** Sound leaves with records, and the places of those that were made in another one than their own. */
function soundLeaves(
  file: VfsFile,
  { pageSize, pageCount, storeId, catalogRoot }: StoreHeader,
): { leaves: LeafPage[]; places: Map<number, number> } {
  const leaf = new StoreLeafDecoder(file.path, pageSize);
  const seed = checksumSeed(storeId);
  const bytes = new Uint8Array(pageSize);
  const found = new Map<number, LeafPage>();
  const places = new Map<number, number>();
  for (let place = firstPage(pageSize); place < pageCount; place++) {
    readExactly(file, bytes, 0, pageSize, place * pageSize);
    const page = readU32(bytes, AT_NUMBER);
    if (page === catalogRoot || readU32(bytes, 0) !== pageChecksum(bytes, 0, pageSize, seed)) continue;
    try {
      leaf.decode(bytes, page);
    } catch (error) {
      if (error instanceof CorruptionError) continue; // A branch.
      throw error;
    }
    if (leaf.count === 0 || (found.has(page) && page !== place)) continue;
    found.set(page, { page, low: leaf.low, high: leaf.high });
    places.set(page, place);
  }
  return { leaves: [...found.values()], places };
}
