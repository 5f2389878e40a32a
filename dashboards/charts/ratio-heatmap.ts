/**
 * Every cell of the run as a coloured field: ops/s as a ratio to the baseline engine. Cells that can't be
 * compared are grey with a sign that says why: not installed, skipped, failed, or another durability class.
 */

import { distinct, intervalsIn } from "../data/cells.js";
import { engineOrder } from "../data/engines.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { cellTooltip, orderOf, PANEL_LABELS } from "./encodings.js";
import { baselineParam, RATIO_TRANSFORM, ratioRows } from "./ratio-parts.js";
import { throughputColumns } from "./throughput-rows.js";

const STEP_X = 40;
const STEP_Y = 20;

/** One sign a status; the last one is for cells in a class that the baseline is not in. */
const SIGN =
  "datum.ratio !== null ? format(datum.ratio, datum.ratio < 9.95 ? '.2f' : datum.ratio < 999.5 ? '.0f' : '.2~s') : " +
  "{missing: '–', skipped: '○', failed: '✕', timeout: 't'}[datum.status] || '≠'";

export function ratioHeatmap(data: DashboardData): Chart {
  const rows = ratioRows(data).map((row) => ({ ...row, column: `${row.engine} (${row.durability})` }));
  const columns = distinct(rows, "column").sort(
    (a, b) => engineOrder(a.split(" ")[0] ?? "") - engineOrder(b.split(" ")[0] ?? ""),
  );
  const intervals = intervalsIn(rows);
  const series = distinct(rows, "series");
  return {
    name: "ratio-heatmap",
    section: "throughput",
    title: "Every cell, as a ratio to the baseline engine",
    about:
      "ops/s of the cell divided by the baseline engine's in the same cell. Blue is faster than the baseline, " +
      "orange slower. Grey is not compared: – not installed, ○ skipped, ✕ failed, t timed out, ≠ another " +
      "durability class than the baseline's. Choose a cell to see everything about it.",
    empty: "This run has no cells.",
    layout: {
      kind: "steps",
      panelWidth: Math.max(intervals.length * STEP_X, ...columns.map(({ length }) => length * 7)) + 22,
      axisWidth: 40 + 7 * Math.max(8, ...series.map(({ length }) => length)),
    },
    rows,
    columns: throughputColumns(),
    spec: {
      $schema: SCHEMA_URL,
      description: "Ratio of operations a second to the baseline engine, for every cell",
      params: [baselineParam(data)],
      data: { name: ROWS },
      transform: [...RATIO_TRANSFORM, { calculate: SIGN, as: "sign" }],
      facet: {
        field: "column",
        type: "nominal",
        title: null,
        sort: columns,
        header: { labelFontWeight: "bold", labelLimit: 260, labelExpr: PANEL_LABELS },
      },
      columns: 3,
      spec: {
        width: { step: STEP_X },
        height: { step: STEP_Y },
        encoding: {
          x: {
            field: "interval",
            type: "ordinal",
            sort: intervals,
            scale: { domain: intervals },
            title: "commit_every",
            axis: { labelAngle: 0, domain: false, ticks: false },
          },
          y: {
            field: "series",
            type: "nominal",
            ...orderOf(series),
            title: null,
            // No limit: where there is no canvas to measure on, a label is taken for wider than it is.
            axis: { domain: false, ticks: false, labelLimit: 0 },
          },
          tooltip: cellTooltip([
            { field: "ratio", title: "ratio", format: ".3~f" },
            { field: "ratioLow", title: "ratio, low", format: ".3~f" },
            { field: "ratioHigh", title: "ratio, high", format: ".3~f" },
            { field: "ops", title: "ops/s", format: ",.3~s" },
            { field: "why", title: "not compared" },
          ]),
        },
        layer: [
          {
            mark: {
              type: "rect",
              invalid: "show",
              cornerRadius: 2,
              cursor: "pointer",
              stroke: "#8884",
              strokeWidth: 0.5,
            },
            encoding: {
              color: {
                condition: {
                  test: "datum.ratio === null",
                  value: "#9aa1aa55",
                },
                field: "doublings",
                type: "quantitative",
                title: "ops/s, times the baseline's",
                scale: {
                  domain: [-5, 5],
                  range: ["#a84300", "#f0a868", "#f4f4f2", "#7db8e0", "#0d5c9c"],
                  interpolate: "lab",
                },
                legend: {
                  labelExpr: "(datum.value < 0 ? '1/' : '') + format(pow(2, abs(datum.value)), 'd') + ' ×'",
                  values: [-4, -2, 0, 2, 4],
                  gradientLength: 220,
                  direction: "horizontal",
                },
              },
            },
          },
          {
            mark: { type: "text", fontSize: 10, cursor: "pointer" },
            encoding: {
              text: { field: "sign" },
              color: {
                condition: [
                  { test: "datum.ratio === null", value: "#868d97" },
                  { test: "abs(datum.doublings) > 3.2", value: "#ffffff" },
                ],
                value: "#16191d",
              },
            },
          },
        ],
      },
    },
  };
}
