/** Processor time for an operation, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function processorTime(data: DashboardData): Chart {
  const cost: Cost = {
    name: "processor-time",
    title: "Processor time for an operation",
    about:
      "User and system time of the process in the measured phase, divided by the operations; lower is better.",
    valueTitle: "µs an operation",
    valueFormat: "~g",
    scale: "log",
  };
  return costChart(data, cost, ({ cpuUs }) =>
    cpuUs !== null && cpuUs.perOperation > 0 ? cpuUs.perOperation : null,
  );
}
