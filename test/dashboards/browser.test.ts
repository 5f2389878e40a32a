/**
 * The page in a real Chromium, opened from a file with the network off: every chart is drawn, filters,
 * drill-down, theme and the state in the address work, and hostile texts stay text.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCharts } from "../../dashboards/charts/registry.js";
import { type DashboardData, dashboardData } from "../../dashboards/data/model.js";
import { readInputs } from "../../dashboards/documents/read.js";
import { pageHtml } from "../../dashboards/page/shell.js";
import { serveDashboards } from "../../dashboards/serve.js";
import { offlinePage, startBrowser } from "./support/browser.js";
import { HOSTILE, migrationReport, runDocument } from "./support/documents.js";

const data = dashboardData({
  runs: [
    runDocument({ id: "before-run", startedAt: "2026-01-01T10:00:00.000Z" }),
    runDocument({ id: "after-run", startedAt: "2026-01-02T10:00:00.000Z", speed: 2 }),
  ],
  migrations: [migrationReport()],
  files: [],
});
const names = buildCharts(data).map(({ name }) => name);

/** Drawing takes its time on a busy machine. */
const PATIENT = { timeout: 30_000 };

let browser: Browser;
let folder: string;
let address: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "espalier-page-"));
  const file = join(folder, "index.html");
  await writeFile(file, pageHtml(data));
  address = pathToFileURL(file).href;
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Opens the page with a state, closes it afterwards, and expects no complaint and no request. */
async function withPage(
  hash: string,
  work: (page: Page) => Promise<void>,
  width = 1280,
  at = address,
): Promise<void> {
  const { page, complaints, requests } = await offlinePage(browser, { width, height: 900 });
  try {
    await page.goto(`${at}${hash}`);
    await work(page);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([]);
  } finally {
    await page.context().close();
  }
}

/** Scrolls a chart into view and waits for its drawing. */
async function drawn(page: Page, name: string): Promise<void> {
  const figure = page.locator(`[data-chart="${name}"]`);
  await figure.scrollIntoViewIfNeeded();
  await figure.locator(".drawing svg.marks, .drawing canvas.marks").first().waitFor();
}

/** Draws of a chart so far. */
async function drawings(page: Page, name: string): Promise<number> {
  return Number(await page.locator(`[data-chart="${name}"]`).getAttribute("data-drawn"));
}

async function redrawnAfter(page: Page, name: string, work: () => Promise<unknown>): Promise<void> {
  await drawn(page, name);
  await expect.poll(() => drawings(page, name), PATIENT).toBeGreaterThan(0);
  const before = await drawings(page, name);
  await work();
  await expect.poll(() => drawings(page, name), PATIENT).toBeGreaterThan(before);
}

/** The address follows what was done on the page in a task of its own, and the browser tells of it in another. */
async function addressSays(page: Page, part: string): Promise<void> {
  await expect.poll(() => page.url(), PATIENT).toContain(part);
}

const text = (page: Page, name: string): Promise<string | null> =>
  page.locator(`[data-chart="${name}"] .drawing`).textContent();

test("every chart is drawn, wide and narrow, and the page is never wider than the screen", async () => {
  for (const width of [1280, 390]) {
    await withPage(
      "",
      async (page) => {
        for (const name of names) await drawn(page, name);
        expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
        const overflowing = await page.evaluate(
          "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.ariaLabel)",
        );
        // Narrow, a heat map may scroll inside its own frame; wide, nothing may.
        if (width > 1000) expect(overflowing).toEqual([]);
        const shown = await page.locator(".drawing svg.marks, .drawing canvas.marks").count();
        expect(shown).toBe(names.length);
      },
      width,
    );
  }
});

test("a filter leaves its rows only, is in the address, and comes back with it", async () => {
  const chart = "throughput-by-interval";
  await withPage("", async (page) => {
    await drawn(page, chart);
    await page.locator('[data-filter="workload"][data-value="inserts"]').click();
    await expect.poll(() => text(page, chart), PATIENT).not.toContain("reads (durable)");
    await expect.poll(() => text(page, chart), PATIENT).toContain("inserts (durable)");
    await addressSays(page, "workload=inserts");
    await expect.poll(() => page.locator("#filter-count").textContent(), PATIENT).toBe("27 of 90 cells");
  });
  await withPage("#workload=reads&engine=espalier&engine=lmdb", async (page) => {
    await drawn(page, chart);
    await expect.poll(() => text(page, chart), PATIENT).not.toContain("inserts");
    await expect.poll(() => page.locator("#filter-count").textContent(), PATIENT).toBe("6 of 90 cells");
    const table = page.locator(`[data-chart="${chart}"] details.data`);
    await table.locator("summary").click();
    await expect.poll(() => table.locator("tbody tr").count(), PATIENT).toBe(6);
  });
});

test("of very many panels the first are drawn, and all when the reader asks for them", async () => {
  const run = runDocument({
    workloads: ["reads", "mixed", "inserts", "overwrite-same"],
    shapes: ["u64", "text", "large"],
  });
  const file = join(folder, "panels.html");
  await writeFile(file, pageHtml(dashboardData({ runs: [run], migrations: [], files: [] })));
  const check = async (page: Page): Promise<void> => {
    const name = "throughput-by-interval";
    const figure = page.locator(`[data-chart="${name}"]`);
    // The class stands on a line of its own where a name is long.
    const last = /overwrite-same · large\s*\(memory\)/;
    await drawn(page, name);
    expect(await figure.locator(".more").textContent()).toContain("36 of 48 panels");
    expect(await text(page, name)).not.toMatch(last);
    await figure.locator("details.data summary").click();
    expect(await figure.locator("tbody").textContent()).toContain("memory");
    await redrawnAfter(page, name, () => figure.locator(".more button").click());
    await expect.poll(() => text(page, name), PATIENT).toMatch(last);
    expect(await figure.locator(".more").textContent()).toBe("");
  };
  await withPage("", check, 1280, pathToFileURL(file).href);
  await withPage(
    "#workload=overwrite-same",
    async (page) => {
      await drawn(page, "throughput-by-interval");
      const shown = (): Promise<string | null> => text(page, "throughput-by-interval");
      await expect.poll(shown, PATIENT).toMatch(/overwrite-same · large\s*\(memory\)/);
      expect(await page.locator('[data-chart="throughput-by-interval"] .more').textContent()).toBe("");
    },
    1280,
    pathToFileURL(file).href,
  );
});

test("filters that leave nothing say so", async () => {
  await withPage("#workload=scan&engine=lmdb", async (page) => {
    const figure = page.locator('[data-chart="throughput-by-interval"]');
    await figure.scrollIntoViewIfNeeded();
    await expect.poll(() => figure.textContent(), PATIENT).toContain("No row passes the filters");
  });
});

test("a click on a field of the heat map opens its cell, and closing it clears the address", async () => {
  await withPage("", async (page) => {
    await drawn(page, "ratio-heatmap");
    await page.locator('[data-chart="ratio-heatmap"] text[aria-roledescription="text mark"]').nth(3).click();
    const dialog = page.locator("#cell");
    await dialog.waitFor();
    await addressSays(page, "cell=");
    const words = await dialog.textContent();
    for (const part of ["Figures", "p999, µs", "Settings", "Measure it again", "espalier matrix run"]) {
      expect(words).toContain(part);
    }
    await dialog.locator(".histogram svg.marks").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await expect.poll(() => page.url(), PATIENT).not.toContain("cell=");
  });
});

test("a cell is reached and left by keyboard alone, through the data table", async () => {
  await withPage("", async (page) => {
    const box = page.locator('[data-chart="throughput-by-interval"] details.data');
    await drawn(page, "throughput-by-interval");
    await box.locator("summary").focus();
    await page.keyboard.press("Enter");
    await box.locator("tbody button").first().waitFor();
    await box.locator("tbody button").first().focus();
    await page.keyboard.press("Enter");
    await page.locator("#cell").waitFor();
    await page.locator("#cell-close").focus();
    await page.keyboard.press("Enter");
    await page.locator("#cell").waitFor({ state: "hidden" });
  });
});

test("a cell in the address is open from the start; one that there is not is said to be none", async () => {
  await withPage("#cell=reads/u64/10000/random/ce100/lmdb", async (page) => {
    await page.locator("#cell-body", { hasText: "settings of lmdb" }).waitFor();
  });
  await withPage("#cell=nothing", async (page) => {
    await page.locator("#cell-body", { hasText: "No cell of this run is called nothing" }).waitFor();
  });
});

test("the theme follows the system, can be switched, and is kept in the address", async () => {
  await withPage("", async (page) => {
    const theme = (): Promise<string | null> => page.locator("html").getAttribute("data-theme");
    const background = (): Promise<unknown> =>
      page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(await theme()).toBe("light");
    const light = await background();
    await page.locator("#theme").click();
    expect(await theme()).toBe("dark");
    expect(await background()).not.toBe(light);
    await addressSays(page, "theme=dark");
    await page.reload();
    expect(await theme()).toBe("dark");
  });
});

/** Story: a printed page had the charts that its reader had scrolled to, cut off at the right, and light on white from a dark screen. */
test("a printed page has every chart whole, in the light theme, whatever was on the screen", async () => {
  await withPage("#theme=dark", async (page) => {
    await drawn(page, names[0]!);
    await page.evaluate(
      "addEventListener('beforeprint', () => setTimeout(() => { window.printed = document.querySelectorAll('.drawing svg.marks, .drawing canvas.marks').length; window.theme = document.documentElement.dataset.theme; }))",
    );
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    await page.waitForFunction("window.printed !== undefined");
    expect(await page.evaluate("[printed, theme]")).toEqual([names.length, "light"]);
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 700, height: 900 });
    const cut = await page.evaluate(
      "[...document.querySelectorAll('.drawing svg.marks, .drawing canvas.marks')].filter((marks) => marks.getBoundingClientRect().right > marks.closest('.scroll').getBoundingClientRect().right + 1).length",
    );
    expect(cut).toBe(0);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  });
});

test("ratios can be taken to another engine", async () => {
  await withPage("", async (page) => {
    const select = page.locator('[data-chart="ratio-heatmap"] select[data-param="baseline"]');
    await redrawnAfter(page, "ratio-heatmap", () => select.selectOption("rebuild"));
    await addressSays(page, "baseline=rebuild");
    await expect.poll(() => text(page, "ratio-heatmap"), PATIENT).toContain("3.33");
    const other = page.locator('[data-chart="geometric-means"] select[data-param="baseline"]');
    await expect.poll(() => other.inputValue(), PATIENT).toBe("rebuild");
  });
});

// Story: the link was to a page of another run, and no chart had a ratio.
test("an engine in the address that there is not is no choice", async () => {
  await withPage("#baseline=rocksdb", async (page) => {
    await drawn(page, "ratio-heatmap");
    await expect.poll(() => text(page, "ratio-heatmap"), PATIENT).toContain("0.30");
    const select = page.locator('[data-chart="ratio-heatmap"] select[data-param="baseline"]');
    expect(await select.inputValue()).toBe("espalier");
  });
});

test("names as long as they like make no page wider than the screen", async () => {
  const run = runDocument({ engines: 2, workloads: ["reads"] });
  const lengthened = (id: string): string => (id === "espalier" ? id : `${id}-${"and on ".repeat(40)}`);
  const cells = run.cells.map((cell) => ({ ...cell, engine: lengthened(cell.engine) }));
  const engines = run.engines.map((engine) => ({ ...engine, id: lengthened(engine.id) }));
  const file = join(folder, "long.html");
  await writeFile(
    file,
    pageHtml(dashboardData({ runs: [{ ...run, cells, engines }], migrations: [], files: [] })),
  );
  const check = async (page: Page): Promise<void> => {
    await drawn(page, "ratio-heatmap");
    expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
  };
  for (const width of [1280, 390]) await withPage("", check, width, pathToFileURL(file).href);
});

test("before and after can be exchanged", async () => {
  await withPage("#before=after-run&after=before-run", async (page) => {
    await drawn(page, "before-after");
    await expect.poll(() => text(page, "before-after"), PATIENT).toContain("worse");
    const selects = page.locator('[data-chart="before-after"] select');
    expect(await selects.nth(0).inputValue()).toBe("after-run");
    expect(await selects.nth(1).inputValue()).toBe("before-run");
  });
});

test("a section in the address is where the page opens", async () => {
  await withPage("#section=migration", async (page) => {
    await drawn(page, "migration-files");
    expect(await page.evaluate("window.scrollY")).toBeGreaterThan(500);
    await page.locator('nav a[data-section="verdict"]').click();
    await expect.poll(() => page.evaluate("window.scrollY"), PATIENT).toBeLessThan(100);
    await addressSays(page, "section=verdict");
  });
});

test("a served page shows new results at the place where its reader is", async () => {
  const results = join(folder, "results");
  await mkdir(results);
  const land = (id: string, startedAt: string): Promise<void> =>
    writeFile(join(results, `${id}.json`), JSON.stringify(runDocument({ id, startedAt })));
  await land("first-run", "2026-01-01T10:00:00.000Z");
  const load = async (): Promise<DashboardData> => dashboardData(await readInputs([results]));
  const served = await serveDashboards({ watch: [results], port: 0, load });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  try {
    await page.goto(served.url);
    for (const name of ["throughput-by-interval", "ratio-heatmap", "log-bytes"]) await drawn(page, name);
    const before = Number(await page.evaluate("window.scrollY"));
    expect(before).toBeGreaterThan(1500);
    await land("second-run", "2026-01-02T10:00:00.000Z");
    await page.locator("#verdict", { hasText: "second-run" }).waitFor({ state: "attached" });
    await drawn(page, "log-bytes");
    expect(Math.abs(Number(await page.evaluate("window.scrollY")) - before)).toBeLessThan(300);
  } finally {
    await page.close();
    await served.close();
  }
});

test("hostile file names and reasons stay text, in tables, charts and tooltips", async () => {
  await withPage("#section=migration", async (page) => {
    for (const name of ["migration-files", "migration-failures", "migration-speed"]) {
      await drawn(page, name);
      const details = page.locator(`[data-chart="${name}"] details.data`);
      if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
    }
    expect(await page.locator('[data-chart="migration-files"] tbody').textContent()).toContain(HOSTILE);
    const told: (string | null)[] = [];
    for (const mark of await page.locator('[data-chart="migration-failures"] .mark-rect path').all()) {
      await mark.hover();
      await page.locator("#vg-tooltip-element.visible").waitFor();
      told.push(await page.locator("#vg-tooltip-element").textContent());
    }
    for (const mark of await page
      .locator('[data-chart="migration-speed"] path[aria-roledescription="point"]')
      .all()) {
      await mark.hover({ force: true });
      await page.locator("#vg-tooltip-element.visible").waitFor();
      told.push(await page.locator("#vg-tooltip-element").textContent());
    }
    expect(told.join()).toContain("onerror");
    expect(told.join()).toContain("onmouseover");
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.evaluate("window.hacked")).toBeUndefined();
  });
});

test("script that is slipped into the page is not run", async () => {
  const { page, complaints } = await offlinePage(browser);
  await page.goto(address);
  await page.evaluate(`
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked = 1'>");
  `);
  await expect.poll(() => complaints.join(), PATIENT).toContain("Content Security Policy");
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  await page.context().close();
});
