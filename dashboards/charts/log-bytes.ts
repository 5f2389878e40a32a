/** Log bytes for an operation, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function logBytes(data: DashboardData): Chart {
  const cost: Cost = {
    name: "log-bytes",
    title: "Log bytes for an operation",
    about: "Bytes written to the log, divided by the operations; lower is better. Only engines that tell it.",
    valueTitle: "log bytes an operation",
    valueFormat: "~s",
    scale: "symlog",
  };
  return costChart(data, cost, ({ bytes }) => bytes?.logPerOperation);
}
