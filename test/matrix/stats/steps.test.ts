/** Step detection in series whose steps are known. */

import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../matrix/stats/random.js";
import { findSteps } from "../../../matrix/stats/steps.js";

describe("findSteps", () => {
  it("finds the place and the size of a step", () => {
    expect(findSteps([10, 10, 10, 20, 20, 20])).toEqual([{ index: 3, before: 10, after: 20, ratio: 2 }]);
  });

  it("finds a step down and back up", () => {
    const steps = findSteps([100, 101, 99, 60, 61, 59, 60, 100, 99, 101]);
    expect(steps.map(({ index }) => index)).toEqual([3, 7]);
  });

  it("finds steps on both sides of the largest, and gives them in order", () => {
    const steps = findSteps([1, 1, 1, 2, 2, 2, 90, 90, 90, 100, 100, 100, 120, 120]);
    expect(steps).toEqual([
      { index: 3, before: 1, after: 2, ratio: 2 },
      { index: 6, before: 2, after: 90, ratio: 45 },
      { index: 9, before: 90, after: 100, ratio: 100 / 90 },
      { index: 12, before: 100, after: 120, ratio: 1.2 },
    ]);
  });

  it("wants as many values on each side as it is told, two by default", () => {
    expect(findSteps([10, 10, 20, 20])).toMatchObject([{ index: 2 }]);
    expect(findSteps([10, 10, 20, 20], { minimumLength: 3 })).toEqual([]);
    expect(findSteps([10, 10, 10, 20, 20, 20], { minimumLength: 3 })).toMatchObject([{ index: 3 }]);
  });

  it("sees none in a level series, however noisy", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed, "noise");
      const series = Array.from({ length: 40 }, () => 100 + 60 * (random.unit() - 0.5));
      expect(findSteps(series), `seed ${seed}`).toEqual([]);
    }
  });

  it("sees none in a single bad run", () => {
    expect(findSteps([100, 100, 100, 40, 100, 100, 100])).toEqual([]);
  });

  it("passes over a change under the threshold", () => {
    const series = [100, 100, 100, 103, 103, 103];
    expect(findSteps(series, { threshold: 0.05 })).toEqual([]);
    expect(findSteps(series, { threshold: 0.02 })).toHaveLength(1);
  });

  it("finds nothing in series that are too short", () => {
    expect(findSteps([])).toEqual([]);
    expect(findSteps([1, 100, 100])).toEqual([]);
  });
});
