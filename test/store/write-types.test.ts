/**
 * A batch may mix the trees of a store, each operation typed by its own tree. The compiler is the test, and the
 * batches run, too. Story: README.md's own two trees could not be written to in one batch.
 */

import { afterEach, beforeEach, expect, it } from "vitest";
import { open, type Store, type StoreOperation, type TreeHandle } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

interface Order {
  readonly total: number;
}
type Day = [number, string];

let store: Store<string, Order>;
let byDay: TreeHandle<Day, string>;
let totals: TreeHandle<string, number>;

beforeEach(() => {
  store = open<string, Order>("/s.esp", { vfs: new MemoryVfs() });
  byDay = store.tree<Day, string>("by-day", { keyEncoding: "ordered", valueEncoding: "utf8" });
  totals = store.tree<string, number>("totals");
});
afterEach(() => store.close());

it("operations of several trees in one literal", async () => {
  await store.write([
    { type: "put", key: "order/1", value: { total: 12 } },
    { type: "put", tree: byDay, key: [20260101, "order/1"], value: "open" },
    { type: "put", tree: totals, key: "all", value: 12 },
    { type: "delete", tree: totals, key: "none" },
    { type: "delete", key: "order/0" },
  ]);
  expect([...store.range()]).toEqual([["order/1", { total: 12 }]]);
  expect([...byDay.range()]).toEqual([[[20260101, "order/1"], "open"]]);
  expect(totals.get("all")).toBe(12);
});

it("operations that are collected, made, or of the store alone", async () => {
  type Own = StoreOperation<string, Order>;
  type Mixed = Own | (StoreOperation<Day, string> & { readonly tree: TreeHandle<Day, string> });
  const own: Own[] = [{ type: "put", key: "a", value: { total: 1 } }];
  const mixed: Mixed[] = [...own, { type: "put", tree: byDay, key: [1, "a"], value: "open" }];
  function* made(): Generator<Mixed> {
    yield* mixed;
    yield { type: "put", key: "b", value: { total: 2 } };
  }
  await store.write(own);
  await store.write(new Set(mixed));
  await store.write(made());
  await store.write(["c", "d"].map((key) => ({ type: "put", key, value: { total: 3 } }) as const));
  await store.write([1, 2].map((i) => ({ type: "delete", tree: totals, key: String(i) }) as const));
  await store.write([]);
  expect([...store.keys()]).toEqual(["a", "b", "c", "d"]);
  expect(byDay.count()).toBe(1);
});

it("what is of another tree's type does not compile", () => {
  // Never called: what the compiler says of it is the test.
  const wrong = (): unknown => [
    // @ts-expect-error the key is of the store's type
    store.write([{ type: "put", tree: byDay, key: "order/1", value: "open" }]),
    // @ts-expect-error the value is of another tree's type
    store.write([{ type: "put", tree: byDay, key: [1, "a"], value: 5 }]),
    // @ts-expect-error the key is of another tree's type
    store.write([{ type: "put", key: [1, "a"], value: { total: 1 } }]),
    // @ts-expect-error the value is of another tree's type
    store.write([{ type: "put", key: "a", value: "open" }]),
    // @ts-expect-error no such type of operation
    store.write([{ type: "move", key: "a" }]),
    // @ts-expect-error a put without a value
    store.write([{ type: "put", key: "a" }]),
    // @ts-expect-error the name of the tree's property is mistyped
    store.write([{ type: "put", key: "a", value: { total: 1 }, tre: totals }]),
    // @ts-expect-error no tree at all
    store.write([{ type: "put", key: "a", value: { total: 1 }, tree: "totals" }]),
  ];
  expect(wrong).toBeTypeOf("function");
});
