/** Why files were not converted: reasons by how many files met them. */

import type { Row } from "../data/cells.js";
import { distinct } from "../data/cells.js";
import { fileRows } from "../data/migrations.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { statusScale } from "./migration-colors.js";
import { NO_MIGRATIONS } from "./migration-files.js";

/** Longer reasons are cut on the axis; table and tooltip have them whole. */
const LABEL_CHARACTERS_MAX = 60;

export function migrationFailures(data: DashboardData): Chart {
  const rows: Row[] = fileRows(data.migrations)
    .filter(({ state }) => state === "badly")
    .map((row) => ({ ...row, why: shortened(`${row.status}: ${row.reason ?? "no reason given"}`) }));
  const present = new Set(distinct(rows, "status"));
  const scale = statusScale();
  const domain = scale.domain.filter((status) => present.has(status));
  const range = domain.map((status) => scale.range[scale.domain.indexOf(status)] ?? "#8a8f98");
  return {
    name: "migration-failures",
    section: "migration",
    title: "Files that were not converted, by reason",
    about:
      "Each bar is one reason; the table below has the files. A file named here is as it was, unless it says otherwise.",
    empty: data.migrations.length === 0 ? NO_MIGRATIONS : "Every file that was tried ended well.",
    layout: { kind: "single", lines: { field: "why", step: 28 } },
    rows,
    columns: [
      { field: "migration", title: "migration" },
      { field: "path", title: "file" },
      { field: "status", title: "state" },
      { field: "reason", title: "reason" },
      { field: "code", title: "code" },
    ],
    spec: {
      $schema: SCHEMA_URL,
      description: "Files that were not converted, by reason",
      width: 620,
      height: { step: 28 },
      data: { name: ROWS },
      transform: [
        {
          aggregate: [
            { op: "count", as: "files" },
            { op: "min", field: "path", as: "example" },
          ],
          groupby: ["status", "why", "reason"],
        },
      ],
      mark: { type: "bar", height: { band: 0.7 } },
      encoding: {
        y: { field: "why", type: "nominal", title: null, sort: "-x" },
        x: { field: "files", type: "quantitative", title: "files", axis: { tickMinStep: 1, format: "d" } },
        color: { field: "status", type: "nominal", title: null, scale: { domain, range } },
        tooltip: [
          { field: "status", title: "state" },
          { field: "reason", title: "reason" },
          { field: "files", title: "n (files)", format: ",d" },
        ],
      },
    },
  };
}

function shortened(text: string): string {
  return text.length <= LABEL_CHARACTERS_MAX ? text : `${text.slice(0, LABEL_CHARACTERS_MAX - 1)}…`;
}
