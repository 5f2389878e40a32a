/**
 * Files of our own writer, of every generation and many page sizes, read back whole; and what the planner
 * refuses before a byte is written.
 */

import { describe, expect, test } from "vitest";
import type { LegacyGeneration } from "../../../migrate/legacy/layout.js";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { encodeMeta, patchMeta } from "../../../migrate/legacy/meta.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import { batchesOf } from "../../../migrate/legacy/record-batch.js";
import { writeLegacyFile } from "../../../migrate/legacy/writer.js";
import { legacyKeyBytesMax, planBulk } from "../../../migrate/legacy/writer-plan.js";
import {
  EncodingError,
  KeyTooLargeError,
  OptionError,
  ValueTooLargeError,
} from "../../../src/base/errors.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import {
  bytes,
  digestOf,
  LOG_SALT,
  type PlainRecord,
  record,
  SALT,
  seed,
  seededRandom,
  survey,
} from "./support.js";

const generations: readonly LegacyGeneration[] = ["gen1", "gen2", "gen3"];

/** Sorted records with keys that share prefixes, are prefixes of each other, or are binary. */
function randomRecords(random: () => number, count: number, keyMax: number, valueMax: number): PlainRecord[] {
  const byKey = new Map<string, PlainRecord>();
  while (byKey.size < count) {
    const key = Buffer.alloc(1 + Math.floor(random() ** 2 * keyMax));
    const shared = Math.floor(random() * key.length);
    for (let i = shared; i < key.length; i++) key[i] = Math.floor(random() * 256);
    const value = Buffer.alloc(Math.floor(random() ** 3 * (valueMax + 1)), key[key.length - 1]);
    byKey.set(key.toString("hex"), { key, value });
  }
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key));
}

function write(
  generation: LegacyGeneration,
  pageSize: number,
  records: readonly PlainRecord[],
  more: { root?: number; rootField?: string; meta?: Uint8Array } = {},
): MemoryVfs {
  const vfs = new MemoryVfs();
  writeLegacyFile(vfs, "/file.db", { generation, pageSize, batches: () => batchesOf(records), ...more });
  return vfs;
}

describe.each(generations)("%s", (generation) => {
  test.each([224, 256, 512, 1000, 4096, 8192, 65567])(
    `random records on pages of %i bytes come back (ESPALIER_SEED=${seed})`,
    (pageSize) => {
      const random = seededRandom(seed + pageSize);
      const keyMax = Math.min(legacyKeyBytesMax(generation, pageSize), 300);
      const records = randomRecords(random, 3000, keyMax, Math.min(keyMax * 2, 900));
      const fits = records.filter((each) => 60 + 3 * keyMax + each.value.length < pageSize - 32);
      expect(fits.length).toBeGreaterThan(1000);
      const result = survey(write(generation, pageSize, fits));
      expect(result.problems).toEqual([]);
      expect(result.notes).toEqual([]);
      expect(result.generation).toBe(generation);
      expect(result.trees).toHaveLength(1);
      const [tree] = result.trees;
      expect(tree!.healed).toEqual([]);
      expect(tree!.content).toMatchObject({ records: fits.length, digest: digestOf(fits) });
      if (pageSize < 4096) expect(tree!.height).toBeGreaterThan(2);
    },
  );

  test("keys of the longest length that always fits build a tree", () => {
    const length = legacyKeyBytesMax(generation, 512);
    const records = Array.from({ length: 200 }, (_, i) => {
      const key = Buffer.alloc(length, 7);
      key.writeUInt32BE(i);
      return { key, value: bytes("v") };
    });
    const plan = planBulk(generation, 512, batchesOf(records));
    for (const level of plan.levels.slice(1)) expect(Math.min(2, ...level.slice(0, -1))).toBe(2);
    const result = survey(write(generation, 512, records));
    expect(result.problems).toEqual([]);
    expect(result.trees[0]!.content?.digest).toBe(digestOf(records));
  });

  test("no branch is left with a single child", () => {
    let moved = 0;
    for (let length = 4; length < 60; length += 5) {
      const records = Array.from({ length: 120 }, (_, i) =>
        record(`${"k".repeat(length)}${1000 + i}`, "v".repeat(200)),
      );
      for (let count = 1; count <= records.length; count++) {
        const plan = planBulk(generation, 512, batchesOf(records.slice(0, count)));
        for (const level of plan.levels.slice(1)) {
          expect(Math.min(...level), `${count} records`).toBeGreaterThanOrEqual(2);
          if (level.length > 2 && level.at(-1) === 2 && level.at(-2)! < level[0]!) moved++;
        }
      }
    }
    expect(moved).toBeGreaterThan(0);
  });

  test("an empty tree is one empty leaf", () => {
    const result = survey(write(generation, 512, []));
    expect(result.problems).toEqual([]);
    expect(result.generation).toBe("unknown");
    expect(result.trees[0]).toMatchObject({ root: 1, leaves: 1, emptyLeaves: 1, content: { records: 0 } });
  });

  test("a record that no leaf holds is refused, before the file is made", () => {
    const vfs = new MemoryVfs();
    const large = [record("a"), record("b", "x".repeat(500))];
    const batches = (): ReturnType<typeof batchesOf> => batchesOf(large);
    expect(() => writeLegacyFile(vfs, "/file.db", { generation, pageSize: 512, batches })).toThrow(
      ValueTooLargeError,
    );
    expect(vfs.stat("/file.db")).toBeUndefined();
    const long = [record("a".repeat(250), ""), record("b".repeat(250), ""), record("c".repeat(250), "")];
    expect(() => planBulk(generation, 512, batchesOf(long))).toThrow(KeyTooLargeError);
  });

  test("the limit that a refused value is told is the limit", () => {
    const attempt = (length: number): void => {
      planBulk(generation, 512, batchesOf([record("a", "x".repeat(length)), record("b")]));
    };
    let limit = -1;
    try {
      attempt(500);
    } catch (error) {
      limit = (error as ValueTooLargeError).limit;
    }
    attempt(limit);
    // A longer length varint can take the byte that the value would need.
    expect(() => attempt(limit + 2)).toThrow(ValueTooLargeError);
  });
});

test("records that do not ascend are refused", () => {
  expect(() => planBulk("gen2", 512, batchesOf([record("b"), record("a")]))).toThrow(OptionError);
  expect(() => planBulk("gen2", 512, batchesOf([record("a"), record("a")]))).toThrow(OptionError);
  expect(() => planBulk("gen2", 512, batchesOf([record("ab"), record("a")]))).toThrow(OptionError);
});

test("the empty key is a key in gen1 and refused in the others", () => {
  const records = [record("", "nothing"), record("a"), record("ab")];
  const result = survey(write("gen1", 512, records));
  expect(result.problems).toEqual([]);
  expect(result.trees[0]!.content?.digest).toBe(digestOf(records));
  expect(() => planBulk("gen2", 512, batchesOf(records))).toThrow(EncodingError);
  expect(() => planBulk("gen3", 512, batchesOf(records))).toThrow(EncodingError);
});

test("other records than were planned are noticed", () => {
  const vfs = new MemoryVfs();
  let calls = 0;
  const batches = (): ReturnType<typeof batchesOf> =>
    batchesOf(Array.from({ length: 40 + calls++ }, (_, i) => record(`key${100 + i}`)));
  expect(() => writeLegacyFile(vfs, "/file.db", { generation: "gen3", pageSize: 512, batches })).toThrow(
    OptionError,
  );
});

test("the root goes where the application knows it, and the meta page names it where it did", () => {
  const records = Array.from({ length: 300 }, (_, i) => record(`key${1000 + i}`));
  const low = survey(write("gen2", 512, records, { root: 2, rootField: "edges" }));
  expect(low.problems).toEqual([]);
  expect(low.trees[0]).toMatchObject({ name: "edges", root: 2, content: { digest: digestOf(records) } });
  const high = survey(write("gen2", 512, records, { root: 500 }));
  expect(high.problems).toEqual([]);
  expect(high.trees[0]).toMatchObject({ name: "main", root: 500, content: { digest: digestOf(records) } });
  expect(high.meta.nextPage).toBe(501);
});

test("all fields of a given meta page come back", () => {
  const meta = encodeMeta({ pageSize: 512, salt: SALT, logSalt: LOG_SALT, late: true });
  meta.fill(0xab, 32 + 152, 32 + 184);
  new PageSeal(512, SALT).seal(meta, 0, 1);
  const file = openLegacy(write("gen3", 512, [record("a")], { meta }), "/file.db");
  expect(file.meta).toMatchObject({ salt: SALT, logSalt: LOG_SALT, nextVersion: 1, nextPage: 2 });
  expect(patchMeta(file.meta.image, { nextPage: 1, freeListHead: 0 })).toEqual(meta);
  file.close();
});
