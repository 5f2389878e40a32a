/** The geometric mean of each engine's ratios to the baseline, by durability class. */

import { engineOrder, engineStyle } from "../data/engines.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { cellColumns, enginesIn, QUANTITY_LABELS } from "./encodings.js";
import { baselineParam, RATIO_TICKS, RATIO_TRANSFORM, ratioRows } from "./ratio-parts.js";

export function geometricMeans(data: DashboardData): Chart {
  const rows = ratioRows(data);
  const engines = enginesIn(rows).sort((a, b) => engineOrder(a) - engineOrder(b));
  const ticks = [...RATIO_TICKS];
  const x = {
    field: "mean",
    type: "quantitative",
    scale: { type: "log" },
    title: "ratio to the baseline (log axis)",
    axis: { labelExpr: QUANTITY_LABELS, values: ticks },
  } as const;
  const y = { field: "engine", type: "nominal", sort: engines, title: null } as const;
  const tooltip = [
    { field: "engine", title: "engine" },
    { field: "durability", title: "durability class" },
    { field: "mean", title: "geometric mean", format: ".3~f" },
    { field: "least", title: "least ratio", format: ".3~f" },
    { field: "most", title: "greatest ratio", format: ".3~f" },
    { field: "cells", title: "n (cells)" },
  ];
  return {
    name: "geometric-means",
    section: "throughput",
    title: "Each engine as a whole",
    about:
      "The dot is the geometric mean of an engine's ratios to the baseline over the cells that both have, the " +
      "line goes from its least ratio to its greatest. Right of 1 is faster than the baseline. Only engines of " +
      "the baseline's own durability class can be here.",
    empty: "This run has no cells.",
    layout: { kind: "single", lines: { field: "engine", step: 26 } },
    rows,
    columns: cellColumns([
      { field: "ops", title: "ops/s" },
      { field: "status", title: "status" },
      { field: "reason", title: "reason" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Geometric mean of each engine's ratios to the baseline engine",
      width: 620,
      height: { step: 26 },
      params: [baselineParam(data)],
      data: { name: ROWS },
      transform: [
        ...RATIO_TRANSFORM,
        { filter: "datum.ratio !== null" },
        { calculate: "log(datum.ratio)", as: "logRatio" },
        {
          aggregate: [
            { op: "mean", field: "logRatio", as: "logMean" },
            { op: "min", field: "ratio", as: "least" },
            { op: "max", field: "ratio", as: "most" },
            { op: "count", as: "cells" },
          ],
          groupby: ["engine", "durability"],
        },
        { calculate: "exp(datum.logMean)", as: "mean" },
      ],
      encoding: {
        y,
        color: {
          field: "engine",
          type: "nominal",
          scale: { domain: engines, range: engines.map((id) => engineStyle(id).color) },
          legend: null,
        },
        tooltip,
      },
      layer: [
        {
          mark: { type: "rule", strokeDash: [4, 3] },
          encoding: {
            x: { datum: 1, type: "quantitative" },
            y: { value: 0 },
            y2: { value: "height" },
            color: { value: "#8a8f98" },
          },
        },
        {
          mark: { type: "rule", strokeWidth: 3, opacity: 0.45 },
          encoding: { x: { ...x, field: "least" }, x2: { field: "most" } },
        },
        { mark: { type: "point", filled: true, size: 90, opacity: 1 }, encoding: { x } },
        {
          mark: { type: "text", dy: -11, fontSize: 11 },
          encoding: { x, text: { field: "mean", type: "quantitative", format: ".2f" } },
        },
      ],
    },
  };
}
