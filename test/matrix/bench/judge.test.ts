/** Verdicts and medians with known answers. */

import { describe, expect, it } from "vitest";
import { type EntryResult, judge, judgeCurve, summariseRounds } from "../../../matrix/bench/judge.js";
import type { Cell, Target } from "../../../matrix/bench/plan.js";
import { short } from "../../../matrix/bench/report.js";

function cell(targets: readonly Target[], id = "cell"): Cell {
  return {
    id,
    title: id,
    bed: { shape: "u64", records: 1, valueBytes: 8, seed: 1 },
    task: "writes",
    options: {},
    entries: [],
    figures: [
      { name: "ops", unit: "/s", better: "higher" },
      { name: "wait", unit: " µs", better: "lower" },
      { name: "p50", unit: " µs", better: "lower", percentile: { of: "ops", quantile: 0.5 } },
    ],
    targets,
  };
}

function entry(id: string, figures: Record<string, number>): EntryResult {
  return { id, title: id, status: "ok", reason: null, settings: "", rounds: [], figures, contentHash: null };
}

const RESULTS = [
  entry("mine", { ops: 30, wait: 5, below: -4 }),
  entry("slow", { ops: 10, wait: 10 }),
  entry("fast", { ops: 20, wait: 4 }),
];

describe("verdicts", () => {
  it("compare with the best of the others", () => {
    const against = { entries: ["slow", "fast", "absent"] };
    const [higher, lower, tooMuch] = judge(
      cell([
        { figure: "ops", mine: "mine", against, atLeast: 1.5 },
        { figure: "wait", mine: "mine", against, atMost: 1 },
        { figure: "ops", mine: "mine", against, atLeast: 1.6 },
      ]),
      RESULTS,
    );
    expect(higher).toMatchObject({ otherEntry: "fast", other: 20, ratio: 1.5, met: true });
    expect(lower).toMatchObject({ otherEntry: "fast", other: 4, ratio: 1.25, met: false });
    expect(tooMuch).toMatchObject({ met: false });
  });

  it("compare with a value, also where the figure is below zero", () => {
    const negative = [entry("mine", { wait: -4 })];
    const target: Target = { figure: "wait", mine: "mine", against: { value: 64 }, atMost: 1 };
    expect(judge(cell([target]), negative)[0]).toMatchObject({ other: 64, otherEntry: null, met: true });
    expect(judge(cell([target]), [entry("mine", { wait: 65 })])[0]).toMatchObject({ met: false });
  });

  it("are open where something was not measured", () => {
    const against = { entries: ["absent"] };
    const [verdict] = judge(cell([{ figure: "ops", mine: "mine", against, atLeast: 1 }]), RESULTS);
    expect(verdict).toMatchObject({ mine: 30, other: null, ratio: null, met: null });
  });

  it("hold growth of cost against growth of cost", () => {
    const curve = { cells: "growth/get", figure: "ops", mine: "mine", other: "fast" };
    const at = (id: string, mine: number, fast: number): { cell: Cell; entries: EntryResult[] } => ({
      cell: cell([], id),
      entries: [entry("mine", { ops: mine }), entry("fast", { ops: fast })],
    });
    const cells = [at("growth/get/10", 100, 90), at("growth/insert/10", 1, 1), at("growth/get/100", 50, 30)];
    expect(judgeCurve(curve, cells)).toMatchObject({ mine: 2, other: 3, met: true });
    expect(judgeCurve({ ...curve, mine: "fast", other: "mine" }, cells)).toMatchObject({ met: false });
    expect(judgeCurve(curve, cells.slice(0, 2))).toMatchObject({ mine: null, met: null });
  });
});

describe("figures", () => {
  it("are medians of rounds, and percentiles of all rounds' samples together", () => {
    const rounds = [
      { values: { ops: 1 }, samplesUs: { ops: [1, 9] } },
      { values: { ops: 5 }, samplesUs: { ops: [2] } },
      { values: { ops: 3 } },
    ];
    expect(summariseRounds(cell([]), rounds)).toEqual({ ops: 3, p50: 2 });
  });

  it("are shown short", () => {
    expect([1_234_567, 12_345, 1234.5, 0.12345].map(short)).toEqual(["1.23M", "12.3k", "1235", "0.123"]);
    expect([999_499, 999_500].map(short)).toEqual(["999k", "1.00M"]);
  });
});
