/** Encodings that charts share, so that engines, intervals and tooltips look alike everywhere. */

import type { Row } from "../data/cells.js";
import { distinct, intervalsIn } from "../data/cells.js";
import { engineOrder, engineStyle } from "../data/engines.js";
import type { Column } from "./chart.js";

type Tooltip = { readonly field: string; readonly title: string; readonly format?: string };

/** How quantities are labelled on axes: 20, 0.5, 12k. A shared prefix ("0.2k") is harder to read than none. */
export const QUANTITY_LABELS: string =
  "abs(datum.value) >= 1000 ? format(datum.value, '.3~s') : format(datum.value, '.3~r')";

/** How times are labelled on axes: as a day at midnight, else by a clock of 24 hours. Vega's own has 12 and no am. */
export const TIME_LABELS: string =
  "utcFormat(datum.value, utcseconds(datum.value) !== 0 ? '%H:%M:%S' : " +
  "utchours(datum.value) + utcminutes(datum.value) !== 0 ? '%H:%M' : '%b %d')";

/** Ticks for a symlog axis, which finds none between 0 and the largest power of ten by itself. */
export const SYMLOG_TICKS: readonly number[] = [0, ...Array.from({ length: 12 }, (_, i) => 10 ** i)];

/**
 * Ticks for a log axis of the values of some fields: powers of ten, or 1, 2 and 5 of each where the values
 * span less than two of them. Vega's own ticks on such an axis are too many for a small panel.
 */
export function logTicks(rows: readonly Row[], fields: readonly string[]): number[] {
  const values = rows
    .flatMap((row) => fields.map((field) => Number(row[field])))
    .filter((value) => value > 0);
  const least = Math.floor(Math.log10(values.reduce((held, value) => Math.min(held, value), 1e9)));
  const most = Math.ceil(Math.log10(values.reduce((held, value) => Math.max(held, value), 1e-9)));
  return decadeTicks(least, most, most - least > 2 ? [1] : [1, 2, 5]);
}

/** Ticks for log axes that differ from panel to panel: 1, 2 and 5 of every power of ten that a value may need. */
export const RATIO_TICKS: readonly number[] = decadeTicks(-4, 9, [1, 2, 5]);

function decadeTicks(least: number, most: number, steps: readonly number[]): number[] {
  const decades = Array.from({ length: Math.max(0, most - least) + 1 }, (_, i) => 10 ** (least + i));
  return decades.flatMap((decade) => steps.map((step) => Number((decade * step).toPrecision(3))));
}

/**
 * A log scale for the values of some fields. A 0 has no place on it, and by itself would take that of all others: such
 * values stand at its foot.
 */
export function logScale(
  rows: readonly Row[],
  fields: readonly string[],
): { type: "log"; domain?: [number, number]; clamp?: true } {
  const values = rows.flatMap((row) => fields.map((field) => row[field]));
  const numbers = values.filter((value) => typeof value === "number");
  const placed = numbers.filter((value) => value > 0);
  if (placed.length === numbers.length) return { type: "log" };
  const least = placed.reduce((held, value) => Math.min(held, value), placed[0] ?? 1);
  const most = placed.reduce((held, value) => Math.max(held, value), least);
  return { type: "log", domain: [least, Math.max(most, least * 10)], clamp: true };
}

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

/** A field that draws engines in reverse order, so that the first of them lies on top where marks meet. */
export function engineDepth(rows: readonly Row[]): { calculate: string; as: "depth" } {
  const deepest = enginesIn(rows).reverse();
  return { calculate: `indexof(${JSON.stringify(deepest)}, datum.engine)`, as: "depth" };
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

/** A panel's name; where it is long, its durability class goes to a line of its own, and is not what is cut off. */
export const PANEL_LABELS: string =
  "length(datum.label) > 24 && indexof(datum.label, ' (') > 0 " +
  "? [slice(datum.label, 0, indexof(datum.label, ' (')), slice(datum.label, indexof(datum.label, ' (') + 1)] " +
  ": datum.label";

/** Names that Vega-Lite is given an order of, at most. */
const ORDERED_MAX = 200;

/**
 * The order of names, for an encoding. Vega-Lite makes a condition inside a condition of each name; a thousand of them
 * overflow the stack of whoever parses that. So many names stand in alphabetical order instead.
 */
export function orderOf(names: string[]): { sort?: string[] } {
  return names.length > ORDERED_MAX ? {} : { sort: names };
}

/** Small multiples by panel: a workload in one durability class. */
export function panelFacet(rows: readonly Row[]): {
  field: string;
  type: "nominal";
  title: null;
  sort?: string[];
  header: { labelFontWeight: "bold"; labelLimit: number; labelExpr: string };
} {
  const header = { labelFontWeight: "bold", labelLimit: 320, labelExpr: PANEL_LABELS } as const;
  const field = "panel";
  return { field, type: "nominal", title: null, ...orderOf(distinct(rows, field)), header };
}
