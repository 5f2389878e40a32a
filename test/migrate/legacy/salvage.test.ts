/**
 * What is left of damaged files is got out, each key once and in order, with a list of what was lost.
 */

import { describe, expect, test } from "vitest";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { batchesOf } from "../../../migrate/legacy/record-batch.js";
import {
  type LegacySalvage,
  LOST_TREE,
  type SalvagedTree,
  salvageLegacy,
} from "../../../migrate/legacy/salvage.js";
import { writeLegacyFile } from "../../../migrate/legacy/writer.js";
import { NotAStoreError } from "../../../src/base/errors.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import { readExactly, writeFully } from "../../../src/vfs/whole-io.js";
import { fixtureInMemory, forgedVfs, type PlainRecord, record } from "./support.js";

const records = Array.from({ length: 500 }, (_, i) => record(`key ${1000 + i}`));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function sound(): MemoryVfs {
  const vfs = new MemoryVfs();
  writeLegacyFile(vfs, "/file.db", { generation: "gen2", pageSize: 512, batches: () => batchesOf(records) });
  return vfs;
}

function flip(vfs: MemoryVfs, page: number, at = 300): void {
  const file = vfs.open("/file.db", "write");
  const byte = new Uint8Array(1);
  readExactly(file, byte, 0, 1, page * 512 + at);
  byte[0]! ^= 0x10;
  writeFully(file, byte, 0, 1, page * 512 + at);
  file.close();
}

function rescued(salvage: LegacySalvage, tree: SalvagedTree | undefined = salvage.trees[0]): PlainRecord[] {
  const found: PlainRecord[] = [];
  for (const batch of salvage.batches(tree!)) {
    for (let i = 0; i < batch.count; i++) {
      const { keys, keyStart, keyLength, values, valueStart, valueLength } = batch;
      found.push({
        key: keys.slice(keyStart[i]!, keyStart[i]! + keyLength[i]!),
        value: values.slice(valueStart[i]!, valueStart[i]! + valueLength[i]!),
      });
    }
  }
  return found;
}

function keysOf(vfs: MemoryVfs): { keys: string[]; lost: string } {
  const salvage = salvageLegacy(vfs, "/file.db");
  const keys = rescued(salvage).map((each) => text(each.key));
  salvage.close();
  return { keys, lost: salvage.lost.map((each) => `page ${each.page}: ${each.reason}`).join("\n") };
}

const allKeys = records.map((each) => text(each.key));

describe("one tree", () => {
  test("of a sound file, everything", () => {
    expect(keysOf(sound())).toEqual({ keys: allKeys, lost: "" });
  });

  test("without a damaged leaf, all others", () => {
    const vfs = sound();
    const file = openLegacy(vfs, "/file.db");
    const whole = file.inspect();
    const lostPage = whole.trees[0]!.order.pages[5]!;
    file.close();
    flip(vfs, lostPage);
    const { keys, lost } = keysOf(vfs);
    expect(lost).toMatch(new RegExp(`page ${lostPage}: the checksum does not match`));
    const missing = allKeys.filter((key) => !keys.includes(key));
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.length).toBeLessThan(20);
    expect(keys).toEqual(allKeys.filter((key) => !missing.includes(key)));
  });

  test("without a damaged branch, or root, all records", () => {
    const vfs = sound();
    const root = openLegacy(vfs, "/file.db").inspect().trees[0]!.root;
    flip(vfs, root - 1);
    expect(keysOf(vfs).keys).toEqual(allKeys);
    flip(vfs, root);
    expect(keysOf(vfs).keys).toEqual(allKeys);
  });

  test.each([0, 9, 40])("with byte %i of the meta page damaged, all records", (at) => {
    const vfs = sound();
    flip(vfs, 0, at);
    const { keys, lost } = keysOf(vfs);
    expect(keys).toEqual(allKeys);
    expect(lost).toMatch(/page 0/);
  });

  test("with a damaged log, what the log holds before the damage", () => {
    const vfs = fixtureInMemory("gen1/u64-wal.db");
    const whole = openLegacy(vfs, "/file.db").inspect().trees[0]!.content!.records;
    const log = vfs.open("/file.db-wal", "write");
    writeFully(log, Uint8Array.of(0xff), 0, 1, log.size() - 60_000);
    log.close();
    const salvage = salvageLegacy(vfs, "/file.db");
    const found = rescued(salvage).length;
    salvage.close();
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(whole);
    expect(salvage.lost.map((each) => each.invariant)).toContain("G8");
  });
});

test("of two values of a key the reached one is kept, and the other told", () => {
  const pages = [
    { page: 1, parent: 5, right: 2, records: [record("a"), record("b", "reached")] },
    {
      page: 2,
      parent: 5,
      left: 1,
      records: [record("c")],
      spoil: (page: Uint8Array) => page.fill(0xff, 34, 36),
    },
    {
      page: 5,
      children: [
        { page: 1, separator: "a" },
        { page: 2, separator: "c" },
      ],
    },
    { page: 6, parent: 9, records: [record("b", "stale"), record("d")] },
  ];
  const salvage = salvageLegacy(forgedVfs({ pages }), "/file.db");
  const found = rescued(salvage).map((each) => `${text(each.key)}=${text(each.value)}`);
  salvage.close();
  expect(found).toEqual(["a=value of a", "b=reached", "d=value of d"]);
  expect(salvage.trees[0]!.unreached).toBe(1);
  expect(salvage.dropped.map((each) => each.reason).join()).toMatch(
    /key 62: value 7374616c65 was dropped for 72656163686564/,
  );
});

test("with several trees, a leaf follows its parents", () => {
  const pages = [
    { page: 1, records: [record("a")] },
    {
      page: 2,
      children: [
        { page: 3, separator: "b" },
        { page: 9, separator: "z" },
      ],
    },
    { page: 3, parent: 2, right: 4, records: [record("b")] },
    { page: 4, parent: 2, left: 3, records: [record("c")] },
    { page: 5, parent: 77, records: [record("d")] },
  ];
  const roots = [
    { offset: 80, page: 1 },
    { offset: 88, page: 2 },
  ];
  const salvage = salvageLegacy(forgedVfs({ pages, roots }), "/file.db");
  const found = salvage.trees.map((tree) => [
    tree.name,
    rescued(salvage, tree)
      .map((each) => text(each.key))
      .join(),
  ]);
  salvage.close();
  expect(found).toEqual([
    ["nodes", "a"],
    ["edges", "b,c"],
    [LOST_TREE, "d"],
  ]);
});

test("where there is nothing at all, it says so", () => {
  const vfs = sound();
  const file = vfs.open("/file.db", "write");
  writeFully(file, new Uint8Array(file.size()), 0, file.size(), 0);
  file.close();
  expect(() => salvageLegacy(vfs, "/file.db")).toThrow(NotAStoreError);
});

test.each([
  ["gen1", 2],
  ["gen2", 2],
] as const)(
  "%s: without a tree, leaves that begin above their low fences tell it, too",
  (generation, slot) => {
    const withoutFirst = (page: Uint8Array): void => {
      const body = new DataView(page.buffer, page.byteOffset + 32);
      body.setUint16(2, body.getUint16(2) - 1);
      body.setUint16(6, body.getUint16(6) + slot);
    };
    const keys = ["alpha", "beta", "gamma"].map((key) => record(key));
    const pages = [{ page: 1, parent: 9, records: keys, spoil: withoutFirst }];
    const salvage = salvageLegacy(forgedVfs({ generation, pages }), "/file.db");
    expect(salvage.generation).toBe(generation);
    expect(rescued(salvage).map(({ key }) => text(key))).toEqual(["beta", "gamma"]);
    salvage.close();
  },
);
