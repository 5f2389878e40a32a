/**
 * Every chart: its spec is valid Vega-Lite, compiles and draws without a warning, and every row that it was
 * given is in a mark that can be seen.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { Ajv, type ValidateFunction } from "ajv";
import type { TopLevelSpec } from "vega-lite";
import { beforeAll, describe, expect, test } from "vitest";
import { type Chart, SECTIONS, standaloneSpec } from "../../dashboards/charts/chart.js";
import { buildCharts } from "../../dashboards/charts/registry.js";
import { chartConfig } from "../../dashboards/charts/theme.js";
import type { Row } from "../../dashboards/data/cells.js";
import { ENGINE_IDS, engineStyle } from "../../dashboards/data/engines.js";
import { type DashboardData, dashboardData } from "../../dashboards/data/model.js";
import { renderChart, renderSpec, svgToPng } from "../../dashboards/render.js";
import { migrationReport, runDocument } from "./support/documents.js";
import { shownData } from "./support/marks.js";

const data: DashboardData = dashboardData({
  runs: [
    runDocument({ id: "a", startedAt: "2026-01-01T10:00:00.000Z" }),
    runDocument({ id: "b", startedAt: "2026-01-02T10:00:00.000Z" }),
    runDocument({ id: "c", startedAt: "2026-01-03T10:00:00.000Z", speed: 2 }),
    runDocument({ id: "d", startedAt: "2026-01-04T10:00:00.000Z", speed: 2 }),
  ],
  migrations: [migrationReport()],
  files: [],
});
const charts = buildCharts(data);

/** Rows with a number of their own, to be found again in the marks. */
function numbered(chart: Chart): Chart {
  return { ...chart, rows: chart.rows.map((row, id) => ({ ...row, rowId: id })) };
}

/** Charts that add rows up before they draw them: the field that counts them, and which rows take part. */
const AGGREGATED: Record<string, { readonly count: string; readonly takesPart: (row: Row) => boolean }> = {
  "geometric-means": {
    count: "cells",
    takesPart: ({ status, durability, engine, workload }) =>
      status === "ok" && durability === "durable" && !(engine === "lmdb" && workload === "delete-churn"),
  },
  "guardrail-paths": { count: "cells", takesPart: () => true },
  "migration-files": { count: "files", takesPart: () => true },
  "migration-failures": { count: "files", takesPart: () => true },
};

let validate: ValidateFunction;

beforeAll(() => {
  const path = createRequire(import.meta.url).resolve("vega-lite/vega-lite-schema.json");
  validate = new Ajv({ strict: false, validateFormats: false }).compile(
    JSON.parse(readFileSync(path, "utf8")) as object,
  );
});

test("every section has a chart, names are unique, and all charts have rows here", () => {
  expect(new Set(charts.map(({ section }) => section))).toEqual(new Set(SECTIONS));
  expect(new Set(charts.map(({ name }) => name)).size).toBe(charts.length);
  expect(charts.filter(({ rows }) => rows.length === 0).map(({ name }) => name)).toEqual([]);
});

describe.each(charts.map((chart) => [chart.name, chart] as const))("%s", (name, chart) => {
  test("is valid Vega-Lite", () => {
    const spec: unknown = JSON.parse(JSON.stringify(standaloneSpec(chart, chartConfig("light"))));
    expect(validate(spec), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
  });

  test("draws without a warning, with every row in a mark", async () => {
    const { svg, warnings, scene } = await renderChart(numbered(chart));
    expect(warnings).toEqual([]);
    expect(svg).toMatch(/^<svg/);
    const shown = shownData(scene);
    const aggregated = AGGREGATED[name];
    if (aggregated !== undefined) {
      expect(countOnce(shown, aggregated.count)).toBe(chart.rows.filter(aggregated.takesPart).length);
      return;
    }
    const expected = chart.rows.flatMap((row, id) =>
      name !== "before-after" || row.run === "d" ? [id] : [],
    );
    const found = new Set(shown.map(({ rowId }) => rowId));
    expect(expected.filter((id) => !found.has(id)).map((id) => chart.rows[id])).toEqual([]);
  });

  test("has a column for the table behind it in every row", () => {
    for (const { field } of chart.columns) {
      expect(
        chart.rows.every((row) => field in row),
        field,
      ).toBe(true);
    }
  });
});

/** The sum of a counting field over distinct data: a datum can be in several marks. */
function countOnce(shown: readonly Record<string, unknown>[], field: string): number {
  const distinct = new Map<string, number>();
  for (const datum of shown) {
    const count = datum[field];
    const names = Object.values(datum).filter((value) => typeof value === "string");
    if (typeof count === "number") distinct.set(names.join(), count);
  }
  return [...distinct.values()].reduce((sum, count) => sum + count, 0);
}

// Story: one of them left its log axis no domain, and took every mark of the chart with it.
test("a figure of 0 stands at the foot of a log axis, and the others where they belong", async () => {
  const run = runDocument();
  const cells = run.cells.map((cell) => {
    const { latencyUs, cpuUs } = cell;
    if (cell.engine !== "espalier" || latencyUs === null || cpuUs === null) return cell;
    return {
      ...cell,
      latencyUs: { ...latencyUs, p50: 0 },
      cpuUs: { ...cpuUs, perOperation: 0 },
      fileBytes: 0,
    };
  });
  const built = buildCharts(dashboardData({ runs: [{ ...run, cells }], migrations: [], files: [] }));
  for (const name of ["latency-ladder", "processor-time", "file-size"]) {
    const chart = built.find((candidate) => candidate.name === name)!;
    const { warnings, scene, svg } = await renderChart(numbered(chart));
    expect(warnings).toEqual([]);
    expect(svg).not.toContain("NaN");
    expect(new Set(shownData(scene).map(({ rowId }) => rowId)).size).toBe(chart.rows.length);
  }
});

test("thousands of cells are drawn, too", async () => {
  const many = data.runs.slice(0, 2).map((run) => {
    const [cell] = run.cells.filter(({ opsPerSecond }) => opsPerSecond !== null);
    const cells = Array.from({ length: 1500 }, (_, i) => {
      const group = `reads/u64/${i + 1}/random/ce1`;
      return { ...cell!, group, id: `${group}/${cell!.engine}`, records: i + 1 };
    });
    return { ...run, cells };
  });
  const charts = buildCharts(dashboardData({ runs: many, migrations: [], files: [] }));
  const history = charts.find(({ name }) => name === "history") as Chart;
  expect(history.rows).toHaveLength(3000);
  expect((await renderChart(history)).warnings).toEqual([]);
  const longest = charts.map(({ name, spec }) => {
    const lengths = [...JSON.stringify(spec).matchAll(/"sort":(\[[^\]]*\])/g)].map(
      ([, list]) => (JSON.parse(list!) as unknown[]).length,
    );
    return [name, Math.max(0, ...lengths) <= 200];
  });
  expect(longest.filter(([, bounded]) => bounded === false)).toEqual([]);
}, 60_000);

test("one round on a side tells no change", async () => {
  const two = data.runs.slice(1, 3).map((run, i) => ({
    ...run,
    cells: run.cells.map((cell) => ({
      ...cell,
      opsPerSecond: cell.opsPerSecond === null || i > 0 ? cell.opsPerSecond : { ...cell.opsPerSecond, n: 1 },
    })),
  }));
  const chart = buildCharts(dashboardData({ runs: two, migrations: [], files: [] })).find(
    ({ name }) => name === "before-after",
  ) as Chart;
  const shown = shownData((await renderChart(chart)).scene);
  const changes = shown.flatMap(({ change, ratio }) => (typeof ratio === "number" ? [change] : []));
  expect(new Set(changes)).toEqual(new Set(["mixed"]));
});

test("an engine has one colour in every chart", () => {
  const seen = new Map<string, Set<string>>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { field, scale } = node as { field?: string; scale?: { domain?: string[]; range?: string[] } };
    if (field === "engine" && scale?.range?.[0]?.startsWith("#")) {
      scale.domain?.forEach((engine, i) => {
        const colors = seen.get(engine) ?? new Set<string>();
        seen.set(engine, colors.add(scale.range?.[i] ?? "none"));
      });
    }
    Object.values(node).forEach(visit);
  };
  for (const { spec } of charts) visit(spec);
  expect(seen.size).toBe(data.engines.length);
  for (const [engine, colors] of seen) expect([...colors]).toEqual([engineStyle(engine).color]);
});

/** Pixels with ink in the mark of an engine, drawn as the charts draw it. */
async function inkOf(engine: string): Promise<number> {
  const { shape } = engineStyle(engine);
  const spec: TopLevelSpec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 20,
    height: 20,
    data: { values: [{}] },
    mark: { type: "point", filled: true, size: 45, opacity: 1, color: "#000000" },
    encoding: { x: { value: 10 }, y: { value: 10 }, shape: { value: shape } },
    config: { view: { stroke: null } },
  };
  const { svg } = await renderSpec(spec);
  const { pixels } = new Resvg(svg, { background: "#ffffff" }).render();
  let ink = 0;
  for (let at = 0; at < pixels.length; at += 4) ink += 1 - pixels[at]! / 255;
  return ink;
}

test("the mark of every engine has the ink that it takes to be seen", async () => {
  const most = await inkOf("espalier");
  for (const engine of [...ENGINE_IDS, "one that later runs may add"])
    expect(await inkOf(engine), engine).toBeGreaterThan(most * 0.5);
});

test("each panel of counts by operation has a scale of its own: an operation can be an open", async () => {
  const chart = charts.find(({ name }) => name === "allocator-edits")!;
  const row = chart.rows[0]!;
  const panel = (name: string, value: number): Row => ({ ...row, panel: name, workload: name, value });
  const rows = [panel("recover · durable", 200_000), panel("update · durable", 900)];
  const { scene } = await renderChart({ ...chart, rows });
  const widths = barWidths((scene as unknown as { root: unknown }).root);
  expect(widths).toHaveLength(2);
  expect(Math.min(...widths)).toBeGreaterThan(100);
});

/** Widths of all bars that are drawn. */
function barWidths(node: unknown): number[] {
  const { marktype, items = [] } = node as { marktype?: string; items?: unknown[] };
  if (marktype === "rect") return items.map((item) => (item as { width: number }).width);
  return items.flatMap(barWidths);
}

test("a migration that has just begun, with nothing healed, draws without a warning", async () => {
  const report = migrationReport();
  const files = report.files.map((file) => ({ ...file, healed: [] }));
  const begun = dashboardData({ runs: [], migrations: [{ ...report, files }], files: [] });
  for (const chart of buildCharts(begun).filter(({ rows }) => rows.length > 0))
    expect((await renderChart(chart)).warnings, chart.name).toEqual([]);
  const running = files.map((file, i) => ({ ...file, status: "running" as const, ms: i === 0 ? 5 : null }));
  const first = dashboardData({
    runs: [],
    migrations: [{ ...report, files: running, progress: [] }],
    files: [],
  });
  for (const chart of buildCharts(first).filter(({ rows }) => rows.length > 0))
    expect((await renderChart(chart)).warnings, chart.name).toEqual([]);
});

test("panels that set engines side by side hold one durability class each", () => {
  const mixed = charts.flatMap(({ name, rows, spec }) => {
    const field = (spec as { facet?: { field: string } }).facet?.field;
    if (field === undefined) return [];
    const classes = new Map<unknown, Set<unknown>>();
    for (const row of rows) {
      if (row.durability !== undefined) {
        classes.set(row[field], (classes.get(row[field]) ?? new Set()).add(row.durability));
      }
    }
    return [...classes].filter(([, found]) => found.size > 1).map(([panel]) => `${name}: ${String(panel)}`);
  });
  expect(mixed).toEqual([]);
});

test("a ratio to the baseline is right, and cells of another class or without a figure say why they have none", async () => {
  const chart = charts.find(({ name }) => name === "ratio-heatmap") as Chart;
  const { scene } = await renderChart(chart);
  const cells = new Map(shownData(scene).map((datum) => [String(datum.cell), datum]));
  expect(cells.get("inserts/u64/10000/random/ce100/rebuild")?.ratio).toBeCloseTo(0.3, 6);
  expect(cells.get("inserts/u64/10000/random/ce100/espalier")?.ratio).toBe(1);
  expect(cells.get("inserts/u64/10000/random/ce100/espalier-group")).toMatchObject({
    ratio: null,
    why: "no cell of espalier in durability class durable-awaited to compare with",
  });
  expect(cells.get("delete-churn/u64/10000/random/ce1/lmdb")).toMatchObject({
    ratio: null,
    why: "timeout: timeout for a reason",
  });
});

test("another baseline engine gives other ratios", async () => {
  const chart = charts.find(({ name }) => name === "ratio-heatmap") as Chart;
  const spec = standaloneSpec(chart, {});
  const params = [{ name: "baseline", value: "rebuild" }];
  const { scene } = await renderSpec({ ...spec, params } as typeof spec);
  const cells = new Map(shownData(scene).map((datum) => [String(datum.cell), datum]));
  expect(cells.get("inserts/u64/10000/random/ce100/espalier")?.ratio).toBeCloseTo(1 / 0.3, 6);
});

test("ratios are to another engine where the run's own baseline was not measured", async () => {
  const run = runDocument();
  const cells = run.cells.map((cell) =>
    cell.engine === "lmdb" ? { ...cell, status: "missing" as const, opsPerSecond: null } : cell,
  );
  const settings = { ...run.settings, baseline: "lmdb" };
  const without = dashboardData({ runs: [{ ...run, cells, settings }], migrations: [], files: [] });
  expect(without.baselineEngine).toBe("rebuild");
  const means = buildCharts(without).find(({ name }) => name === "geometric-means") as Chart;
  expect((await renderChart(means)).warnings).toEqual([]);
  const measured = dashboardData({ runs: [{ ...run, settings }], migrations: [], files: [] });
  expect(measured.baselineEngine).toBe("lmdb");
});

test("a step in the history is marked where the level changed", async () => {
  const chart = charts.find(({ name }) => name === "history") as Chart;
  const steps = chart.rows.filter(({ step, engine }) => step !== null && engine === "lmdb-awaited");
  expect(steps.length).toBeGreaterThan(0);
  expect(new Set(steps.map(({ run, step }) => `${run} ${step}`))).toEqual(new Set(["c 2"]));
});

test("without results every chart says what it lacks", () => {
  const bare = buildCharts(dashboardData({ runs: [], migrations: [], files: [] }));
  for (const chart of bare) {
    expect(chart.rows).toEqual([]);
    expect(chart.empty).toMatch(/\.$/);
  }
});

test("PNG images are PNG", async () => {
  const { svg } = await renderChart(charts[0] as Chart);
  const png = await svgToPng(svg, 1);
  expect(Buffer.from(png.subarray(1, 4)).toString()).toBe("PNG");
});
