/** The census by legacy path: which path met which guardrail, in which workload, how often. */

import { distinct, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { cellColumns, orderOf } from "./encodings.js";

export function guardrailPaths(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ census }) => {
    if (census === null) return null;
    return census.fired
      .filter(({ guardrail, count }) => guardrail !== "always" && count > 0)
      .map(({ path, guardrail, count }) => ({
        path,
        guardrail,
        met: `${path}: ${guardrail}`,
        count,
        edits: census.edits,
      }));
  });
  const met = distinct(rows, "met").sort();
  return {
    name: "guardrail-paths",
    section: "guardrails",
    title: "Legacy paths that bailed out",
    about:
      "Rebuilds for 1,000 leaf edits of rebuild-on-miss, by the path that was taken and the guardrail it met, " +
      "over all commit intervals. What serves each of them now is listed in docs/guardrails.md.",
    empty: "rebuild-on-miss met no guardrail in this run, or was not in it.",
    layout: { kind: "single", lines: { field: "met", step: 24 } },
    rows,
    columns: cellColumns([
      { field: "path", title: "path" },
      { field: "guardrail", title: "guardrail" },
      { field: "count", title: "rebuilds" },
      { field: "edits", title: "leaf edits" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Legacy paths that bailed out, by guardrail and workload",
      width: 620,
      height: { step: 24 },
      data: { name: ROWS },
      transform: [
        {
          aggregate: [
            { op: "sum", field: "count", as: "rebuilds" },
            { op: "sum", field: "edits", as: "edits" },
            { op: "count", as: "cells" },
          ],
          groupby: ["series", "met", "path", "guardrail"],
        },
        { calculate: "1000 * datum.rebuilds / datum.edits", as: "rate" },
        { calculate: "format(datum.rate, datum.rate < 10 ? '.2~r' : '.0f')", as: "label" },
      ],
      encoding: {
        x: {
          field: "series",
          type: "nominal",
          title: null,
          ...orderOf(distinct(rows, "series")),
          axis: { labelAngle: -35 },
        },
        y: { field: "met", type: "nominal", title: null, sort: met },
        tooltip: [
          { field: "series", title: "workload" },
          { field: "path", title: "path" },
          { field: "guardrail", title: "guardrail" },
          { field: "rebuilds", title: "rebuilds", format: ",d" },
          { field: "edits", title: "leaf edits", format: ",d" },
          { field: "rate", title: "for 1,000 edits", format: ".3~g" },
          { field: "cells", title: "n (cells)" },
        ],
      },
      layer: [
        {
          mark: { type: "rect", cornerRadius: 2 },
          encoding: {
            color: {
              field: "rate",
              type: "quantitative",
              title: "rebuilds for 1,000 edits",
              scale: { type: "symlog", range: ["#fbe3c0", "#e69f00", "#a84300"], domainMin: 0 },
              legend: { format: ".2~r", gradientLength: 180, direction: "horizontal" },
            },
          },
        },
        {
          mark: { type: "text", fontSize: 10 },
          encoding: {
            text: { field: "label" },
            color: { condition: { test: "datum.rate > 120", value: "#ffffff" }, value: "#16191d" },
          },
        },
      ],
    },
  };
}
