/** ops/s of workloads that have no commit interval (scan, reopen): a dot with its interval for each engine. */

import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellTooltip,
  engineColor,
  engineShape,
  enginesIn,
  logTicks,
  panelFacet,
  QUANTITY_LABELS,
} from "./encodings.js";
import { STATUS_FIELDS, throughputColumns, throughputFields, throughputRows } from "./throughput-rows.js";

export function throughputWithoutInterval(data: DashboardData): Chart {
  const rows = throughputRows(data, ({ commitEvery }) => commitEvery === null);
  const tooltip = cellTooltip([...throughputFields("interval"), ...STATUS_FIELDS]);
  const x = { type: "quantitative", scale: { type: "log" }, title: "operations a second" } as const;
  return {
    name: "throughput-without-interval",
    section: "throughput",
    title: "Throughput of workloads without a commit interval",
    about:
      "Operations a second on a log axis; further right is better. Whiskers are the interval of the median.",
    empty: "Every workload of this run has a commit interval.",
    layout: { kind: "panels", minWidth: 225, axisWidth: 130, axis: "first" },
    rows,
    columns: throughputColumns(),
    spec: {
      $schema: SCHEMA_URL,
      description: "Operations a second of workloads without a commit interval",
      data: { name: ROWS },
      facet: panelFacet(rows),
      columns: 3,
      spec: {
        width: 220,
        height: { step: 20 },
        encoding: {
          y: { field: "engine", type: "nominal", title: null, sort: enginesIn(rows) },
          color: { ...engineColor(rows), legend: null },
        },
        layer: [
          {
            mark: { type: "rule", strokeWidth: 2 },
            encoding: {
              x: {
                field: "low",
                ...x,
                axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, ["low", "high"]) },
              },
              x2: { field: "high" },
            },
          },
          {
            mark: { type: "point", filled: true, size: 60, opacity: 1 },
            encoding: {
              x: { field: "ops", ...x },
              shape: { ...engineShape(rows), legend: null },
              tooltip,
            },
          },
          {
            mark: { type: "text", align: "left" },
            encoding: {
              x: { value: 4 },
              text: { condition: { test: "datum.status === 'ok'", value: "" }, field: "status" },
              tooltip,
            },
          },
        ],
      },
    },
  };
}
