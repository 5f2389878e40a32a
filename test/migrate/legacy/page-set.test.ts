/** The bitmap of pages, and what of it lies behind the end of the file. */

import { expect, test } from "vitest";
import { PageList, PageSet } from "../../../migrate/legacy/page-set.js";

test.each([0, 1, 31, 32, 33, 63, 64, 100, 2 ** 31, 2 ** 32 - 1])(
  "page %i is in the set once added, and once",
  (page) => {
    const set = new PageSet(64);
    expect(set.has(page)).toBe(false);
    expect(set.add(page)).toBe(true);
    expect(set.has(page)).toBe(true);
    expect(set.add(page)).toBe(false);
    expect(set.size).toBe(1);
    expect(set.has(page + 1)).toBe(false);
  },
);

test("a range ends with the file", () => {
  const set = new PageSet(50);
  expect(set.addRange(40, 2 ** 32 - 1)).toBe(10);
  expect(set.has(39)).toBe(false);
  expect(set.has(40)).toBe(true);
  expect(set.has(50)).toBe(false);
  expect(set.addRange(2 ** 60, 5)).toBe(0);
  expect(set.addRange(45, 10)).toBe(0);
});

test("a list keeps what was pushed, past its first growth", () => {
  const list = new PageList();
  for (let i = 0; i < 1000; i++) list.push(i * 4_000_000);
  expect(list.length).toBe(1000);
  expect(list.at(999)).toBe(3_996_000_000);
  expect([...list.toArray()].every((page, i) => page === i * 4_000_000)).toBe(true);
});
