/**
 * Tells the generations apart; nothing in the file says which one it is.
 *
 * - The slot directory is 4 bytes a slot in gen3 and 2 in gen1 and gen2.
 * - A gen1 leaf read as gen2, or the other way round, never decodes with its first key equal to its low
 *   fence: a gen2 head read as gen1 claims a prefix of at least 256 bytes for each byte of key length, and a
 *   gen1 head read as gen2 gives the key another length than the fence has. One leaf that decodes in one way
 *   only, by this measure, settles it; the check of the whole tree then holds every leaf against it.
 * - A leaf may begin above its low fence, after deletes. Where no other leaf tells, one that decodes in one way
 *   only, whatever its fence, settles it too: as what it is, it decodes.
 * - A tree without records looks alike in all generations; a folder of log segments or a version counter in
 *   the meta page still shows late gen3.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { readU16, readU32 } from "./big-endian.js";
import {
  HEADER_KIND,
  KIND_LEAF,
  type LegacyGeneration,
  MAGIC_PAGE,
  NODE_LEAF,
  PAGE_HEADER_BYTES,
} from "./layout.js";
import { LeafDecoder } from "./leaf.js";
import type { LegacyMeta } from "./meta.js";

export interface Recognition {
  /** "unknown" only for files without records. */
  readonly generation: LegacyGeneration | "unknown";
  /** The reason, for a person. */
  readonly reason: string;
}

/**
 * What one leaf says; undefined where it has no records or settles nothing. `anyFence`: though its first key need not be
 * its low fence.
 */
export function recogniseLeaf(
  page: Uint8Array,
  number: number,
  path: string,
  anyFence = false,
): Recognition | undefined {
  const leaf = new LeafDecoder(path);
  const decodes = (generation: LegacyGeneration): boolean => {
    try {
      leaf.decode(page, number, generation);
      return leaf.count > 0 && (anyFence || leaf.beginsAtLowFence);
    } catch (error) {
      if (error instanceof CorruptionError) return false;
      throw error;
    }
  };
  if (decodes("gen3")) {
    return { generation: "gen3", reason: `page ${number} has 4-byte slots with record lengths` };
  }
  const prefixed = decodes("gen1");
  const plain = decodes("gen2");
  if (prefixed === plain) return undefined;
  if (prefixed) {
    return {
      generation: "gen1",
      reason: `page ${number} has 2-byte slots, and its records decode as prefix-compressed only`,
    };
  }
  return {
    generation: "gen2",
    reason: `page ${number} has 2-byte slots, and its records decode as plain only`,
  };
}

/** What the meta page and the kind of log say where there is no record to look at. */
export function recogniseEmpty(meta: LegacyMeta, logIsFolder: boolean): Recognition {
  if (logIsFolder)
    return { generation: "gen3", reason: "the log is a folder of segments; the tree is empty" };
  if (meta.nextVersion !== 0) {
    return { generation: "gen3", reason: "the meta page counts versions; the tree is empty" };
  }
  return { generation: "unknown", reason: "the tree is empty: empty trees look alike in all generations" };
}

/** How many bytes of a file `recogniseLegacy` looks at, at most. */
export const RECOGNISE_BYTES: number = 256 * 1024;

/**
 * A cheap guess from the first bytes of a file (RECOGNISE_BYTES or fewer): undefined where it is not a legacy
 * file, "unknown" where it is one but these bytes hold no leaf that tells. Looks at no log and checks no
 * checksum; `openLegacy` decides.
 */
export function recogniseLegacy(head: Uint8Array, path = ""): LegacyGeneration | "unknown" | undefined {
  if (head.length < PAGE_HEADER_BYTES || readU32(head, 0) !== MAGIC_PAGE) return undefined;
  const pageSize = readU32(head, 8);
  if (pageSize <= PAGE_HEADER_BYTES) return "unknown";
  for (let at = pageSize; at + pageSize <= head.length; at += pageSize) {
    const page = head.subarray(at, at + pageSize);
    if (readU32(page, 0) !== MAGIC_PAGE || page[HEADER_KIND] !== KIND_LEAF) continue;
    if (page[PAGE_HEADER_BYTES] !== NODE_LEAF || readU16(page, PAGE_HEADER_BYTES + 2) === 0) continue;
    const found = recogniseLeaf(page, at / pageSize, path);
    if (found !== undefined) return found.generation;
  }
  return "unknown";
}
