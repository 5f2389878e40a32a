/** Latency from p50 to p999 as a ladder for each engine and commit interval. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellColumns,
  cellTooltip,
  engineColor,
  enginesIn,
  intervalAxis,
  logScale,
  logTicks,
  panelFacet,
  QUANTITY_LABELS,
} from "./encodings.js";

const RUNGS = ["p50", "p75", "p99", "p999"] as const;

export function latencyLadder(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ latencyUs, opsPerIteration }) => {
    if (latencyUs === null) return null;
    const { p50, p75, p99, p999, samples } = latencyUs;
    return { p50, p75, p99, p999, samples, opsPerIteration };
  });
  const y = {
    type: "quantitative",
    scale: logScale(rows, RUNGS),
    title: "µs for one iteration",
    axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, RUNGS) },
  } as const;
  const figures = RUNGS.map((field) => ({ field, title: `${field}, µs`, format: ",.4~g" }));
  const tooltip = cellTooltip([
    ...figures,
    { field: "samples", title: "n (samples)", format: ",d" },
    { field: "opsPerIteration", title: "operations an iteration", format: ",d" },
  ]);
  return {
    name: "latency-ladder",
    section: "cost",
    title: "Latency ladder",
    about:
      "Time of one iteration (a transaction of commit_every operations, or a fixed group of reads) in microseconds, " +
      "log axis. The dot is p50, the ticks are p75 and p99, the line ends at p999. Lower and shorter is better.",
    empty: "No cell of this run has latencies.",
    layout: { kind: "panels", minWidth: 260, axisWidth: 56, axis: "first" },
    rows,
    columns: cellColumns([
      ...RUNGS.map((field) => ({ field, title: `${field} µs` })),
      { field: "samples", title: "samples" },
      { field: "opsPerIteration", title: "ops/iteration" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Latency from p50 to p999, by engine and commit interval",
      data: { name: ROWS },
      facet: panelFacet(rows),
      columns: 3,
      spec: {
        width: 260,
        height: 180,
        encoding: {
          x: intervalAxis(rows),
          xOffset: { field: "engine", type: "nominal", sort: enginesIn(rows) },
          color: engineColor(rows),
          tooltip,
        },
        layer: [
          {
            mark: { type: "rule", strokeWidth: 2 },
            encoding: { y: { field: "p50", ...y }, y2: { field: "p999" } },
          },
          {
            mark: { type: "point", filled: true, size: 36, opacity: 1 },
            encoding: { y: { field: "p50", ...y } },
          },
          { mark: { type: "tick", thickness: 2, size: 6 }, encoding: { y: { field: "p75", ...y } } },
          { mark: { type: "tick", thickness: 2, size: 8 }, encoding: { y: { field: "p99", ...y } } },
        ],
      },
    },
  };
}
