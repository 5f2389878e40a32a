/** Syncs for 1,000 operations, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function syncs(data: DashboardData): Chart {
  const cost: Cost = {
    name: "syncs",
    title: "Syncs for 1,000 operations",
    about:
      "Calls that wait for the disk, for 1,000 operations; lower is cheaper, and less safe across classes.",
    valueTitle: "syncs for 1,000 operations",
    valueFormat: "~s",
    scale: "symlog",
  };
  return costChart(data, cost, ({ syncs: count, operations }) =>
    count === null || operations === null || operations === 0 ? null : (count / operations) * 1000,
  );
}
