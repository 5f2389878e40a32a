/** What the API's documents say of keys and values that do not come back as they were put. */

import { expect, it } from "vitest";
import { EncodingError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

it("ordered keys: numbers and bigints that are equal are one key", () => {
  using store = open<unknown, number>("/s.esp", { vfs: new MemoryVfs(), keyEncoding: "ordered" });
  for (const [given, back] of [
    [10n, 10],
    [-10n, -10],
    [2n ** 70n, 2 ** 70],
    [2n ** 70n + 1n, 2n ** 70n + 1n],
    [
      [1, 5n],
      [1, 5],
    ],
  ]) {
    store.clear();
    store.put(given, 1);
    expect([...store.keys()]).toEqual([back]);
    store.put(back, 2);
    expect([store.get(given), store.count()]).toEqual([2, 1]);
  }
});

it("JSON values: what JSON.stringify makes of them", () => {
  using store = open<string, unknown>("/s.esp", { vfs: new MemoryVfs() });
  for (const [given, back] of [
    [new Map([[1, 2]]), {}],
    [new Set([1]), {}],
    [
      [Number.NaN, Number.POSITIVE_INFINITY, undefined],
      [null, null, null],
    ],
    [Uint8Array.of(7, 8), { 0: 7, 1: 8 }],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
  ]) {
    store.put("k", given);
    expect(store.get("k")).toEqual(back);
  }
  for (const given of [undefined, () => 1, 5n]) expect(() => store.put("k", given)).toThrow(EncodingError);
});
