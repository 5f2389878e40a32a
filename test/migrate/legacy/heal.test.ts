/**
 * Trees that the original's own defect left in disorder come back whole, or are refused with the reason: what
 * the chain of siblings holds counts, sorted, each key once.
 */

import { describe, expect, test } from "vitest";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import {
  digestOf,
  type ForgedPage,
  forge,
  forgedVfs,
  type PlainRecord,
  put,
  reasons,
  record,
  SALT,
  seed,
  seededRandom,
  survey,
} from "./support.js";

/** Leaves chained in the order given, under one root (the last page) that lists those in `listed`. */
function chained(leaves: readonly (readonly PlainRecord[])[], listed: readonly number[]): ForgedPage[] {
  const root = leaves.length + 1;
  const pages: ForgedPage[] = leaves.map((records, i) => ({
    page: i + 1,
    parent: root,
    left: i,
    right: i + 1 < leaves.length ? i + 2 : 0,
    records,
  }));
  const children = listed.map((page, i) => ({ page, separator: `s${String(i).padStart(4, "0")}` }));
  return [...pages, { page: root, children }];
}

const abc = [
  [record("a"), record("b")],
  [record("c"), record("d")],
  [record("e"), record("f")],
];
const all = abc.flat();

function healedTree(pages: readonly ForgedPage[]): {
  content: string | undefined;
  healed: string;
  duplicates: number;
} {
  const result = survey(forgedVfs({ pages }));
  expect(reasons(result)).toBe("");
  const tree = result.trees[0]!;
  return { content: tree.content?.digest, healed: tree.healed.join("; "), duplicates: tree.duplicates };
}

describe("put in order", () => {
  test("a tree in order needs no healing", () => {
    expect(healedTree(chained(abc, [1, 2, 3]))).toEqual({
      content: digestOf(all),
      healed: "",
      duplicates: 0,
    });
  });

  test("children in the wrong order", () => {
    const tree = healedTree(chained(abc, [2, 1, 3]));
    expect(tree.content).toBe(digestOf(all));
    expect(tree.healed).toBe("the leaves were not in key order under their branches");
  });

  test("leaves left of the reachable head", () => {
    const tree = healedTree(chained(abc, [3]));
    expect(tree.content).toBe(digestOf(all));
    expect(tree.healed).toBe("2 leaves were reached through siblings only");
  });

  test("a chain in another order than the keys", () => {
    const shuffled = [abc[2]!, abc[0]!, abc[1]!];
    const tree = healedTree(chained(shuffled, [1, 2, 3]));
    expect(tree.content).toBe(digestOf(all));
  });

  test("links without a counterpart, where tree and chain to the right agree", () => {
    const pages = chained(abc, [1, 2, 3]).map((page) => (page.page === 3 ? { ...page, left: 1 } : page));
    const tree = healedTree(pages);
    expect(tree.content).toBe(digestOf(all));
    expect(tree.healed).toBe("1 sibling links had no counterpart");
  });

  test("first keys that differ late are told apart", () => {
    const long = "z".repeat(12);
    const keys = ["a", `${long}1`, `${long}2`, `${long}20`, `${long}3`, "zzzza", "zzzzb"];
    const sorted = keys.map((key) => record(key)).sort((a, b) => Buffer.compare(a.key, b.key));
    const leaves = [...sorted].reverse().map((each) => [each]);
    const tree = healedTree(chained(leaves, [3, 1, 7, 2, 5, 4, 6]));
    expect(tree.content).toBe(digestOf(sorted));
    expect(tree.healed).not.toMatch(/overlapped/);
  });

  test("an empty leaf between the others", () => {
    const result = survey(forgedVfs({ pages: chained([abc[0]!, [], abc[1]!], [1, 2, 3]) }));
    expect(reasons(result)).toBe("");
    expect(result.trees[0]).toMatchObject({ leaves: 3, emptyLeaves: 1, content: { records: 4 }, healed: [] });
    expect([...result.trees[0]!.order.pages]).toEqual([1, 3]);
    const disordered = survey(forgedVfs({ pages: chained([abc[0]!, [], abc[1]!], [3, 2, 1]) }));
    expect(disordered.trees[0]).toMatchObject({ leaves: 3, emptyLeaves: 1, content: { records: 4 } });
    expect([...disordered.trees[0]!.order.pages]).toEqual([1, 3]);
  });
});

describe("merged", () => {
  test("leaves whose ranges overlap", () => {
    const mixed = [
      [record("a"), record("e")],
      [record("b"), record("c")],
      [record("d"), record("f")],
    ];
    const tree = healedTree(chained(mixed, [1, 2, 3]));
    expect(tree.content).toBe(digestOf(all));
    expect(tree.healed).toMatch(/2 leaves overlapped/);
  });

  test("a record that is there twice with one value counts once", () => {
    const twice = [
      [record("a"), record("b")],
      [record("b"), record("c")],
    ];
    const tree = healedTree(chained(twice, [1, 2]));
    expect(tree.content).toBe(digestOf([record("a"), record("b"), record("c")]));
    expect(tree.duplicates).toBe(1);
    expect(tree.healed).toMatch(/1 records were there twice/);
  });

  test("a record that is there twice with two values is refused, with both", () => {
    const twice = [
      [record("a"), record("b", "one")],
      [record("b", "two"), record("c")],
    ];
    const result = survey(forgedVfs({ pages: chained(twice, [1, 2]) }));
    expect(reasons(result)).toMatch(
      /G11 page 2: key 62 is there twice: page 1 has value 6f6e65, page 2 has 74776f/,
    );
    expect(result.trees[0]!.content).toBeUndefined();
  });

  test(`records dealt out over leaves at random come back sorted (ESPALIER_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 20; round++) {
      const records = Array.from({ length: 300 }, (_, i) =>
        record(`key ${String(i).padStart(4, "0")}`, `${i}`),
      );
      const leaves: PlainRecord[][] = Array.from({ length: 40 }, () => []);
      const spread = 1 + Math.floor(random() * 40);
      records.forEach((each, i) => {
        const near = Math.floor((i * 40) / 300) + Math.floor(random() * spread);
        const leaf = leaves.slice(near % 40).find((candidate) => candidate.length < 15);
        (leaf ?? leaves.find((candidate) => candidate.length < 15)!).push(each);
      });
      const listed = leaves.map((_, i) => i + 1).sort(() => random() - 0.5);
      const vfs = forgedVfs({ pages: chained(leaves, listed), pageSize: 2048 });
      const file = openLegacy(vfs, "/file.db");
      const result = file.inspect();
      expect(reasons(result)).toBe("");
      const back = [...file.records(result, result.trees[0]!)];
      file.close();
      expect(back.map((each) => Buffer.from(each.key).toString())).toEqual(
        records.map((each) => Buffer.from(each.key).toString()),
      );
      expect(result.trees[0]!.content?.digest).toBe(digestOf(records));
    }
  });

  test("each batch says which leaves are used up, and a group only when it is all out", () => {
    const mixed = [[record("a")], [record("b"), record("d")], [record("c"), record("e")], [record("f")]];
    const file = openLegacy(forgedVfs({ pages: chained(mixed, [1, 2, 3, 4]) }), "/file.db");
    const result = file.inspect();
    const done = [...file.batches(result, result.trees[0]!)].map((batch) => [batch.count, batch.leavesDone]);
    file.close();
    expect(done).toEqual([
      [1, 1],
      [4, 3],
      [1, 4],
    ]);
  });
});

describe("refused", () => {
  const spoiled = (
    page: number,
    change: Partial<ForgedPage>,
    listed: readonly number[] = [1, 2, 3],
  ): string => {
    const pages = chained(abc, listed).map((each) => (each.page === page ? { ...each, ...change } : each));
    return reasons(survey(forgedVfs({ pages })));
  };

  test("a chain that runs in a circle, in either direction", () => {
    expect(spoiled(3, { right: 1 })).toMatch(/G6 page 1: the chain of siblings runs in a circle/);
    expect(spoiled(1, { left: 3 })).toMatch(/G6 page \d: the left siblings run in a circle/);
  });

  test("a leaf that the chain leaves out", () => {
    expect(spoiled(1, { right: 3 })).toMatch(/G6 page 2: the leaf is in the tree, but not in the chain/);
  });

  test("a chain that leads to something else, or nowhere", () => {
    expect(spoiled(3, { right: 4 })).toMatch(/G3 page 4: page kind 4 where 3 was expected/);
    expect(spoiled(3, { right: 99 })).toMatch(/G7 page 99: the file ends before it/);
  });

  test("a chain that leads to a free page", () => {
    const pages = [...chained(abc, [1, 2])];
    const vfs = new MemoryVfs();
    const file = new Uint8Array(512 * 6);
    file.set(forge({ pages, freeListHead: 5, nextPage: 6 }));
    const free = new Uint8Array(512);
    const view = new DataView(free.buffer);
    view.setUint32(32 + 8, 1);
    view.setBigUint64(32 + 16, 3n);
    view.setUint32(32 + 24, 1);
    new PageSeal(512, SALT).seal(free, 5, 2);
    file.set(free, 512 * 5);
    put(vfs, "/file.db", file);
    expect(reasons(survey(vfs))).toMatch(/G6 page 3: the chain of siblings leads to this free page/);
  });
});
