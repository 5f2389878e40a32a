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
