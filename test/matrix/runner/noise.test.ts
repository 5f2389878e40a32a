/** The verdict on noise from known drift, load and intervals; limits put together from known samples. */

import { describe, expect, it } from "vitest";
import type { DriftPoint } from "../../../matrix/results/document.js";
import { summariseLimits } from "../../../matrix/runner/limits.js";
import { judgeNoise, summariseDrift } from "../../../matrix/runner/noise.js";
import { formatDuration, formatRate, progressLine } from "../../../matrix/runner/progress.js";
import { cell, run } from "../support/documents.js";

const point = (javascriptMs: number, syncUs: number | null): DriftPoint => ({
  at: "2026-01-01T00:00:00Z",
  afterRound: 1,
  javascriptMs,
  syncUs,
});
const { environment } = run([cell("espalier", [1])]);
const steady = [cell("espalier", [100, 101, 99])];

describe("noise", () => {
  it("is quiet when the control hardly moves", () => {
    const drift = summariseDrift([point(40, 200), point(42, 210)]);
    expect(drift.javascript).toEqual({ median: 41, min: 40, max: 42, ratio: 1.05 });
    expect(judgeNoise(drift, steady, environment)).toMatchObject({ verdict: "quiet", reasons: [] });
  });

  it("is noisy when the loop, the syncs, the load or the rounds spread", () => {
    const verdict = (points: DriftPoint[], cells = steady, load = 0): string =>
      judgeNoise(summariseDrift(points), cells, { ...environment, loadAtStart: [load, 0, 0] }).verdict;
    expect(verdict([point(40, 200), point(60, 200)])).toBe("noisy");
    expect(verdict([point(40, 200), point(40, 900)])).toBe("noisy");
    expect(verdict([point(40, null), point(40, null)], steady, 9)).toBe("noisy");
    expect(verdict([point(40, 200), point(40, 200)], [cell("espalier", [50, 100, 150])])).toBe("noisy");
  });

  it("is unknown without a control", () => {
    expect(judgeNoise(summariseDrift([]), [], environment).verdict).toBe("unknown");
  });
});

describe("limits", () => {
  it("are medians over rounds and quantiles over operations", () => {
    const rows = summariseLimits([
      { id: "overwrite-sync", value: 5000, samplesUs: [100, 200] },
      { id: "overwrite-sync", value: 4000, samplesUs: [300] },
      { id: "overwrite-dsync", value: null, samplesUs: [] },
    ]);
    expect(rows.find(({ id }) => id === "overwrite-sync")).toMatchObject({
      median: 4500,
      p50Us: 200,
      values: [5000, 4000],
    });
    expect(rows.find(({ id }) => id === "overwrite-dsync")).toMatchObject({ median: null, values: [] });
    expect(rows).toHaveLength(5);
  });
});

describe("progress", () => {
  it("says what, how fast and how long", () => {
    const line = progressLine({
      done: 3,
      total: 9,
      cell: "inserts/u64/10000/random/ce1/lmdb",
      round: 2,
      status: "ok",
      opsPerSecond: 3520,
      elapsedMs: 1000,
      remainingMs: 125_000,
    });
    expect(line).toBe("3/9, 2 min 05 s left  inserts/u64/10000/random/ce1/lmdb round 2: 3.52k ops/s");
  });

  it("writes rates and durations shortly", () => {
    expect([3.256, 999.7, 13_100, 131_000, 999_600, 1.06e6].map(formatRate)).toEqual([
      "3.26",
      "1.00k",
      "13.1k",
      "131k",
      "1.00M",
      "1.06M",
    ]);
    expect([900, 61_000, 3_900_000].map(formatDuration)).toEqual(["1 s", "1 min 01 s", "1 h 05 min"]);
  });
});
