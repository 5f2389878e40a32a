/** docs/format.md is the byte map that people read; these tables must be what the code does. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import * as log from "../../src/log/log-format.js";
import { encodeSegmentHeader } from "../../src/log/log-format.js";
import { inlineRecordBytesMax, keyBytesMax } from "../../src/page/limits.js";
import * as page from "../../src/pager/page-header.js";
import { encodeStoreHeader } from "../../src/pager/store-header.js";

const text = readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8");

/** Rows of the first table behind a heading, as cells. */
function table(heading: string): string[][] {
  const from = text.indexOf(heading);
  expect(from, `docs/format.md has no "${heading}"`).toBeGreaterThan(-1);
  const lines = text.slice(from).split("\n");
  const start = lines.findIndex((line) => line.startsWith("| ---"));
  const rows: string[][] = [];
  for (let i = start + 1; lines[i]?.startsWith("|"); i++)
    rows.push(
      lines[i]!.split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return rows;
}

function at(rows: string[][], field: string): number {
  const row = rows.find((cells) => cells[2]?.startsWith(field));
  expect(row, `no field "${field}"`).toBeDefined();
  return Number(row![0]);
}

describe("docs/format.md", () => {
  it("has the page header's fields where the code has them", () => {
    const rows = table("### Page header");
    expect(at(rows, "page number")).toBe(page.AT_NUMBER);
    expect(at(rows, "kind")).toBe(page.AT_KIND);
    expect(at(rows, "level")).toBe(page.AT_LEVEL);
    expect(at(rows, "slots")).toBe(page.AT_SLOTS);
    expect(at(rows, "tail")).toBe(page.AT_TAIL);
    expect(at(rows, "bytes lost in holes")).toBe(page.AT_HOLES);
    expect(at(rows, "leaf: length of the low fence")).toBe(page.AT_LOW_LENGTH);
    expect(at(rows, "leaf: length of the high fence")).toBe(page.AT_HIGH_LENGTH);
    expect(at(rows, "branch: leftmost child")).toBe(page.AT_LEFTMOST);
    expect(at(rows, "prefix length")).toBe(page.AT_PREFIX_LENGTH);
    expect(at(rows, "root page of a tree")).toBe(page.AT_RECORDS);
  });

  it("has the store header's fields where the encoder puts them", () => {
    const rows = table("### Store header");
    const bytes = encodeStoreHeader({
      pageSize: 0x1001,
      storeId: new Uint8Array(16).fill(7),
      sequence: 0x1002,
      clean: false,
      log: { generation: 0x1003, salt: 0x1004, chain: 0x1005, segment: 1, nextSalt: 0x1006 },
      compatibleFeatures: 0x1007,
      readOnlyCompatibleFeatures: 0x1008,
      incompatibleFeatures: 0x1009,
      catalogRoot: 0x100a,
      pageCount: 0x100b,
      freeListHead: 0x100c,
      lastGeneration: 0x100d,
      commit: 0x100e,
    });
    const view = new DataView(bytes.buffer);
    const fields: [string, number][] = [
      ["page size", 0x1001],
      ["sequence number", 0x1002],
      ["state", 1],
      ["oldest log generation", 0x1003],
      ["salt of that generation", 0x1004],
      ["checksum that the segment", 0x1005],
      ["index of that segment", 1],
      ["salt of the next generation", 0x1006],
      ["compatible features", 0x1007],
      ["read-only compatible", 0x1008],
      ["incompatible features", 0x1009],
      ["root page of the catalogue", 0x100a],
      ["pages:", 0x100b],
      ["first page of the free list", 0x100c],
      ["last log generation", 0x100d],
      ["number of the last commit", 0x100e],
    ];
    for (const [field, value] of fields) expect(view.getUint32(at(rows, field), true), field).toBe(value);
    expect(bytes[at(rows, "store id")]).toBe(7);
  });

  it("has the segment header's fields where the encoder puts them", () => {
    const rows = table("### Segment header");
    const bytes = encodeSegmentHeader(new Uint8Array(16).fill(9), {
      generation: 0x2001,
      salt: 0x2002,
      pageSize: 0x2003,
    });
    const view = new DataView(bytes.buffer);
    expect(bytes[at(rows, "store id")]).toBe(9);
    expect(view.getUint32(at(rows, "generation"), true)).toBe(0x2001);
    expect(view.getUint32(at(rows, "salt"), true)).toBe(0x2002);
    expect(view.getUint32(at(rows, "page size"), true)).toBe(0x2003);
  });

  it("names each record of the log with its code", () => {
    const codes = log as unknown as Record<string, number>;
    for (const [name, code] of table("### Records")) expect(codes[`OP_${name}`], name).toBe(Number(code));
    expect(Object.keys(codes).filter((name) => name.startsWith("OP_"))).toHaveLength(
      table("### Records").length,
    );
  });

  it("states the limits that the formulas give", () => {
    for (const [size, key, record] of table("### Limits")) {
      expect(keyBytesMax(Number(size))).toBe(Number(key));
      expect(inlineRecordBytesMax(Number(size))).toBe(Number(record));
    }
  });

  it("names each field of a lock", () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-format-"));
    try {
      using _store = open(join(folder, "data.esp"));
      const lock = readFileSync(join(folder, "data.esp-lock"), "utf8");
      const fields = Object.entries(JSON.parse(lock) as Record<string, unknown>);
      expect(lock).toBe(`${JSON.stringify(Object.fromEntries(fields))}\n`);
      expect(new Map(fields.map(([name, value]) => [`\`${name}\``, typeof value]))).toEqual(
        new Map(table("## Lock").map(([name, type]) => [name, type])),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
