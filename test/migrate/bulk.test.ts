/** Bulk-built trees of all shapes hold what went in, pass verify, and are full; the plan is exact. */

import { expect, test } from "vitest";
import { batchesOf } from "../../migrate/legacy/record-batch.js";
import { writeStoreFile } from "../../migrate/store-file.js";
import { open } from "../../src/index.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { digestOf, type PlainRecord, seed, seededRandom } from "./legacy/support.js";

function build(
  pageSize: number,
  records: readonly PlainRecord[],
): ReturnType<typeof open<Uint8Array, Uint8Array>> {
  const vfs = new MemoryVfs();
  const steps = writeStoreFile(vfs, "/new.db", {
    pageSize,
    trees: [{ name: "", batches: batchesOf(records) }],
    legacy: undefined,
  });
  for (let step = steps.next(); step.done !== true; step = steps.next());
  return open<Uint8Array, Uint8Array>("/new.db", { vfs, keyEncoding: "binary", valueEncoding: "binary" });
}

function randomRecords(random: () => number, count: number, keyMax: number, valueMax: number): PlainRecord[] {
  const byKey = new Map<string, PlainRecord>();
  for (let i = 0; i < count; i++) {
    const key = Buffer.alloc(Math.floor(random() ** 2 * (keyMax + 1)), 7);
    const shared = Math.floor(random() * key.length);
    for (let at = shared; at < key.length; at++) key[at] = Math.floor(random() * 256);
    byKey.set(key.toString("hex"), {
      key,
      value: Buffer.alloc(Math.floor(random() ** 4 * (valueMax + 1)), i),
    });
  }
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key));
}

test.each([512, 1024, 4096, 16384])(
  `random records on pages of %i bytes (ESPALIER_SEED=${seed})`,
  (pageSize) => {
    const random = seededRandom(seed + pageSize);
    for (const count of [0, 1, 2, 3, 40, 2000]) {
      const records = randomRecords(random, count, keyBytesMax(pageSize), pageSize * 3);
      const store = build(pageSize, records);
      const report = store.verify();
      expect(report.problems).toEqual([]);
      expect(report).toMatchObject({ records: records.length, digest: digestOf(records) });
      for (const { key, value } of records.slice(0, 50))
        expect(Buffer.from(store.get(key)!).equals(value)).toBe(true);
      store.close();
    }
  },
);

test("leaves of small records are full", () => {
  const records: PlainRecord[] = [];
  for (let i = 0; i < 20_000; i++) {
    const key = Buffer.alloc(8);
    key.writeUInt32BE(i, 4);
    records.push({ key, value: Buffer.alloc(100, i) });
  }
  const store = build(8192, records);
  const { pages } = store.verify().trees[""]!;
  // A slot of 8 bytes, a key of which at least 6 bytes are shared, its length, the value.
  expect(pages).toBeLessThan((20_000 * (8 + 1 + 2 + 100)) / (8192 * 0.97) + 3);
  store.close();
});

test("what is built can be changed like any other tree", () => {
  const random = seededRandom(seed);
  const records = randomRecords(random, 1500, 40, 200);
  const store = build(512, records);
  const model = new Map(records.map(({ key, value }) => [Buffer.from(key).toString("hex"), value]));
  store.transaction(() => {
    for (let i = 0; i < 3000; i++) {
      const { key } = records[Math.floor(random() * records.length)]!;
      if (random() < 0.5) {
        store.delete(key);
        model.delete(Buffer.from(key).toString("hex"));
      } else {
        const value = Buffer.alloc(Math.floor(random() * 300), i);
        store.put(key, value);
        model.set(Buffer.from(key).toString("hex"), value);
      }
    }
  });
  const left = [...model].map(([key, value]) => ({ key: Buffer.from(key, "hex"), value }));
  left.sort((a, b) => Buffer.compare(a.key, b.key));
  const report = store.verify();
  expect(report.problems).toEqual([]);
  expect(report.digest).toBe(digestOf(left));
  store.close();
});
