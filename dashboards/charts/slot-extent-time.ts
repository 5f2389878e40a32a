/** What building slot extents costs: for a build, a slot and an operation, from the profiled pass. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellColumns,
  cellTooltip,
  engineColor,
  engineShape,
  intervalAxis,
  orderOf,
  QUANTITY_LABELS,
} from "./encodings.js";

export function slotExtentTime(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ profile }) => {
    const timings = profile?.slotExtent;
    if (timings === undefined || timings.builds === 0) return null;
    const { builds, slots, nsPerBuild, nsPerSlot, nsPerOperation } = timings;
    const measures = { "a build": nsPerBuild, "a slot": nsPerSlot, "an operation": nsPerOperation };
    return Object.entries(measures).flatMap(([measure, ns]) =>
      ns === null ? [] : [{ measure, ns, builds, slots }],
    );
  }).map((row): typeof row => ({ ...row, frame: `${row.panel}: ns ${row.measure}` }));
  const frames = [...new Set(rows.map(({ frame }) => String(frame)))];
  return {
    name: "slot-extent-time",
    section: "slot-extents",
    title: "Time to build slot extents",
    about:
      "Nanoseconds for one build, for one slot of a build, and spread over all operations; lower is better. From " +
      "the profiled pass, whose throughput counts nowhere else.",
    empty:
      "No cell of this run built slot extents: the workloads left no hole that an edit could use, or the profiled " +
      "pass was off.",
    layout: { kind: "panels", minWidth: 225, axisWidth: 56, axis: "each" },
    rows,
    columns: cellColumns([
      { field: "measure", title: "for" },
      { field: "ns", title: "ns" },
      { field: "builds", title: "builds" },
      { field: "slots", title: "slots" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Time to build slot extents",
      data: { name: ROWS },
      facet: {
        field: "frame",
        type: "nominal",
        title: null,
        ...orderOf(frames),
        header: { labelFontWeight: "bold", labelLimit: 320 },
      },
      columns: 3,
      resolve: { scale: { y: "independent" } },
      spec: {
        width: 220,
        height: 140,
        encoding: {
          x: intervalAxis(rows),
          y: {
            field: "ns",
            type: "quantitative",
            title: "nanoseconds",
            scale: { zero: true },
            axis: { labelExpr: QUANTITY_LABELS, tickCount: 4 },
          },
          color: engineColor(rows),
        },
        layer: [
          { mark: { type: "line", opacity: 0.7 } },
          {
            mark: { type: "point", filled: true, size: 50, opacity: 1 },
            encoding: {
              shape: engineShape(rows),
              tooltip: cellTooltip([
                { field: "measure", title: "for" },
                { field: "ns", title: "ns", format: ",.4~g" },
                { field: "builds", title: "builds", format: ",d" },
                { field: "slots", title: "slots", format: ",d" },
              ]),
            },
          },
        ],
      },
    },
  };
}
