/** The distribution of slot_extent times over all cells: every cell a tick, with quartiles behind. */

import { distinct, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { cellColumns, cellTooltip, engineColor, orderOf } from "./encodings.js";

export function slotExtentDistribution(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ profile }) => {
    const ns = profile?.slotExtent.nsPerSlot ?? null;
    return ns === null || profile === null ? null : { ns, builds: profile.slotExtent.builds };
  });
  const panels = distinct(rows, "panel");
  return {
    name: "slot-extent-distribution",
    section: "slot-extents",
    title: "Distribution of the time for a slot",
    about:
      "Each mark is one cell: nanoseconds for a slot while extents are built. The bar goes from the first quartile " +
      "of the line's cells to the third, the gap in it is their median.",
    empty: "No cell of this run built slot extents.",
    layout: { kind: "single", lines: { field: "panel", step: 32 } },
    rows,
    columns: cellColumns([
      { field: "ns", title: "ns a slot" },
      { field: "builds", title: "builds" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Nanoseconds for a slot, over all cells",
      width: 620,
      height: { step: 32 },
      data: { name: ROWS },
      encoding: { y: { field: "panel", type: "nominal", title: null, ...orderOf(panels) } },
      layer: [
        {
          transform: [
            {
              aggregate: [
                { op: "q1", field: "ns", as: "q1" },
                { op: "q3", field: "ns", as: "q3" },
                { op: "median", field: "ns", as: "median" },
              ],
              groupby: ["panel"],
            },
          ],
          layer: [
            {
              mark: { type: "bar", height: 16, color: "#8a8f98", opacity: 0.3 },
              encoding: {
                x: { field: "q1", type: "quantitative", scale: { zero: false } },
                x2: { field: "q3" },
              },
            },
            {
              mark: { type: "tick", thickness: 2, size: 16, color: "#8a8f98" },
              encoding: { x: { field: "median", type: "quantitative" } },
            },
          ],
        },
        {
          mark: { type: "point", filled: true, size: 60, opacity: 0.85 },
          encoding: {
            x: {
              field: "ns",
              type: "quantitative",
              title: "nanoseconds a slot",
              scale: { zero: false },
              axis: { tickCount: 6 },
            },
            color: engineColor(rows),
            tooltip: cellTooltip([
              { field: "ns", title: "ns a slot", format: ",.4~g" },
              { field: "builds", title: "builds", format: ",d" },
            ]),
          },
        },
      ],
    },
  };
}
