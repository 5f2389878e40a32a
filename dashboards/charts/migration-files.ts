/** Files by state, a bar a migration. */

import { distinct } from "../data/cells.js";
import { fileRows } from "../data/migrations.js";
import type { DashboardData } from "../data/model.js";
import { FILE_STATUSES } from "../documents/migration-report.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { statusScale } from "./migration-colors.js";

export const NO_MIGRATIONS = "No migration reports were given: add them with --migrations REPORTS.";

export function migrationFiles(data: DashboardData): Chart {
  const rows = fileRows(data.migrations);
  const present = new Set(distinct(rows, "status"));
  const scale = statusScale();
  const domain = scale.domain.filter((status) => present.has(status));
  const range = domain.map((status) => scale.range[scale.domain.indexOf(status)] ?? "#8a8f98");
  return {
    name: "migration-files",
    section: "migration",
    title: "Files by state",
    about:
      "Every file of every migration by the state that it is in. Blue and green ended well, orange did not. " +
      "The table has every file with its digests and what was healed.",
    empty: NO_MIGRATIONS,
    layout: { kind: "single", lines: { field: "migration", step: 36 } },
    rows,
    tableOpen: true,
    columns: [
      { field: "migration", title: "migration" },
      { field: "path", title: "file" },
      { field: "status", title: "state" },
      { field: "from", title: "from" },
      { field: "to", title: "to" },
      { field: "records", title: "records" },
      { field: "bytesBefore", title: "bytes before" },
      { field: "bytesAfter", title: "bytes after" },
      { field: "seconds", title: "seconds" },
      { field: "digests", title: "digests" },
      { field: "digest", title: "digest begins" },
      { field: "healed", title: "healed" },
      { field: "reason", title: "reason" },
    ],
    spec: {
      $schema: SCHEMA_URL,
      description: "Files of each migration by state",
      width: 620,
      height: { step: 36 },
      data: { name: ROWS },
      transform: [
        {
          aggregate: [
            { op: "count", as: "files" },
            { op: "sum", field: "records", as: "records" },
          ],
          groupby: ["migration", "action", "strategy", "status", "espalier"],
        },
        { calculate: `indexof(${JSON.stringify(FILE_STATUSES)}, datum.status)`, as: "rank" },
      ],
      mark: { type: "bar", height: { band: 0.7 } },
      encoding: {
        y: { field: "migration", type: "nominal", title: null },
        x: { field: "files", type: "quantitative", title: "files", axis: { tickMinStep: 1, format: "d" } },
        order: { field: "rank", type: "quantitative" },
        color: { field: "status", type: "nominal", title: null, scale: { domain, range } },
        tooltip: [
          { field: "migration", title: "migration" },
          { field: "action", title: "action" },
          { field: "strategy", title: "strategy" },
          { field: "status", title: "state" },
          { field: "files", title: "n (files)", format: ",d" },
          { field: "records", title: "records", format: ",d" },
          { field: "espalier", title: "version" },
        ],
      },
    },
  };
}
