/** Location, spread and outliers against answers worked out by hand. */

import { describe, expect, it } from "vitest";
import {
  geometricMean,
  histogram,
  median,
  outliers,
  quantileSorted,
  summarise,
} from "../../../matrix/stats/summary.js";

describe("quantiles", () => {
  it("interpolate linearly between order statistics", () => {
    expect(quantileSorted([10, 20, 30, 40], 0.5)).toBe(25);
    expect(quantileSorted([10, 20, 30, 40, 50], 0.75)).toBe(40);
    expect(quantileSorted([0, 100], 0.99)).toBeCloseTo(99, 10);
    expect(quantileSorted([7], 0.999)).toBe(7);
  });

  it("sort numbers as numbers", () => {
    expect(median([100, 9, 20])).toBe(20);
    expect(median([1, 2, 10, 100])).toBe(6);
  });

  it("refuse an empty set", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => summarise([])).toThrow(RangeError);
  });
});

describe("summarise", () => {
  it("gives the sample standard deviation and the extremes", () => {
    // Squares of the distances from 5 are 9, 1, 1, 1, 0, 0, 4, 16: 32 / 7.
    const summary = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(summary.mean).toBe(5);
    expect(summary.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(summary).toMatchObject({ p50: 4.5, min: 2, max: 9, samples: 8 });
  });

  it("gives one sample no deviation", () => {
    expect(summarise([3])).toMatchObject({ mean: 3, sd: 0, p50: 3, p999: 3 });
  });
});

describe("outliers", () => {
  it("are the positions beyond Tukey's fences", () => {
    // Quartiles 11.25 and 13.75: fences 7.5 and 17.5.
    expect(outliers([10, 11, 12, 13, 14, 18])).toEqual([5]);
    expect(outliers([10, 11, 12, 13, 14, 17])).toEqual([]);
    expect(outliers([6, 11, 12, 13, 14, 10])).toEqual([0]);
    expect(outliers([10, 11, 12, 13, 14])).toEqual([]);
  });

  it("cannot be told among three values", () => {
    expect(outliers([1, 1, 1000])).toEqual([]);
  });
});

describe("geometricMean", () => {
  it("is the root of the product", () => {
    expect(geometricMean([1, 4, 16])).toBeCloseTo(4, 12);
    expect(geometricMean([0.5, 2])).toBeCloseTo(1, 12);
  });

  it("refuses what has no logarithm", () => {
    expect(() => geometricMean([1, 0])).toThrow(RangeError);
    expect(() => geometricMean([])).toThrow(RangeError);
  });
});

describe("histogram", () => {
  it("counts every sample once, at or under its bound", () => {
    const { boundsUs, counts } = histogram([1, 1, 5, 900]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(boundsUs[0]).toBe(1);
    expect(counts[0]).toBe(2);
    expect(boundsUs).toContain(1000);
    expect(counts).toHaveLength(boundsUs.length + 1);
    expect(counts.at(-1)).toBe(0);
  });

  it("keeps what is above every bound in the last count", () => {
    const { boundsUs, counts } = histogram([5e8]);
    expect(boundsUs.length).toBe(counts.length - 1);
    expect(counts.at(-1)).toBe(1);
  });

  it("of nothing counts nothing", () => {
    expect(histogram([])).toEqual({ boundsUs: [], counts: [0] });
  });
});
