/**
 * Options of single calls: a name that is not known, what is no object, and bounds that are undefined where records
 * are removed, are errors. Story: `deleteRange({ prefix: … })`, `{ start, end }`, `deleteRange("user/")` and
 * `{ gte: undefined }` removed every record without a word, and `{ snyc: true }` was not durable.
 */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OptionError, open, type Store, TransactionError } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

const RECORDS: readonly (readonly [string, number])[] = [
  ["order/1", 1],
  ["user/1", 2],
  ["user/2", 3],
];

let store: Store<string, number>;

beforeEach(() => {
  store = open("/s.esp", { vfs: new MemoryVfs() });
  store.putMany(RECORDS);
});
afterEach(() => {
  expect([...store.range()]).toEqual(RECORDS);
  store.close();
});

const NO_ITERABLES: readonly unknown[] = [
  undefined,
  null,
  {},
  5,
  () => [],
  { async *[Symbol.asyncIterator]() {} },
];

/** The option that a call refuses. */
function refused(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof OptionError) return error.option;
    throw error;
  }
  return "nothing";
}

async function refusedLater(promise: Promise<unknown>): Promise<string> {
  const [settled] = await Promise.allSettled([promise]);
  return refused(() => {
    if (settled.status === "rejected") throw settled.reason;
  });
}

const NO_OBJECTS: readonly unknown[] = [null, "user/", 5, true, ["user/"], () => 1, Symbol("x")];

describe("deleteRange", () => {
  const remove = (options?: unknown): string => refused(() => store.deleteRange(options as object));

  it.each([
    ["start", { start: "user/", end: "user0" }],
    ["from", { from: "user/" }],
    ["LT", { gte: "user/", LT: "user0" }],
    ["limit", { gte: "user/", limit: 1 }],
    ["reverse", { gte: "user/", reverse: true }],
    ["0", Buffer.from("user/")],
  ])("knows no %s", (name, options) => expect(remove(options)).toBe(name));

  it("takes an object only, and one with a bound", () => {
    for (const options of NO_OBJECTS) expect(remove(options), String(options)).toBe("options");
    for (const options of [undefined, {}, Object.create({}), new Map([["gte", "a"]])])
      expect(remove(options)).toBe("options");
    expect(remove({ prefix: "" })).toBe("prefix");
  });

  it.each(["gt", "gte", "lt", "lte", "prefix"])("refuses %s: undefined", (name) => {
    expect(remove({ [name]: undefined })).toBe(name);
    const other = name.startsWith("g") ? "lt" : "gte";
    expect(remove({ [name]: undefined, [other]: "user/1" })).toBe(name);
  });
});

it("clear takes nothing", () => {
  for (const options of [...NO_OBJECTS, undefined, {}, { gte: "user/" }])
    expect(refused(() => (store.clear as (options: unknown) => void)(options))).toBe("options");
});

it("ranges and counts take known options only, of the tree and of a snapshot", () => {
  using snapshot = store.snapshot();
  for (const tree of [store, snapshot]) {
    for (const read of ["range", "keys", "values", "count"] as const) {
      const call = (options: unknown): string => refused(() => tree[read](options as object));
      for (const options of NO_OBJECTS) expect(call(options), read).toBe("options");
      for (const name of ["start", "end", "from", "Prefix", "lmit"])
        expect(call({ gte: "a", [name]: "user/" }), read).toBe(name);
      expect(call({ reverse: 1 }), read).toBe("reverse");
      expect(call({ limit: -1 }), read).toBe("limit");
      for (const other of ["gt", "gte", "lt", "lte"])
        expect(call({ prefix: "user/", [other]: "a" })).toBe("prefix");
      expect(call({ gte: undefined, lt: undefined, prefix: undefined, limit: undefined })).toBe("nothing");
    }
  }
});

it("changes take a sync that is true or false, and nothing else", async () => {
  const calls: Record<string, (options: never) => unknown> = {
    put: (options) => store.put("x", 1, options),
    delete: (options) => store.delete("user/1", options),
    putIfAbsent: (options) => store.putIfAbsent("x", 1, options),
    "putIfAbsent of what is there": (options) => store.putIfAbsent("user/1", 1, options),
    putMany: (options) => store.putMany([["x", 1]], options),
    transaction: (options) => store.transaction(() => store.put("x", 1), options),
  };
  const write = (options: never): Promise<unknown> =>
    store.write([{ type: "put", key: "x", value: 1 }], options);
  for (const [wrong, name] of [
    ...NO_OBJECTS.map((options) => [options, "options"] as const),
    [{ snyc: true }, "snyc"],
    [{ sync: true, gte: "a" }, "gte"],
    [{ sync: 1 }, "sync"],
    [{ sync: "false" }, "sync"],
    [{ sync: null }, "sync"],
  ] as const) {
    for (const [what, call] of Object.entries(calls))
      expect(
        refused(() => call(wrong as never)),
        what,
      ).toBe(name);
    expect(await refusedLater(write(wrong as never))).toBe(name);
  }
  expect(refused(() => store.putIfAbsent("user/1", 1, { sync: undefined } as object))).toBe("nothing");
});

it("a wrong option of a change inside a transaction harms nothing but the call", () => {
  store.transaction(() => {
    expect(refused(() => store.put("x", 1, { snyc: true } as object))).toBe("snyc");
    expect(refused(() => store.deleteRange({}))).toBe("options");
  });
});

it("trees and upkeep take known options only", async () => {
  for (const options of NO_OBJECTS) {
    expect(refused(() => store.tree("t", options as object))).toBe("options");
    expect(await refusedLater(store.backup("/copy.esp", options as object))).toBe("options");
    expect(await refusedLater(store.compact(options as object))).toBe("options");
  }
  expect(refused(() => store.tree("t", { keys: "ordered" } as object))).toBe("keys");
  for (const [wrong, name] of [
    [{ progress: () => 1 }, "progress"],
    [{ signal: 5 }, "signal"],
    [{ onProgress: true }, "onProgress"],
  ] as const) {
    expect(await refusedLater(store.backup("/copy.esp", wrong as object))).toBe(name);
    expect(await refusedLater(store.compact(wrong as object))).toBe(name);
  }
  expect(store.trees()).toEqual([]);
});

describe("arguments of the wrong kind", () => {
  const vfs = new MemoryVfs();

  it("a path is a name or a URL of a file", async () => {
    const wrong = [undefined, null, 5, {}, Buffer.from("/x.esp"), new URL("http://host/x.esp"), "", "a\0b"];
    for (const path of wrong as string[]) {
      expect(
        refused(() => open(path, { vfs })),
        String(path),
      ).toBe("path");
      expect(await refusedLater(store.backup(path)), String(path)).toBe("path");
    }
    expect(refused(() => (open as () => unknown)())).toBe("path");
    const url = new URL("file:///a%20name.esp");
    open<string, number>(url, { vfs }).close();
    using byName = open<string, number>("/a name.esp", { vfs, createIfMissing: false });
    await byName.backup(new URL("file:///copy.esp"));
    expect(vfs.stat("/copy.esp")?.kind).toBe("file");
  });

  it("a transaction takes a function", () => {
    for (const body of [undefined, null, {}, Promise.resolve()])
      expect(refused(() => store.transaction(body as unknown as () => void))).toBe("body");
  });

  it("batches are iterable, and of objects", async () => {
    using snapshot = store.snapshot();
    for (const wrong of NO_ITERABLES as never[]) {
      expect(await refusedLater(store.write(wrong))).toBe("operations");
      expect(refused(() => store.putMany(wrong))).toBe("entries");
      expect(refused(() => store.getMany(wrong))).toBe("keys");
      expect(refused(() => snapshot.getMany(wrong))).toBe("keys");
    }
    for (const wrong of [null, undefined, 5, "ab"] as never[]) {
      expect(await refusedLater(store.write([{ type: "put", key: "x", value: 1 }, wrong]))).toBe(
        "operations",
      );
      expect(refused(() => store.putMany([["x", 1], wrong]))).toBe("entries");
    }
  });
});

it("what some code has given to all objects is no option of a call", () => {
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  prototype["inherited"] = () => undefined;
  try {
    expect([...store.range({ gte: "user/" })].length).toBe(2);
    expect(() => store.range({ inherited: 1 } as never)).toThrow(OptionError);
    expect(() => store.range(Object.create({ start: "user/" }))).toThrow(OptionError);
  } finally {
    delete prototype["inherited"];
  }
});

describe("bounds that exclude each other", () => {
  it.each([
    [{ gt: "a", gte: "a" }, "gt"],
    [{ lt: "a", lte: "a" }, "lt"],
    [{ prefix: "user/", gte: "user/1" }, "prefix"],
    [{ prefix: "user/", lt: "user/1" }, "prefix"],
  ])("%j: refused by every call that takes bounds", (bounds, option) => {
    expect(refused(() => store.range(bounds))).toBe(option);
    expect(refused(() => store.keys(bounds))).toBe(option);
    expect(refused(() => store.count(bounds))).toBe(option);
    expect(refused(() => store.deleteRange(bounds))).toBe(option);
  });
});

/** Story: in a transaction it was taken and forgotten. */
describe("sync", () => {
  it.each<[string, (own: Store<string, number>) => unknown]>([
    ["put", (own) => own.put("a", 2, { sync: true })],
    ["putIfAbsent", (own) => own.putIfAbsent("b", 1, { sync: true })],
    ["putMany", (own) => own.putMany([["b", 1]], { sync: true })],
    ["delete", (own) => own.delete("a", { sync: true })],
    ["batch", (own) => void own.write([{ type: "put", key: "b", value: 1 }], { sync: true })],
  ])("of a %s in a transaction makes all of it durable when it returns", (_, change) => {
    using own = open<string, number>("/own.esp", { vfs: new MemoryVfs(), durability: "none" });
    own.put("a", 1);
    own.transaction(() => own.put("c", 3));
    expect(own.stats().durable).toBe(false);
    own.transaction(
      () => {
        change(own);
        own.put("d", 4);
      },
      { sync: false },
    );
    expect(own.stats().durable).toBe(true);
    own.transaction(() => own.put("e", 5));
    expect(own.stats().durable).toBe(false);
  });

  /** Story: it settled with what was committed before, and the transaction's own changes were not durable. */
  it("by flush() in a transaction settles with that", async () => {
    using own = open<string, number>("/own.esp", { vfs: new MemoryVfs(), durability: "none" });
    let flushed: Promise<void> | undefined;
    own.transaction(() => {
      flushed = own.flush();
      own.put("a", 1);
    });
    expect(own.stats().durable).toBe(false);
    await flushed;
    expect(own.stats().durable).toBe(true);
    const undo = (): void =>
      own.transaction(() => {
        flushed = own.flush();
        throw new Error("undone");
      });
    expect(undo).toThrow("undone");
    await expect(flushed).rejects.toThrow(TransactionError);
  });
});
