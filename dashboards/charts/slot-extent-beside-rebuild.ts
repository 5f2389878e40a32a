/** The time of slot extents in an operation, beside the whole operation and beside what rebuilding adds. */

import { type Row, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import type { CellRow } from "../documents/matrix-run.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellColumns,
  cellTooltip,
  intervalAxis,
  logTicks,
  panelFacet,
  QUANTITY_LABELS,
} from "./encodings.js";

const MEASURES = [
  { id: "slot extents", color: "#e69f00", shape: "diamond" },
  { id: "whole operation, allocator", color: "#1f7fc4", shape: "circle" },
  { id: "whole operation, rebuild", color: "#d55e00", shape: "square" },
] as const;

export function slotExtentBesideRebuild(data: DashboardData): Chart {
  const rows: Row[] = rowsOf(data.run, (cell) => figuresOf(cell, data));
  return {
    name: "slot-extent-beside-rebuild",
    section: "slot-extents",
    title: "Slot extents beside rebuilding",
    about:
      "Nanoseconds for one operation, log axis: all of it with the allocator, all of it when leaves are rebuilt, " +
      "and the part that building slot extents has in the former. Only workloads that build extents are here.",
    empty: "No workload of this run built slot extents.",
    layout: { kind: "panels", minWidth: 225, axisWidth: 56, axis: "first" },
    rows,
    columns: cellColumns([
      { field: "measure", title: "what" },
      { field: "ns", title: "ns an operation" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Slot extents beside rebuilding, nanoseconds for one operation",
      data: { name: ROWS },
      facet: panelFacet(rows),
      columns: 3,
      spec: {
        width: 220,
        height: 150,
        encoding: {
          x: intervalAxis(rows),
          y: {
            field: "ns",
            type: "quantitative",
            title: "ns an operation",
            scale: { type: "log" },
            axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, ["ns"]) },
          },
          color: {
            field: "measure",
            type: "nominal",
            title: null,
            scale: { domain: MEASURES.map(({ id }) => id), range: MEASURES.map(({ color }) => color) },
          },
        },
        layer: [
          { mark: { type: "line", opacity: 0.7 } },
          {
            mark: { type: "point", filled: true, size: 50, opacity: 1 },
            encoding: {
              shape: {
                field: "measure",
                type: "nominal",
                title: null,
                scale: { domain: MEASURES.map(({ id }) => id), range: MEASURES.map(({ shape }) => shape) },
              },
              tooltip: cellTooltip([
                { field: "measure", title: "what" },
                { field: "ns", title: "ns", format: ",.4~g" },
              ]),
            },
          },
        ],
      },
    },
  };
}

/** Of the synced store and of rebuild: the two that do the same work in the same durability class. */
function figuresOf(cell: CellRow, data: DashboardData): Record<string, string | number>[] | null {
  if (cell.engine !== "espalier" && cell.engine !== "rebuild") return null;
  const built = data.run?.cells.find(({ group, engine }) => group === cell.group && engine === "espalier");
  const extents = built?.profile?.slotExtent;
  if (extents === undefined || extents.builds === 0 || cell.opsPerSecond === null) return null;
  const whole = 1e9 / cell.opsPerSecond.median;
  if (cell.engine === "rebuild") return [{ measure: "whole operation, rebuild", ns: whole }];
  return [
    { measure: "whole operation, allocator", ns: whole },
    { measure: "slot extents", ns: extents.nsPerOperation },
  ];
}
