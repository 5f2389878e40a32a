/** Revoked pages of a log, as ranges: against one entry a page, and as many pages as long values take. */

import { expect, it } from "vitest";
import { RevokedPages } from "../../src/pager/revoked-pages.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);

it(`agree with a table that has one entry a page (ESPALIER_SEED=${SEED} replays)`, () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 300; round++) {
    const pages = new RevokedPages();
    const table = new Map<number, number>();
    let ordinal = 0;
    for (let i = prng.below(30); i > 0; i--) {
      ordinal += prng.below(3);
      const start = prng.below(100);
      const count = prng.below(prng.chance(0.3) ? 60 : 5);
      pages.add(start, count, ordinal);
      for (let page = start; page < start + count; page++) table.set(page, ordinal);
    }
    pages.seal();
    for (let page = 0; page < 165; page++) {
      for (let at = 0; at <= ordinal + 1; at++) {
        const right = pages.covers(page, at) === at <= (table.get(page) ?? -1);
        if (!right) expect.fail(`round ${round}, page ${page}, frame ${at}`);
      }
    }
  }
});

/**
 * Story: each revoked page had an entry of its own. A log in which a hundred gigabytes of long values had been
 * written (a few kilobytes each) could not be replayed: the table was full.
 */
it("take no more room for long runs than for short ones", () => {
  const pages = new RevokedPages();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) pages.add(16 + (i % 500) * 500_000, 500_000 - (i % 7), i);
  pages.seal();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  expect(pages.covers(16, 99_500)).toBe(true);
  expect(pages.covers(16, 99_501)).toBe(false);
  expect(pages.covers(15, 0)).toBe(false);
  expect(pages.covers(16 + 500 * 500_000, 0)).toBe(false);
});
