/** Sets of free pages: many extents, taken from the front while others come and go. */

import { afterEach, expect, it, vi } from "vitest";
import { ExtentSet, FreeSpace } from "../../src/pager/free-space.js";

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

/** Extents of one page, in no order, every second page up to `count` of them. */
function scattered(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 2 * ((i * 7919) % count) + 100);
}

/**
 * Story: of 200,000 pages that a snapshot had kept, each moved all those behind it when it was closed, and at every
 * checkpoint before: two seconds in which nothing else was done.
 */
it("many pages that become usable at once, or are listed at a checkpoint, do not move each other", () => {
  const COUNT = 5000;
  const free = new FreeSpace();
  for (const page of scattered(COUNT)) free.free(page, 1, 7);
  const copyWithin = vi.spyOn(Object.getPrototypeOf(Uint32Array.prototype), "copyWithin");
  const moved = (): number =>
    copyWithin.mock.calls.reduce((sum, [, from, end]) => sum + Math.max(0, Number(end) - Number(from)), 0);
  expect(free.committed().length).toBe(COUNT);
  expect(moved()).toBeLessThan(10 * COUNT);
  free.settle(7, Number.POSITIVE_INFINITY);
  expect(free.ready.length).toBe(COUNT);
  expect(free.waitingPages).toBe(0);
  expect(moved()).toBeLessThan(20 * COUNT);
});

it.each([10, 3000])("%i extents added at once are as if they were added one by one", (count) => {
  const oneByOne = new ExtentSet();
  const atOnce = new ExtentSet();
  for (const set of [oneByOne, atOnce]) for (let i = 0; i < 1500; i++) set.add(6 * i, 1 + (i % 3));
  // Beside what is there, between it, over it and behind it.
  const extents = scattered(count).map((page, i) => ({ start: page, count: 1 + (i % 2) }));
  for (const { start, count } of extents.toSorted((a, b) => a.start - b.start)) oneByOne.add(start, count);
  atOnce.addAll(extents);
  expect([...atOnce]).toEqual([...oneByOne]);
  expect(atOnce.pages).toBe(oneByOne.pages);
  expect(atOnce.add(0, 1)).toBe(false);
});
