/**
 * Step detection in a short series, one figure a run, by the rule that `espalier matrix history` uses: a
 * step is where cutting the series lowers the absolute deviation from the parts' medians most, both parts
 * hold at least two runs, and their medians differ by more than 5 % and three times the noise inside them.
 * A test holds the two implementations against each other.
 */

/** A change of level: `index` is the first value of the new one. */
export interface Step {
  readonly index: number;
  /** Median after / median before. */
  readonly ratio: number;
}

const LENGTH_MIN = 2;
const CHANGE_MIN = 0.05;
const NOISE_FACTOR = 3;

/** The steps of a series, in order. Costs O(n² log n), for n in the hundreds at most. */
export function findSteps(series: readonly number[]): Step[] {
  const cuts: number[] = [];
  const pending: [number, number][] = [[0, series.length]];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    const [from, to] = part;
    const cut = bestCut(series, from, to);
    if (cut === null) continue;
    cuts.push(cut);
    pending.push([from, cut], [cut, to]);
  }
  cuts.sort((a, b) => a - b);
  return cuts.map((index, i) => {
    const before = median(series.slice(cuts[i - 1] ?? 0, index));
    const after = median(series.slice(index, cuts[i + 1] ?? series.length));
    return { index, ratio: after / before };
  });
}

function bestCut(series: readonly number[], from: number, to: number): number | null {
  let best: { cut: number; cost: number } | null = null;
  for (let cut = from + LENGTH_MIN; cut <= to - LENGTH_MIN; cut++) {
    const cost = deviation(series.slice(from, cut)) + deviation(series.slice(cut, to));
    if (best === null || cost < best.cost) best = { cut, cost };
  }
  if (best === null) return null;
  const left = median(series.slice(from, best.cut));
  const right = median(series.slice(best.cut, to));
  const change = Math.abs(right - left);
  const noise = best.cost / (to - from);
  return change > CHANGE_MIN * Math.abs(left) && change > NOISE_FACTOR * noise ? best.cut : null;
}

/** The median; the mean of the middle two when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

function deviation(values: readonly number[]): number {
  const middle = median(values);
  return values.reduce((sum, value) => sum + Math.abs(value - middle), 0);
}
