/** The same figures in every form: text, prom-client, OpenTelemetry, snapshot file. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Counter, type OpenMetricsContentType, Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { open, type Store } from "../../src/index.js";
import {
  METRICS,
  observeMetrics,
  prometheusText,
  publishMetrics,
  readSnapshot,
  registerMetrics,
} from "../../src/metrics/index.js";
import { openTelemetryName } from "../../src/metrics/open-telemetry.js";

let folder: string;
let store: Store<string, unknown>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-metrics-"));
  store = open(join(folder, "data.esp"), { profile: true });
  for (let i = 0; i < 200; i++) store.put(`key${i}`, "v".repeat(50));
  store.tree("other").put("a", 1);
});

afterEach(() => {
  vi.useRealTimers();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Value of a line of the text format. */
function figureOf(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  if (line === undefined) throw new Error(`no series ${series} in\n${text}`);
  return Number(line.slice(series.length + 1));
}

describe("definitions", () => {
  it("follow Prometheus' naming: prefix, base units last, _total on counters only", () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, unit, help, meaning } of METRICS) {
      expect(name).toMatch(/^espalier_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(/_(bytes|seconds)(_total)?$/.exec(name)?.[1], name).toBe(
        { By: "bytes", s: "seconds", "1": undefined }[unit],
      );
      expect(help, name).toMatch(/\.$/);
      expect(meaning, name).toMatch(/\.$/);
    }
  });

  it("cover every counter that the store keeps", () => {
    const metrics = store.metrics();
    const seen = new Set<string>();
    const watch = (part: object, path: string): object =>
      new Proxy(part, {
        get(target, key) {
          const value = (target as Record<string | symbol, unknown>)[key];
          const at = `${path}.${String(key)}`;
          if (typeof value === "object" && value !== null && !Array.isArray(value)) return watch(value, at);
          seen.add(at);
          return value;
        },
      });
    const source = { metrics: watch(metrics, "") as typeof metrics, stats: store.stats() };
    for (const { read } of METRICS) read(source);
    const all: string[] = [];
    const collect = (part: object, path: string): void => {
      for (const [key, value] of Object.entries(part)) {
        if (typeof value === "object" && !Array.isArray(value)) collect(value, `${path}.${key}`);
        else all.push(`${path}.${key}`);
      }
    };
    collect(metrics, "");
    expect(all.filter((path) => !seen.has(path))).toEqual([]);
  });
});

describe("the text format", () => {
  it("shows the store's own figures", () => {
    const source = { metrics: store.metrics(), stats: store.stats() };
    const text = prometheusText([{ store: 'a"b\\c', source }]);
    const label = '{store="a\\"b\\\\c"';
    expect(figureOf(text, `espalier_commits_total${label}}`)).toBe(source.metrics.log.commits);
    expect(figureOf(text, `espalier_records${label}}`)).toBe(201);
    expect(figureOf(text, `espalier_allocator_fits_total${label},kind="tail"}`)).toBe(
      source.metrics.allocator.tail_fits,
    );
    expect(figureOf(text, `espalier_leaf_rebuilds_total${label}}`)).toBe(0);
    expect(figureOf(text, `espalier_data_bytes${label}}`)).toBe(source.stats.dataBytes);
    for (const { name, type } of METRICS) expect(text).toContain(`# TYPE ${name} ${type}\n`);
  });

  it("cumulates the histogram of commits", () => {
    const source = { metrics: store.metrics(), stats: store.stats() };
    const text = prometheusText([{ store: "s", source }]);
    const buckets = [
      ...text.matchAll(/espalier_commit_duration_seconds_bucket\{store="s",le="([^"]+)"\} (\d+)/g),
    ];
    const counts = buckets.map(([, , value]) => Number(value));
    expect(buckets.at(-1)![1]).toBe("+Inf");
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(source.metrics.log.commits);
    expect(figureOf(text, 'espalier_commit_duration_seconds_count{store="s"}')).toBe(
      source.metrics.log.commits,
    );
  });
});

describe("prom-client", () => {
  it("pulls at scrape time, beside the program's own metrics", async () => {
    const registry = new Registry();
    new Counter({ name: "own_total", help: "own", registers: [registry] }).inc(3);
    const unregister = registerMetrics(store, registry, { name: "data" });
    const before = figureOf(await registry.metrics(), 'espalier_commits_total{store="data"}');
    store.put("one more", 1);
    const text = await registry.metrics();
    expect(figureOf(text, 'espalier_commits_total{store="data"}')).toBe(before + 1);
    expect(figureOf(text, "own_total")).toBe(3);
    expect(text).toContain('espalier_commit_duration_seconds_bucket{store="data",le="+Inf"}');
    unregister();
    expect(await registry.metrics()).not.toContain("espalier");
  });

  it("keeps several stores apart", async () => {
    const registry = new Registry();
    using second = open(join(folder, "second.esp"));
    second.put("a", 1);
    const undo = [
      registerMetrics(store, registry, { name: "a" }),
      registerMetrics(second, registry, { name: "b" }),
    ];
    expect(() => registerMetrics(second, registry, { name: "b" })).toThrow(
      /already; give this one a name of its own/,
    );
    const text = await registry.metrics();
    expect(figureOf(text, 'espalier_records{store="a"}')).toBe(201);
    expect(figureOf(text, 'espalier_records{store="b"}')).toBe(1);
    undo[0]!();
    const without = await registry.metrics();
    expect(without).not.toContain('store="a"');
    expect(figureOf(without, 'espalier_records{store="b"}')).toBe(1);
    undo[1]!();
    registerMetrics(store, registry)();
  });

  it("passes over a store that was closed without being taken out, and frees its name", async () => {
    const registry = new Registry();
    const second = open(join(folder, "second.esp"));
    registerMetrics(store, registry, { name: "a" });
    const stale = registerMetrics(second, registry, { name: "b" });
    second.close();
    const text = await registry.metrics();
    expect(figureOf(text, 'espalier_records{store="a"}')).toBe(201);
    expect(text).not.toContain('store="b"');
    using again = open(join(folder, "second.esp"));
    registerMetrics(again, registry, { name: "b" });
    stale();
    expect(figureOf(await registry.metrics(), 'espalier_records{store="b"}')).toBe(0);
  });

  it("begins anew in a registry that was cleared", async () => {
    const registry = new Registry();
    const stale = registerMetrics(store, registry, { name: "data" });
    registry.clear();
    const unregister = registerMetrics(store, registry, { name: "data" });
    stale();
    expect(figureOf(await registry.metrics(), 'espalier_records{store="data"}')).toBe(201);
    unregister();
    expect(await registry.metrics()).not.toContain("espalier");
  });

  it("names counters in a registry of OpenMetrics as that format does", async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    registerMetrics(store, registry, { name: "data" });
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await registry.metrics();
      expect(text).toContain("# TYPE espalier_commits counter\n");
      expect(figureOf(text, 'espalier_commits_total{store="data"}')).toBe(store.metrics().log.commits);
      expect(text).toContain('espalier_commit_duration_seconds_bucket{store="data",le="+Inf"}');
    }
  });
});

describe("OpenTelemetry", () => {
  it("observes the same figures", () => {
    const callbacks = new Map<
      string,
      (result: { observe(v: number, a?: Record<string, string>): void }) => void
    >();
    const create = (kind: string) => (name: string, options?: { unit?: string }) => ({
      addCallback: (callback: never) => callbacks.set(`${kind} ${name} ${options?.unit}`, callback),
      removeCallback: () => callbacks.delete(`${kind} ${name} ${options?.unit}`),
    });
    const meter = { createObservableCounter: create("counter"), createObservableGauge: create("gauge") };
    const stop = observeMetrics(store, meter, { name: "data" });
    const observed: [number, unknown][] = [];
    const observe = (value: number, attributes?: unknown): void => void observed.push([value, attributes]);
    callbacks.get("counter espalier.commits 1")!({ observe });
    callbacks.get("gauge espalier.data By")!({ observe });
    callbacks.get("counter espalier.allocator.fits 1")!({ observe });
    expect(observed[0]).toEqual([store.metrics().log.commits, { store: "data" }]);
    expect(observed[1]).toEqual([store.stats().dataBytes, { store: "data" }]);
    expect(observed.slice(2).map(([, labels]) => (labels as { kind: string }).kind)).toEqual([
      "in_place",
      "hole",
      "tail",
    ]);
    // All but the histogram, which OpenTelemetry can't observe.
    const kinds = METRICS.filter(({ type }) => type !== "histogram").map(({ type }) => type);
    expect([...callbacks.keys()].map((name) => name.split(" ")[0])).toEqual(kinds);
    store.close();
    observed.length = 0;
    callbacks.get("counter espalier.commits 1")!({ observe });
    expect(observed).toEqual([]);
    stop();
    expect(callbacks.size).toBe(0);
  });

  it("has names of its own, each once", () => {
    expect(openTelemetryName("espalier_log_written_bytes_total")).toBe("espalier.log.written");
    const names = METRICS.map(({ name }) => openTelemetryName(name));
    expect(new Set(names).size).toBe(names.length);
  });
});

it("Options that are none are refused", () => {
  expect(() => registerMetrics(store, new Registry(), { nmae: "a" } as never)).toThrow(/option nmae/);
  expect(() => observeMetrics(store, {} as never, { nmae: "a" } as never)).toThrow(/option nmae/);
  expect(() => publishMetrics(store, "a.json", { interval: 1 } as never)).toThrow(/option interval:/);
  expect(() => publishMetrics(store, "a.json", { intervalMs: "5s" } as never)).toThrow(/option intervalMs/);
});

describe("the snapshot file", () => {
  it("is published at open and at close", () => {
    const path = join(folder, "published.json");
    const file = join(folder, "published.esp");
    const published = open(file, { metricsFile: path });
    expect(readSnapshot(path)).toMatchObject({ open: true, pid: process.pid, stats: { records: 0 } });
    published.put("a", 1);
    published.close();
    expect(readSnapshot(path)).toMatchObject({ open: false, stats: { records: 1 } });
    expect(readdirSync(folder).filter((name) => name.startsWith("published"))).toEqual([
      "published.esp",
      "published.json",
    ]);
  });

  it("is published at the interval, whatever a test does to the clock", async () => {
    const path = join(folder, "published.json");
    vi.useFakeTimers();
    const stop = publishMetrics(store, path, { intervalMs: 1 });
    vi.useRealTimers();
    const { records } = readSnapshot(path).stats;
    store.put("a", 1);
    await vi.waitFor(() => expect(readSnapshot(path).stats.records).toBe(records + 1), 20_000);
    vi.useFakeTimers();
    stop();
    vi.useRealTimers();
    const { at } = readSnapshot(path);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readSnapshot(path)).toMatchObject({ at, open: false });
  });

  it("never fails the store", () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const stop = publishMetrics(store, join(folder, "no-such-folder", "m.json"));
    stop();
    expect(warnings).toHaveBeenCalledTimes(1);
    warnings.mockRestore();
  });

  it("takes the place of no other file, of its own store least of all", () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const path = join(folder, "m.json");
    for (const [file, metricsFile] of [
      [path, path],
      [`${path}-new`, path],
      [join(folder, "third.esp"), `${path}-new`],
    ] as const) {
      const published = open<string, number>(file, { metricsFile });
      published.put("a", 1);
      published.close();
      using again = open<string, number>(file, { createIfMissing: false });
      expect(again.get("a")).toBe(1);
    }
    expect(warnings.mock.calls.map(([message]) => String(message))).toEqual(
      [path, path, `${path}-new`].map((name) => expect.stringContaining(`metrics to ${name}: what is there`)),
    );
    warnings.mockRestore();
  });

  it("takes the place of no other document that begins with a version", () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const path = join(folder, "bundle.js.map");
    writeFileSync(path, '{"version":3,"file":"bundle.js","mappings":"AAAA"}');
    publishMetrics(store, path)();
    expect(readFileSync(path, "utf8")).toContain("AAAA");
    expect(warnings).toHaveBeenCalledOnce();
    warnings.mockRestore();
  });

  it("leaves a link what it is, and goes where that leads", () => {
    mkdirSync(join(folder, "run"));
    const link = join(folder, "link.json");
    symlinkSync(join("run", "metrics.json"), link);
    for (let i = 0; i < 2; i++) publishMetrics(store, link)();
    expect(readlinkSync(link)).toBe(join("run", "metrics.json"));
    expect(readdirSync(join(folder, "run"))).toEqual(["metrics.json"]);
  });

  it("stays where it was begun, wherever the program goes", () => {
    const before = process.cwd();
    mkdirSync(join(folder, "elsewhere"));
    process.chdir(folder);
    try {
      const stop = publishMetrics(store, "relative.json");
      process.chdir(join(folder, "elsewhere"));
      stop();
    } finally {
      process.chdir(before);
    }
    expect(readSnapshot(join(folder, "relative.json")).open).toBe(false);
    expect(readdirSync(join(folder, "elsewhere"))).toEqual([]);
  });

  it("is published again where a killed program has left one, and a part of one", () => {
    const path = join(folder, "left.json");
    writeFileSync(path, '{"version":0,"at":1,"pid":1,"open":true}');
    writeFileSync(`${path}-metrics-${"0".repeat(24)}`, '{"vers');
    publishMetrics(store, path)();
    expect(readSnapshot(path).open).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("left"))).toEqual(["left.json"]);
  });

  it("is refused where it is none", () => {
    const path = join(folder, "other.json");
    writeFileSync(path, '{"version":99}');
    expect(() => readSnapshot(path)).toThrow("no metrics snapshot");
    writeFileSync(path, "{");
    expect(() => readSnapshot(path)).toThrow("no metrics snapshot");
    expect(() => readSnapshot(join(folder, "nothing"))).toThrow("ENOENT");
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("{");
  });
});
