/** Sets of free pages: many extents, taken from the front while others come and go. */

import { afterEach, expect, it, vi } from "vitest";
import { ExtentSet } from "../../src/pager/free-space.js";

afterEach(() => vi.restoreAllMocks());

function everySecond(count: number): ExtentSet {
  const set = new ExtentSet();
  for (let i = 0; i < count; i++) set.add(2 * i, 1);
  return set;
}

/** Story: with a million free pages that lie apart each new page took 1.2 ms, for moving the rest down. */
it("taking the lowest page moves no others", () => {
  const set = everySecond(5000);
  const moved = vi.spyOn(Object.getPrototypeOf(Uint32Array.prototype), "copyWithin");
  for (let i = 0; i < 3000; i++) expect(set.takeLowest()).toBe(2 * i);
  expect(moved).not.toHaveBeenCalled();
  expect(set.length).toBe(2000);
});

it("what was taken from the front comes back, and more than there was room for", () => {
  const set = everySecond(5000);
  const free = new Set(Array.from({ length: 5000 }, (_, i) => 2 * i));
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 3500; i++) free.delete(set.takeLowest());
    for (let page = 0; page < 20_000; page += 4) {
      if (free.has(page)) continue;
      expect(set.add(page, 1)).toBe(true);
      free.add(page);
    }
    expect(set.pages).toBe(free.size);
    const pages = [...set].flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
    expect(pages).toEqual([...free].sort((a, b) => a - b));
  }
});
