/**
 * Ratios to a baseline engine, worked out inside the spec, so that a reader can choose another baseline and
 * filters count. A cell is compared with the baseline's cell of the same group and durability class only.
 */

import { type Row, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";

/** The parameter that holds the baseline engine. */
export const BASELINE = "baseline";

/** Of an axis of ratios. */
export const RATIO_TICKS: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

type Param = { name: string; value: string; bind: { input: "select"; options: string[]; name: string } };

export function baselineParam(data: DashboardData): Param {
  const options = [...data.engines];
  return {
    name: BASELINE,
    value: data.baselineEngine,
    bind: { input: "select", options, name: "ratios to " },
  };
}

/** All cells with their ops/s. */
export function ratioRows(data: DashboardData): Row[] {
  return rowsOf(data.run, ({ opsPerSecond }) => ({
    ops: opsPerSecond?.median ?? null,
    low: opsPerSecond?.low ?? null,
    high: opsPerSecond?.high ?? null,
  }));
}

/**
 * Adds `ratio`, `ratioLow`, `ratioHigh` and `doublings` (log2 of the ratio, held within ±5) to rows that can
 * be compared, and to all others `why` they can't be. The interval of a ratio goes from the worst pairing of
 * both medians' intervals to the best, so it is wider than a bootstrap of the ratio would be.
 */
export const RATIO_TRANSFORM: (
  | { calculate: string; as: string }
  | {
      joinaggregate: { op: "max"; field: string; as: string }[];
      groupby: string[];
    }
)[] = [
  ...(["ops", "low", "high"] as const).map((field) => ({
    calculate: `datum.engine === ${BASELINE} && datum.status === 'ok' ? datum.${field} : null`,
    as: `own_${field}`,
  })),
  {
    joinaggregate: [
      { op: "max" as const, field: "own_ops", as: "base_ops" },
      { op: "max" as const, field: "own_low", as: "base_low" },
      { op: "max" as const, field: "own_high", as: "base_high" },
    ],
    groupby: ["group", "durability"],
  },
  {
    calculate: "datum.status === 'ok' && datum.base_ops > 0 ? datum.ops / datum.base_ops : null",
    as: "ratio",
  },
  { calculate: "datum.ratio === null ? null : datum.low / datum.base_high", as: "ratioLow" },
  { calculate: "datum.ratio === null ? null : datum.high / datum.base_low", as: "ratioHigh" },
  {
    calculate: "datum.ratio === null ? null : clamp(log(datum.ratio) / LN2, -5, 5)",
    as: "doublings",
  },
  {
    calculate:
      "datum.ratio !== null ? '' : datum.status !== 'ok' ? datum.status + (datum.reason ? ': ' + datum.reason : '')" +
      ` : 'no cell of ' + ${BASELINE} + ' in durability class ' + datum.durability + ' to compare with'`,
    as: "why",
  },
];
