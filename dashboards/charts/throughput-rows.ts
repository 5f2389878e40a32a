/** Rows, tooltip and table that the charts of throughput share: operations a second, with the interval of the median. */

import { type Row, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import type { CellRow } from "../documents/matrix-run.js";
import type { Column } from "./chart.js";
import { cellColumns } from "./encodings.js";

/** A row for each cell of the run that is wanted, also for those without a figure. */
export function throughputRows({ run }: DashboardData, isWanted: (cell: CellRow) => boolean): Row[] {
  return rowsOf(run, (cell) =>
    isWanted(cell)
      ? {
          ops: cell.opsPerSecond?.median ?? null,
          low: cell.opsPerSecond?.low ?? null,
          high: cell.opsPerSecond?.high ?? null,
        }
      : null,
  );
}

/** What a tooltip says of a cell that has a figure; `interval` is what the interval is called. */
export function throughputFields(interval: string): readonly (Column & { readonly format: string })[] {
  return [
    { field: "ops", title: "ops/s (median)", format: ",.3~s" },
    { field: "low", title: `${interval}, low`, format: ",.3~s" },
    { field: "high", title: `${interval}, high`, format: ",.3~s" },
  ];
}

/** What is said of a cell that has none. */
export const STATUS_FIELDS: readonly Column[] = [
  { field: "status", title: "status" },
  { field: "reason", title: "reason" },
];

/** The table behind the chart. */
export function throughputColumns(): Column[] {
  return cellColumns([
    { field: "ops", title: "ops/s" },
    { field: "low", title: "low" },
    { field: "high", title: "high" },
    ...STATUS_FIELDS,
  ]);
}
