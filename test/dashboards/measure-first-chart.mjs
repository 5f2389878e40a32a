/**
 * Measures how long a page of a large matrix takes to its first chart, in Chromium. It asserts nothing: the
 * figure depends on the machine.
 *
 *   npm run build && node test/dashboards/measure-first-chart.mjs RUN.json [cells]
 *
 * RUN.json is any run of the matrix; its cells are repeated with other numbers of records until there are
 * as many as asked (2,000).
 */

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { dashboardData, pageHtml } from "../../dist/dashboards/index.js";

const OPENINGS = 5;

/** The run with its cells repeated. */
function enlarged(run, wanted) {
  const cells = [];
  for (let turn = 0; cells.length < wanted; turn++) {
    for (const cell of run.cells) {
      if (cells.length === wanted) break;
      const records = cell.records + turn;
      const group = `${cell.group}/${records}`;
      cells.push({ ...cell, records, group, id: `${group}/${cell.engine}` });
    }
  }
  return { ...run, cells };
}

const [path, wanted = "2000"] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: measure-first-chart.mjs RUN.json [cells]");
const run = enlarged(JSON.parse(await readFile(path, "utf8")), Number(wanted));
const folder = await mkdtemp(join(tmpdir(), "espalier-first-chart-"));
const file = join(folder, "index.html");
await writeFile(file, pageHtml(dashboardData({ runs: [run], migrations: [], files: [] })));
const browser = await chromium.launch({
  executablePath: process.env.ESPALIER_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
const times = [];
for (const state of ["", "#shape=*&order=*&records=*"]) {
  for (let i = 0; i < OPENINGS; i++) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${pathToFileURL(file).href}${state}`);
    await page.waitForSelector("[data-drawn]");
    times.push(Math.round(await page.evaluate("performance.now()")));
    await page.close();
  }
  const bytes = (await stat(file)).size;
  console.log(
    `${run.cells.length} cells, ${bytes} bytes, ${state === "" ? "as it opens" : "nothing filtered"}:`,
  );
  console.log(`  first chart after ${times.splice(0).join(", ")} ms`);
}
await browser.close();
await rm(folder, { recursive: true });
