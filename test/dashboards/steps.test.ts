/** Step detection: known answers, and the same answers as the matrix's own history gives. */

import { expect, test } from "vitest";
import { findSteps } from "../../dashboards/data/steps.js";
import { seededRandom } from "../../matrix/stats/random.js";
import { findSteps as matrixSteps } from "../../matrix/stats/steps.js";

test("a change of level is one step, at its first value", () => {
  expect(findSteps([10, 10.1, 9.9, 20, 20.2, 19.8])).toEqual([{ index: 3, ratio: 2 }]);
});

test("noise and a single odd value are no steps", () => {
  expect(findSteps([10, 12, 9, 11, 8, 12, 10])).toEqual([]);
  expect(findSteps([10, 10, 10, 30, 10, 10])).toEqual([]);
  expect(findSteps([10, 20])).toEqual([]);
});

test("the matrix finds the same steps in random series", () => {
  const seed = Number(process.env.ESPALIER_SEED ?? 20_260_101);
  const random = seededRandom(seed, "steps");
  let found = 0;
  for (let i = 0; i < 300; i++) {
    let level = 100;
    const series = Array.from({ length: 2 + random.below(20) }, () => {
      if (random.below(6) === 0) level *= 0.5 + random.below(100) / 50;
      return level * (1 + random.below(10) / 100);
    });
    const ours = findSteps(series);
    found += ours.length;
    const theirs = matrixSteps(series).map(({ index, ratio }) => ({ index, ratio }));
    expect(ours, `seed ${seed}, series ${i}; replay: ESPALIER_SEED=${seed} npx vitest run steps`).toEqual(
      theirs,
    );
  }
  expect(found).toBeGreaterThan(50);
});
