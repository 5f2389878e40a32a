/**
 * Builds a site: index.html that needs nothing else, and each chart as a spec, an SVG and, if asked, a PNG.
 * Files are replaced whole, so that somebody who looks on never sees half of one.
 */

import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { ExistsError } from "../src/base/errors.js";
import { replaceFile } from "../src/commands/support/replace-file.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import { type Chart, ROWS, standaloneSpec } from "./charts/chart.js";
import { buildCharts } from "./charts/registry.js";
import { chartConfig } from "./charts/theme.js";
import type { Row } from "./data/cells.js";
import type { DashboardData } from "./data/model.js";
import { pageHtml, TITLE } from "./page/shell.js";
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

const PAGE = "index.html";
/** The page says early whose it is. */
const HEAD_BYTES = 8192;

/**
 * Writes a site, over an earlier one if there is one. Throws, before anything is written, PackageMissingError, and
 * ExistsError where a file of another kind has the name of one of the site's; and the file system's errors.
 */
export async function buildSite(data: DashboardData, options: BuildOptions): Promise<BuiltSite> {
  if (options.png === true) await loadResvg();
  const charts = buildCharts(data);
  const files: { path: string; bytes: number }[] = [];
  const warnings: string[] = [];
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    options.signal?.throwIfAborted();
    replaceFile(join(options.out, path), content);
    files.push({ path, bytes: Buffer.byteLength(content) });
  };
  const drawn = charts.filter(({ rows }) => rows.length > 0);
  await assertReplaceable(
    options.out,
    drawn.flatMap(({ name }) => KINDS.map((kind) => `charts/${name}.${kind}`)),
  );
  await mkdir(join(options.out, "charts"), { recursive: true });
  // First: it tells that the rest is a site's, however far an interrupted build has come.
  await write(PAGE, pageHtml(data, { charts }));
  for (const chart of drawn) {
    await write(`charts/${chart.name}.vl.json`, specText(chart));
    const rendered = await renderChart(chart);
    warnings.push(...rendered.warnings.map((warning) => `${chart.name}: ${warning}`));
    await write(`charts/${chart.name}.svg`, rendered.svg);
    if (options.png === true) await write(`charts/${chart.name}.png`, await svgToPng(rendered.svg));
  }
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

const KINDS: readonly string[] = ["vl.json", "svg", "png"];

/** By its page a folder is known as a site. Throws ExistsError. */
async function assertReplaceable(out: string, charts: readonly string[]): Promise<void> {
  const page = join(out, PAGE);
  const isSite = nodeVfs.stat(page) !== undefined;
  if (isSite && !(await isPage(page)))
    throw new ExistsError(page, `${page} is no page of espalier's, and is left alone; choose another folder`);
  const foreign = isSite ? undefined : charts.find((chart) => nodeVfs.stat(join(out, chart)) !== undefined);
  if (foreign === undefined) return;
  const path = join(out, foreign);
  throw new ExistsError(path, `${path} is there, and no page of espalier's beside it; choose another folder`);
}

async function isPage(path: string): Promise<boolean> {
  if (nodeVfs.stat(path)?.kind !== "file") return false;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return bytesRead === 0 || buffer.toString("latin1", 0, bytesRead).includes(TITLE);
  } finally {
    await file.close();
  }
}
