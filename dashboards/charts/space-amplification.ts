/** Space amplification, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function spaceAmplification(data: DashboardData): Chart {
  const cost: Cost = {
    name: "space-amplification",
    title: "Space amplification",
    about: "Bytes of all files after a clean close for one byte of keys and values held; lower is better.",
    valueTitle: "bytes on disk a byte of data",
    valueFormat: "~g",
    scale: "log",
  };
  return costChart(data, cost, ({ bytes }) => bytes?.spaceAmplification);
}
