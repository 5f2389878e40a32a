/** How long each file took for its size. */

import { distinct } from "../data/cells.js";
import { fileRows } from "../data/migrations.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { logTicks, QUANTITY_LABELS } from "./encodings.js";
import { statusScale } from "./migration-colors.js";
import { NO_MIGRATIONS } from "./migration-files.js";

export function migrationSpeed(data: DashboardData): Chart {
  const rows = fileRows(data.migrations).filter(
    ({ seconds, bytesBefore }) => positive(seconds) && positive(bytesBefore),
  );
  const present = new Set(distinct(rows, "status"));
  const scale = statusScale();
  const domain = scale.domain.filter((status) => present.has(status));
  const range = domain.map((status) => scale.range[scale.domain.indexOf(status)] ?? "#8a8f98");
  return {
    name: "migration-speed",
    section: "migration",
    title: "Time by file size",
    about: "Each mark is one file, both axes log. A ring is a file whose tree was healed on the way.",
    empty: data.migrations.length === 0 ? NO_MIGRATIONS : "No file has both a size and a time yet.",
    layout: { kind: "single" },
    rows,
    columns: [
      { field: "path", title: "file" },
      { field: "status", title: "state" },
      { field: "bytesBefore", title: "bytes" },
      { field: "records", title: "records" },
      { field: "seconds", title: "seconds" },
      { field: "megabytesPerSecond", title: "MB/s" },
      { field: "healed", title: "healed" },
    ],
    spec: {
      $schema: SCHEMA_URL,
      description: "Time that each file took, by its size",
      width: 620,
      height: 240,
      data: { name: ROWS },
      encoding: {
        x: {
          field: "bytesBefore",
          type: "quantitative",
          title: "bytes of the file before",
          scale: { type: "log" },
          axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, ["bytesBefore"]) },
        },
        y: {
          field: "seconds",
          type: "quantitative",
          title: "seconds",
          scale: { type: "log" },
          axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, ["seconds"]) },
        },
        color: { field: "status", type: "nominal", title: null, scale: { domain, range } },
        tooltip: [
          { field: "path", title: "file" },
          { field: "status", title: "state" },
          { field: "from", title: "from" },
          { field: "to", title: "to" },
          { field: "bytesBefore", title: "bytes", format: ",d" },
          { field: "records", title: "records", format: ",d" },
          { field: "seconds", title: "seconds", format: ",.3~g" },
          { field: "megabytesPerSecond", title: "MB/s", format: ",.3~g" },
          { field: "healed", title: "healed" },
          { field: "digests", title: "digests" },
        ],
      },
      layer: [
        { mark: { type: "point", filled: true, size: 60, opacity: 0.8 } },
        {
          // Hidden, not left out: a layer without rows has no extent for the axes.
          mark: { type: "point", filled: false, size: 200, strokeWidth: 1.5 },
          encoding: { opacity: { condition: { test: "datum.healed !== null", value: 0.8 }, value: 0 } },
        },
      ],
    },
  };
}

function positive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}
