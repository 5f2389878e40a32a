/** What the page's script works with: packed rows, specs, filters. */

import type { Chart } from "../charts/chart.js";
import { buildCharts } from "../charts/registry.js";
import { chartConfig } from "../charts/theme.js";
import { cellFacts, intervalLabel, namingOf, type Row, shortCount } from "../data/cells.js";
import { engineOrder, engineStyle } from "../data/engines.js";
import type { DashboardData } from "../data/model.js";
import type { CellRow } from "../documents/matrix-run.js";
import type { Filter, PageChart, PageSpec, Payload } from "./browser/types.js";
import { detailRows } from "./details.js";
import { Packer } from "./pack.js";

/** With more cells than this a page begins with one shape, order and number of records. */
const CELLS_AT_FIRST_MAX = 600;

export function pagePayload(data: DashboardData, charts: readonly Chart[] = buildCharts(data)): Payload {
  const naming = namingOf(data.run?.cells ?? []);
  const { run } = data;
  const facts: Row[] = run === null ? [] : run.cells.map((cell) => cellFacts(run, cell, naming));
  const packer = new Packer(facts);
  const packedFacts = packer.packFacts();
  const details = packer.pack(detailRows(run));
  const packed = charts.filter(({ rows }) => rows.length > 0).map((chart) => packedChart(chart, packer));
  return {
    texts: packer.texts,
    facts: packedFacts,
    details,
    charts: packed,
    filters: filtersOf(data),
    configs: { light: chartConfig("light", "none"), dark: chartConfig("dark", "none") },
  };
}

function packedChart({ name, title, layout, columns, spec, rows }: Chart, packer: Packer): PageChart {
  return { name, title, layout, columns, spec: spec as PageSpec, table: packer.pack(rows) };
}

function filtersOf(data: DashboardData): Filter[] {
  const cells = data.runs.flatMap((run) => run.cells);
  const crowded = (data.run?.cells.length ?? 0) > CELLS_AT_FIRST_MAX;
  const plain = (
    field: string,
    title: string,
    of: (cell: CellRow) => string,
    labels = (text: string) => text,
  ): Filter => {
    const values = [...new Set(cells.map(of))];
    return {
      field,
      title,
      values: values.map((value) => ({ value, label: labels(value), color: null })),
      initial: [],
    };
  };
  const narrowed = (filter: Filter, of: (cell: CellRow) => string): Filter =>
    crowded && filter.values.length > 1 ? { ...filter, initial: [commonest(cells.map(of))] } : filter;
  const records = (cell: CellRow): string => String(cell.records);
  const filters: Filter[] = [
    plain("workload", "workload", ({ workload }) => workload),
    engineFilter(data),
    plain("durability", "durability class", ({ durability }) => durability),
    intervalFilter(cells),
    narrowed(
      plain("shape", "shape", ({ shape }) => shape),
      ({ shape }) => shape,
    ),
    narrowed(
      plain("order", "key order", ({ order }) => order),
      ({ order }) => order,
    ),
    narrowed(
      plain("records", "records", records, (text) => shortCount(Number(text))),
      records,
    ),
  ];
  return filters.filter(({ values }) => values.length > 1);
}

function engineFilter({ engines }: DashboardData): Filter {
  const sorted = [...engines].sort((a, b) => engineOrder(a) - engineOrder(b));
  const values = sorted.map((id) => ({ value: id, label: id, color: engineStyle(id).color }));
  return { field: "engine", title: "engine", values, initial: [] };
}

function intervalFilter(cells: readonly CellRow[]): Filter {
  const intervals = [...new Set(cells.map(({ commitEvery }) => commitEvery))].sort(
    (a, b) => (a ?? Number.MAX_VALUE) - (b ?? Number.MAX_VALUE),
  );
  const values = intervals.map((commitEvery) => ({
    value: intervalLabel(commitEvery),
    label: intervalLabel(commitEvery),
    color: null,
  }));
  return { field: "interval", title: "commit_every", values, initial: [] };
}

function commonest(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), ["", 0])[0];
}
