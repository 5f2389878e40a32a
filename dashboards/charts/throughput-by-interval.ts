/**
 * ops/s against commit_every, a panel a workload and durability class, log axes, with confidence bands.
 * Cells without a figure stand as crosses at the foot of their panel, with the reason.
 */

import type { Row } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellTooltip,
  engineColor,
  engineDepth,
  engineShape,
  logTicks,
  panelFacet,
  QUANTITY_LABELS,
} from "./encodings.js";
import { STATUS_FIELDS, throughputColumns, throughputFields, throughputRows } from "./throughput-rows.js";

export function throughputByInterval(data: DashboardData): Chart {
  const rows: Row[] = throughputRows(data, ({ commitEvery }) => commitEvery !== null);
  const confidence = data.run?.cells.find((cell) => cell.opsPerSecond !== null)?.opsPerSecond?.confidence;
  const interval = confidence === undefined ? "interval" : `${confidence * 100} % interval`;
  const measured = cellTooltip(throughputFields(interval));
  const ticks = logTicks(rows, ["low", "high"]);
  const absent = cellTooltip(STATUS_FIELDS);
  return {
    name: "throughput-by-interval",
    section: "throughput",
    title: "Throughput by commit interval",
    about:
      "Operations a second against the operations in one commit, both on log axes; higher is better. A panel " +
      `holds one workload in one durability class. Bands are the ${interval} of the median over rounds. ` +
      "A cross at the foot is a cell without a figure: its tooltip says why.",
    empty: "No cell with a commit interval is in this run.",
    layout: { kind: "panels", minWidth: 225, axisWidth: 56, axis: "first" },
    rows,
    columns: throughputColumns(),
    spec: {
      $schema: SCHEMA_URL,
      description: "Operations a second by commit interval, workload and engine",
      data: { name: ROWS },
      transform: [engineDepth(rows)],
      facet: panelFacet(rows),
      columns: 3,
      spec: {
        width: 240,
        height: 180,
        encoding: {
          x: {
            field: "commitEvery",
            type: "quantitative",
            title: "operations a commit (commit_every)",
            scale: { type: "log", nice: false, padding: 12 },
            axis: { values: intervalsOf(rows), format: ",d", grid: false, labelOverlap: true },
          },
          color: engineColor(rows),
        },
        layer: [
          {
            mark: { type: "area", opacity: 0.18, tooltip: false },
            encoding: { y: opsAxis("low", ticks), y2: { field: "high" } },
          },
          {
            mark: { type: "line", strokeWidth: 1.8 },
            encoding: { y: opsAxis("ops", ticks) },
          },
          {
            mark: { type: "point", filled: true, size: 50, opacity: 1 },
            encoding: {
              y: opsAxis("ops", ticks),
              shape: engineShape(rows),
              order: { field: "depth", type: "quantitative" },
              tooltip: measured,
            },
          },
          {
            mark: { type: "text", fontSize: 13, fontWeight: "bold" },
            encoding: {
              y: { value: 172 },
              text: { condition: { test: "datum.status !== 'ok'", value: "✕" }, value: "" },
              tooltip: absent,
            },
          },
        ],
      },
    },
  };
}

function opsAxis(
  field: "low" | "ops",
  values: number[],
): {
  field: string;
  type: "quantitative";
  title: string;
  scale: { type: "log" };
  axis: { labelExpr: string; values: number[] };
} {
  const axis = { labelExpr: QUANTITY_LABELS, values };
  return { field, type: "quantitative", title: "operations a second", scale: { type: "log" }, axis };
}

function intervalsOf(rows: readonly Row[]): number[] {
  const values = rows.flatMap(({ commitEvery }) => (typeof commitEvery === "number" ? [commitEvery] : []));
  return [...new Set(values)].sort((a, b) => a - b);
}
