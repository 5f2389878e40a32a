/** The history's series: of ratios where every run has the baseline beside the cell, else of ops/s. */

import { describe, expect, it } from "vitest";
import { historyRows } from "../../dashboards/data/history.js";
import { historyOf } from "../../matrix/reports/history.js";
import type { CellRow, RunDocument } from "../../matrix/results/document.js";
import { cell, run, unmeasured } from "../matrix/support/documents.js";

const BASELINE = "better-sqlite3";

/** Runs in which the machine gets half as fast on day 3, and the store twice as fast on day 5. */
function days(change: (cells: CellRow[], day: number) => CellRow[] = (cells) => cells): RunDocument[] {
  return Array.from({ length: 8 }, (_, day) => {
    const machine = day < 3 ? 1 : 0.5;
    const cells = [cell("espalier", [(day < 5 ? 300 : 600) * machine]), cell(BASELINE, [100 * machine])];
    return run(change(cells, day), `2026010${day + 1}T000000Z`);
  });
}

function seriesOf(runs: readonly RunDocument[], engine: string): Record<string, unknown[]> {
  const rows = historyRows(runs, BASELINE).filter((row) => row["engine"] === engine);
  const column = (name: string): unknown[] => rows.map((row) => row[name]);
  return { measure: [...new Set(column("measure"))], value: column("value"), step: column("step") };
}

const OPS = [300, 300, 300, 150, 150, 300, 300, 300];

describe("the history of a cell", () => {
  it("is of ratios, which a change of machine does not move", () => {
    expect(seriesOf(days(), "espalier")).toEqual({
      measure: [`ratio to ${BASELINE}`],
      value: [3, 3, 3, 3, 3, 6, 6, 6],
      step: [null, null, null, null, null, 2, null, null],
    });
  });

  it("is of ops/s for the baseline itself", () => {
    expect(seriesOf(days(), BASELINE)).toMatchObject({
      measure: ["ops/s"],
      value: [100, 100, 100, 50, 50, 50, 50, 50],
      step: [null, null, null, 0.5, null, null, null, null],
    });
  });

  it.each<[string, (cells: CellRow[], day: number) => CellRow[]]>([
    ["has no baseline", ([own, base], day) => (day === 6 ? [own!] : [own!, base!])],
    [
      "could not measure it",
      ([own, base], day) => [own!, day === 6 ? unmeasured(BASELINE, "failed", "no") : base!],
    ],
    [
      "has it in another durability class",
      ([own, base], day) => [own!, day === 6 ? { ...base!, durability: "memory" } : base!],
    ],
  ])("is of ops/s throughout where one run %s", (_what, change) => {
    expect(seriesOf(days(change), "espalier")).toMatchObject({ measure: ["ops/s"], value: OPS });
  });

  it("does not take rounds of another length for a step", () => {
    const runs = days((cells, day) => cells.map((each) => ({ ...each, operations: day < 5 ? 1000 : 5000 })));
    expect(seriesOf(runs, "espalier").step).toEqual(new Array(8).fill(null));
    const rows = historyRows(runs, BASELINE).filter(({ engine }) => engine === "espalier");
    expect(new Set(rows.map(({ work }) => work))).toEqual(
      new Set(["1000 operations in 1 passes", "5000 operations in 1 passes"]),
    );
  });

  it("leaves out runs that did not measure the cell", () => {
    const runs = days(([own, base], day) => [
      day === 1 ? unmeasured("espalier", "failed", "no") : own!,
      base!,
    ]);
    expect(seriesOf(runs, "espalier").value).toEqual([3, 3, 3, 3, 6, 6, 6]);
  });

  it("is what the matrix's own history says", () => {
    const ours = historyRows(days(), BASELINE).map(({ cell, value }) => ({ cell, value }));
    const theirs = historyOf(days(), { baseline: BASELINE }).flatMap(({ cell, points }) =>
      points.map(({ value }) => ({ cell, value })),
    );
    expect(ours).toEqual(theirs);
    expect(ours).toHaveLength(16);
  });
});
