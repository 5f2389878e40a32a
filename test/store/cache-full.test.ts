/**
 * A cache that has no room for an edit is told by the code of a wrong option, which elsewhere means that nothing was
 * changed. In the midst of an edit that is not so: the transaction must not be committed with half of it.
 */

import { expect, it, vi } from "vitest";
import { OptionError, open, TransactionError } from "../../src/index.js";
import { PagePool } from "../../src/pager/page-pool.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

it("an edit that finds no room in the cache dooms its transaction", () => {
  using store = open<string, string>("/s.esp", {
    vfs: new MemoryVfs(),
    pageSize: 4096,
    valueEncoding: "utf8",
  });
  const name = (i: number): string => `k${String(i).padStart(4, "0")}`;
  store.transaction(() => {
    for (let i = 0; i < 1000; i++) store.put(name(i), "old");
  });
  let refused = 0;
  expect(() =>
    store.transaction(() => {
      for (let i = 0; i < 1000; i++) store.put(name(i), "new");
      // A split takes a page while the leaf that it cuts waits.
      const noRoom = vi.spyOn(PagePool.prototype, "fresh").mockImplementation(() => {
        throw store["engine"].pager.blocks.full();
      });
      try {
        for (let i = 0; i < 1000 && refused === 0; i++) {
          try {
            store.put(`${name(i)}+`, "a value that is a good deal longer than those before it");
          } catch (error) {
            expect(error).toBeInstanceOf(OptionError);
            expect(error).toMatchObject({ code: "ERR_ESPALIER_OPTION", option: "cacheBytes" });
            refused++;
          }
        }
      } finally {
        noRoom.mockRestore();
      }
    }),
  ).toThrow(TransactionError);
  expect(refused).toBe(1);
  expect([...store.range()]).toEqual(Array.from({ length: 1000 }, (_, i) => [name(i), "old"]));
  expect(store.verify()).toMatchObject({ ok: true, records: 1000 });
});

/**
 * Story: a checkpoint reads pages that a large transaction has spilled, and writes up to 32 of them at once. Of the
 * smallest cache that is half. With as many old versions in it, which a snapshot kept, checkpoints failed, and close.
 */
it.each([false, true])(
  "a checkpoint gets by with what old versions leave it of the smallest cache, at close: %s",
  (atClose) => {
    const vfs = new MemoryVfs();
    const options = {
      vfs,
      pageSize: 4096,
      cacheBytes: 64 * 4096,
      logBytes: 8 << 20,
      durability: "none",
      valueEncoding: "utf8",
    } as const;
    const store = open<string, string>("/s.esp", options);
    const name = (i: number): string => `k${String(i).padStart(4, "0")}`;
    /** All records, of 300 leaves. */
    const change = (fill: string): void =>
      store.transaction(() => {
        for (let i = 0; i < 900; i++) store.put(name(i), fill.repeat(1300));
      });
    change("a");
    store.checkpoint();
    change("b");
    const snapshot = store.snapshot();
    change("c");
    expect(store.stats().versions).toBeGreaterThan(200);
    if (!atClose) {
      store.checkpoint();
      expect(snapshot.get(name(5))).toBe("b".repeat(1300));
      snapshot.close();
    }
    store.close();
    const again = open<string, string>("/s.esp", options);
    expect(again.verify()).toMatchObject({ ok: true, records: 900 });
    for (let i = 0; i < 900; i += 7) expect(again.get(name(i))).toBe("c".repeat(1300));
    again.close();
  },
);

/** Story: the pages of all roots had to be in the cache at once, and a store of many trees could not tell its sizes. */
it("the records of more trees than the cache has pages are counted", async () => {
  const vfs = new MemoryVfs();
  const options = { vfs, pageSize: 4096, cacheBytes: 64 * 4096 };
  const names = Array.from({ length: 150 }, (_, i) => `tree ${i}`);
  const first = open<string, number>("/s.esp", options);
  for (const name of names) first.tree<string, number>(name).put("a", 1);
  first.close();
  using store = open<string, number>("/s.esp", options);
  const each = names.map((name) => [name, 1]);
  expect(Object.entries(store.stats().trees).sort()).toEqual([...each].sort());
  const trees = names.map((name) => store.tree(name));
  expect(trees.map((tree) => tree.count())).toEqual(names.map(() => 1));
  using snapshot = store.snapshot();
  const kept = names.map((name) => snapshot.tree(name));
  expect(kept.map((tree) => tree.count())).toEqual(names.map(() => 1));
  await store.compact();
  store.transaction(() => {
    for (const name of names) store.tree<string, number>(name).put("b", 2);
    expect(trees.map((tree) => tree.count())).toEqual(names.map(() => 2));
    expect(Object.keys(store.stats().trees)).toHaveLength(150);
  });
  expect(kept.map((tree) => tree.count())).toEqual(names.map(() => 1));
  expect(store.verify()).toMatchObject({ ok: true, records: 300 });
});
