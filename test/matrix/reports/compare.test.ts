/** Comparisons of two runs whose answer is known. */

import { describe, expect, it } from "vitest";
import { type Change, compareRuns } from "../../../matrix/reports/compare.js";
import { comparisonTable } from "../../../matrix/reports/table.js";
import type { CellRow } from "../../../matrix/results/document.js";
import { cell, run, unmeasured } from "../support/documents.js";

function changeOf(before: CellRow, after: CellRow, threshold?: number): Change | undefined {
  return compareRuns(run([before]), run([after]), threshold).cells[0]?.change;
}

describe("compareRuns", () => {
  it("calls a clear gain better and a clear loss worse", () => {
    const slow = cell("espalier", [100, 101, 99]);
    const fast = cell("espalier", [150, 151, 149]);
    expect(changeOf(slow, fast)).toBe("better");
    expect(changeOf(fast, slow)).toBe("worse");
  });

  it("calls a change under the threshold the same", () => {
    const before = cell("espalier", [100, 100, 100]);
    const after = cell("espalier", [104, 104, 104]);
    expect(changeOf(before, after)).toBe("same");
    expect(changeOf(before, after, 0.03)).toBe("better");
    expect(changeOf(after, before, 0.03)).toBe("worse");
  });

  it("calls a change mixed when the rounds overlap too far to decide", () => {
    const before = cell("espalier", [80, 100, 130]);
    const after = cell("espalier", [75, 110, 140]);
    expect(changeOf(before, after)).toBe("mixed");
  });

  it("cannot tell by one round on a side, however far apart the two are", () => {
    const one = cell("espalier", [100]);
    const three = cell("espalier", [200, 201, 199]);
    expect(changeOf(one, three)).toBe("mixed");
    expect(changeOf(three, one)).toBe("mixed");
    expect(changeOf(one, one)).toBe("mixed");
    const { cells, warnings } = compareRuns(run([one]), run([three]));
    expect(cells[0]).toMatchObject({ note: "one round before: it cannot tell", ratio: { median: 2 } });
    expect(warnings.join()).toMatch(/^1 cells have one round on a side/);
  });

  it("counts a cell that broke as worse and one that was mended as better", () => {
    const good = cell("espalier", [100]);
    const broken = unmeasured("espalier", "failed", "round 1: content hashes to 00");
    expect(changeOf(good, broken)).toBe("worse");
    expect(changeOf(broken, good)).toBe("better");
    expect(changeOf(good, unmeasured("espalier", "timeout", "stopped"))).toBe("worse");
    expect(changeOf(good, unmeasured("espalier", "missing", "not installed"))).toBe("only-before");
  });

  it("tells cells that only one run has", () => {
    const comparison = compareRuns(run([cell("espalier", [1])]), run([cell("lmdb", [1])]));
    expect(comparison.counts).toMatchObject({ "only-before": 1, "only-after": 1 });
  });

  it("gives each engine the geometric mean of its ratios", () => {
    const other = { group: "reads/u64/10000/random/ce1" };
    const before = run([cell("espalier", [100]), cell("espalier", [100], other)]);
    const after = run([cell("espalier", [200]), cell("espalier", [50], other)]);
    expect(compareRuns(before, after).engines.espalier).toBeCloseTo(1, 10);
  });

  it("warns when the machine or its speed was another", () => {
    const before = run([cell("espalier", [100, 100])]);
    const after = run([cell("espalier", [100, 100])], "20260102T000000Z");
    after.environment.cpu.model = "Another CPU";
    after.drift.javascript.median = 60;
    after.noise = { verdict: "noisy", reasons: ["load"], medianRelativeInterval: null };
    const { warnings } = compareRuns(before, after);
    expect(warnings.join("\n")).toMatch(/processor.*Another CPU/);
    expect(warnings.join("\n")).toMatch(/noisy/);
    expect(warnings.join("\n")).toMatch(/1\.50 times/);
    expect(compareRuns(before, before).warnings).toEqual([]);
  });

  it("says which cells did not do the same work", () => {
    const before = run([cell("espalier", [100, 100], { operations: 1000 }), cell("lmdb", [100, 100])]);
    const after = run([cell("espalier", [200, 200], { operations: 5000 }), cell("lmdb", [100, 100])]);
    const comparison = compareRuns(before, after);
    expect(comparison.warnings).toEqual(["1 cells did another number of operations a round"]);
    expect(comparison.cells.map(({ note }) => note)).toEqual([
      "1000 operations a round became 5000 operations a round",
      null,
    ]);
    expect(comparisonTable(comparison)).toContain("1000 operations a round became 5000 ");
    const passes = run([cell("espalier", [200, 200], { operations: 1000, passes: 5 })]);
    expect(compareRuns(before, passes).cells[0]?.note).toBe(
      "1000 operations a round became 1000 operations a round in 5 passes",
    );
  });

  it("shows the worse ones first", () => {
    const other = { group: "reads/u64/10000/random/ce1" };
    const before = run([cell("espalier", [100, 100]), cell("espalier", [100, 100], other)]);
    const after = run([cell("espalier", [200, 200]), cell("espalier", [50, 50], other)]);
    const lines = comparisonTable(compareRuns(before, after)).split("\n");
    expect(lines[1]).toMatch(/^reads.*worse/);
    expect(lines[2]).toMatch(/^inserts.*better.*2\.000x/);
    expect(lines).toContain("1 better, 1 worse");
  });
});
