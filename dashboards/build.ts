/**
 * Builds a site: index.html that needs nothing else, and each chart as a spec, an SVG and, if asked, a PNG.
 * Files are replaced whole, so that somebody who looks on never sees half of one.
 */

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Chart, ROWS, standaloneSpec } from "./charts/chart.js";
import { buildCharts } from "./charts/registry.js";
import { chartConfig } from "./charts/theme.js";
import type { Row } from "./data/cells.js";
import type { DashboardData } from "./data/model.js";
import { pageHtml } from "./page/shell.js";
import { loadResvg, renderChart, svgToPng } from "./render.js";

/** What a site is built of. */
export interface BuildOptions {
  /** Folder for the site, made where it is missing. */
  readonly out: string;
  /** Also PNG images; needs the package @resvg/resvg-js. */
  readonly png?: boolean;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface BuiltSite {
  /** Paths from `out`, with their sizes in bytes. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Charts that had no rows, and why. */
  readonly empty: readonly { readonly name: string; readonly reason: string }[];
  /** What Vega-Lite had to say; empty for sound specs. */
  readonly warnings: readonly string[];
}

/** Writes a site. Throws PackageMissingError before anything is written, and the file system's errors. */
export async function buildSite(data: DashboardData, options: BuildOptions): Promise<BuiltSite> {
  if (options.png === true) await loadResvg();
  const charts = buildCharts(data);
  const files: { path: string; bytes: number }[] = [];
  const warnings: string[] = [];
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    options.signal?.throwIfAborted();
    await writeWhole(join(options.out, path), content);
    files.push({ path, bytes: Buffer.byteLength(content) });
  };
  await mkdir(join(options.out, "charts"), { recursive: true });
  for (const chart of charts.filter(({ rows }) => rows.length > 0)) {
    await write(`charts/${chart.name}.vl.json`, specText(chart));
    const rendered = await renderChart(chart);
    warnings.push(...rendered.warnings.map((warning) => `${chart.name}: ${warning}`));
    await write(`charts/${chart.name}.svg`, rendered.svg);
    if (options.png === true) await write(`charts/${chart.name}.png`, await svgToPng(rendered.svg));
  }
  await write("index.html", pageHtml(data, { charts }));
  const empty = charts.flatMap((chart) =>
    chart.rows.length > 0 ? [] : [{ name: chart.name, reason: chart.empty }],
  );
  return { files, empty, warnings };
}

/** A chart's spec with its rows, as the text of a file: the spec indented, the rows a line each. */
export function specText(chart: Chart): string {
  const spec = standaloneSpec(chart, chartConfig("light"));
  const frame = JSON.stringify({ ...spec, datasets: undefined }, null, 2);
  const rows = usedFields(chart)
    .map((row) => `      ${JSON.stringify(row)}`)
    .join(",\n");
  return `${frame.slice(0, -2)},\n  "datasets": {\n    "${ROWS}": [\n${rows}\n    ]\n  }\n}\n`;
}

/** The rows without the facts that neither the spec nor the table behind the chart names. */
function usedFields({ rows, spec, columns }: Chart): Row[] {
  const named = JSON.stringify({ spec, columns });
  const fields = Object.keys(rows[0] ?? {}).filter((field) => named.includes(field));
  return rows.map((row) => Object.fromEntries(fields.map((field) => [field, row[field] ?? null])));
}

async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  await writeFile(beside, content);
  await rename(beside, path);
}
