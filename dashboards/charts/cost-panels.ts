/** The form that all charts of cost share: one figure of a cell against the commit interval. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import type { CellRow } from "../documents/matrix-run.js";
import type { Chart } from "./chart.js";
import { type MetricChart, metricPanels } from "./metric-panels.js";

export type Cost = Omit<MetricChart, "section" | "rows" | "empty">;

/** A chart of one figure; cells that lack it have no row. */
export function costChart(
  data: DashboardData,
  cost: Cost,
  figure: (cell: CellRow) => number | null | undefined,
): Chart {
  const rows = rowsOf(data.run, (cell) => {
    const value = figure(cell);
    return value === null || value === undefined ? null : { value };
  });
  return metricPanels({ ...cost, section: "cost", rows, empty: "No engine of this run tells this figure." });
}
