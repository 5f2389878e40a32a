/** How steady the machine was: the same work timed between rounds, as a ratio to its median over the run. */

import type { Row } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { median } from "../data/steps.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { logTicks, QUANTITY_LABELS, TIME_LABELS } from "./encodings.js";

export function drift(data: DashboardData): Chart {
  const points = data.run?.drift.points ?? [];
  const loop = median(points.map(({ javascriptMs }) => javascriptMs));
  const sync = median(points.flatMap(({ syncUs }) => (syncUs === null ? [] : [syncUs])));
  const rows: Row[] = points.flatMap(({ at, afterRound, javascriptMs, syncUs }) => [
    {
      at,
      afterRound,
      what: "JavaScript loop",
      ratio: javascriptMs / loop,
      measured: `${javascriptMs.toFixed(2)} ms`,
    },
    ...(syncUs === null
      ? []
      : [
          {
            at,
            afterRound,
            what: "overwrite and sync",
            ratio: syncUs / sync,
            measured: `${syncUs.toFixed(0)} µs`,
          },
        ]),
  ]);
  return {
    name: "drift",
    section: "environment",
    title: "How steady the machine was",
    about:
      "The same JavaScript loop and the same overwrite-and-sync loop, timed between rounds, divided by their " +
      "median. A flat line at 1 is a quiet machine; what moves here moves every figure of that time.",
    empty: "This run has no drift control.",
    layout: { kind: "single" },
    rows,
    columns: [
      { field: "at", title: "time (UTC)" },
      { field: "afterRound", title: "after round" },
      { field: "what", title: "control" },
      { field: "measured", title: "measured" },
      { field: "ratio", title: "times the median" },
    ],
    spec: {
      $schema: SCHEMA_URL,
      description: "Drift control over the run",
      width: 620,
      height: 160,
      data: { name: ROWS, format: { parse: { at: "utc:'%Y-%m-%dT%H:%M:%S.%LZ'" } } },
      mark: { type: "line", point: { size: 20 }, strokeWidth: 1.5 },
      encoding: {
        x: {
          field: "at",
          type: "temporal",
          title: "time (UTC)",
          scale: { type: "utc" },
          axis: { labelExpr: TIME_LABELS, tickCount: 6 },
        },
        y: {
          field: "ratio",
          type: "quantitative",
          title: "times the median",
          scale: { type: "log" },
          axis: { labelExpr: QUANTITY_LABELS, values: logTicks(rows, ["ratio"]) },
        },
        color: {
          field: "what",
          type: "nominal",
          title: null,
          scale: { domain: ["JavaScript loop", "overwrite and sync"], range: ["#8570c9", "#b5654a"] },
        },
        tooltip: [
          { field: "what", title: "control" },
          { field: "measured", title: "measured" },
          { field: "ratio", title: "times the median", format: ".3~f" },
          { field: "afterRound", title: "after round" },
        ],
      },
    },
  };
}
