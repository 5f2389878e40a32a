/** Bytes, records and files converted over time, and the rate. */

import { progressRows } from "../data/migrations.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { QUANTITY_LABELS } from "./encodings.js";
import { NO_MIGRATIONS } from "./migration-files.js";

const MEASURES = ["bytes converted", "records converted", "files done", "bytes a second"];
const COLORS = ["#1f7fc4", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#8570c9"];

export function migrationProgress(data: DashboardData): Chart {
  const rows = progressRows(data.migrations);
  return {
    name: "migration-progress",
    section: "migration",
    title: "Progress and rate",
    about: "What was converted since the start of each migration, all of its files together, and how fast.",
    empty: data.migrations.length === 0 ? NO_MIGRATIONS : "The reports hold no progress.",
    layout: { kind: "panels", minWidth: 240, axisWidth: 56, axis: "each" },
    rows,
    columns: [
      { field: "migration", title: "migration" },
      { field: "at", title: "time (UTC)" },
      { field: "seconds", title: "seconds since start" },
      { field: "measure", title: "measure" },
      { field: "value", title: "value" },
    ],
    spec: {
      $schema: SCHEMA_URL,
      description: "Bytes, records and files converted over time, and the rate",
      data: { name: ROWS },
      facet: {
        field: "measure",
        type: "nominal",
        title: null,
        sort: MEASURES,
        header: { labelFontWeight: "bold" },
      },
      columns: 2,
      resolve: { scale: { y: "independent" } },
      spec: {
        width: 280,
        height: 140,
        mark: { type: "line", point: { size: 18 }, interpolate: "linear" },
        encoding: {
          x: {
            field: "seconds",
            type: "quantitative",
            title: "seconds since the start",
            axis: { tickCount: 6 },
          },
          y: {
            field: "value",
            type: "quantitative",
            title: null,
            axis: { labelExpr: QUANTITY_LABELS, tickCount: 4 },
          },
          color: {
            field: "migration",
            type: "nominal",
            title: "migration",
            scale: { domain: data.migrations.map(({ run }) => run.id), range: [...COLORS] },
          },
          tooltip: [
            { field: "migration", title: "migration" },
            { field: "measure", title: "measure" },
            { field: "seconds", title: "seconds since the start", format: ",.3~f" },
            { field: "value", title: "value", format: ",.4~s" },
          ],
        },
      },
    },
  };
}
