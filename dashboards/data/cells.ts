/**
 * The facts of a cell that every chart's rows carry: what it is, which engine and version, how it ended.
 * They are what filters, tooltips and the drill-down go by. Flat, so that Vega-Lite reads them directly.
 */

import type { CellRow, RunDocument } from "../documents/matrix-run.js";
import { engineOf } from "./model.js";

export type RowValue = string | number | null;
export type Row = Readonly<Record<string, RowValue>>;

/** How the interval of cells without one is labelled. */
export const NO_INTERVAL = "none";

/** Facts of one cell. `panel` is the small multiple it is drawn in: never two durability classes in one. */
export interface CellFacts extends Record<string, RowValue> {
  readonly cell: string;
  readonly group: string;
  readonly workload: string;
  readonly engine: string;
  readonly engineTitle: string;
  readonly version: string;
  readonly durability: string;
  readonly shape: string;
  readonly order: string;
  readonly records: number;
  readonly commitEvery: number | null;
  readonly interval: string;
  readonly series: string;
  readonly panel: string;
  readonly status: string;
  readonly reason: string | null;
  readonly rounds: number | null;
}

/** Says how cells of a run are named: dimensions that do not vary in the run are left out. */
export interface Naming {
  readonly series: (cell: CellRow) => string;
  readonly panel: (cell: CellRow) => string;
}

export function namingOf(cells: readonly CellRow[]): Naming {
  const varies = (of: (cell: CellRow) => unknown): boolean => new Set(cells.map(of)).size > 1;
  const shapes = varies(({ shape }) => shape);
  const orders = varies(({ order }) => order);
  const records = varies((cell) => cell.records);
  const classes = varies(({ durability }) => durability);
  const series = (cell: CellRow): string =>
    [
      cell.workload,
      ...(shapes ? [cell.shape] : []),
      ...(orders ? [cell.order] : []),
      ...(records ? [shortCount(cell.records)] : []),
    ].join(" · ");
  return { series, panel: (cell) => (classes ? `${series(cell)} (${cell.durability})` : series(cell)) };
}

/** 1000 as "1k", 10_000 as "10k", 1_000_000 as "1M". */
export function shortCount(count: number): string {
  if (count >= 1e6 && count % 1e5 === 0) return `${count / 1e6}M`;
  return count >= 1000 && count % 100 === 0 ? `${count / 1000}k` : String(count);
}

/** A commit interval as axes and filters show it. */
export function intervalLabel(commitEvery: number | null): string {
  return commitEvery === null ? NO_INTERVAL : commitEvery.toLocaleString("en-US");
}

/** The facts of a run's cell. */
export function cellFacts(run: RunDocument, cell: CellRow, naming: Naming): CellFacts {
  const engine = engineOf(run, cell);
  return {
    cell: cell.id,
    group: cell.group,
    workload: cell.workload,
    engine: cell.engine,
    engineTitle: engine.title,
    version: engine.version ?? "unknown",
    durability: cell.durability,
    shape: cell.shape,
    order: cell.order,
    records: cell.records,
    commitEvery: cell.commitEvery,
    interval: intervalLabel(cell.commitEvery),
    series: naming.series(cell),
    panel: naming.panel(cell),
    status: cell.status,
    reason: cell.reason,
    rounds: cell.opsPerSecond?.n ?? null,
  };
}

/** One row for each cell that `figures` finds something in: its facts and those figures. */
export function rowsOf(
  run: RunDocument | null,
  figures: (cell: CellRow) => Record<string, RowValue> | readonly Record<string, RowValue>[] | null,
): Row[] {
  if (run === null) return [];
  const naming = namingOf(run.cells);
  return run.cells.flatMap((cell) => {
    const found = figures(cell);
    if (found === null) return [];
    const facts = cellFacts(run, cell, naming);
    const list: readonly Record<string, RowValue>[] = Array.isArray(found) ? found : [found];
    return list.map((figure) => ({ ...facts, ...figure }));
  });
}

/** Interval labels of rows, by size, cells without an interval last. */
export function intervalsIn(rows: readonly Row[]): string[] {
  const seen = new Map(rows.map(({ interval, commitEvery }) => [String(interval), commitEvery]));
  const size = (value: RowValue | undefined): number =>
    typeof value === "number" ? value : Number.MAX_VALUE;
  return [...seen].sort(([, a], [, b]) => size(a) - size(b)).map(([label]) => label);
}

/** Distinct texts of a field, in order of their first row. */
export function distinct(rows: readonly Row[], field: string): string[] {
  return [...new Set(rows.map((row) => String(row[field] ?? "")))];
}
