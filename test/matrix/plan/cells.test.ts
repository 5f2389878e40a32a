/** Plans: ids that come back, cross products without doubles, presets of the promised extent. */

import { describe, expect, it } from "vitest";
import { ENGINES, engineById, STORE_ENGINES } from "../../../matrix/engines/registry.js";
import {
  type CellGroup,
  cellId,
  groupId,
  parseCellId,
  planGroups,
  sizeRound,
} from "../../../matrix/plan/cells.js";
import { COMMIT_INTERVALS, CORE_WORKLOADS, preset } from "../../../matrix/plan/presets.js";
import { LEVEL_WORKLOADS, WORKLOADS } from "../../../matrix/results/document.js";

const group: CellGroup = {
  workload: "inserts",
  shape: "u64",
  records: 10_000,
  order: "random",
  commitEvery: 100,
};
const ids = STORE_ENGINES.map(({ id }) => id);

describe("ids", () => {
  it("name a cell and come back", () => {
    expect(cellId(group, "lmdb")).toBe("inserts/u64/10000/random/ce100/lmdb");
    expect(parseCellId(cellId(group, "lmdb"))).toEqual({ group, engine: "lmdb" });
    const scan: CellGroup = { ...group, workload: "scan", commitEvery: null };
    expect(groupId(scan)).toBe("scan/u64/10000/random/ce-");
    expect(parseCellId(groupId(scan))).toEqual({ group: scan, engine: null });
  });

  it("are refused when they are none", () => {
    for (const wrong of [
      "",
      "inserts",
      "dance/u64/10/random/ce1/x",
      "inserts/u64/ten/random/ce1/x",
      "inserts/u64/10/random/1/x",
    ]) {
      expect(() => parseCellId(wrong)).toThrow(RangeError);
    }
  });
});

describe("planGroups", () => {
  it("crosses lists, drops doubles, joins engines", () => {
    const section = {
      workloads: ["inserts", "scan"] as const,
      commitEvery: [1, 10],
      engines: ["lmdb"],
      records: [100],
      shapes: ["u64"] as const,
      orders: ["random"] as const,
    };
    const groups = planGroups([section, { ...section, workloads: ["inserts"], engines: ["espalier"] }]);
    expect(groups.map(({ group, engines }) => [groupId(group), engines])).toEqual([
      ["inserts/u64/100/random/ce1", ["lmdb", "espalier"]],
      ["inserts/u64/100/random/ce10", ["lmdb", "espalier"]],
      ["scan/u64/100/random/ce-", ["lmdb"]],
    ]);
  });
});

describe("presets", () => {
  it("quick has every core workload at every commit interval on the four engines", () => {
    const groups = planGroups(preset("quick", ids).sections);
    expect(groups).toHaveLength(CORE_WORKLOADS.length * COMMIT_INTERVALS.length);
    for (const { engines } of groups)
      expect(engines).toEqual(["espalier", "better-sqlite3", "lmdb", "rebuild"]);
  });

  it("full has every workload, order, shape and engine, in a number that ends some day", () => {
    const groups = planGroups(preset("full", ids).sections);
    const cells = groups.reduce((sum, { engines }) => sum + engines.length, 0);
    expect(cells).toBeGreaterThan(1500);
    expect(cells).toBeLessThan(4000);
    expect(new Set(groups.map(({ group }) => group.workload)).size).toBe(WORKLOADS.length);
    const engines = new Set(groups.flatMap((planned) => planned.engines));
    expect([...engines].sort()).toEqual(ENGINES.map(({ id }) => id).sort());
    expect(new Set(groups.map(({ group }) => group.order)).size).toBe(4);
    expect(new Set(groups.map(({ group }) => group.shape)).size).toBe(3);
  });
});

describe("the level preset", () => {
  const groups = planGroups(preset("level", ids).sections);
  const enginesOf = (id: string): readonly string[] | undefined =>
    groups.find(({ group }) => groupId(group) === id)?.engines;

  it("has batches of 1, 100 and 1,000 at both durabilities", () => {
    for (const commitEvery of [1, 100, 1000]) {
      const engines = enginesOf(`inserts/text/10000/random/ce${commitEvery}`) ?? [];
      const classes = engines.map((id) => [id, engineById(id).durability]);
      expect(classes).toEqual([
        ["espalier-level", "durable"],
        ["classic-level", "durable"],
        ["espalier-level-buffered", "os-buffered"],
        ["classic-level-buffered", "os-buffered"],
      ]);
    }
  });

  it("has gets both ways, and iterators by nextv() and all() over ranges and over everything", () => {
    const pair = ["espalier-level", "classic-level"];
    expect(enginesOf("reads/text/10000/random/ce1")).toEqual(pair);
    expect(enginesOf("level-gets/text/10000/random/ce-")).toEqual(pair);
    for (const order of ["random", "sequential"]) {
      expect(enginesOf(`scan/text/10000/${order}/ce-`)).toEqual(pair);
      expect(enginesOf(`level-all/text/10000/${order}/ce-`)).toEqual(pair);
    }
  });

  it("asks nothing of an engine that only abstract-level databases have", () => {
    const everything = preset("full", ids).sections.map((section) => ({
      ...section,
      workloads: WORKLOADS,
      engines: ENGINES.map(({ id }) => id),
    }));
    for (const { group, engines } of planGroups(everything)) {
      if (!LEVEL_WORKLOADS.includes(group.workload)) continue;
      expect(engines.every((id) => engineById(id).isLevel === true)).toBe(true);
      expect(engines).toHaveLength(4);
    }
  });
});

describe("sizeRound", () => {
  const { effort } = preset("quick", ids);

  it("bounds commits and repeats short rounds", () => {
    expect(sizeRound({ ...group, commitEvery: 1 }, effort)).toEqual({ operations: 1000, passes: 1 });
    expect(sizeRound(group, effort)).toEqual({ operations: 10_000, passes: 5 });
    expect(sizeRound({ ...group, workload: "reads" }, effort)).toEqual({ operations: 50_000, passes: 1 });
  });

  it("loads all records for inserts, however many", () => {
    expect(sizeRound({ ...group, records: 1_000_000, commitEvery: 1000 }, effort).operations).toBe(1_000_000);
    expect(
      sizeRound({ ...group, workload: "mixed", records: 1_000_000, commitEvery: 1000 }, effort).operations,
    ).toBe(10_000);
  });
});
