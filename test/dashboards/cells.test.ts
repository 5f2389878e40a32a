/** What charts call cells: only as much as tells those of one run apart, in words as short as they can be. */

import { describe, expect, it } from "vitest";
import { distinct, intervalLabel, intervalsIn, namingOf, shortCount } from "../../dashboards/data/cells.js";
import type { CellRow } from "../../dashboards/documents/matrix-run.js";
import { runDocument } from "./support/documents.js";

const some = runDocument().cells[0] as CellRow;
const cell = (change: Partial<CellRow>): CellRow => ({ ...some, ...change });

describe("the name of a series", () => {
  const one = cell({ workload: "inserts", shape: "u64", order: "random", records: 10_000 });

  it("is its workload, where nothing else differs", () => {
    const naming = namingOf([one, cell({ ...one, workload: "reads" })]);
    expect([naming.series(one), naming.panel(one)]).toEqual(["inserts", "inserts"]);
  });

  it.each<[Partial<CellRow>, string]>([
    [{ shape: "text" }, "inserts · u64"],
    [{ order: "sequential" }, "inserts · random"],
    [{ records: 1_000_000 }, "inserts · 10k"],
    [{ shape: "text", order: "descending", records: 5 }, "inserts · u64 · random · 10k"],
  ])("says what differs: %j", (change, name) => {
    expect(namingOf([one, cell({ ...one, ...change })]).series(one)).toBe(name);
  });

  it("of a panel says the durability class where there are several", () => {
    const naming = namingOf([
      cell({ ...one, durability: "durable" }),
      cell({ ...one, durability: "memory" }),
    ]);
    expect(naming.panel(cell({ ...one, durability: "memory" }))).toBe("inserts (memory)");
    expect(naming.series(cell({ ...one, durability: "memory" }))).toBe("inserts");
  });
});

it.each([
  [0, "0"],
  [999, "999"],
  [1000, "1k"],
  [1001, "1001"],
  [1500, "1.5k"],
  [10_000, "10k"],
  [1_000_000, "1M"],
  [1_200_000, "1.2M"],
  [1_250_000, "1250k"],
  [1_234_567, "1234567"],
])("%i records are %s", (count, text) => {
  expect(shortCount(count)).toBe(text);
});

it("intervals go by size, not as text, and cells without one come last", () => {
  const rows = [null, 10_000, 1, 100, 1].map((commitEvery) => ({
    commitEvery,
    interval: intervalLabel(commitEvery),
  }));
  expect(intervalsIn(rows)).toEqual(["1", "100", "10,000", intervalLabel(null)]);
  expect(distinct(rows, "interval")).toEqual([intervalLabel(null), "10,000", "1", "100"]);
});
