/** Trees made and dropped in a transaction that is undone: which handles are of a tree then, and of which. */

import { beforeEach, expect, it } from "vitest";
import { ClosedError, open } from "../../src/index.js";
import type { Store } from "../../src/store/store.js";
import type { TreeHandle } from "../../src/store/tree-handle.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";

let store: Store<string, string>;

beforeEach(() => {
  store = open("/s.esp", { vfs: new FaultyVfs({ seed: 1 }), pageSize: 512 });
});

function make(): TreeHandle<string, string> {
  return store.tree<string, string>("t");
}

function undone(body: () => void): void {
  expect(() =>
    store.transaction(() => {
      body();
      throw new Error("undone");
    }),
  ).toThrow("undone");
}

/** Pages that a handle of no tree would write to are other trees' by now. */
function assertSound(): void {
  for (let i = 0; i < 300; i++) store.put(`k${i}`, "x".repeat(60));
  expect(store.verify()).toMatchObject({ ok: true, problems: [] });
  store.close();
}

/** Story: the handle came back with the undoing of the drop, after that of the making: it wrote to a page of no tree. */
it("a tree that was made and dropped there is not there", () => {
  let tree = make();
  store.dropTree("t");
  undone(() => {
    tree = make();
    tree.put("a", "1");
    store.dropTree("t");
  });
  expect(store.trees()).toEqual([]);
  expect(() => tree.put("b", "2")).toThrow(ClosedError);
  const again = make();
  again.put("c", "3");
  expect(() => tree.get("c")).toThrow(ClosedError);
  expect([...again]).toEqual([["c", "3"]]);
  assertSound();
});

/** Story: two handles of one tree, of which the store knew one: the other outlived the tree. */
it("a tree that was dropped and made again there is the one from before", () => {
  const tree = make();
  tree.put("a", "1");
  let second = tree;
  undone(() => {
    store.dropTree("t");
    second = make();
    second.put("b", "2");
  });
  expect([...tree]).toEqual([["a", "1"]]);
  expect(make() === tree).toBe(true);
  expect(() => second.get("b")).toThrow(ClosedError);
  store.dropTree("t");
  expect(() => tree.put("c", "3")).toThrow(ClosedError);
  assertSound();
});

it("of many makings and drops there, the first one counts", () => {
  const tree = make();
  tree.put("a", "1");
  const others: TreeHandle<string, string>[] = [];
  undone(() => {
    for (let i = 0; i < 5; i++) {
      store.dropTree("t");
      others.push(make());
      others[i]!.put("b", String(i));
    }
    store.dropTree("t");
  });
  expect(tree.get("a")).toBe("1");
  expect(make() === tree).toBe(true);
  for (const other of others) expect(() => other.put("b", "2")).toThrow(ClosedError);
  assertSound();
});
