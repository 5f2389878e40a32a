/** Splits at the ends of a tree, and of leaves in which a record grows. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

/**
 * Story: the first record of the leftmost leaf grew, and the leaf was full. The split took it for a new
 * record before the first and cut there, which left the record where it was: with the empty key, again and
 * again, until the cache or the disk was full; with any other, an empty leaf stayed behind.
 */
it.each(["", "a", "k"])("the first record %j can grow in a full leaf", (first) => {
  using store = open<string, Uint8Array>("/s.esp", {
    vfs: new MemoryVfs(),
    pageSize: 512,
    valueEncoding: "binary",
  });
  store.put(first, new Uint8Array(2));
  for (let i = 0; i < 20; i++) store.put(`k${String(i).padStart(3, "0")}`, new Uint8Array(5));
  const before = store.verify();
  expect(before.ok).toBe(true);
  for (let length = 3; length < 100; length += 7) {
    store.put(first, new Uint8Array(length).fill(length));
    expect(store.get(first)).toEqual(new Uint8Array(length).fill(length));
  }
  const after = store.verify();
  expect(after).toMatchObject({ ok: true, records: 21 });
  expect(after.pages - before.pages).toBeLessThan(6);
});
