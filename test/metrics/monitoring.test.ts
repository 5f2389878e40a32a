/** The shipped dashboard, alert rules and documents speak of metrics that exist, and of all of them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { open, type Store } from "../../src/index.js";
import { METRICS } from "../../src/metrics/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

const text = (path: string): string => readFileSync(join(packageRoot(), path), "utf8");

/** Series that a query may name. */
const SERIES: ReadonlySet<string> = new Set([
  ...METRICS.flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_count`] : [name],
  ),
  "espalier_published_timestamp_seconds",
]);

function namesIn(queries: readonly string[]): Set<string> {
  return new Set(queries.flatMap((query) => query.match(/\bespalier_\w+/g) ?? []));
}

interface Grafana {
  readonly panels: {
    id: number;
    title: string;
    description: string;
    fieldConfig: {
      defaults: { unit: string };
      overrides: { matcher: { options: string }; properties: { id: string; value: string }[] }[];
    };
    targets: { expr: string; refId: string }[];
  }[];
  readonly templating: { list: { query: unknown }[] };
}

describe("the Grafana dashboard", () => {
  const dashboard = JSON.parse(text("docs/monitoring/grafana.json")) as Grafana;
  const names = namesIn(dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)));

  it("asks for series that exist", () => {
    expect([...names].filter((name) => !SERIES.has(name))).toEqual([]);
    expect([...namesIn([JSON.stringify(dashboard.templating)])].filter((name) => !SERIES.has(name))).toEqual(
      [],
    );
  });

  it("shows every metric", () => {
    const shown = [...names].map((name) => name.replace(/_(bucket|count)$/, ""));
    expect(METRICS.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
  });

  it("says of each panel what it means, and chooses stores by the variable", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { title, description, targets } of dashboard.panels) {
      expect(description, title).not.toBe("");
      for (const { expr } of targets) expect(expr, title).toContain('store=~"$store"');
    }
  });

  it("gives bytes and seconds their units, on an axis apart from counts", () => {
    const unitOf = (expr: string): RegExp => {
      if (/_seconds_(total|bucket)/.test(expr)) return /^s$/;
      if (/_bytes_total/.test(expr)) return /^Bps$/;
      return /_bytes\{/.test(expr) ? /^bytes$/ : /^(ops|short)$/;
    };
    for (const { title, fieldConfig, targets } of dashboard.panels) {
      for (const { expr, refId } of targets) {
        const own = fieldConfig.overrides.find(({ matcher }) => matcher.options === refId)?.properties;
        const unit = own?.find(({ id }) => id === "unit")?.value ?? fieldConfig.defaults.unit;
        expect(unit, `${title}: ${expr}`).toMatch(unitOf(expr));
        if (own !== undefined) expect(own).toContainEqual({ id: "custom.axisPlacement", value: "right" });
      }
    }
  });
});

describe("the alert rules", () => {
  const rules = text("docs/monitoring/alerts.yml");
  const expressions = rules.replaceAll(/^ {8}annotations:\n(?: {10}.*\n)+/gm, "");

  it("ask for series that exist", () => {
    const names = namesIn([expressions]);
    expect(names.size).toBeGreaterThan(8);
    expect([...names].filter((name) => !SERIES.has(name))).toEqual([]);
  });

  it("each have a runbook entry in ROLLOUT.md", () => {
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
    expect(alerts.length).toBeGreaterThan(5);
    const rollout = text("ROLLOUT.md");
    expect(alerts.filter((name) => !rollout.includes(name))).toEqual([]);
  });
});

describe("failures of the allocator beyond what followed them", () => {
  const ALERT = /EspalierAllocatorFailuresBeyondSplits\n +expr: >-\n([^>]+)>([^>]+)\n +for:/;

  /** Records that came in key order, at both ends. */
  function inOrder(): Store<string, string> {
    const store = open<string, string>("/data.esp", { vfs: new MemoryVfs(), pageSize: 1024 });
    store.transaction(() => {
      for (let i = 0; i < 3000; i++) for (const end of [5000 + i, 5000 - i]) store.put(String(end), "value");
    });
    return store;
  }

  // Story: inserts in key order fill a leaf's neighbour up in place of every second split. By the sums of the alert that
  // stops a rollout, and of the gate of the matrix, nothing had followed.
  it("are none where records come in key order: neither alert nor gate", () => {
    using store = inOrder();
    const snapshot = { metrics: store.metrics(), stats: store.stats() };
    const { failures } = snapshot.metrics.allocator;
    expect(snapshot.metrics.leaf.borrows).toBeGreaterThan(50);
    const sum = (names: Iterable<string>): number =>
      METRICS.filter(({ name }) => new Set(names).has(name))
        .flatMap(({ read }) => read(snapshot))
        .reduce((total, { value }) => total + Number(value), 0);
    const [, failed = "", followed = ""] = ALERT.exec(text("docs/monitoring/alerts.yml"))!;
    expect(sum(namesIn([failed]))).toBe(Object.values(failures).reduce((a, b) => a + b));
    expect(sum(namesIn([failed]))).toBe(sum(namesIn([followed])));
    for (const file of ["matrix-gates.json", "matrix-gates-demo.json"]) {
      const { gates } = JSON.parse(text(`docs/${file}`)) as { gates: { id: string; over: string[] }[] };
      const { over } = gates.find(({ id }) => id === "allocator-failures")!;
      const named = over.map(
        (counter) => `espalier_${counter.replace(/^leaf\.(branch|root)/, "$1").replace(".", "_")}_total`,
      );
      expect(new Set(named)).toEqual(namesIn([followed]));
    }
  });
});

describe("docs/metrics.md", () => {
  it("names every metric with its help and meaning", () => {
    const page = text("docs/metrics.md");
    for (const { name, type, help, meaning } of METRICS) {
      expect(page).toContain(`| \`${name}\` | ${type} | ${help} | ${meaning} |`);
    }
  });
});
