/** A cell's row out of known round results. */

import { describe, expect, it } from "vitest";
import type { Engine } from "../../../matrix/engines/engine.js";
import { engineById } from "../../../matrix/engines/registry.js";
import { assembleCell, type CellInput, type RoundRecord } from "../../../matrix/results/assemble.js";
import { counterAt, counterDelta } from "../../../matrix/results/counters.js";
import { runDocumentProblems } from "../../../matrix/results/validate.js";
import type { RoundResult } from "../../../matrix/runner/round.js";
import { run } from "../support/documents.js";

const engine: Engine = engineById("espalier");

function result(seconds: number, change: Partial<RoundResult> = {}): RoundResult {
  return {
    operations: 2000,
    passes: 2,
    opsPerIteration: 100,
    seconds,
    coldOpsPerSecond: 50,
    samplesUs: [10, 20, 30],
    passedToWrite: 200_000,
    reachedStorage: 300_000,
    logicalBytes: 32_000,
    cpuUs: { user: 1000, system: 1000 },
    peakBytes: 7e7,
    baseBytes: 6e7,
    fileBytes: 48_000,
    contentBytes: 16_000,
    counters: {
      before: { log: { bytes: 100, fsyncs: 1 } },
      after: { log: { bytes: 75_100, fsyncs: 11 } },
    },
    census: null,
    contentHash: "abc",
    ...change,
  };
}

function ok(round: number, seconds: number, change: Partial<RoundResult> = {}): RoundRecord {
  return {
    round,
    startedAt: "2026-01-01T00:00:00Z",
    outcome: { status: "ok", result: result(seconds, change) },
  };
}

function input(change: Partial<CellInput>): CellInput {
  return {
    group: { workload: "inserts", shape: "u64", records: 1000, order: "random", commitEvery: 100 },
    engine,
    presence: { present: true, version: "1", reason: null, install: null },
    rounds: [],
    profile: null,
    reproduce: "again",
    notRun: "no turn",
    keepSamples: false,
    ...change,
  };
}

describe("assembleCell", () => {
  it("takes the median round's rate and its counters", () => {
    const marked = { counters: { before: {}, after: { log: { bytes: 7, fsyncs: 0 } } } };
    const row = assembleCell(input({ rounds: [ok(1, 4), ok(2, 1), ok(3, 2, marked)] }));
    expect(row.opsPerSecond).toMatchObject({ median: 1000, low: 500, high: 2000, n: 3 });
    expect(row.counters).toMatchObject({ round: 3, delta: { log: { bytes: 7 } } });
    expect(row.latencyUs).toMatchObject({ samples: 9, p50: 20 });
  });

  it("works out bytes by operation and amplification", () => {
    const row = assembleCell(input({ rounds: [ok(1, 1)] }));
    expect(row.bytes).toEqual({
      logical: 32_000,
      passedToWrite: 200_000,
      reachedStorage: 300_000,
      // 75,000 bytes in the last of two passes of 1,000 operations each.
      logPerOperation: 75,
      writtenPerOperation: 100,
      writeAmplification: 6.25,
      spaceAmplification: 3,
    });
    expect(row.syncs).toBe(20);
    expect(row.cpuUs?.perOperation).toBe(1);
  });

  it("marks outliers and keeps them in the median", () => {
    const rounds = [ok(1, 1), ok(2, 1.01), ok(3, 0.99), ok(4, 1), ok(5, 10)];
    const row = assembleCell(input({ rounds }));
    expect(row.rounds.map(({ outlier }) => outlier)).toEqual([false, false, false, false, true]);
    expect(row.opsPerSecond).toMatchObject({ n: 5, outliers: [5] });
  });

  it("fails as a whole when one round failed", () => {
    const bad: RoundRecord = {
      round: 2,
      startedAt: "",
      outcome: { status: "failed", reason: "wrong content" },
    };
    const row = assembleCell(input({ rounds: [ok(1, 1), bad] }));
    expect(row).toMatchObject({ status: "failed", reason: "round 2: wrong content", opsPerSecond: null });
    expect(row.rounds).toHaveLength(2);
  });

  it("fails, too, when the profiled pass crashed, hung or held wrong content", () => {
    for (const status of ["failed", "timeout"] as const) {
      const row = assembleCell(input({ rounds: [ok(1, 1)], profile: { status, reason: "wrong content" } }));
      expect(row).toMatchObject({ status, reason: "profiled pass: wrong content", opsPerSecond: null });
    }
  });

  it("tells a timeout, a missing engine, an unsupported cell and one that had no turn apart", () => {
    const late: RoundRecord = {
      round: 1,
      startedAt: "",
      outcome: { status: "timeout", reason: "stopped after 1 s" },
    };
    expect(assembleCell(input({ rounds: [late] })).status).toBe("timeout");
    const presence = {
      present: false,
      version: null,
      reason: "x is not installed",
      install: "npm install x",
    };
    expect(assembleCell(input({ presence }))).toMatchObject({
      status: "missing",
      reason: "x is not installed; install with: npm install x",
    });
    expect(assembleCell(input({})).reason).toBe("no turn");
    const group = { ...input({}).group, workload: "mixed-read-through" as const };
    expect(assembleCell(input({ engine: engineById("rocksdb"), group })).status).toBe("skipped");
  });

  it("takes slot_extent timings from the profiled pass", () => {
    const counters = {
      before: { slot_extent: { builds: 1, slots: 10, ns: 100 } },
      after: { slot_extent: { builds: 5, slots: 210, ns: 4100 } },
    };
    const profile = ok(1, 1, { counters }).outcome;
    const row = assembleCell(input({ rounds: [ok(1, 1)], profile }));
    expect(row.profile?.slotExtent).toEqual({
      builds: 4,
      slots: 200,
      ns: 4000,
      nsPerBuild: 1000,
      nsPerSlot: 20,
      nsPerOperation: 4,
    });
  });

  it("gives rows that the schema accepts, measured or not", () => {
    const document = run([]);
    const cells = [
      assembleCell(input({ rounds: [ok(1, 1)], profile: ok(1, 1).outcome, keepSamples: true })),
      assembleCell(input({ engine: engineById("rebuild") })),
    ];
    expect(
      runDocumentProblems({ ...document, settings: { ...document.settings, baseline: "espalier" }, cells }),
    ).toEqual([]);
  });
});

describe("counters", () => {
  it("subtract leaf by leaf, lists position by position", () => {
    const before = { a: 1, deep: { b: 2 }, list: [1, 2] };
    const after = { a: 5, deep: { b: 3, c: 4 }, list: [2, 4, 8] };
    expect(counterDelta(before, after)).toEqual({ a: 4, deep: { b: 1, c: 4 }, list: [1, 2, 8] });
  });

  it("are found by path, groups added up, null where there is none", () => {
    const tree = { allocator: { failures: { a: 1, b: 2 } }, list: [1, 2, 3] };
    expect(counterAt(tree, "allocator.failures")).toBe(3);
    expect(counterAt(tree, "allocator.failures.b")).toBe(2);
    expect(counterAt(tree, "list")).toBe(6);
    expect(counterAt(tree, "pager.hits")).toBeNull();
  });
});
