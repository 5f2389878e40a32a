/** Memory, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function memory(data: DashboardData): Chart {
  const cost: Cost = {
    name: "memory",
    title: "Memory",
    about: "Resident memory at its most, less what the process had before the engine was loaded.",
    valueTitle: "bytes of memory",
    valueFormat: "~s",
    scale: "linear",
  };
  return costChart(data, cost, (cell) => {
    const { peakBytes, baseBytes } = cell.memory ?? { peakBytes: null, baseBytes: null };
    return peakBytes === null || baseBytes === null ? null : Math.max(0, peakBytes - baseBytes);
  });
}
