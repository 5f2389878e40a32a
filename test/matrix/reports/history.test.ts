/** Histories of runs: order, measure, steps, and what is passed over in a folder. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { historyOf, readRuns } from "../../../matrix/reports/history.js";
import { historyTable } from "../../../matrix/reports/table.js";
import type { RunDocument } from "../../../matrix/results/document.js";
import { writeRun } from "../../../matrix/results/validate.js";
import { cell, run } from "../support/documents.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-history-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs in which the machine's speed changes on day 3, and espalier's own on day 5. */
function days(): RunDocument[] {
  return Array.from({ length: 8 }, (_, day) => {
    const machine = day < 3 ? 1 : 0.5;
    const store = day < 5 ? 300 : 600;
    return run(
      [cell("espalier", [store * machine]), cell("better-sqlite3", [100 * machine])],
      `2026010${day + 1}T000000Z`,
    );
  });
}

describe("historyOf", () => {
  it("takes ratios, so that a slower machine is no step", () => {
    const [series] = historyOf(days());
    expect(series).toMatchObject({ cell: "inserts/u64/10000/random/ce100/espalier", measure: "ratio" });
    expect(series?.points.map(({ value }) => value)).toEqual([3, 3, 3, 3, 3, 6, 6, 6]);
    expect(series?.steps).toEqual([{ index: 5, before: 3, after: 6, ratio: 2 }]);
  });

  it("takes rates where there is no baseline to take ratios to", () => {
    const alone = historyOf(days()).find(({ cell }) => cell.endsWith("better-sqlite3"));
    expect(alone).toMatchObject({ measure: "ops/s" });
    expect(alone?.steps.map(({ index }) => index)).toEqual([3]);
  });

  it("does not take rounds of another length for a step", () => {
    const runs = days().slice(0, 3);
    const presets = [1000, 1000, 5000, 5000].map((operations, day) =>
      run([cell("espalier", [operations], { operations })], `2026020${day + 1}T000000Z`),
    );
    const passes = run([cell("espalier", [1000], { operations: 1000, passes: 5 })], "20260209T000000Z");
    const series = historyOf([...presets, passes]);
    expect(
      series.map(({ operations, passes, steps, points }) => [operations, passes, points.length, steps]),
    ).toEqual([
      [1000, 1, 2, []],
      [5000, 1, 2, []],
      [1000, 5, 1, []],
    ]);
    expect(historyTable(series)).toContain("/espalier (5000 operations in 1 passes)  5.00k 5.00k");
    expect(historyTable(historyOf(runs))).not.toContain("passes");
  });

  it("names the run at which a step was made", () => {
    expect(historyTable(historyOf(days()))).toMatch(
      /step at 20260106T000000Z \(abcdef0123\): 3\.00x to 6\.00x, 2\.00x/,
    );
  });
});

describe("readRuns", () => {
  it("reads documents and folders of runs, oldest first, and passes over everything else", async () => {
    const [first, second] = days() as [RunDocument, RunDocument];
    await writeRun(join(folder, "b.json"), first);
    await writeRun(join(folder, "a", "run.json"), second);
    mkdirSync(join(folder, "empty"));
    writeFileSync(join(folder, "notes.txt"), "notes");
    writeFileSync(join(folder, "other.json"), '{"schema":"something else"}');
    const runs = await readRuns(folder);
    expect(runs.map(({ run }) => run.id)).toEqual([first.run.id, second.run.id]);
  });

  it("names a run that it can't read, rather than leaving it out", async () => {
    const [first] = days() as [RunDocument];
    await writeRun(join(folder, "a.json"), first);
    writeFileSync(join(folder, "b.json"), JSON.stringify({ ...first, cells: [{ id: "half" }] }));
    await expect(readRuns(folder)).rejects.toThrow(/b\.json: .*cells\/0/);
    writeFileSync(join(folder, "b.json"), JSON.stringify({ ...first, version: 99 }));
    await expect(readRuns(folder)).rejects.toThrow(/b\.json: version 99 is not readable here/);
    writeFileSync(join(folder, "b.json"), "no run, by its name and by what it says");
    expect(await readRuns(folder)).toHaveLength(1);
    mkdirSync(join(folder, "c"));
    writeFileSync(join(folder, "c", "run.json"), JSON.stringify(first).slice(0, 500));
    await expect(readRuns(folder)).rejects.toThrow(/c.run\.json: not JSON/);
  });

  it("stops when it is told to", async () => {
    await writeRun(join(folder, "a.json"), days()[0] as RunDocument);
    await expect(readRuns(folder, AbortSignal.abort())).rejects.toThrow();
  });
});
