/** File size, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function fileSize(data: DashboardData): Chart {
  const cost: Cost = {
    name: "file-size",
    title: "File size",
    about: "All files of the store after a clean close.",
    valueTitle: "bytes on disk",
    valueFormat: "~s",
    scale: "log",
  };
  return costChart(data, cost, ({ fileBytes }) => fileBytes);
}
