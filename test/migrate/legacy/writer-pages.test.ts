/**
 * The writer against the original, byte for byte, where the original leaves no choice: every page of the
 * fixtures put together again from its own records, links and high fence, and whole files that were loaded
 * in key order (the original then splits a full page in the middle by count).
 */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BranchDecoder } from "../../../migrate/legacy/branch.js";
import {
  HEADER_KIND,
  KIND_BRANCH,
  KIND_LEAF,
  type LegacyGeneration,
} from "../../../migrate/legacy/layout.js";
import { LeafDecoder } from "../../../migrate/legacy/leaf.js";
import { type LegacyFile, openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { encodeMeta, patchMeta } from "../../../migrate/legacy/meta.js";
import { batchesOf } from "../../../migrate/legacy/record-batch.js";
import { BulkWriter } from "../../../migrate/legacy/writer-bulk.js";
import { TreePageBuilder } from "../../../migrate/legacy/writer-page.js";
import { fixture, fixturePath, fixtures, fixtureVfs } from "./fixtures.js";

function rebuilt(
  file: LegacyFile,
  generation: LegacyGeneration,
  image: Uint8Array,
  page: number,
): Uint8Array {
  const isLeaf = image[HEADER_KIND] === KIND_LEAF;
  const builder = new TreePageBuilder(generation, file.pages.seal, isLeaf);
  if (isLeaf) {
    const leaf = new LeafDecoder("");
    leaf.decode(image, page, generation);
    for (let i = 0; i < leaf.count; i++) {
      const { keys, keyStart, keyLength, values, valueStart, valueLength } = leaf;
      builder.addRecord(keys, keyStart[i]!, keyLength[i]!, values, valueStart[i]!, valueLength[i]!);
    }
    const { parent, left, right, highLength } = leaf.header;
    return builder.finish({ page, parent, left, right }, leaf.header.highFence(), 0, highLength);
  }
  const branch = new BranchDecoder("", file.pageSize);
  branch.decode(image, page);
  for (let i = 0; i < branch.count; i++) builder.addChild(branch.child[i]!, branch.separator(i));
  const { parent, left, right, highLength } = branch.header;
  return builder.finish({ page, parent, left, right }, branch.header.highFence(), 0, highLength);
}

// The late third generation leaves records in any order; a damaged tree may keep an older first record.
const orderly = fixtures.filter((entry) => entry.generation !== "gen3-late" && entry.quirk === undefined);

describe.each(orderly.map((entry) => [entry.file, entry.generation] as const))("%s", (name, generation) => {
  test("every tree page comes out as the original wrote it", () => {
    const file = openLegacy(fixtureVfs, fixturePath(name));
    let pages = 0;
    const inFile = Array.from({ length: file.pages.fileCount }, (_, page) => page);
    for (const page of new Set([...inFile, ...file.pages.log.pageNumbers()])) {
      const image = file.pageImage(page);
      const kind = image[HEADER_KIND];
      if (kind !== KIND_LEAF && kind !== KIND_BRANCH) continue;
      const again = rebuilt(file, generation as LegacyGeneration, image, page);
      expect(Buffer.compare(again, image), `page ${page}`).toBe(0);
      pages++;
    }
    expect(pages).toBeGreaterThan(0);
    file.close();
  });
});

/** Records in each leaf after an ascending load: a leaf that overflows keeps the lower half. */
function leafCountsOfAscendingLoad(total: number, capacity: number): Uint32Array {
  const counts: number[] = [];
  let rest = total;
  while (rest > capacity) {
    const kept = Math.floor((capacity + 1) / 2);
    counts.push(kept);
    rest -= kept;
  }
  return Uint32Array.from([...counts, rest]);
}

function* ascendingRecords(count: number): Generator<{ key: Uint8Array; value: Uint8Array }> {
  for (let i = 0; i < count; i++) {
    const key = Buffer.alloc(8);
    const value = Buffer.alloc(8);
    key.writeBigUInt64BE(BigInt(i));
    value.writeBigUInt64BE(BigInt(i * 10 + 7));
    yield { key, value };
  }
}

// Capacities of an 8 KiB leaf for 8-byte keys and values under these generations.
const ascendingLoads = [
  ["gen1/u64-seq-1k.db", "gen1", 540],
  ["gen2/u64-seq-1k.db", "gen2", 405],
  ["gen3/u64-seq-1k.db", "gen3", 368],
  ["gen3-late/u64-seq-1k-metaroot.db", "gen3", 368],
] as const;

describe.each(ascendingLoads)("%s", (name, generation, capacity) => {
  test("the whole file comes out as the original wrote it", () => {
    const entry = fixture(name);
    const file = openLegacy(fixtureVfs, fixturePath(name));
    const { salt, logSalt, lastCheckpointLsn, roots, pageSize } = file.meta;
    const seal = file.pages.seal;
    file.close();

    const leaves = leafCountsOfAscendingLoad(entry.recordCount, capacity);
    const levels = [leaves, Uint32Array.of(leaves.length)];
    const plan = { generation, pageSize, records: entry.recordCount, levels, pages: leaves.length + 1 };
    const out = new Uint8Array((plan.pages + 1) * pageSize);
    // The first split takes page 2 for the right half and page 3 for the new root.
    const allocate = (level: number, index: number): number =>
      level === 1 ? 3 : index < 2 ? index + 1 : index + 2;
    const writer = new BulkWriter(plan, seal, allocate, (page, image) => out.set(image, page * pageSize));
    for (const batch of batchesOf(ascendingRecords(entry.recordCount))) writer.add(batch);
    writer.finish();
    const late = entry.generation === "gen3-late";
    const fresh = encodeMeta({ pageSize, salt, logSalt, late });
    const named = roots.map(({ field, page }) => ({ offset: field.offset, page }));
    out.set(patchMeta(fresh, { nextPage: plan.pages + 1, freeListHead: 0, lastCheckpointLsn, roots: named }));

    expect(writer.root).toBe(entry.rootPage);
    expect(Buffer.compare(out, readFileSync(fixturePath(name)))).toBe(0);
  });
});
