/**
 * The benchmark on tiny beds: every section ends, every engine that is there gives every figure, those who did
 * the same work hold the same records, and a store that holds wrong ones fails. No speeds.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { markdown } from "../../../matrix/bench/markdown.js";
import type { Cell, Section, Sizes } from "../../../matrix/bench/plan.js";
import { cellText, summaryText } from "../../../matrix/bench/report.js";
import { type BenchResult, type CellResult, runBench } from "../../../matrix/bench/run.js";
import { SECTIONS } from "../../../matrix/bench/sections/registry.js";
import { compiled } from "../../support/compiled.js";

const SIZES: Sizes = { records: [200], large: false, seed: 11 };
/** One peer is enough here; the adapters have tests of their own. */
const ENGINES = ["espalier", "espalier-group", "lmdb", "lmdb-awaited"];

/** One cell of every task, and those that differ in what they ask of it. */
const CELLS = [
  "get/text/200",
  "scan/keys/200/100/reverse",
  "scan/strings/200/full/forward",
  "insert/u64/200/random/100",
  "mixed/200/100",
  "awaited/16",
  "delete/200",
  "written/200",
  "open/recovery/200",
  "cold/200",
  "memory/200",
];

let folder: string;
let result: BenchResult;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "espalier-bench-test-"));
  const entry = join(compiled(), "matrix/runner/child-main.js");
  result = await runBench({
    sections: SECTIONS,
    sizes: SIZES,
    rounds: 1,
    minutes: undefined,
    engines: ENGINES,
    wanted: (_section: Section, cell: Cell) => CELLS.includes(cell.id),
    folder,
    childEntry: join(dirname(entry), "..", "bench", "child-main.js"),
    progress: () => undefined,
    onCell: () => undefined,
    onSection: () => undefined,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cells(): CellResult[] {
  return result.sections.flatMap((section) => [...section.cells]);
}

function cellOf(id: string): CellResult {
  return cells().find(({ cell }) => cell.id === id) as CellResult;
}

describe("the benchmark on tiny beds", () => {
  it("runs every cell that it was asked for", () => {
    expect(
      cells()
        .map(({ cell }) => cell.id)
        .sort(),
    ).toEqual([...CELLS].sort());
    const failed = cells().flatMap(({ cell, entries }) =>
      entries.flatMap(({ id, status, reason }) => (status === "failed" ? [[cell.id, id, reason]] : [])),
    );
    expect(failed).toEqual([]);
  });

  it("gives every entry figures, and says how to install what is missing", () => {
    for (const { cell, entries } of cells()) {
      for (const { id, status, figures, reason } of entries) {
        if (status === "missing") expect(reason, id).toMatch(/npm install/);
        else expect(Object.keys(figures).length, `${cell.id} ${id}`).toBeGreaterThan(0);
        for (const figure of Object.values(figures)) expect(Number.isFinite(figure)).toBe(true);
      }
    }
  });

  it("hashes what each engine holds, and finds it equal", () => {
    for (const id of [
      "get/text/200",
      "insert/u64/200/random/100",
      "delete/200",
      "mixed/200/100",
      "awaited/16",
    ]) {
      const hashes = cellOf(id).entries.flatMap(({ status, contentHash }) =>
        status === "ok" ? [contentHash] : [],
      );
      expect(hashes.length).toBeGreaterThan(0);
      expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
      expect(new Set(hashes).size).toBe(1);
    }
    const hashOf = (id: string): string | null | undefined => cellOf(id).entries[0]?.contentHash;
    expect(hashOf("delete/200")).not.toBe(hashOf("insert/u64/200/random/100"));
  });

  it("holds every target against what was measured", () => {
    for (const { verdicts } of cells()) {
      for (const { mine, other, ratio, met } of verdicts) {
        if (mine === null || other === null) expect(met).toBeNull();
        else expect(ratio).toBeCloseTo(mine / other);
      }
    }
    const commits = cellOf("insert/u64/200/random/100");
    expect(commits.entries[0]?.figures["steady log bytes"]).toBeGreaterThan(16);
  });

  it("tells it as text and as markdown", () => {
    for (const cell of cells()) expect(cellText(cell)).toContain(cell.cell.title);
    const text = markdown(result);
    for (const { title } of result.sections) expect(text).toContain(`### ${title}`);
    expect(text).toMatch(/^Measured \d{4}-\d\d-\d\d on /);
    expect(summaryText(result)).toMatch(/\d+ targets met, \d+ not met, \d+ not measured/);
    const { environment } = result;
    const on = (fileSystem: string): BenchResult => ({
      ...result,
      environment: { ...environment, disk: { ...environment.disk, fileSystem } },
    });
    expect(summaryText(on("ext4")).split("\n")).toHaveLength(2);
    for (const tell of [summaryText, markdown]) expect(tell(on("tmpfs"))).toMatch(/tmpfs, in memory/);
  });
});
