/** Gates: each kind on runs that meet it, break it, or have nothing to judge. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Gate, gateRun, isJudgedBy, readGates } from "../../../matrix/reports/gate.js";
import { gateTable } from "../../../matrix/reports/table.js";
import {
  type CellRow,
  type CounterTree,
  type GateResult,
  type GateVerdict,
  NOT_YET,
  type RunDocument,
} from "../../../matrix/results/document.js";
import { runDocumentProblems } from "../../../matrix/results/validate.js";
import { cell, run, unmeasured } from "../support/documents.js";

function judge(gate: Gate, cells: readonly CellRow[]): GateResult {
  const verdict = gateRun(run(cells), { schema: "espalier-matrix-gates", version: 1, gates: [gate] });
  expect(verdict.verdict).toBe(verdict.gates[0]?.pass === true ? "GO" : "NO-GO");
  return verdict.gates[0] as GateResult;
}

function counting(delta: CounterTree): Partial<CellRow> {
  return { counters: { round: 1, before: {}, after: delta, delta } };
}

const base = { id: "gate", title: "A gate", scope: { engines: ["espalier"] } };

describe("a run of engines that no gate names", () => {
  it("is not judged", async () => {
    const gates = await readGates();
    expect(isJudgedBy(gates, ["lmdb", "espalier"])).toBe(true);
    expect(isJudgedBy(gates, ["espalier-level", "classic-level"])).toBe(false);
    const all: Gate = { ...base, scope: {}, kind: "failures", limit: 0 };
    expect(isJudgedBy({ ...gates, gates: [all] }, ["lmdb"])).toBe(true);
  });
});

describe("a counter gate", () => {
  const gate: Gate = { ...base, kind: "counter", counter: "leaf.rebuilds", limit: 0 };

  it("fails for a counter that no cell has, whatever its name", () => {
    const one = cell("espalier", [1], counting({ leaf: { rebuilds: 0 } }));
    for (const counter of ["leaf.rebuild", "constructor", "leaf.toString"]) {
      expect(judge({ ...gate, counter }, [one])).toMatchObject({ pass: false, figure: null });
    }
  });

  it("passes at its limit and fails above, naming the worst cell", () => {
    const none = cell("espalier", [1], counting({ leaf: { rebuilds: 0 } }));
    const some = cell("espalier", [1], {
      ...counting({ leaf: { rebuilds: 3 } }),
      group: "mixed/u64/10000/random/ce1",
    });
    expect(judge(gate, [none])).toMatchObject({ pass: true, figure: 0, margin: 0 });
    expect(judge(gate, [none, some])).toMatchObject({
      detail: "1 of 2 cells break it",
      pass: false,
      figure: 3,
      margin: -3,
      cell: "mixed/u64/10000/random/ce1/espalier",
      cells: 2,
    });
  });

  it("adds a group of counters up", () => {
    const failing = counting({ allocator: { failures: { slot_overflow: 1, page_full: 2 } } });
    expect(judge({ ...gate, counter: "allocator.failures" }, [cell("espalier", [1], failing)]).figure).toBe(
      3,
    );
  });

  it("fails without evidence", () => {
    expect(judge(gate, [cell("espalier", [1])])).toMatchObject({ pass: false, figure: null, cells: 0 });
    expect(judge(gate, [cell("lmdb", [1], counting({ leaf: { rebuilds: 0 } }))]).pass).toBe(false);
  });
});

describe("a run that was stopped", () => {
  const stopped = (cells: readonly CellRow[]): RunDocument => {
    const whole = run(cells);
    return { ...whole, run: { ...whole.run, complete: false, interrupted: "signal" } };
  };
  const later = "mixed/u64/10000/random/ce1";
  const waiting = (engine: string): CellRow => ({
    ...unmeasured(engine, "skipped", NOT_YET),
    group: later,
    id: `${later}/${engine}`,
    workload: "mixed",
  });
  const judgeStopped = (gate: Gate, cells: readonly CellRow[]): GateResult | undefined =>
    gateRun(stopped(cells), { schema: "espalier-matrix-gates", version: 1, gates: [gate] }).gates[0];

  it("meets no gate whose cells it has not come to", () => {
    const gate: Gate = { ...base, kind: "failures", limit: 0 };
    const measured = cell("espalier", [1]);
    expect(judgeStopped(gate, [measured])).toMatchObject({ pass: true, detail: "1 cells" });
    expect(judgeStopped(gate, [measured, waiting("espalier")])).toMatchObject({
      pass: false,
      detail: "1 cell is not measured yet; 1 cells",
    });
    expect(judgeStopped(gate, [measured, waiting("lmdb")])?.pass).toBe(true);
    const absent = unmeasured("espalier", "skipped", "it has no such cell");
    expect(judgeStopped(gate, [measured, { ...absent, id: "x", group: later }])?.pass).toBe(true);
  });

  it("says how many cells were not compared, since the baseline failed there", () => {
    const gate: Gate = { ...base, kind: "ratio", baseline: "rebuild", limit: 1 };
    const cells = [cell("espalier", [9, 9]), cell("rebuild", [1, 1])];
    expect(judge(gate, cells)).toMatchObject({ pass: true, detail: "1 cells" });
    const group = "mixed/u64/10000/random/ce1";
    for (const status of ["failed", "timeout"] as const) {
      const more = [cell("espalier", [9, 9], { group }), { ...unmeasured("rebuild", status, "why"), group }];
      expect(judge(gate, [...cells, ...more])).toMatchObject({
        pass: true,
        detail: "1 cells; 1 more not compared, since rebuild failed or timed out there",
      });
    }
  });

  it("meets no gate of ratios whose baseline it has not come to", () => {
    const gate: Gate = { ...base, kind: "ratio", baseline: "rebuild", limit: 1 };
    const first = [cell("espalier", [2]), cell("rebuild", [1])];
    const second = cell("espalier", [2], { group: later });
    expect(judgeStopped(gate, first)?.pass).toBe(true);
    expect(judgeStopped(gate, [...first, second, waiting("rebuild")])).toMatchObject({ pass: false });
  });

  it("meets no gate of timings whose profiled passes are not done", () => {
    const gate: Gate = { ...base, kind: "figure", figure: "slot-extent-ns-per-operation", limit: 200 };
    const slotExtent = { builds: 1, slots: 1, ns: 1, nsPerBuild: 1, nsPerSlot: 1, nsPerOperation: 1 };
    const profile = { operations: 1, opsPerSecond: 1, slotExtent, counters: {} };
    const cells = [cell("espalier", [1], { profile }), cell("espalier", [1], { group: later })];
    expect(judgeStopped(gate, cells)).toMatchObject({ pass: false, cells: 1 });
    expect(judge(gate, cells).pass).toBe(true);
  });
});

describe("a counter-excess gate", () => {
  const gate: Gate = {
    ...base,
    kind: "counter-excess",
    counter: "allocator.failures",
    over: ["leaf.splits", "leaf.branch_splits"],
    limit: 0,
  };

  it("allows failures that a split followed and no others", () => {
    const counters = (failures: number, splits: number): Partial<CellRow> =>
      counting({ allocator: { failures: { page_full: failures } }, leaf: { splits } });
    expect(judge(gate, [cell("espalier", [1], counters(5, 5))]).pass).toBe(true);
    expect(judge(gate, [cell("espalier", [1], counters(5, 9))])).toMatchObject({ pass: true, figure: 0 });
    expect(judge(gate, [cell("espalier", [1], counters(6, 5))])).toMatchObject({ pass: false, figure: 1 });
    const higher = counting({
      allocator: { failures: { page_full: 6 } },
      leaf: { splits: 5, branch_splits: 1 },
    });
    expect(judge(gate, [cell("espalier", [1], higher)]).pass).toBe(true);
  });
});

describe("a ratio gate", () => {
  const gate: Gate = { ...base, kind: "ratio", baseline: "rebuild", limit: 8 };

  it("compares with the other engine's cell of the same group", () => {
    const rebuild = cell("rebuild", [100, 100, 100]);
    const result = judge(gate, [cell("espalier", [900, 900, 900]), rebuild]);
    expect(result).toMatchObject({ pass: true, figure: 9, margin: 1, comparison: "at-least" });
    expect(judge(gate, [cell("espalier", [700, 700, 700]), rebuild]).pass).toBe(false);
  });

  it("never compares durability classes", () => {
    const memory = cell("rebuild", [100], { durability: "memory" });
    expect(judge(gate, [cell("espalier", [900]), memory])).toMatchObject({ pass: false, cells: 0 });
  });

  it("judges by the worst cell", () => {
    const other = { group: "inserts/u64/10000/random/ce1" };
    const cells = [
      cell("espalier", [900]),
      cell("rebuild", [100]),
      cell("espalier", [100], other),
      cell("rebuild", [100], other),
    ];
    expect(judge(gate, cells)).toMatchObject({ figure: 1, cell: "inserts/u64/10000/random/ce1/espalier" });
  });
});

describe("a figure gate", () => {
  it("judges within its scope only", () => {
    const gate: Gate = {
      ...base,
      kind: "figure",
      figure: "log-bytes-per-operation",
      scope: { engines: ["espalier"], workloads: ["inserts"], commitEvery: [100] },
      limit: 80,
    };
    expect(judge(gate, [cell("espalier", [1])])).toMatchObject({ pass: true, figure: 75, margin: 5 });
    const elsewhere = cell("espalier", [1], { group: "inserts/u64/10000/random/ce1" });
    expect(judge(gate, [elsewhere]).cells).toBe(0);
  });
});

describe("a failures gate", () => {
  const gate: Gate = { ...base, kind: "failures", limit: 0 };

  it("fails for a crash, and when nothing was tried", () => {
    expect(judge(gate, [cell("espalier", [1])])).toMatchObject({ pass: true, detail: "1 cells" });
    const crash = unmeasured("espalier", "failed", "round 1: exit code 1");
    expect(judge(gate, [crash])).toMatchObject({
      pass: false,
      figure: 1,
      cell: crash.id,
      detail: crash.reason,
    });
    expect(judge(gate, [unmeasured("espalier", "skipped", "not its turn")])).toMatchObject({
      pass: false,
      detail: "no cell to judge by",
    });
  });
});

describe("gates documents", () => {
  const failures: Gate = { ...base, kind: "failures", limit: 0 };

  it("ship with the package, with one gate of each promise", async () => {
    const { gates } = await readGates();
    const ids = gates.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(["leaf-rebuilds", "allocator-failures", "ahead-of-rebuild", "log-bytes"]),
    );
  });

  /** A gates document without gates said GO, and a ratio gate without a baseline took the run's. */
  it.each([
    ["another version", { version: 2 }, /no "espalier-matrix-gates" document of version 1/],
    ["no list", { gates: {} }, /no "espalier-matrix-gates" document/],
    ["no gate", { gates: [] }, /holds no gate/],
    ["null for a gate", { gates: [null] }, /needs id, title, scope and limit/],
    ["no title", { gates: [{ ...failures, title: undefined }] }, /needs id, title, scope and limit/],
    ["no limit", { gates: [{ ...failures, limit: undefined }] }, /needs id, title, scope and limit/],
    ["no scope", { gates: [{ ...failures, scope: null }] }, /needs id, title, scope and limit/],
    ["a wrong scope", { gates: [{ ...failures, scope: { engine: [] } }] }, /gate has "engine" in its scope/],
    // It judged the cells of "espalier", which is a part of the name.
    [
      "no list in its scope",
      { gates: [{ ...failures, scope: { engines: "espalier-group" } }] },
      /gate gate needs a list for "engines" of its scope/,
    ],
    ["another kind", { gates: [{ ...failures, kind: "mood" }] }, /gate gate has no kind of counter, /],
    ["no counter", { gates: [{ ...failures, kind: "counter" }] }, /gate gate needs a counter/],
    [
      "no counters to compare with",
      { gates: [{ ...failures, kind: "counter-excess", counter: "a" }] },
      /needs a list of counters in "over"/,
    ],
    [
      "no names of counters to compare with",
      { gates: [{ ...failures, kind: "counter-excess", counter: "a", over: [3] }] },
      /needs a list of counters in "over"/,
    ],
    ["no baseline", { gates: [{ ...failures, kind: "ratio" }] }, /needs an engine as its baseline/],
    [
      "another figure",
      { gates: [{ ...failures, kind: "figure", figure: "toString" }] },
      /needs a figure of log-bytes-per-operation, /,
    ],
  ])("are refused with %s", async (_what, change, reason) => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-gates-"));
    try {
      const path = join(folder, "gates.json");
      const write = (value: object): void => writeFileSync(path, JSON.stringify(value));
      const document = { schema: "espalier-matrix-gates", version: 1, gates: [failures] };
      write(document);
      expect(await readGates(path)).toEqual(document);
      write({ ...document, ...change });
      await expect(readGates(path)).rejects.toThrow(reason);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("are refused where they are no JSON, or hold a number that is none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-gates-"));
    try {
      const path = join(folder, "gates.json");
      const document = { schema: "espalier-matrix-gates", version: 1, gates: [failures] };
      writeFileSync(path, "");
      await expect(readGates(path)).rejects.toThrow(`${path}: not JSON`);
      // More than a number can be is Infinity, a limit that nothing breaks.
      writeFileSync(path, JSON.stringify(document).replace('"limit":0', '"limit":1e999'));
      await expect(readGates(path)).rejects.toThrow(/needs id, title, scope and limit/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("give a verdict that fits into a run's document and a table", async () => {
    const document = run([cell("espalier", [1])]);
    const verdict: GateVerdict = gateRun(document, await readGates());
    expect(runDocumentProblems({ ...document, verdict })).toEqual([]);
    expect(gateTable(verdict).split("\n").at(-1)).toBe("NO-GO");
  });
});
