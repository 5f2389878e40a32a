/**
 * Location and spread of samples: quantiles, mean, deviation, histograms, outliers, geometric mean.
 * Quantiles interpolate linearly between the two nearest order statistics.
 */

/** What is kept of a set of latency samples, in the samples' unit. */
export interface Summary {
  readonly p50: number;
  readonly p75: number;
  readonly p99: number;
  readonly p999: number;
  readonly mean: number;
  /** Sample standard deviation (n - 1); 0 for one sample. */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

/** A sorted copy. */
export function sorted(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort();
}

/** The `q` quantile (0 to 1) of ascending values. Throws RangeError when there are none. */
export function quantileSorted(ascending: ArrayLike<number>, q: number): number {
  if (ascending.length === 0) throw new RangeError("no values to take a quantile of");
  const position = q * (ascending.length - 1);
  const below = Math.floor(position);
  const low = ascending[below] as number;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/** The median; the mean of the middle two when their number is even. Throws RangeError when there are none. */
export function median(values: Iterable<number>): number {
  return quantileSorted(sorted(values), 0.5);
}

/** Summarises samples. Throws RangeError when there are none. */
export function summarise(samples: Iterable<number>): Summary {
  const ascending = sorted(samples);
  const n = ascending.length;
  let sum = 0;
  for (const value of ascending) sum += value;
  const mean = sum / n;
  let squares = 0;
  for (const value of ascending) squares += (value - mean) ** 2;
  return {
    p50: quantileSorted(ascending, 0.5),
    p75: quantileSorted(ascending, 0.75),
    p99: quantileSorted(ascending, 0.99),
    p999: quantileSorted(ascending, 0.999),
    mean,
    sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0,
    min: ascending[0] as number,
    max: ascending[n - 1] as number,
    samples: n,
  };
}

/** Counts of samples between logarithmic bounds, as the run document stores them. */
export interface Histogram {
  readonly boundsUs: number[];
  /** One longer than `boundsUs`: the last counts what is above every bound. */
  readonly counts: number[];
}

/** Four bounds a power of ten, from 0.1 µs to 10 s. */
const HISTOGRAM_BOUNDS_US: readonly number[] = Array.from(
  { length: 33 },
  (_, i) => Math.round(10 ** (i / 4 - 1) * 1000) / 1000,
);

/** Sorts samples (µs) into the fixed bounds; empty buckets at both ends are cut off. */
export function histogram(samplesUs: Iterable<number>): Histogram {
  const counts = new Array<number>(HISTOGRAM_BOUNDS_US.length + 1).fill(0);
  for (const sample of samplesUs) {
    let bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS_US.length && sample > (HISTOGRAM_BOUNDS_US[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  let first = counts.findIndex((count) => count > 0);
  if (first < 0) return { boundsUs: [], counts: [0] };
  let last = counts.length - 1;
  while (counts[last] === 0) last--;
  if (last === HISTOGRAM_BOUNDS_US.length) {
    return { boundsUs: HISTOGRAM_BOUNDS_US.slice(first), counts: counts.slice(first) };
  }
  first = Math.max(first, 0);
  return {
    boundsUs: HISTOGRAM_BOUNDS_US.slice(first, last + 1),
    counts: [...counts.slice(first, last + 1), 0],
  };
}

/**
 * Positions of the values outside Tukey's fences (1.5 interquartile ranges beyond the quartiles). Fewer
 * than four values have no outliers: there is nothing to judge them by.
 */
export function outliers(values: readonly number[]): number[] {
  if (values.length < 4) return [];
  const ascending = sorted(values);
  const q1 = quantileSorted(ascending, 0.25);
  const q3 = quantileSorted(ascending, 0.75);
  const reach = 1.5 * (q3 - q1);
  return values.flatMap((value, i) => (value < q1 - reach || value > q3 + reach ? [i] : []));
}

/** The geometric mean of positive numbers. Throws RangeError for none, or for one that is not positive. */
export function geometricMean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("no values to take a geometric mean of");
  let logs = 0;
  for (const value of values) {
    if (!(value > 0)) throw new RangeError(`a geometric mean needs positive values, not ${value}`);
    logs += Math.log(value);
  }
  return Math.exp(logs / values.length);
}
