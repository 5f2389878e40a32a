/** Encodings that charts share, so that engines, intervals and tooltips look alike everywhere. */

import type { Row } from "../data/cells.js";
import { distinct, intervalsIn } from "../data/cells.js";
import { engineOrder, engineStyle } from "../data/engines.js";
import type { Column } from "./chart.js";

type Tooltip = { readonly field: string; readonly title: string; readonly format?: string };

/** Ids of the engines in rows, in their one order. */
export function enginesIn(rows: readonly Row[]): string[] {
  return distinct(rows, "engine").sort((a, b) => engineOrder(a) - engineOrder(b) || (a < b ? -1 : 1));
}

/** Colour by engine, with its legend. */
export function engineColor(rows: readonly Row[]): {
  field: string;
  type: "nominal";
  title: string;
  scale: { domain: string[]; range: string[] };
} {
  const domain = enginesIn(rows);
  const range = domain.map((id) => engineStyle(id).color);
  return { field: "engine", type: "nominal", title: "engine", scale: { domain, range } };
}

/** Mark by engine; its legend joins that of the colour. */
export function engineShape(rows: readonly Row[]): {
  field: string;
  type: "nominal";
  title: string;
  scale: { domain: string[]; range: string[] };
} {
  const domain = enginesIn(rows);
  const range = domain.map((id) => engineStyle(id).shape);
  return { field: "engine", type: "nominal", title: "engine", scale: { domain, range } };
}

/** The commit interval as an axis of equal steps; its values are powers of ten nearly always. */
export function intervalAxis(rows: readonly Row[]): {
  field: string;
  type: "ordinal";
  title: string;
  sort: string[];
  axis: { labelAngle: number; labelOverlap: boolean };
} {
  return {
    field: "interval",
    type: "ordinal",
    title: "operations a commit (commit_every)",
    sort: intervalsIn(rows),
    axis: { labelAngle: 0, labelOverlap: true },
  };
}

/** What every tooltip on a cell says: engine, version, class and interval first, then the chart's figures. */
export function cellTooltip(figures: readonly Tooltip[]): Tooltip[] {
  return [
    { field: "engineTitle", title: "engine" },
    { field: "version", title: "version" },
    { field: "durability", title: "durability class" },
    { field: "series", title: "workload" },
    { field: "interval", title: "commit_every" },
    ...figures,
    { field: "rounds", title: "n (rounds)" },
  ];
}

/** What every table of cells begins with. */
export function cellColumns(figures: readonly Column[]): Column[] {
  return [
    { field: "series", title: "workload" },
    { field: "engine", title: "engine" },
    { field: "durability", title: "class" },
    { field: "interval", title: "commit_every" },
    ...figures,
    { field: "rounds", title: "n" },
  ];
}

/** Small multiples by panel: a workload in one durability class. */
export function panelFacet(
  rows: readonly Row[],
  field = "panel",
): {
  field: string;
  type: "nominal";
  title: null;
  sort: string[];
  header: { labelFontWeight: "bold"; labelLimit: number };
} {
  const header = { labelFontWeight: "bold", labelLimit: 320 } as const;
  return { field, type: "nominal", title: null, sort: distinct(rows, field), header };
}
