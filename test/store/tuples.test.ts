/** Tuples as keys whose elements are the caller's code, or are too many. */

import { expect, it } from "vitest";
import { open, type TreeHandle } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { codeOf, codeOfPromise } from "../support/codes.js";
import { STORE_PATH } from "../support/session.js";

const CLOSED = "ERR_ESPALIER_CLOSED";

/** Story: the elements of a tuple were read when the value lay encoded already: the inner put's took its place. */
it("puts, removes and finds what each call says, where a tuple's elements use it", async () => {
  type Key = string | string[];
  using store = open<Key, string>(STORE_PATH, { vfs: new MemoryVfs(), keyEncoding: "ordered" });
  /** The tuple [name, "end"], which does something when it is read. */
  const nosy = (name: string, act: () => void): string[] =>
    new Proxy([name, "end"], {
      get: (target, property): unknown => {
        if (property === "0") act();
        return Reflect.get(target, property);
      },
    });
  const inner = (): void => store.put("inner", "of the inner one");
  store.put(nosy("put", inner), "outer");
  store.putMany([[nosy("many", inner), "many"]]);
  store.putIfAbsent(nosy("absent", inner), "absent");
  await store.write([{ type: "put", key: nosy("batch", inner), value: "batch" }]);
  await store.putAsync(nosy("awaited", inner), "awaited");
  expect([...store.range()]).toEqual([
    [["absent", "end"], "absent"],
    [["awaited", "end"], "awaited"],
    [["batch", "end"], "batch"],
    ["inner", "of the inner one"],
    [["many", "end"], "many"],
    [["put", "end"], "outer"],
  ]);
  expect(store.get(nosy("put", inner))).toBe("outer");
  expect(store.delete(nosy("put", inner))).toBe(true);
  expect(store.count()).toBe(5);

  const dropping = (): Key => nosy("x", () => void store.dropTree("t"));
  const made = (): TreeHandle<Key, string> => store.tree("t", { keyEncoding: "ordered" });
  expect(codeOf(() => made().delete(dropping()))).toBe(CLOSED);
  expect(codeOf(() => made().deleteRange({ gte: dropping() }))).toBe(CLOSED);
  expect(await codeOfPromise(made().deleteAsync(dropping()))).toBe(CLOSED);
  expect(await codeOfPromise(store.write([{ type: "delete", key: dropping(), tree: made() }]))).toBe(CLOSED);
  expect(store.verify()).toMatchObject({ ok: true, records: 5 });
  const closing = (): Key => nosy("x", () => store.close());
  expect(codeOf(() => store.get(closing()))).toBe(CLOSED);
});

/** Story: it read on in the pages that had been the tree's, and were another one's by then; or what was put since. */
it("is told so by a read whose tuple drops the tree, or closes the snapshot", () => {
  type Key = string[];
  type Reads = Pick<TreeHandle<Key, string>, "get" | "has" | "count" | "range">;
  using store = open<Key, string>(STORE_PATH, { vfs: new MemoryVfs(), keyEncoding: "ordered" });
  const nosy = (act: () => void): Key =>
    Object.defineProperty(["a", ""], 1, {
      get: () => {
        act();
        return "b";
      },
    });
  const dropping = (): [TreeHandle<Key, string>, Key] => {
    store.dropTree("other");
    const tree = store.tree<Key, string>("t", { keyEncoding: "ordered" });
    tree.put(["a", "b"], "of t");
    const key = nosy(() => {
      if (store.dropTree("t"))
        store.tree<Key, string>("other", { keyEncoding: "ordered" }).put(["a", "b"], "of the other");
    });
    return [tree, key];
  };
  const closing = (): [Reads, Key] => {
    store.put(["a", "b"], "older");
    const snapshot = store.snapshot();
    store.put(["a", "b"], "newer");
    return [snapshot, nosy(() => snapshot.close())];
  };
  for (const read of [
    (tree, key) => tree.get(key),
    (tree, key) => tree.has(key),
    (tree, key) => tree.count({ gte: key }),
    (tree, key) => tree.range({ gte: key }),
  ] satisfies ((tree: Reads, key: Key) => unknown)[]) {
    expect(codeOf(() => read(...dropping()))).toBe(CLOSED);
    expect(codeOf(() => read(...closing()))).toBe(CLOSED);
  }
  const [tree, key] = dropping();
  expect(codeOf(() => tree.getInto(key, new Uint8Array(20)))).toBe(CLOSED);
});

/** Story: they were copied before their length was looked at, which took the process all of its memory. */
it("reads no element of a tuple that is too long for a key", async () => {
  using store = open<unknown[], number>(STORE_PATH, { vfs: new MemoryVfs(), keyEncoding: "ordered" });
  let read = 0;
  const long = Object.defineProperty(new Array(store.stats().pageSize), 0, { get: () => read++ });
  for (const action of [
    () => store.put(long, 1),
    () => store.putMany([[long, 1]]),
    () => store.putIfAbsent(long, 1),
    () => store.delete(long),
    () => store.get(long),
  ])
    expect(codeOf(action)).toBe("ERR_ESPALIER_KEY_TOO_LARGE");
  for (const promise of [store.putAsync(long, 1), store.deleteAsync(long)])
    expect(await codeOfPromise(promise)).toBe("ERR_ESPALIER_KEY_TOO_LARGE");
  expect(read).toBe(0);
});
