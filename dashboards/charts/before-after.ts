/**
 * Two runs side by side: ops/s after over ops/s before, for every cell. Which two is for the reader to
 * choose; the ratios are worked out in the spec.
 */

import { cellFacts, intervalsIn, namingOf, type Row } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { type Chart, ROWS, SCHEMA_URL } from "./chart.js";
import { cellColumns, cellTooltip, enginesIn, panelFacet, QUANTITY_LABELS } from "./encodings.js";
import { RATIO_TICKS } from "./ratio-parts.js";

/** The parameters that hold the ids of the two runs. */
export const BEFORE = "before";
export const AFTER = "after";

/** The words of `espalier matrix compare`, told by the same threshold. */
const CHANGES = [
  { id: "better", color: "#1f7fc4", shape: "triangle-up" },
  { id: "worse", color: "#d55e00", shape: "triangle-down" },
  { id: "same", color: "#8a8f98", shape: "circle" },
  { id: "mixed", color: "#a19322", shape: "diamond" },
] as const;

export function beforeAfter(data: DashboardData): Chart {
  const rows = haveCellsInCommon(data) ? rowsOfRuns(data) : [];
  const options = data.runs.map(({ run }) => run.id);
  const ids = CHANGES.map(({ id }) => id);
  return {
    name: "before-after",
    section: "history",
    title: "Before and after",
    about:
      "ops/s of the later run divided by that of the earlier one, log axis; right of 1 is faster. The line is the " +
      "widest interval that the two medians' intervals allow. better and worse: 5 % or more, and the interval " +
      "leaves out 1. mixed: 5 % or more, but the interval holds 1, or one round only on a side, which cannot tell. " +
      "same: less than 5 %.",
    empty: "A comparison needs two runs with cells in common: give another run document, or --baseline RUN.",
    layout: { kind: "panels", minWidth: 220, axisWidth: 190, axis: "first" },
    rows,
    columns: cellColumns([
      { field: "run", title: "run" },
      { field: "ops", title: "ops/s" },
      { field: "low", title: "low" },
      { field: "high", title: "high" },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: "Operations a second after over before, for every cell",
      params: [
        {
          name: BEFORE,
          value: data.before?.run.id ?? "",
          bind: { input: "select", options, name: "before " },
        },
        { name: AFTER, value: data.run?.run.id ?? "", bind: { input: "select", options, name: "after " } },
      ],
      data: { name: ROWS },
      transform: [
        ...(["ops", "low", "high", "rounds"] as const).map((field) => ({
          calculate: `datum.run === ${BEFORE} ? datum.${field} : null`,
          as: `was_${field}`,
        })),
        {
          joinaggregate: [
            { op: "max", field: "was_ops", as: "before_ops" },
            { op: "max", field: "was_low", as: "before_low" },
            { op: "max", field: "was_high", as: "before_high" },
            { op: "max", field: "was_rounds", as: "before_rounds" },
          ],
          groupby: ["cell", "durability"],
        },
        { filter: `datum.run === ${AFTER} && datum.before_ops > 0` },
        { calculate: "datum.ops / datum.before_ops", as: "ratio" },
        { calculate: "datum.low / datum.before_high", as: "ratioLow" },
        { calculate: "datum.high / datum.before_low", as: "ratioHigh" },
        {
          calculate:
            "datum.rounds < 2 || datum.before_rounds < 2 ? 'mixed' : " +
            "datum.ratio < 1.05 && datum.ratio > 1 / 1.05 ? 'same' : " +
            "datum.ratioLow > 1 ? 'better' : datum.ratioHigh < 1 ? 'worse' : 'mixed'",
          as: "change",
        },
      ],
      facet: panelFacet(rows),
      columns: 2,
      spec: {
        width: 260,
        height: { step: 14 },
        encoding: {
          y: { field: "bar", type: "nominal", title: null, sort: barsOf(rows), axis: { labelFontSize: 10 } },
          color: {
            field: "change",
            type: "nominal",
            title: null,
            scale: { domain: ids, range: CHANGES.map(({ color }) => color) },
          },
          tooltip: cellTooltip([
            { field: "change", title: "change" },
            { field: "ratio", title: "after / before", format: ".3~f" },
            { field: "ratioLow", title: "low", format: ".3~f" },
            { field: "ratioHigh", title: "high", format: ".3~f" },
            { field: "before_rounds", title: "rounds before" },
            { field: "before_ops", title: "ops/s before", format: ",.3~s" },
            { field: "ops", title: "ops/s after", format: ",.3~s" },
          ]),
        },
        layer: [
          {
            mark: { type: "rule", strokeDash: [4, 3], color: "#8a8f98" },
            encoding: {
              x: { datum: 1, type: "quantitative" },
              y: { value: 0 },
              y2: { value: "height" },
              color: { value: "#8a8f98" },
            },
          },
          {
            mark: { type: "rule", strokeWidth: 2, opacity: 0.6 },
            encoding: {
              x: {
                field: "ratioLow",
                type: "quantitative",
                scale: { type: "log" },
                title: "ops/s after / before",
                axis: { labelExpr: QUANTITY_LABELS, values: [...RATIO_TICKS] },
              },
              x2: { field: "ratioHigh" },
            },
          },
          {
            mark: { type: "point", filled: true, size: 50, opacity: 1 },
            encoding: {
              x: { field: "ratio", type: "quantitative", scale: { type: "log" } },
              shape: {
                field: "change",
                type: "nominal",
                title: null,
                scale: { domain: ids, range: CHANGES.map(({ shape }) => shape) },
              },
            },
          },
        ],
      },
    },
  };
}

function haveCellsInCommon({ run, before }: DashboardData): boolean {
  const earlier = new Set(before?.cells.flatMap((cell) => (cell.opsPerSecond === null ? [] : [cell.id])));
  return run?.cells.some((cell) => cell.opsPerSecond !== null && earlier.has(cell.id)) ?? false;
}

function rowsOfRuns(data: DashboardData): Row[] {
  const naming = namingOf(data.runs.flatMap(({ cells }) => cells));
  return data.runs.flatMap((run) =>
    run.cells.flatMap((cell) => {
      if (cell.opsPerSecond === null) return [];
      const { median, low, high } = cell.opsPerSecond;
      const facts = cellFacts(run, cell, naming);
      return [
        { ...facts, run: run.run.id, ops: median, low, high, bar: `${facts.engine} · ${facts.interval}` },
      ];
    }),
  );
}

function barsOf(rows: readonly Row[]): string[] {
  return enginesIn(rows).flatMap((engine) => intervalsIn(rows).map((interval) => `${engine} · ${interval}`));
}
