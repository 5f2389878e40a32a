/** The number of records of each tree, which its root page holds: written by the commits that change it. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

it("is kept, whichever trees a transaction has changed, and however it ended", () => {
  const vfs = new MemoryVfs();
  let store = open(STORE_PATH, { vfs });
  const names = ["a", "b", "c"];
  const put = (name: string, key: string): void => store.tree(name).put(key, "v");
  const undo = (work: () => void): void =>
    expect(() =>
      store.transaction(() => {
        work();
        throw new Error("undone");
      }),
    ).toThrow("undone");
  for (const name of names) put(name, "1");
  undo(() => put("a", "2"));
  store.transaction(() => put("a", "3"));
  store.transaction(() => {
    put("b", "2");
    store.tree("b").delete("1");
    put("b", "3");
    store.tree("b").delete("none");
  });
  undo(() => {
    store.tree("c").clear();
    put("a", "4");
  });
  put("c", "2");
  put("c", "1");
  store.close();
  store = open(STORE_PATH, { vfs });
  expect(names.map((name) => store.tree(name).count())).toEqual([2, 2, 2]);
  expect(store.verify()).toMatchObject({ ok: true, problems: [] });
  store.close();
});
