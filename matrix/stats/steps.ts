/**
 * Step detection in a short series (one figure a run): binary segmentation. A step is where splitting the
 * series lowers the absolute deviation from the segments' medians most, both sides are long enough, and
 * their medians differ by more than the noise inside them.
 */

import { median } from "./summary.js";

/** A place where a series changes its level: `index` is the first value of the new level. */
export interface Step {
  readonly index: number;
  readonly before: number;
  readonly after: number;
  /** after / before */
  readonly ratio: number;
}

export interface StepOptions {
  /** Values that a level must hold on each side of a step; 2 by default. */
  readonly minimumLength?: number;
  /** Relative change under which nothing counts as a step; 0.05 by default. */
  readonly threshold?: number;
}

/**
 * Finds the steps of a series, in order. Costs O(n² log n), for n in the hundreds at most.
 * A change that does not exceed three times the typical deviation inside its levels is noise.
 */
export function findSteps(series: readonly number[], options: StepOptions = {}): Step[] {
  const minimumLength = options.minimumLength ?? 2;
  const threshold = options.threshold ?? 0.05;
  const cuts: number[] = [];
  const pending: [number, number][] = [[0, series.length]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [from, to] = next;
    const cut = bestCut(series, from, to, minimumLength, threshold);
    if (cut === null) continue;
    cuts.push(cut);
    pending.push([from, cut], [cut, to]);
  }
  cuts.sort((a, b) => a - b);
  return cuts.map((index, i) => {
    const before = median(series.slice(cuts[i - 1] ?? 0, index));
    const after = median(series.slice(index, cuts[i + 1] ?? series.length));
    return { index, before, after, ratio: after / before };
  });
}

function bestCut(
  series: readonly number[],
  from: number,
  to: number,
  minimumLength: number,
  threshold: number,
): number | null {
  let best: { cut: number; cost: number } | null = null;
  for (let cut = from + minimumLength; cut <= to - minimumLength; cut++) {
    const cost = deviation(series.slice(from, cut)) + deviation(series.slice(cut, to));
    if (best === null || cost < best.cost) best = { cut, cost };
  }
  if (best === null) return null;
  const left = median(series.slice(from, best.cut));
  const right = median(series.slice(best.cut, to));
  const change = Math.abs(right - left);
  const noise = best.cost / (to - from);
  return change > threshold * Math.abs(left) && change > 3 * noise ? best.cut : null;
}

/** Sum of absolute distances from the median. */
function deviation(values: readonly number[]): number {
  const middle = median(values);
  let sum = 0;
  for (const value of values) sum += Math.abs(value - middle);
  return sum;
}
