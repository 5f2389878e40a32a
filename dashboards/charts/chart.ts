/**
 * What a chart is: a Vega-Lite spec that draws rows named "rows", and those rows. The spec is kept apart
 * from them so that a page can filter and a file can hold both.
 */

import type { TopLevelSpec } from "vega-lite";
import type { Row } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";

/** Parts of the page, in their order. */
export const SECTIONS = [
  "throughput",
  "allocator",
  "slot-extents",
  "guardrails",
  "cost",
  "history",
  "migration",
  "environment",
] as const;
/** The part of the page that a chart stands in. */
export type Section = (typeof SECTIONS)[number];

/** The name of the data that every spec draws. */
export const ROWS = "rows";

/** A column of the table behind a chart. */
export interface Column {
  readonly field: string;
  readonly title: string;
}

/**
 * How a page may change a chart's size. single: as wide as there is room, and with
 * `lines` as high as the values of a field need. panels: small multiples of at
 * least `minWidth` pixels, in as many columns as fit; the first of a row has an axis, or each of them.
 * steps: small multiples of a fixed width.
 */
export type Layout =
  | {
      readonly kind: "single";
      readonly lines?: { readonly field: string; readonly step: number };
    }
  | {
      readonly kind: "panels";
      readonly minWidth: number;
      readonly axisWidth: number;
      readonly axis: "first" | "each";
    }
  | { readonly kind: "steps"; readonly panelWidth: number; readonly axisWidth: number };

/** A chart and the rows that it draws. */
export interface Chart {
  /** Also the file name of its spec and images. */
  readonly name: string;
  readonly section: Section;
  readonly title: string;
  /** What is shown and how to read it. */
  readonly about: string;
  /** Said in place of a chart without rows. */
  readonly empty: string;
  readonly layout: Layout;
  readonly rows: readonly Row[];
  readonly columns: readonly Column[];
  /** The table is shown from the start: it says what the chart cannot. */
  readonly tableOpen?: true;
  readonly spec: TopLevelSpec;
}

export type ChartBuilder = (data: DashboardData) => Chart;

/** The spec with its rows inside, as any Vega-Lite tool opens it. */
export function standaloneSpec(chart: Chart, config: object): TopLevelSpec {
  return { ...chart.spec, datasets: { [ROWS]: [...chart.rows] }, config } as TopLevelSpec;
}

export const SCHEMA_URL = "https://vega.github.io/schema/vega-lite/v6.json";
