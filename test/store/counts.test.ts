/** The number of records of each tree, which its root page holds: written by the commits that change it. */

import { expect, it } from "vitest";
import { IoError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
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

/** Story: the next transaction took the tree for one that it knew of already, and wrote no count. */
it("is kept when a page could not be read before a transaction had changed anything", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = { vfs, pageSize: 512 };
  let store = open<string, string>(STORE_PATH, options);
  store.transaction(() => {
    for (let i = 100; i < 200; i++) store.put(`${i}`, "x".repeat(50));
  });
  store.close();
  store = open<string, string>(STORE_PATH, options);
  expect(store.count()).toBe(100);
  vfs.faults = [{ kind: "EIO", at: 0, lasts: "forever", where: ({ operation }) => operation === "read" }];
  expect(() => store.clear()).toThrow(IoError);
  vfs.faults = [];
  store.put("200", "y");
  store.close();
  store = open<string, string>(STORE_PATH, options);
  expect(store.count()).toBe(101);
  expect(store.verify()).toMatchObject({ ok: true, problems: [] });
  store.close();
});
