/** The free list of a converted file: every page that lies between its others is in it, or holds it. */

import { expect, it } from "vitest";
import { divideGaps } from "../../migrate/in-place/forward.js";
import { freeListPages } from "../../src/pager/free-list.js";

it.each([
  ["one gap", 1, 1],
  ["one large gap", 1, 900],
  ["as many as a page lists", 60, 3],
  ["single pages, more than a page lists", 200, 1],
  ["more than a page lists, none as long as the list", 5000, 2],
])("%s", (_what, many, count) => {
  const gaps = Array.from({ length: many }, (_, i) => ({ start: 16 + i * (count + 1), count }));
  const { chain, extents } = divideGaps(gaps, 512);
  const pages = [...chain, ...extents].flatMap((extent) =>
    Array.from({ length: extent.count }, (_, i) => extent.start + i),
  );
  expect(pages.sort((a, b) => a - b)).toEqual(
    gaps.flatMap(({ start }) => Array.from({ length: count }, (_, i) => start + i)),
  );
  const held = chain.reduce((sum, extent) => sum + extent.count, 0);
  expect(held).toBeGreaterThanOrEqual(freeListPages(extents.length, 512));
  expect(chain[0]?.start).toBe(16);
});
