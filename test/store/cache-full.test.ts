/**
 * A cache that has no room for an edit is told by the code of a wrong option, which elsewhere means that nothing was
 * changed. In the midst of an edit that is not so: the transaction must not be committed with half of it.
 */

import { expect, it, vi } from "vitest";
import { EspalierError, open, TransactionError } from "../../src/index.js";
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
        throw new EspalierError("ERR_ESPALIER_OPTION", "cacheBytes is too small for this operation");
      });
      try {
        for (let i = 0; i < 1000 && refused === 0; i++) {
          try {
            store.put(`${name(i)}+`, "a value that is a good deal longer than those before it");
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_ESPALIER_OPTION" });
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
