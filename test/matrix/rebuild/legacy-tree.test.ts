/**
 * The legacy ways of editing leaves against a map, on the smallest pages: whatever way a leaf was edited,
 * the whole file verifies and holds what the map holds, and every guardrail was seen to fire.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GuardrailCensus } from "../../../matrix/rebuild/census.js";
import { LegacyTree, type LegacyWay } from "../../../matrix/rebuild/legacy-tree.js";
import { GUARDRAILS } from "../../../matrix/results/document.js";
import { type Random, seededRandom } from "../../../matrix/stats/random.js";
import type { Key } from "../../../matrix/streams/shapes.js";
import { open, type Store } from "../../../src/index.js";

const SEED = Number(process.env.LEGACY_TREE_SEED ?? 20260101);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-legacy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function openStore(): Store<Key, Uint8Array> {
  return open<Key, Uint8Array>(join(folder, "data.esp"), {
    pageSize: 512,
    durability: "none",
    keyEncoding: "utf8",
    valueEncoding: "binary",
  });
}

/** Phases of growing and shrinking, so that splits, merges, borrows and fragmented leaves all come. */
function edit(tree: LegacyTree, model: Map<string, string>, random: Random): void {
  for (let phase = 0; phase < 4; phase++) {
    const deletes = phase % 2 === 0 ? 0.2 : 0.75;
    for (let i = 0; i < 700; i++) {
      const known = [...model.keys()];
      if (random.unit() < deletes && known.length > 0) {
        const key = random.below(3) === 0 ? known.sort()[0] : known[random.below(known.length)];
        tree.delete(key as string);
        model.delete(key as string);
        continue;
      }
      const again = random.below(4) === 0 && known.length > 0;
      const key = again
        ? (known[random.below(known.length)] as string)
        : `key/${random.below(3) * 111}/${random.uint32()}`;
      const value = "v".repeat(random.below(random.below(12) === 0 ? 300 : 30));
      tree.put(key, Buffer.from(value));
      model.set(key, value);
    }
  }
}

function contentOf(store: Store<Key, Uint8Array>): [string, string][] {
  return Array.from(store.range(), ([key, value]) => [key as string, Buffer.from(value).toString()]);
}

for (const way of ["always", "on-miss"] as LegacyWay[]) {
  describe(`editing leaves ${way}`, () => {
    it("keeps the file whole and the content right", () => {
      const random = seededRandom(SEED, way);
      const model = new Map<string, string>();
      const replay = `replay with LEGACY_TREE_SEED=${SEED} npx vitest run test/matrix/rebuild`;
      let store = openStore();
      const tree = new LegacyTree(store, way);
      store.transaction(() => edit(tree, model, random));
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
      expect(store.verify(), replay).toMatchObject({ ok: true, problems: [], records: model.size });
      expect(contentOf(store), replay).toEqual(expected);
      const { leaf } = store.metrics();
      const census = tree.census.report(leaf, way === "always");
      store.close();
      store = openStore();
      expect(store.verify(), replay).toMatchObject({ ok: true, records: model.size });
      expect(contentOf(store), replay).toEqual(expected);
      store.close();

      expect(leaf.splits, replay).toBeGreaterThan(10);
      expect(leaf.merges + leaf.borrows, replay).toBeGreaterThan(10);
      const fired = new Set(census.fired.map(({ guardrail }) => guardrail));
      if (way === "always") {
        expect([...fired]).toEqual(["always"]);
        expect(census.inPlace).toBe(0);
      } else {
        expect([...fired].sort(), replay).toEqual([...GUARDRAILS].sort());
        expect(census.inPlace).toBeGreaterThan(100);
      }
    });
  });
}

describe("the census", () => {
  it("adds edits, splits, merges and borrows up", () => {
    const census = new GuardrailCensus();
    census.servedInPlace();
    census.rebuilt("insert", "replacement");
    census.rebuilt("insert", "replacement");
    census.rebuilt("delete", "delete_first_key");
    const report = census.report({ splits: 3, merges: 2, borrows: 0 }, false);
    expect(report).toEqual({
      edits: 9,
      inPlace: 1,
      rebuilds: 8,
      fired: [
        { path: "insert", guardrail: "replacement", count: 2 },
        { path: "delete", guardrail: "delete_first_key", count: 1 },
        { path: "split_prep", guardrail: "split_prep", count: 3 },
        { path: "merge", guardrail: "borrow_or_merge", count: 2 },
      ],
    });
    expect(census.report({ splits: 0, merges: 0, borrows: 0 }, false).rebuilds).toBe(3);
  });
});
