/**
 * The matrix and the dashboards ask for the store's counters by name. One that the store does not have reads as
 * none, or as 0: a gate, a column or a chart would be empty without a word.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { counterAt } from "../../matrix/results/counters.js";
import type { CounterTree } from "../../matrix/results/document.js";
import { createMetrics } from "../../src/base/metrics.js";

const ROOT = join(import.meta.dirname, "../..");
const counters = createMetrics() as unknown as CounterTree;
const NAME = new RegExp(`"((?:${Object.keys(counters).join("|")})\\.[a-z_.]+)"`, "g");

function namesIn(text: string): string[] {
  return Array.from(text.matchAll(NAME), (match) => match[1] as string);
}

function sourcesOf(folder: string): string {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts") && !file.includes("node_modules"));
  return sources.map((file) => readFileSync(join(ROOT, folder, file), "utf8")).join("\n");
}

it.each([
  ["the gates", () => readFileSync(join(ROOT, "docs/matrix-gates.json"), "utf8"), 5],
  ["the matrix", () => sourcesOf("matrix"), 25],
  ["the dashboards", () => sourcesOf("dashboards"), 15],
] as const)("every counter that %s ask for is one of the store's", (_who, text, atLeast) => {
  const names = [...new Set(namesIn(text()))];
  expect(names.length).toBeGreaterThanOrEqual(atLeast);
  expect(names.filter((name) => counterAt(counters, name) === null)).toEqual([]);
});
