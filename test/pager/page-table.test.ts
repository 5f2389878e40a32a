/** The table of cached blocks beside a Map that says the same. */

import { expect, it } from "vitest";
import { PageTable } from "../../src/pager/page-table.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const FRAMES = 3000;

it.each([
  ["a small file", 5000],
  ["a file much larger than the cache", 40_000_000],
])(
  `knows what it was told, of %s (replay: ESPALIER_SEED=${SEED} npx vitest run test/pager/page-table.test.ts)`,
  (_name, blocks) => {
    const prng = new Prng(SEED);
    const table = new PageTable();
    const model = new Map<number, number>();
    const held: number[] = [];
    for (let step = 0; step < 60_000; step++) {
      // Runs of neighbours and lone ones, so that leaves fill up and empty again.
      const block = prng.chance(0.5) ? prng.below(blocks) : (held.at(-1) ?? 0) + 1;
      expect(table.get(block)).toBe(model.get(block) ?? -1);
      if (!model.has(block) && held.length < FRAMES) {
        table.add(block, step);
        model.set(block, step);
        held.push(block);
      }
      if (held.length === 0 || !prng.chance(held.length / FRAMES)) continue;
      const [gone] = held.splice(prng.below(held.length), 1) as [number];
      table.remove(gone);
      model.delete(gone);
      expect(table.get(gone)).toBe(-1);
    }
    for (const [block, frame] of model) expect(table.get(block)).toBe(frame);
  },
);

it("has nothing at blocks that no file reaches", () => {
  const table = new PageTable();
  table.add(7, 3);
  for (const block of [6, 8, 7 + 2 ** 16, 0x7fff_ffff, 0xffff_ffff]) expect(table.get(block)).toBe(-1);
  expect(table.get(7)).toBe(3);
});
