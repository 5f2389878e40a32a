/**
 * A smoke run of the store and the legacy ways of editing leaves: every workload ends with the right
 * content, the store counts no rebuilt leaf, the census adds up, and the gates read it. No speeds.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { censusOf } from "../../matrix/reports/census.js";
import { counterAt } from "../../matrix/results/counters.js";
import { type CellRow, LEVEL_WORKLOADS, type RunDocument, WORKLOADS } from "../../matrix/results/document.js";
import { runDocumentProblems } from "../../matrix/results/validate.js";
import { runMatrix } from "../../matrix/runner/run.js";
import { compiled } from "../support/compiled.js";

const ENGINES = ["espalier", "rebuild", "rebuild-on-miss"];
const STORE_WORKLOADS = WORKLOADS.filter((name) => !LEVEL_WORKLOADS.includes(name));
let folder: string;
let run: RunDocument;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "espalier-smoke-"));
  run = await runMatrix({
    out: join(folder, "run"),
    preset: "smoke",
    engines: [...ENGINES, "espalier-level"],
    workloads: WORKLOADS,
    profiledPass: false,
    childEntry: join(compiled(), "matrix/runner/child-main.js"),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cells(workload: string): CellRow[] {
  return run.cells.filter((cell) => cell.workload === workload);
}

describe("the smoke run", () => {
  it("measures every workload on every engine", () => {
    const unmeasured = run.cells.filter(({ status }) => status !== "ok");
    expect(unmeasured.map(({ id, reason }) => [id, reason])).toEqual([
      ["mixed-read-through/u64/1000/random/ce100/espalier-level", "it has no transactions to read through"],
    ]);
    expect(run.cells).toHaveLength(STORE_WORKLOADS.length * ENGINES.length + WORKLOADS.length);
    expect(run.run.complete).toBe(true);
    expect(runDocumentProblems(run)).toEqual([]);
  });

  it("leaves the same content whatever the engine, and other content in other workloads", () => {
    const hashes = WORKLOADS.map((workload) => {
      const ok = cells(workload).filter(({ status }) => status === "ok");
      const [first, ...others] = ok.map(({ contentHash }) => contentHash);
      for (const other of others) expect(other).toBe(first);
      return first;
    });
    expect(new Set(hashes).size).toBeGreaterThan(WORKLOADS.length / 2);
  });

  it("sees the store edit leaves without rebuilding one", () => {
    for (const { engine, counters, census } of run.cells) {
      if (engine !== "espalier" || counters === null) continue;
      expect(counterAt(counters.delta, "leaf.rebuilds")).toBe(0);
      expect(census).toBeNull();
    }
    const inserts = cells("inserts").find(({ engine }) => engine === "espalier") as CellRow;
    expect(counterAt(inserts.counters?.delta ?? {}, "allocator.tail_fits")).toBeGreaterThan(0);
    expect(counterAt(inserts.counters?.delta ?? {}, "log.commits")).toBe(10);
    expect(inserts.syncs).toBeGreaterThanOrEqual(10);
    expect(inserts.bytes?.logPerOperation).toBeGreaterThan(16);
  });

  it("counts every edit of the legacy ways once", () => {
    for (const { engine, census, counters } of run.cells) {
      if (census === null) continue;
      const fired = census.fired.reduce((sum, { count }) => sum + count, 0);
      expect(census.rebuilds).toBe(fired);
      expect(census.edits).toBe(census.inPlace + census.rebuilds);
      if (engine === "rebuild") expect(census.inPlace).toBe(0);
      const rebuilds = counterAt(counters?.delta ?? {}, "leaf.rebuilds");
      const splits = counterAt(counters?.delta ?? {}, "leaf.splits");
      if (rebuilds !== null && splits !== null) expect(rebuilds + splits).toBe(census.rebuilds);
    }
  });

  it("finds each guardrail where it must fire", () => {
    const fired = (workload: string): string[] =>
      censusOf(run)
        .filter((row) => row.engine === "rebuild-on-miss" && row.workload === workload)
        .map(({ guardrail }) => guardrail);
    expect(fired("inserts")).toEqual(expect.arrayContaining(["fence_mismatch", "split_prep"]));
    expect(fired("overwrite-same")).toEqual(["replacement"]);
    expect(fired("delete-churn")).toEqual(expect.arrayContaining(["fragmentation", "delete_first_key"]));
  });

  it("is judged by the gates", () => {
    const gates = new Map(run.verdict?.gates.map((gate) => [gate.id, gate]));
    expect(gates.get("right")).toMatchObject({ pass: true, figure: 0, cells: STORE_WORKLOADS.length });
    expect(gates.get("leaf-rebuilds")).toMatchObject({ pass: true, figure: 0 });
    // Commit intervals that a smoke run does not have are no evidence.
    expect(gates.get("ahead-of-rebuild")).toMatchObject({ pass: false, figure: null });
  });
});
