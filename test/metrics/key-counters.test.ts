/** What is said of the counters of keys in leaves holds. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { METRICS } from "../../src/metrics/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

const RECORDS = 50;

it("keys are decoded by ranges and verify, compared by whatever looks for one", () => {
  using store = open<string, number>("/s.esp", { vfs: new MemoryVfs() });
  const key = (i: number): string => `k${String(i * 7).padStart(9, "0")}`;
  for (let i = 0; i < RECORDS; i++) store.put(key(i), i);
  const moved = (work: () => unknown): { decodes: number; compares: number } => {
    const before = store.metrics().leaf;
    work();
    const { key_decodes, key_compares } = store.metrics().leaf;
    return { decodes: key_decodes - before.key_decodes, compares: key_compares - before.key_compares };
  };
  expect(moved(() => [...store.keys()]).decodes).toBe(RECORDS);
  expect(moved(() => store.verify()).decodes).toBeGreaterThanOrEqual(RECORDS);
  const singly = moved(() => {
    for (let i = 0; i < RECORDS; i++) {
      store.get(key(i));
      store.put(key(i), i + 1);
    }
    store.delete(key(3));
  });
  expect(singly.decodes).toBe(0);
  expect(singly.compares).toBeGreaterThanOrEqual(2 * RECORDS + 1);
});

it("and the help says so", () => {
  const help = (name: string): string | undefined => METRICS.find((metric) => metric.name === name)?.help;
  expect(help("espalier_leaf_key_decodes_total")).toMatch(/ranges, verify/);
  expect(help("espalier_leaf_key_compares_total")).toMatch(/search/);
});
