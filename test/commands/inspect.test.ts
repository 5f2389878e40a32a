/** inspect: the picture of a leaf covers the whole page and tells holes, tail and slots apart. */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mapOf } from "../../src/commands/pages/file-map.js";
import { PAGE_LEAF } from "../../src/commands/pages/survey.js";
import { open } from "../../src/index.js";
import { cli, output, temporaryFolder } from "./support.js";

interface Picture {
  readonly kind: string;
  readonly extents: { kind: string; offset: number; length: number; slot?: number }[];
  readonly slots: { keyHex: string; offset: number; length: number; valueBytes: number }[];
  readonly holeBytes: number;
  readonly tailBytes: number;
  readonly usedBytes: number;
}

function leafWithHole(): { file: string; root: number } {
  const file = join(temporaryFolder(), "data.esp");
  {
    using store = open(file, { pageSize: 1024 });
    for (const name of ["a", "b", "c"]) store.put(name, name.repeat(40));
    store.delete("b");
  }
  const { trees } = JSON.parse(output(["inspect", file, "--json"]));
  return { file, root: trees[0].root };
}

describe("inspect --page", () => {
  it("covers the page without gaps, hole and tail included", () => {
    const { file, root } = leafWithHole();
    const picture = JSON.parse(output(["inspect", file, "--page", String(root), "--json"])) as Picture;
    expect(picture.kind).toBe("leaf");
    let at = 0;
    for (const { offset, length } of picture.extents) {
      expect(offset).toBe(at);
      at += length;
    }
    expect(at).toBe(1024);
    expect(picture.extents.map(({ kind }) => kind)).toEqual([
      "header",
      "record",
      "hole",
      "record",
      "tail",
      "slots",
    ]);
    expect(picture.holeBytes).toBe(picture.extents[2]!.length);
    expect(picture.holeBytes + picture.tailBytes + picture.usedBytes).toBe(1024);
    expect(picture.slots.map(({ keyHex }) => keyHex)).toEqual(["61", "63"]);
    expect(picture.slots.map(({ valueBytes }) => valueBytes)).toEqual([42, 42]);
  });

  it("draws it for a person", () => {
    const { file, root } = leafWithHole();
    const text = output(["inspect", file, "--page", String(root)]);
    expect(text).toContain("a leaf of 1.0 KiB with 2 records");
    expect(text).toMatch(/│H{32}█{32}│\n +64 │█{12}·{44}▓{8}│/);
    expect(text).toContain('"a"');
  });

  it("knows the pages that are no tree pages", () => {
    const { file } = leafWithHole();
    expect(output(["inspect", file, "--page", "0"])).toBe("page 0: header\n");
    expect(cli(["inspect", file, "--page", "100000"]).code).toBe(2);
  });
});

describe("inspect", () => {
  it("counts every page once and draws as many cells", () => {
    const file = join(temporaryFolder(), "data.esp");
    {
      using store = open(file);
      store.putMany(
        Array.from({ length: 5000 }, (_, i) => [String(i).padStart(6, "0"), "x".repeat(60)] as const),
      );
      store.put("long", "y".repeat(20_000));
      store.deleteRange({ gte: "001000", lt: "003000" });
    }
    const report = JSON.parse(output(["inspect", file, "--json"]));
    const kinds = Object.fromEntries(
      report.kinds.map((each: { kind: string; pages: number }) => [each.kind, each.pages]),
    );
    expect(Object.values(kinds).reduce((sum: number, pages) => sum + (pages as number), 0)).toBe(
      report.pages,
    );
    expect(kinds).toMatchObject({ header: 2, overflow: 5 });
    expect(kinds.free).toBeGreaterThan(20);
    expect(kinds.unreached).toBeUndefined();
    expect(report.map.fill.join("").length).toBe(Math.ceil(report.pages / report.map.pagesPerCell));
    const leaves = report.fillHistogram.reduce((sum: number, n: number) => sum + n, 0);
    expect(leaves).toBe(kinds.leaf);
    expect(output(["inspect", file])).toContain("leaves by fill");
  });
});

describe("the map of a file", () => {
  it("has room for every page in sixteen lines, however narrow the terminal", () => {
    const pages = 2000;
    const survey = {
      kinds: new Uint8Array(pages).fill(PAGE_LEAF),
      used: new Uint16Array(pages).fill(4096),
      holes: new Uint16Array(pages),
      trees: [],
      stray: [],
      problems: [],
    };
    for (const [room, widest] of [
      [58, 58],
      [200, 64],
      [0, 1],
    ] as const) {
      const { fill, pagesPerCell } = mapOf(survey, 4096, room);
      expect(fill.length).toBeLessThanOrEqual(16);
      expect(Math.max(...fill.map((line) => line.length))).toBe(widest);
      expect(fill.join("").length).toBe(Math.ceil(pages / pagesPerCell));
    }
  });
});
