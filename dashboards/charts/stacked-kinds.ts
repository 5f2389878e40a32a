/**
 * Stacked bars of counts by kind, one bar an engine and commit interval, one panel a workload and durability class: how often
 * each way of doing something was taken. Engines keep their names on the axis; colour tells the kind. Counts have a
 * scale for each panel: what is counted for an operation differs by orders of magnitude where that is an open.
 */

import { distinct, intervalsIn, type Row } from "../data/cells.js";
import { engineOrder } from "../data/engines.js";
import { type Chart, ROWS, SCHEMA_URL, type Section } from "./chart.js";
import { cellColumns, cellTooltip, panelFacet } from "./encodings.js";

export interface Kind {
  readonly id: string;
  readonly color: string;
}

export interface StackedChart {
  readonly name: string;
  readonly section: Section;
  readonly title: string;
  readonly about: string;
  readonly empty: string;
  /** Rows with the facts of a cell, a `kind`, its `count`, and `value`, which is drawn. */
  readonly rows: readonly Row[];
  readonly kinds: readonly Kind[];
  readonly valueTitle: string;
  readonly stack: "zero" | "normalize";
}

export function stackedKinds(chart: StackedChart): Chart {
  const { kinds, valueTitle, stack, ...facts } = chart;
  const rows = chart.rows.map((row) => ({ ...row, bar: `${row.engine} · ${row.interval}` }));
  return {
    ...facts,
    about: stack === "zero" ? `${facts.about} Each panel has a scale of its own.` : facts.about,
    rows,
    layout: { kind: "panels", minWidth: 180, axisWidth: 150, axis: "each" },
    columns: cellColumns([
      { field: "kind", title: "kind" },
      { field: "count", title: "count" },
      { field: "value", title: valueTitle },
    ]),
    spec: {
      $schema: SCHEMA_URL,
      description: facts.title,
      data: { name: ROWS },
      facet: panelFacet(rows),
      columns: 2,
      resolve: { scale: { y: "independent", ...(stack === "zero" && { x: "independent" as const }) } },
      spec: {
        width: 260,
        height: { step: 15 },
        mark: { type: "bar" },
        encoding: {
          y: { field: "bar", type: "nominal", title: null, sort: barsOf(rows), axis: { labelFontSize: 10 } },
          x: { field: "value", type: "quantitative", stack, title: valueTitle, axis: { tickCount: 5 } },
          color: {
            field: "kind",
            type: "nominal",
            title: null,
            sort: kinds.map(({ id }) => id),
            scale: { domain: kinds.map(({ id }) => id), range: kinds.map(({ color }) => color) },
          },
          tooltip: cellTooltip([
            { field: "kind", title: "kind" },
            { field: "count", title: "count", format: ",d" },
            { field: "value", title: valueTitle, format: ",.4~g" },
          ]),
        },
      },
    },
  };
}

/** Bars by engine, and by interval within an engine. */
function barsOf(rows: readonly Row[]): string[] {
  const intervals = intervalsIn(rows);
  const engines = distinct(rows, "engine").sort((a, b) => engineOrder(a) - engineOrder(b));
  const present = new Set(distinct(rows, "bar"));
  return engines
    .flatMap((engine) => intervals.map((interval) => `${engine} · ${interval}`))
    .filter((bar) => present.has(bar));
}
