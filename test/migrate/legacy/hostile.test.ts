/**
 * Files whose checksums are right and whose structure is not: each must be named as a problem, quickly, and
 * without an exception from the depths.
 */

import { describe, expect, test } from "vitest";
import { NODE_BRANCH } from "../../../migrate/legacy/layout.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import type { LegacySurvey } from "../../../migrate/legacy/survey.js";
import { CorruptionError, OptionError } from "../../../src/base/errors.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import {
  digestOf,
  type ForgedPage,
  forge,
  forgedVfs,
  put,
  reasons,
  record,
  SALT,
  survey,
} from "./support.js";

const B = 32; // Where the body of a page begins.

function view(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}

/** A root with two leaves of two records each; `change` replaces parts of the pages. */
function twoLeaves(change: Partial<Record<1 | 2 | 3, Partial<ForgedPage>>> = {}): ForgedPage[] {
  const children = [
    { page: 1, separator: "a" },
    { page: 2, separator: "c" },
  ];
  return [
    { page: 1, parent: 3, right: 2, high: "c", records: [record("a"), record("b")], ...change[1] },
    { page: 2, parent: 3, left: 1, records: [record("c"), record("d")], ...change[2] },
    { page: 3, children, ...change[3] },
  ];
}

function problemsOf(pages: readonly ForgedPage[], root?: number): string {
  return reasons(survey(forgedVfs({ pages }), "/file.db", root === undefined ? {} : { root }));
}

test("the untouched forgery is sound", () => {
  const result = survey(forgedVfs({ pages: twoLeaves() }));
  expect(reasons(result)).toBe("");
  expect(result.notes).toEqual([]);
  expect(result.trees[0]!.content?.digest).toBe(digestOf(["a", "b", "c", "d"].map((key) => record(key))));
});

describe("the tree", () => {
  const child = (page: number, separator: string): { page: number; separator: string } => ({
    page,
    separator,
  });

  test.each([
    ["a child that does not exist", [child(1, "a"), child(9, "c")], /G7 page 9: the file ends before it/],
    ["an enormous child", [child(1, "a"), child(2 ** 50, "c")], /G3 page 3: entry 1 names page/],
    ["child 0", [child(0, "a"), child(2, "c")], /G3 page 3: entry 0 names page 0/],
    ["the same child twice", [child(1, "a"), child(1, "c")], /G7 page 1: it is reached twice/],
    ["itself as a child", [child(1, "a"), child(3, "c")], /G7 page 3: it is reached twice/],
  ])("%s", (_what, children, reason) => {
    expect(problemsOf(twoLeaves({ 3: { children } }), 3)).toMatch(reason);
  });

  test("a circle of branches", () => {
    const pages = [
      { page: 1, children: [child(2, "a")] },
      { page: 2, parent: 1, children: [child(3, "a")] },
      { page: 3, parent: 2, children: [child(1, "a")] },
    ];
    expect(problemsOf(pages, 1)).toMatch(/G7 page 1: it is reached twice/);
  });

  test("a tree of a thousand levels", () => {
    const pages: ForgedPage[] = [];
    for (let page = 1; page < 1000; page++)
      pages.push({ page, parent: page - 1, children: [child(page + 1, "a")] });
    pages.push({ page: 1000, parent: 999, records: [record("a")] });
    expect(problemsOf(pages)).toMatch(/deeper than 64 levels/);
  });

  test("leaves on different levels", () => {
    const pages = [
      { page: 1, children: [child(2, "a"), child(3, "c")] },
      { page: 2, parent: 1, right: 4, records: [record("a")] },
      { page: 3, parent: 1, children: [child(4, "c")] },
      { page: 4, parent: 3, left: 2, records: [record("c")] },
    ];
    expect(problemsOf(pages)).toMatch(/G7 page 4: the leaf is on level 3, others on 2/);
  });

  test("a root that has a parent, and one that does not exist", () => {
    expect(problemsOf(twoLeaves(), 1)).toMatch(/G9 page 1: it is no root: it names page 3/);
    const vfs = forgedVfs({ pages: twoLeaves(), roots: [{ offset: 80, page: 4 }] });
    expect(reasons(survey(vfs))).toMatch(/G7 page 4: the file ends before it/);
  });
});

describe("a leaf", () => {
  const spoiled = (
    spoil: (page: Uint8Array, at: DataView) => void,
    generation: "gen1" | "gen2" | "gen3",
  ): string => {
    const pages: ForgedPage[] = [
      { page: 1, records: [record("a"), record("b"), record("c")], spoil: (page) => spoil(page, view(page)) },
    ];
    return reasons(survey(forgedVfs({ pages, generation }), "/file.db", { assume: generation }));
  };
  const slots = 512 - 3 * 4;

  test.each([
    ["more slots than fit", (p: DataView) => p.setUint16(B + 2, 0xffff), /G3 page 1/],
    ["records behind the slots", (p: DataView) => p.setUint16(B + 4, 479), /reach into the slot directory/],
    ["slots behind the page", (p: DataView) => p.setUint16(B + 6, 500), /begins behind the page/],
    ["a low fence of 2^63 bytes", (p: DataView) => p.setBigUint64(B + 32, 1n << 63n), /fences reach/],
    ["a high fence of 400 bytes", (p: DataView) => p.setBigUint64(B + 40, 400n), /fences reach/],
    ["another node kind", (p: DataView) => p.setUint8(B, NODE_BRANCH), /node kind 2/],
    ["flags", (p: DataView) => p.setUint8(B + 1, 1), /tree flags/],
    ["an impossible sibling", (p: DataView) => p.setBigUint64(B + 16, 1n << 40n), /right sibling/],
    ["an impossible parent", (p: DataView) => p.setBigUint64(B + 8, 1n << 40n), /G9|parent/],
    ["a slot before the records", (p: DataView) => p.setUint16(slots, 10), /outside the record area/],
    ["a slot behind the records", (p: DataView) => p.setUint16(slots, 400), /outside the record area/],
    [
      "a record longer than the rest",
      (p: DataView) => p.setUint16(slots + 2, 450),
      /outside the record area/,
    ],
    [
      "records that overlap",
      (p: DataView) => p.setUint16(slots + 4, p.getUint16(slots) + 1),
      /two records overlap/,
    ],
    ["a record of no length", (p: DataView) => p.setUint16(slots + 2, 0), /G4 page 1.*does not end/],
    ["an empty key", (p: DataView) => p.setUint8(B + p.getUint16(slots), 0), /its key is empty/],
    ["a key past its record", (p: DataView) => p.setUint8(B + p.getUint16(slots), 100), /reach past its end/],
    [
      "a value that ends before its record",
      (p: DataView) => p.setUint8(B + p.getUint16(slots) + 1, 1),
      /G4 page 1.*end before it does/,
    ],
    [
      "no slots before a directory",
      (p: DataView) => p.setUint16(B + 2, 0),
      /0 slots do not fill the 12 bytes/,
    ],
    ["an endless varint", (p: DataView) => p.setUint32(B + p.getUint16(slots), 0xffffffff), /G4 page 1/],
  ])("gen3: %s", (_what, spoil, reason) => {
    expect(spoiled((_, at) => spoil(at), "gen3")).toMatch(reason);
  });

  const narrow = 512 - 3 * 2;
  const first = (p: DataView): number => B + p.getUint16(narrow);

  test.each([
    [
      "a prefix longer than the fence",
      (p: DataView) => p.setUint16(first(p), 5),
      /shares 5 bytes with a key of 1/,
    ],
    ["a suffix past the record", (p: DataView) => p.setUint16(first(p) + 2, 99), /key reaches past its end/],
    [
      "two slots for one record",
      (p: DataView) => p.setUint16(narrow + 2, p.getUint16(narrow)),
      /two records overlap/,
    ],
  ])("gen1: %s", (_what, spoil, reason) => {
    expect(spoiled((_, at) => spoil(at), "gen1")).toMatch(reason);
  });

  test.each(["gen1", "gen2", "gen3"] as const)("%s: keys out of order, or twice", (generation) => {
    for (const keys of [
      ["b", "a"],
      ["a", "a"],
      ["ab", "a"],
    ]) {
      const pages = [{ page: 1, records: keys.map((key) => record(key)) }];
      expect(reasons(survey(forgedVfs({ pages, generation }), "/file.db", { assume: generation }))).toMatch(
        /G5 page 1/,
      );
    }
  });

  test("every byte of a sound leaf replaced, with a good checksum, never escapes as another exception", () => {
    for (const generation of ["gen1", "gen2", "gen3"] as const) {
      for (let at = B; at < 512; at++) {
        for (const value of [0, 1, 0x7f, 0xff]) {
          const spoil = (page: Uint8Array): void => {
            page[at] = value;
          };
          const pages = [{ page: 1, records: [record("ab"), record("ac"), record("b")], spoil }];
          survey(forgedVfs({ pages, generation }), "/file.db", { assume: generation, root: 1 });
        }
      }
    }
  });

  test("every byte of a sound branch replaced, with a good checksum, never escapes as another exception", () => {
    for (let at = B; at < 512; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const spoil = (page: Uint8Array): void => {
          page[at] = value;
        };
        survey(forgedVfs({ pages: twoLeaves({ 3: { spoil } }) }), "/file.db", { root: 3 });
      }
    }
  });
});

describe("roots", () => {
  test("two possible roots are refused, and one can be chosen", () => {
    const pages = [...twoLeaves(), { page: 4, records: [record("z")] }];
    expect(problemsOf(pages)).toMatch(/G9 page 3: 2 pages may be the root \(3, 4\)/);
    const chosen = survey(forgedVfs({ pages }), "/file.db", { root: 4 });
    expect(reasons(chosen)).toBe("");
    expect(chosen.trees).toMatchObject([{ root: 4, content: { records: 1 } }]);
  });

  test("a former root that a child disowns is none", () => {
    const leaf = { page: 1, right: 0, records: [record("a")] };
    const result = survey(forgedVfs({ pages: [leaf, { page: 4, children: [{ page: 1, separator: "a" }] }] }));
    expect(result.trees).toMatchObject([{ root: 1 }]);
  });

  test("a damaged page that could have been the root forbids taking another", () => {
    const vfs = new MemoryVfs();
    const file = forge({ pages: [...twoLeaves(), { page: 4, records: [record("z")] }] });
    file[3 * 512 + 200]! ^= 1;
    put(vfs, "/file.db", file);
    const result = survey(vfs);
    expect(result.trees).toMatchObject([{ root: 4 }]);
    expect(reasons(result)).toMatch(/G1 page 3: the checksum does not match, and no other page says/);
  });

  test("no root at all, and no tree at all", () => {
    expect(problemsOf([{ page: 1, parent: 9, records: [record("a")] }])).toMatch(/no tree page is a root/);
    expect(reasons(survey(forgedVfs({ pages: [], nextPage: 5 })))).toMatch(/was it cut off/);
    const fresh = survey(forgedVfs({ pages: [], nextPage: 1 }));
    expect(reasons(fresh)).toBe("");
    expect(fresh.trees).toEqual([]);
  });

  test("several trees that the meta page names", () => {
    const pages = [...twoLeaves(), { page: 4, records: [record("z")] }];
    const roots = [
      { offset: 80, page: 3 },
      { offset: 144, page: 4 },
    ];
    const result = survey(forgedVfs({ pages, roots }));
    expect(reasons(result)).toBe("");
    expect(result.trees).toMatchObject([
      { name: "nodes", root: 3, content: { records: 4 } },
      { name: "property_btree", root: 4, content: { records: 1 } },
    ]);
  });

  test("a tree beside the named ones, and a page in two trees, are refused", () => {
    const pages = [...twoLeaves(), { page: 4, records: [record("z")] }];
    expect(reasons(survey(forgedVfs({ pages, roots: [{ offset: 80, page: 3 }] })))).toMatch(/does not name/);
    const shared = [
      { offset: 80, page: 3 },
      { offset: 88, page: 2 },
    ];
    expect(reasons(survey(forgedVfs({ pages: twoLeaves(), roots: shared })))).toMatch(
      /G7 page 2: it is reached twice/,
    );
  });

  test("a root is chosen beside the named ones, which are never left out", () => {
    const pages = [...twoLeaves(), { page: 4, records: [record("z")] }, { page: 5, records: [record("y")] }];
    const chosenOf = (root: number): LegacySurvey =>
      survey(forgedVfs({ pages, roots: [{ offset: 80, page: 3 }] }), "/file.db", { root });
    const nodes = { name: "nodes", root: 3, content: { records: 4 } };
    const beside = chosenOf(4);
    expect(beside.trees).toMatchObject([nodes, { name: "main", root: 4, content: { records: 1 } }]);
    expect(beside.notes).toMatchObject([{ page: 5, reason: expect.stringMatching(/left out/) }]);
    const alone = chosenOf(3);
    expect(alone.trees).toMatchObject([nodes]);
    expect(alone.trees.length).toBe(1);
    expect(alone.notes.map((each) => each.page)).toEqual([4, 5]);
    expect(reasons(beside) + reasons(alone)).toBe("");
  });

  test.each([0, -1, 1.5, 2 ** 33, Number.NaN])("root %d is no page number", (root) => {
    expect(() => survey(forgedVfs({ pages: twoLeaves() }), "/file.db", { root })).toThrow(OptionError);
  });

  test("pages of other kinds are told, unless they are free", () => {
    const vfs = new MemoryVfs();
    const file = new Uint8Array(512 * 5);
    file.set(forge({ pages: twoLeaves(), nextPage: 5 }));
    const overflow = new Uint8Array(512).fill(7, 32);
    new PageSeal(512, SALT).seal(overflow, 4, 5);
    file.set(overflow, 512 * 4);
    put(vfs, "/file.db", file);
    expect([...survey(vfs).carried]).toEqual([4]);
  });
});

describe("the free list", () => {
  function withFreeList(spoil: (page: DataView) => void): string {
    const vfs = new MemoryVfs();
    const file = new Uint8Array(512 * 5);
    file.set(forge({ pages: twoLeaves(), freeListHead: 4, nextPage: 5 }));
    const page = new Uint8Array(512);
    spoil(view(page));
    new PageSeal(512, SALT).seal(page, 4, 2);
    file.set(page, 512 * 4);
    put(vfs, "/file.db", file);
    return reasons(survey(vfs));
  }

  test("a circle and too many extents are refused; enormous extents and a stale head are not", () => {
    expect(withFreeList((page) => page.setBigUint64(B, 4n))).toMatch(/G10 page 4: .*circle/);
    expect(withFreeList((page) => page.setUint32(B + 8, 0xffffffff))).toMatch(/more extents than fit/);
    expect(withFreeList((page) => page.setBigUint64(B, 1n))).toBe("");
    const enormous = (page: DataView): void => {
      page.setUint32(B + 8, 1);
      page.setBigUint64(B + 16, 5n);
      page.setUint32(B + 24, 0xffffffff);
    };
    expect(withFreeList(enormous)).toBe("");
  });

  test("a free page may look like anything", () => {
    const vfs = new MemoryVfs();
    const file = new Uint8Array(512 * 6);
    file.set(forge({ pages: twoLeaves(), freeListHead: 4, nextPage: 6 }));
    const page = new Uint8Array(512);
    view(page).setUint32(B + 8, 1);
    view(page).setBigUint64(B + 16, 5n);
    view(page).setUint32(B + 24, 1);
    new PageSeal(512, SALT).seal(page, 4, 2);
    file.set(page, 512 * 4);
    file.fill(0x5a, 512 * 5);
    put(vfs, "/file.db", file);
    expect(reasons(survey(vfs))).toBe("");
    file.set(forge({ pages: twoLeaves(), nextPage: 6 }).subarray(0, 512));
    put(vfs, "/file.db", file);
    expect(reasons(survey(vfs))).toMatch(/G1 page 5/);
  });

  test("a root that the free list covers is not found by itself", () => {
    const covers = (page: DataView): void => {
      page.setUint32(B + 8, 1);
      page.setBigUint64(B + 16, 3n);
      page.setUint32(B + 24, 1);
    };
    expect(withFreeList(covers)).toMatch(/no tree page is a root/);
  });
});

describe("the meta page", () => {
  const meta = (at: number, value: bigint): MemoryVfs => {
    const vfs = new MemoryVfs();
    const file = forge({ pages: twoLeaves() });
    view(file).setBigUint64(B + at, value);
    new PageSeal(512, SALT).seal(file.subarray(0, 512), 0, 1);
    put(vfs, "/file.db", file);
    return vfs;
  };

  test("an impossible root, checkpoint, salt or page size is refused", () => {
    expect(() => survey(meta(80, 1n << 50n))).toThrow(CorruptionError);
    expect(() => survey(meta(32, 1n << 60n))).toThrow(CorruptionError);
    expect(() => survey(meta(0, 5n))).toThrow(CorruptionError);
    expect(() => survey(meta(8, 1n << 40n))).toThrow(CorruptionError);
  });

  test("an impossible next page or free-list head is no matter", () => {
    expect(reasons(survey(meta(24, 1n << 63n)))).toBe("");
    expect(reasons(survey(meta(16, 1n << 63n)))).toBe("");
  });
});
