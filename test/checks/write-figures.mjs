/**
 * Writes measured figures into the documents, so that nobody copies numbers by hand. Every part is optional:
 *
 *   npm run build && node test/checks/write-figures.mjs [--run DIR [--before DIR] [--migrations FILE]] [--sizing FILE] [--growth FILE]
 *
 * --run is a run of the matrix: the table in README.md. With --before, an earlier run with the same cells, the
 * sample dashboard in docs/sample is built anew from both, and with --migrations its migration section from what
 * `espalier migrate run --json` printed. --sizing is what `node dist/migrate/bench/measure.js` printed: the table in
 * ROLLOUT.md. --growth is what `npm run bench -- --large growth --json FILE` wrote: the table and the figure in
 * docs/performance.md.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { growthSpec, growthTable } from "./growth-figures.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GIB = 2 ** 30;
const MIB = 2 ** 20;

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    before: { type: "string" },
    migrations: { type: "string" },
    sizing: { type: "string" },
    growth: { type: "string" },
  },
});
function readRun(path) {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "run.json") : path;
  return JSON.parse(readFileSync(file, "utf8"));
}

function writeBetween(page, name, text) {
  const path = join(ROOT, page);
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const old = readFileSync(path, "utf8");
  if (!old.includes(begin) || !old.includes(end)) throw new Error(`${page} has no place for the ${name}`);
  const before = old.slice(0, old.indexOf(begin) + begin.length);
  writeFileSync(path, `${before}\n${text}\n${old.slice(old.indexOf(end))}`);
}

/** Rows of the README: the workloads that every run is judged by, at the ends and the middle of the intervals. */
const WORKLOADS = ["inserts", "mixed", "put_many-1000", "reads"];
const INTERVALS = [1, 100, 10_000];
const PEERS = ["better-sqlite3", "lmdb", "classic-level", "rocksdb", "rebuild"];

function peerTable(run) {
  const peers = PEERS.filter((id) => run.settings.engines.includes(id));
  const groups = new Map();
  for (const cell of run.cells) {
    if (!WORKLOADS.includes(cell.workload) || !INTERVALS.includes(cell.commitEvery)) continue;
    if (cell.shape !== "u64" || cell.order !== "random") continue;
    groups.set(cell.group, { ...groups.get(cell.group), [cell.engine]: cell });
  }
  const rows = [...groups.values()]
    .map((cells) => ({ cells, mine: cells.espalier }))
    .filter(({ mine }) => mine?.opsPerSecond != null)
    .sort(
      (a, b) =>
        WORKLOADS.indexOf(a.mine.workload) - WORKLOADS.indexOf(b.mine.workload) ||
        a.mine.records - b.mine.records ||
        a.mine.commitEvery - b.mine.commitEvery,
    )
    .map(({ cells, mine }) => [
      mine.workload,
      mine.commitEvery.toLocaleString("en-US"),
      rate(mine.opsPerSecond.median),
      ...peers.map((id) => ratio(mine, cells[id])),
    ]);
  const head = ["workload", "commit_every", "espalier, ops/s", ...peers.map((id) => `to ${id}`)];
  return [environmentText(run), "", table(head, rows)].join("\n");
}

function ratio(mine, other) {
  if (other?.opsPerSecond == null) return other?.status ?? "-";
  if (other.durability !== mine.durability) return "other class";
  return (mine.opsPerSecond.median / other.opsPerSecond.median).toFixed(2);
}

function environmentText({ environment, settings, cells, noise, run, engines }) {
  const { cpu, disk, runtime } = environment;
  const versions = engines
    .filter(({ family, version, present }) => family === "peer" && present && version !== null)
    .map(({ id, version }) => `${id} ${version}`)
    .join(", ");
  const records = [...new Set(cells.map((cell) => cell.records.toLocaleString("en-US")))].join(" and ");
  const rounds = settings.rounds === 1 ? "one round" : `medians of ${settings.rounds} rounds`;
  return [
    `Operations a second of espalier, and as a multiple of each other engine's: above 1 espalier is faster, below 1 slower.`,
    `\`rebuild\` is the same tree with the legacy way of editing leaves. Durable commits on every side, ${records} records of`,
    `8-byte keys and values in random order, ${rounds}; ${cpu.model}, ${cpu.cores} cores, ${disk.fileSystem ?? "unknown disk"},`,
    `${runtime.name} ${runtime.version}; ${versions}. Measured ${run.startedAt.slice(0, 10)}; the run judged its machine "${noise.verdict}".`,
  ].join("\n");
}

/** 1234567 as 1.23M. */
function rate(value) {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`;
  return value >= 999.5 ? `${(value / 1e3).toPrecision(3)}k` : value.toPrecision(3);
}

function table(head, rows) {
  const align = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, align, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function buildSample({ run, before, migrations }) {
  const out = join(ROOT, "docs/sample");
  rmSync(out, { recursive: true, force: true });
  const reports = migrations === undefined ? [] : ["--migrations", migrations];
  const words = ["dashboards", "build", before, run, ...reports, "--out", out];
  execFileSync(process.execPath, [join(ROOT, "dist/cli.js"), ...words], { stdio: "inherit" });
}

const HEAD = /^(\d+) records of (\d+) \+ (\d+) bytes, (\d+) MiB, pages of (\d+)$/;
const LINE =
  /^(in-place|rewrite) +(\d+) ms \([^)]*\); processor \d+ ms; ([\d.]+) times the copy; peak memory (\d+) MiB; extra disk ([\d.]+) MiB; ([\w ]+)$/;

function sizingTable(text) {
  const rows = [];
  let file;
  for (const line of text.split("\n")) {
    const [, , , value, mib, page] = HEAD.exec(line) ?? [];
    if (value !== undefined) file = { value, mib: Number(mib), page };
    const [, strategy, ms, times, memory, extra, status] = LINE.exec(line) ?? [];
    if (strategy === undefined || file === undefined) continue;
    if (status.split(" ").some((each) => each !== "converted"))
      throw new Error(`a file was not converted: ${line}`);
    const secondsPerGib = ((Number(ms) / 1000) * GIB) / (file.mib * MIB);
    rows.push([
      `${file.value} bytes`,
      `${file.mib.toLocaleString("en-US")} MiB`,
      strategy === "in-place" ? "in place" : "rewrite",
      `${secondsPerGib.toFixed(1)} s`,
      times,
      `${memory} MiB`,
      `${extra} MiB`,
    ]);
  }
  if (rows.length === 0) throw new Error("no line of the measurement was understood");
  const head = [
    ...["values", "file", "strategy", "time a GiB", "times a copy with fsync", "peak memory", "extra disk"],
  ];
  const [cpu] = cpus();
  const about = [
    `Measured with \`node dist/migrate/bench/measure.js\` on gen3 files of 8-byte keys: ${cpu?.model ?? "unknown processor"},`,
    `${cpus().length} cores, ${process.platform}, Node ${process.versions.node}. \`espalier migrate rehearse\` measures your own files and your own disk.`,
  ];
  return [...about, "", table(head, rows)].join("\n");
}

async function writeGrowth(results) {
  const { head, rows } = growthTable(results, rate);
  writeBetween("docs/performance.md", "growth table", table(head, rows));
  const { renderSpec } = await import("../../dist/dashboards/render.js");
  const { svg } = await renderSpec(growthSpec(results));
  writeFileSync(join(ROOT, "docs/figures/growth.svg"), `${svg}\n`);
}

if (values.run === undefined && values.sizing === undefined && values.growth === undefined)
  throw new Error("one of --run DIR, --sizing FILE and --growth FILE");
if (values.run !== undefined) writeBetween("README.md", "peer table", peerTable(readRun(values.run)));
if (values.before !== undefined) buildSample(values);
if (values.sizing !== undefined)
  writeBetween("ROLLOUT.md", "sizing table", sizingTable(readFileSync(values.sizing, "utf8")));
if (values.growth !== undefined) await writeGrowth(JSON.parse(readFileSync(values.growth, "utf8")));
