/** Each cell over the runs, with the places marked where it changed its level. */

import { distinct, type Row } from "../data/cells.js";
import { historyRows } from "../data/history.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import {
  cellColumns,
  cellTooltip,
  engineColor,
  engineShape,
  orderOf,
  PANEL_LABELS,
  QUANTITY_LABELS,
  RATIO_TICKS,
  TIME_LABELS,
} from "./encodings.js";

export function history(data: DashboardData): Chart {
  const runs = data.runs.length < 2 ? [] : data.runs;
  const rows: Row[] = historyRows(runs, data.baselineEngine).map((row) => ({
    ...row,
    frame: `${row.panel}: ${row.measure}`,
  }));
  const tooltip = cellTooltip([
    { field: "run", title: "run" },
    { field: "commit", title: "git commit" },
    { field: "work", title: "a round" },
    { field: "measure", title: "measure" },
    { field: "value", title: "value", format: ",.4~g" },
    { field: "ops", title: "ops/s", format: ",.3~s" },
    { field: "step", title: "step, times", format: ".3~f" },
  ]);
  return {
    name: "history",
    section: "history",
    title: "History over runs",
    about:
      "Each cell over all given runs: its ratio to the baseline engine of the same run where there is one, else " +
      "ops/s; log axis. A ring marks a step: the level before and after differs by more than 5 % and by three " +
      "times the noise, over at least two runs each. Lines of one colour are the commit intervals; rounds " +
      "of another length, as another preset's, are a line of their own.",
    empty: "A history needs two runs or more: give more run documents, or a folder of them.",
    layout: { kind: "panels", minWidth: 240, axisWidth: 56, axis: "each" },
    rows,
    columns: cellColumns([
      { field: "run", title: "run" },
      { field: "commit", title: "git commit" },
      { field: "work", title: "a round" },
      { field: "measure", title: "measure" },
      { field: "value", title: "value" },
      { field: "step", title: "step, times" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Every cell over all runs, with steps",
      data: { name: ROWS, format: { parse: { startedAt: "utc:'%Y-%m-%dT%H:%M:%S.%LZ'" } } },
      facet: {
        field: "frame",
        type: "nominal",
        title: null,
        ...orderOf(distinct(rows, "frame")),
        header: { labelFontWeight: "bold", labelLimit: 320, labelExpr: PANEL_LABELS },
      },
      columns: 3,
      resolve: { scale: { y: "independent" } },
      spec: {
        width: 240,
        height: 150,
        encoding: {
          x: {
            field: "startedAt",
            type: "temporal",
            title: "run started (UTC)",
            scale: { type: "utc" },
            axis: { labelExpr: TIME_LABELS, tickCount: 3, labelOverlap: true },
          },
          y: {
            field: "value",
            type: "quantitative",
            title: null,
            scale: { type: "log" },
            axis: { labelExpr: QUANTITY_LABELS, values: [...RATIO_TICKS], labelOverlap: true },
          },
          color: engineColor(rows),
          detail: [{ field: "cell" }, { field: "work" }],
          tooltip,
        },
        layer: [
          { mark: { type: "line", strokeWidth: 1.3, opacity: 0.7 } },
          {
            mark: { type: "point", filled: true, size: 30, opacity: 1 },
            encoding: { shape: engineShape(rows) },
          },
          {
            mark: { type: "point", filled: false, size: 220, strokeWidth: 2, shape: "circle" },
            encoding: { opacity: { condition: { test: "datum.step !== null", value: 1 }, value: 0 } },
          },
        ],
      },
    },
  };
}
