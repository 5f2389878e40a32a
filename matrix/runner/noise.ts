/** Drift and noise: whether a run's figures can be believed, and why not where they can't. */

import type { CellRow, Drift, DriftPoint, Environment, Noise, Spread } from "../results/document.js";
import { median } from "../stats/summary.js";

/** Limits beyond which a run is called noisy. */
const NOISE = { javascriptRatio: 1.25, syncRatio: 2, relativeInterval: 0.25, loadPerCore: 1.5 };

/** Spread of the drift control's points. */
export function summariseDrift(points: readonly DriftPoint[]): Drift {
  const syncs = points.flatMap(({ syncUs }) => (syncUs === null ? [] : [syncUs]));
  return {
    points: [...points],
    javascript: spread(points.map(({ javascriptMs }) => javascriptMs)),
    sync: syncs.length === 0 ? null : spread(syncs),
  };
}

function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { median: 0, min: 0, max: 0, ratio: 1 };
  const min = Math.min(...values);
  const max = Math.max(...values);
  return { median: median(values), min, max, ratio: min > 0 ? max / min : 1 };
}

/** Judges a run by its drift control, the load of the machine and the spread of its cells' rounds. */
export function judgeNoise(
  drift: Drift,
  cells: readonly CellRow[],
  environment: Pick<Environment, "cpu" | "loadAtStart">,
): Noise {
  const widths = cells.flatMap(({ opsPerSecond }) =>
    opsPerSecond !== null && opsPerSecond.n >= 3
      ? [(opsPerSecond.high - opsPerSecond.low) / opsPerSecond.median]
      : [],
  );
  const medianRelativeInterval = widths.length > 0 ? median(widths) : null;
  const reasons: string[] = [];
  if (drift.javascript.ratio > NOISE.javascriptRatio) {
    reasons.push(`the same JavaScript loop took ${percent(drift.javascript.ratio)} longer at its slowest`);
  }
  if (drift.sync !== null && drift.sync.ratio > NOISE.syncRatio) {
    reasons.push(`the same overwrite and sync took ${percent(drift.sync.ratio)} longer at its slowest`);
  }
  if (medianRelativeInterval !== null && medianRelativeInterval > NOISE.relativeInterval) {
    reasons.push(`half of the cells have intervals wider than ${Math.round(medianRelativeInterval * 100)} %`);
  }
  const load = environment.loadAtStart[0] ?? 0;
  if (load > NOISE.loadPerCore * environment.cpu.cores) {
    reasons.push(`load ${load.toFixed(1)} on ${environment.cpu.cores} cores when the run began`);
  }
  const judged = drift.points.length >= 2;
  return {
    verdict: reasons.length > 0 ? "noisy" : judged ? "quiet" : "unknown",
    reasons,
    medianRelativeInterval,
  };
}

function percent(ratio: number): string {
  return `${Math.round((ratio - 1) * 100)} %`;
}
