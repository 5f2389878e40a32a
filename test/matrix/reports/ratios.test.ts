/** Ratios to a baseline engine: of which cells there are any, and what is made of them. */

import { describe, expect, it } from "vitest";
import { geometricMeans, ratiosTo, winners } from "../../../matrix/reports/ratios.js";
import { cell, run, unmeasured } from "../support/documents.js";

const OTHER = { group: "reads/u64/10000/random/ce1" };
const document = run([
  cell("lmdb", [100]),
  cell("espalier", [400]),
  cell("sqlite", [50]),
  cell("lmdb", [1000], OTHER),
  cell("espalier", [100], OTHER),
  unmeasured("sqlite", "failed", "round 1: exit code 1"),
]);

describe("ratiosTo", () => {
  it("sets each cell beside the baseline's of its own group", () => {
    const found = ratiosTo(document, "lmdb").map(({ cell, baseline, ratio }) => [
      cell.id,
      baseline.id,
      ratio.median,
    ]);
    expect(found).toEqual([
      [document.cells[1]?.id, document.cells[0]?.id, 4],
      [document.cells[2]?.id, document.cells[0]?.id, 0.5],
      [document.cells[4]?.id, document.cells[3]?.id, 0.1],
    ]);
  });

  it("takes the run's own baseline where none is named", () => {
    const named = { ...document, settings: { ...document.settings, baseline: "espalier" } };
    expect(ratiosTo(named)).toEqual(ratiosTo(document, "espalier"));
    expect(ratiosTo(named)).toHaveLength(3);
  });

  it("has none to a baseline that was not measured, or is of another durability", () => {
    expect(ratiosTo(run([unmeasured("lmdb", "failed", "no"), cell("espalier", [1])]), "lmdb")).toEqual([]);
    const memory = run([cell("lmdb", [1], { durability: "memory" }), cell("espalier", [1])]);
    expect(ratiosTo(memory, "lmdb")).toEqual([]);
  });
});

describe("geometricMeans", () => {
  it("multiplies an engine's ratios, each engine by itself", () => {
    const means = geometricMeans(ratiosTo(document, "lmdb"));
    expect([...means.keys()]).toEqual(["espalier", "sqlite"]);
    expect(means.get("espalier")?.cells).toBe(2);
    // 4 and 0.1: their arithmetic mean would call it twice as fast.
    expect(means.get("espalier")?.mean).toBeCloseTo(Math.sqrt(0.4), 12);
    expect(means.get("sqlite")).toEqual({ mean: 0.5, cells: 1 });
  });
});

describe("winners", () => {
  it("are the fastest of each durability class; of equal ones the first", () => {
    const memory = { durability: "memory" } as const;
    const cells = [
      cell("a", [100]),
      cell("b", [300]),
      cell("c", [300]),
      cell("d", [9000], memory),
      unmeasured("e", "failed", "no"),
    ];
    expect([...winners(cells)].map(([durability, { engine }]) => [durability, engine])).toEqual([
      ["durable", "b"],
      ["memory", "d"],
    ]);
  });
});
