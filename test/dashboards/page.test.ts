/** The page as text: escaping, the policy that guards it, packed data, its size, its script. */

import { createHash } from "node:crypto";
import { Script } from "node:vm";
import type { TopLevelSpec } from "vega-lite";
import { expect, test } from "vitest";
import { specText } from "../../dashboards/build.js";
import { standaloneSpec } from "../../dashboards/charts/chart.js";
import { buildCharts } from "../../dashboards/charts/registry.js";
import { chartConfig } from "../../dashboards/charts/theme.js";
import { dashboardData } from "../../dashboards/data/model.js";
import { createTables } from "../../dashboards/page/browser/tables.js";
import type { PageWindow } from "../../dashboards/page/browser/types.js";
import { escapeHtml, html, jsonForScript } from "../../dashboards/page/html.js";
import { pagePayload } from "../../dashboards/page/payload.js";
import { pageScript } from "../../dashboards/page/script.js";
import { pageHtml } from "../../dashboards/page/shell.js";
import { renderSpec } from "../../dashboards/render.js";
import { HOSTILE, migrationReport, runDocument } from "./support/documents.js";

const data = dashboardData({ runs: [runDocument()], migrations: [migrationReport()], files: [] });

test("texts are escaped in markup and in scripts", () => {
  expect(html`<p title="${`"'`}">${"<b>&"}</p>`.text).toBe(`<p title="&quot;&#39;">&lt;b&gt;&amp;</p>`);
  expect(escapeHtml(HOSTILE)).not.toMatch(/[<>"]/);
  const text = jsonForScript({ a: "</script><!--\u2028" });
  expect(text).not.toMatch(/[<\u2028]/);
  expect(JSON.parse(text)).toEqual({ a: "</script><!--\u2028" });
});

test("a hostile file name stands in the page only where nothing runs it", () => {
  const page = pageHtml(data);
  expect(page).not.toContain("<img src=x");
  expect(page).not.toContain("<script>window.hacked");
  expect(page).toContain("\\u003cimg src=x");
});

test("the policy names every script by its hash, and allows no connection", () => {
  const page = pageHtml(data);
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1]?.replaceAll("&#39;", "'") ?? "";
  const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text ?? "");
  expect(scripts).toHaveLength(4);
  for (const text of scripts) {
    expect(policy).toContain(createHash("sha256").update(text).digest("base64"));
  }
  expect(policy).toContain("connect-src 'none'");
  expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|https?:/);
});

test("the page refers to nothing outside itself", () => {
  const page = pageHtml(data).replace(/<script[\s\S]*?<\/script>/g, "");
  const targets = [...page.matchAll(/<[^>]*\s(?:src|href)="([^"]*)"/g)].map(([, target]) => target);
  expect(targets.length).toBeGreaterThan(5);
  expect(targets.filter((target) => !target?.startsWith("#"))).toEqual([]);
  expect(page).not.toMatch(/@import|url\(/);
});

test("the page's script is whole: each part compiles alone and names nothing of a module", () => {
  const text = pageScript();
  expect(() => new Script(text)).not.toThrow();
  expect(text).not.toMatch(/__vi|__vite|\bimport\b|\brequire\(|\bexports\b/);
});

test("rows come out of the page as they went in, to six digits", () => {
  const charts = buildCharts(data);
  const payload = pagePayload(data, charts);
  const tables = createTables({ document: {} } as PageWindow, payload);
  for (const chart of charts.filter(({ rows }) => rows.length > 0)) {
    const packed = payload.charts.find(({ name }) => name === chart.name);
    const rows = packed === undefined ? [] : tables.unpack(packed.table);
    expect(rows).toHaveLength(chart.rows.length);
    rows.forEach((row, i) => {
      for (const [field, value] of Object.entries(chart.rows[i] ?? {})) {
        if (typeof value === "number")
          expect(row[field]).toBeCloseTo(value, -Math.log10(Math.abs(value) || 1) + 4);
        else expect(row[field]).toBe(value);
      }
    });
  }
});

test("a page of 2,000 cells stays under 5 MB", () => {
  const run = runDocument({
    workloads: [
      "reads",
      "mixed",
      "inserts",
      "put_many-64",
      "put_many-1000",
      "overwrite-same",
      "overwrite-grow",
      "delete-churn",
    ],
    intervals: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 7, 70, 700],
    shapes: ["u64", "text", "large"],
  });
  expect(run.cells.length).toBeGreaterThan(2000);
  const page = pageHtml(dashboardData({ runs: [run], migrations: [migrationReport()], files: [] }));
  expect(Buffer.byteLength(page)).toBeLessThan(5_000_000);
});

test("a run's gates, environment and cautions are in the page without script", () => {
  const page = pageHtml(data).replace(/<script[\s\S]*?<\/script>/g, "");
  for (const text of [
    "NO-GO",
    "No edit rebuilt a leaf",
    "Test CPU",
    "ext4",
    "classic-level was not measured",
  ]) {
    expect(page).toContain(text);
  }
});

test("the spec in a file draws as the chart does, though it leaves out what nothing names", async () => {
  // Vega numbers gradients through the process.
  const plain = (svg: string): string => svg.replace(/(gradient|clip)_?\d+/g, "$1");
  for (const chart of buildCharts(data).filter(({ rows }) => rows.length > 0)) {
    const spec = JSON.parse(specText(chart)) as TopLevelSpec & { config: object };
    const drawn = await renderSpec({ ...spec, config: { ...spec.config, aria: false } });
    const expected = await renderSpec(standaloneSpec(chart, { ...chartConfig("light"), aria: false }));
    expect(plain(drawn.svg) === plain(expected.svg), chart.name).toBe(true);
  }
});
