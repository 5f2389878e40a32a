/**
 * Bootstrap confidence intervals: of a median, and of the ratio of two medians. Percentile method, seeded,
 * so that the same values always give the same interval.
 */

import { type Random, seededRandom } from "./random.js";
import { median, quantileSorted, sorted } from "./summary.js";

/** Resamples drawn for an interval. */
export const BOOTSTRAP_RESAMPLES = 2000;

/** A figure and the interval it lies in at the stated confidence. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
}

/**
 * The median of `values` with its bootstrap interval. One value has an interval of no width: it says
 * nothing about spread, which readers see from `n`. Throws RangeError when there are none.
 */
export function bootstrapMedian(values: readonly number[], confidence = 0.95, seed = 1): Interval {
  const random = seededRandom(seed, "bootstrap");
  return interval(median(values), confidence, () => resampledMedian(values, random));
}

/** median(a) / median(b) with its bootstrap interval; both sides are resampled independently. */
export function bootstrapRatio(
  a: readonly number[],
  b: readonly number[],
  confidence = 0.95,
  seed = 1,
): Interval {
  const random = seededRandom(seed, "bootstrap ratio");
  return interval(
    median(a) / median(b),
    confidence,
    () => resampledMedian(a, random) / resampledMedian(b, random),
  );
}

function interval(figure: number, confidence: number, draw: () => number): Interval {
  const draws = new Float64Array(BOOTSTRAP_RESAMPLES);
  for (let i = 0; i < draws.length; i++) draws[i] = draw();
  const ascending = sorted(draws);
  const tail = (1 - confidence) / 2;
  return {
    median: figure,
    low: quantileSorted(ascending, tail),
    high: quantileSorted(ascending, 1 - tail),
    confidence,
  };
}

function resampledMedian(values: readonly number[], random: Random): number {
  const draw = new Float64Array(values.length);
  for (let i = 0; i < draw.length; i++) draw[i] = values[random.below(values.length)] as number;
  return quantileSorted(draw.sort(), 0.5);
}
