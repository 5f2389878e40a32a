/** Write amplification, by commit interval. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type Cost, costChart } from "./cost-panels.js";

export function writeAmplification(data: DashboardData): Chart {
  const cost: Cost = {
    name: "write-amplification",
    title: "Write amplification",
    about: "Bytes handed to write calls for one byte of keys and values written; lower is better.",
    valueTitle: "bytes written a byte of data",
    valueFormat: "~s",
    scale: "symlog",
  };
  return costChart(data, cost, ({ bytes }) => bytes?.writeAmplification);
}
