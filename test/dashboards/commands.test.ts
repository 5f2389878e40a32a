/** The commands, as a user gives them: files written, what is printed, exit codes. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import yargs from "yargs";
import { dashboardsCommand } from "../../dashboards/commands.js";
import { migrationReport, runDocument } from "./support/documents.js";

let folder: string;
let out: string;
let printed: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "espalier-commands-"));
  out = join(folder, "site");
  printed = "";
  const collect = (text: string | Uint8Array): boolean => {
    printed += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(collect);
  vi.spyOn(process.stderr, "write").mockImplementation(collect);
  await writeFile(join(folder, "run.json"), JSON.stringify(runDocument()));
  await writeFile(join(folder, "migration.json"), JSON.stringify(migrationReport()));
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<void> {
  await yargs(["dashboards", ...args])
    .command(dashboardsCommand)
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .parseAsync();
}

test("build writes the page, and a spec and an SVG for each chart with rows", async () => {
  await run("build", join(folder, "run.json"), "--migrations", join(folder, "migration.json"), "--out", out);
  const files = await readdir(join(out, "charts"));
  const specs = files.filter((name) => name.endsWith(".vl.json"));
  expect(specs.length).toBeGreaterThan(20);
  expect(files).toHaveLength(specs.length * 2);
  expect(files.filter((name) => name.endsWith(".part"))).toEqual([]);
  expect(await readFile(join(out, "index.html"), "utf8")).toMatch(/^<!doctype html>/);
  expect(printed).toMatch(/^\d+ charts have nothing to show; the page says why of each$/m);
  expect(printed).toMatch(/index\.html \([\d,]+ kB\), \d+ charts/);
  expect(printed).not.toContain("warning");
  expect(process.exitCode).toBeUndefined();
});

test.each([
  ["a page", "index.html"],
  ["a chart", "charts/ratio-heatmap.svg"],
])("build replaces no %s of another", async (_what, name) => {
  await mkdir(join(out, "charts"), { recursive: true });
  await writeFile(join(out, name), "<title>My shop</title>");
  const building = run("build", join(folder, "run.json"), "--out", out);
  await expect(building).rejects.toMatchObject({ code: "ERR_ESPALIER_EXISTS", path: join(out, name) });
  expect(await readFile(join(out, name), "utf8")).toBe("<title>My shop</title>");
  expect(await readdir(out)).toEqual(name === "index.html" ? ["charts", name] : ["charts"]);
});

test("build replaces a site, an unfinished one too", async () => {
  const [run1, charts] = [join(folder, "run.json"), join(out, "charts")];
  await run("build", run1, "--out", out);
  const [chart = ""] = await readdir(charts);
  await writeFile(join(charts, chart), "old");
  await rm(join(charts, "ratio-heatmap.svg"));
  await run("build", run1, "--out", out);
  expect(await readFile(join(charts, chart), "utf8")).not.toBe("old");
  expect(await readdir(charts)).toContain("ratio-heatmap.svg");
});

test("build --png writes images too, --json says what was written", async () => {
  await run("build", join(folder, "migration.json"), "--out", out, "--png", "--json");
  const site = JSON.parse(printed) as { files: { path: string }[]; empty: unknown[] };
  expect(site.files.map(({ path }) => path)).toContain("charts/migration-files.png");
  expect(site.empty.length).toBeGreaterThan(10);
});

test("spec prints one chart, with data when there are results", async () => {
  await run("spec", "throughput-by-interval", join(folder, "run.json"));
  const spec = JSON.parse(printed) as { $schema: string; datasets: { rows: unknown[] } };
  expect(spec.$schema).toContain("vega-lite");
  expect(spec.datasets.rows.length).toBeGreaterThan(20);
  printed = "";
  await run("spec", "throughput-by-interval");
  expect((JSON.parse(printed) as { datasets: { rows: unknown[] } }).datasets.rows).toEqual([]);
});

test("a chart that there is not is an error that names those there are", async () => {
  await run("spec", "nonsense");
  expect(process.exitCode).toBe(2);
  expect(printed).toContain("ratio-heatmap");
});

test("what can't be drawn is said, with exit code 1", async () => {
  await writeFile(join(folder, "old.json"), JSON.stringify({ ...runDocument(), version: 0 }));
  await run("build", join(folder, "old.json"), "--out", out);
  expect(process.exitCode).toBe(1);
  expect(printed).toContain("version 0");
});

test("what can't be drawn is said as JSON with --json", async () => {
  const path = join(folder, "other.json");
  await writeFile(path, "{}");
  await run("build", path, "--out", out, "--json");
  expect(process.exitCode).toBe(1);
  expect(JSON.parse(printed)).toEqual({
    error: {
      name: "DashboardInputError",
      code: "ERR_ESPALIER_DASHBOARD_INPUT",
      message: expect.stringContaining(path),
      path,
    },
  });
});

test("a file that is not there is the front door's to report", async () => {
  await expect(run("build", join(folder, "nowhere"), "--out", out)).rejects.toThrow(/ENOENT.*nowhere/);
});

test("a folder without results is said to be one", async () => {
  const empty = await mkdtemp(join(folder, "empty-"));
  await run("build", empty, "--out", out);
  expect(process.exitCode).toBe(1);
  expect(printed).toContain("no run of the matrix and no migration report was found");
});
