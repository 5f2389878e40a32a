/** Bootstrap intervals: exact where they can be, and right in how often they cover the truth. */

import { describe, expect, it } from "vitest";
import { bootstrapMedian, bootstrapRatio } from "../../../matrix/stats/bootstrap.js";
import { seededRandom } from "../../../matrix/stats/random.js";

describe("bootstrapMedian", () => {
  it("has no width for equal values and for one value", () => {
    expect(bootstrapMedian([5, 5, 5])).toMatchObject({ median: 5, low: 5, high: 5 });
    expect(bootstrapMedian([7])).toMatchObject({ median: 7, low: 7, high: 7 });
  });

  it("reaches from the least to the greatest of three values", () => {
    // All three draws hit the same end in one resample of 27, more often than the 2.5 % of each tail.
    expect(bootstrapMedian([1, 2, 4])).toMatchObject({ median: 2, low: 1, high: 4 });
  });

  it("is the same for the same seed and another for another", () => {
    const values = Array.from({ length: 30 }, (_, i) => (i * 37) % 101);
    expect(bootstrapMedian(values)).toEqual(bootstrapMedian(values));
    expect(bootstrapMedian(values, 0.95, 1)).not.toEqual(bootstrapMedian(values, 0.95, 2));
  });

  it("covers the true median about as often as it says", () => {
    const random = seededRandom(11, "coverage");
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 25 }, () => random.unit());
      const { low, high } = bootstrapMedian(values, 0.9, trial);
      if (low <= 0.5 && 0.5 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(160);
    expect(covered).toBeLessThan(198);
  });
});

describe("bootstrapRatio", () => {
  it("is the ratio of the medians", () => {
    expect(bootstrapRatio([10, 10, 10], [5, 5, 5])).toMatchObject({ median: 2, low: 2, high: 2 });
  });

  it("holds 1 when the two sides come from one distribution", () => {
    const a = [100, 103, 98, 101, 99];
    const { low, high } = bootstrapRatio(a, [101, 99, 102, 98, 100]);
    expect(low).toBeLessThan(1);
    expect(high).toBeGreaterThan(1);
  });

  it("leaves 1 out when one side is far ahead of its own spread", () => {
    expect(bootstrapRatio([200, 201, 199], [100, 101, 99]).low).toBeGreaterThan(1.9);
  });
});
