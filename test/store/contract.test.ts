/** The public contract, name by name: what the README shows must work as shown. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import { codeOf } from "../support/codes.js";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-"));
  path = join(folder, "data.esp");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the contract", () => {
  it("puts, gets, finds and deletes", () => {
    using store = open(path, { durability: "sync", keyEncoding: "utf8", valueEncoding: "json" });
    store.put("user/1", { name: "Ada" });
    expect(store.get("user/1")).toEqual({ name: "Ada" });
    expect(store.has("user/1")).toBe(true);
    expect(store.delete("user/1")).toBe(true);
    expect(store.delete("user/1")).toBe(false);
    expect(store.get("user/1")).toBeUndefined();
    expect(store.putIfAbsent("user/2", 2)).toBe(true);
    expect(store.putIfAbsent("user/2", 3)).toBe(false);
    expect(store.getMany(["user/1", "user/2"])).toEqual([undefined, 2]);
  });

  it("takes many records, sorted or not, from any iterable", () => {
    using store = open<string, number>(path);
    expect(
      store.putMany(
        new Map([
          ["b", 2],
          ["a", 1],
        ]),
      ),
    ).toBe(2);
    expect(
      store.putMany(
        (function* () {
          yield ["a", 9] as const;
          yield ["c", 3] as const;
        })(),
      ),
    ).toBe(1);
    expect([...store.range()]).toEqual([
      ["a", 9],
      ["b", 2],
      ["c", 3],
    ]);
  });

  it("ranges between bounds, either way, with a limit", () => {
    using store = open<string, number>(path);
    for (let i = 0; i < 500; i++) store.put(`user/${String(i).padStart(3, "0")}`, i, { sync: false });
    const keys = (options: Parameters<typeof store.range>[0]): string[] =>
      [...store.range(options)].map(([key]) => key);
    expect(keys({ gte: "user/", lt: "user0" })).toHaveLength(500);
    expect(keys({ gt: "user/010", lte: "user/012" })).toEqual(["user/011", "user/012"]);
    expect(keys({ gte: "user/498", reverse: true })).toEqual(["user/499", "user/498"]);
    expect(keys({ lt: "user/003", reverse: true, limit: 2 })).toEqual(["user/002", "user/001"]);
    expect(keys({ gt: "zzz" })).toEqual([]);
    expect(keys({ gte: "user/100", lt: "user/100" })).toEqual([]);
    expect([...store.keys({ limit: 1 })]).toEqual(["user/000"]);
    expect([...store.values({ limit: 2, reverse: true })]).toEqual([499, 498]);
    expect(store.count()).toBe(500);
    expect(store.count({ gte: "user/100", lt: "user/200" })).toBe(100);
    expect(store.count({ gt: "user/100", lte: "user/200" })).toBe(100);
    expect(store.deleteRange({ gte: "user/100", lt: "user/200" })).toBe(100);
    expect(store.deleteRange({ gt: "user/497", lte: "user/498" })).toBe(1);
    expect(store.count()).toBe(399);
    store.clear();
    expect(store.count()).toBe(0);
    expect(store.verify().problems).toEqual([]);
  });

  it("undoes a transaction that throws, and refuses nesting and async callbacks", async () => {
    using store = open<string, number>(path);
    store.put("a", 1);
    expect(() =>
      store.transaction(() => {
        store.put("a", 2);
        store.put("b", 2);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect([...store.range()]).toEqual([["a", 1]]);
    expect(codeOf(() => store.transaction(() => store.transaction(() => 1)))).toBe(
      "ERR_ESPALIER_TRANSACTION",
    );
    expect(codeOf(() => store.transaction(async () => store.put("c", 3)))).toBe("ERR_ESPALIER_TRANSACTION");
    expect(store.has("c")).toBe(false);
    expect(
      store.transaction(() => {
        store.put("d", 4);
        return store.get("d");
      }),
    ).toBe(4);
    await store.write([
      { type: "put", key: "e", value: 5 },
      { type: "delete", key: "a" },
    ]);
    expect([...store.keys()]).toEqual(["d", "e"]);
    await store.flush();
    expect(store.stats().durable).toBe(true);
  });

  /** Story: in a transaction that caught the error, the records before it were committed. */
  it("undoes a batch whose iterable throws, in a transaction too", () => {
    using store = open<string, number>(path);
    function* broken(good: number): Generator<[string, number]> {
      for (let i = 0; i < good; i++) yield [`k${i}`, i];
      throw new Error("no more");
    }
    expect(() => store.putMany(broken(3))).toThrow("no more");
    expect(() =>
      store.transaction(() => {
        expect(() => store.putMany(broken(3))).toThrow("no more");
      }),
    ).toThrow("rolled back");
    expect([...store.keys()]).toEqual([]);
    store.transaction(() => {
      store.put("before", 1);
      expect(() => store.putMany(broken(0))).toThrow("no more");
    });
    expect([...store.keys()]).toEqual(["before"]);
  });

  /** Story: the root that had been made for it was left in use, by no tree, for good: verify() told of it. */
  it("leaves nothing of a tree whose name is too long, in a transaction that goes on", () => {
    using store = open<string, number>(path);
    store.transaction(() => {
      expect(codeOf(() => store.tree("n".repeat(1001)))).toBe("ERR_ESPALIER_KEY_TOO_LARGE");
      store.put("a", 1);
      store.tree("n".repeat(1000)).put("b", 2);
    });
    expect(store.trees()).toEqual(["n".repeat(1000)]);
    expect(store.verify().problems).toEqual([]);
  });

  it("keeps snapshots as they were, across trees", () => {
    using store = open<string, number>(path);
    const index = store.tree<string, string>("by-name");
    store.put("a", 1);
    index.put("ada", "a");
    using snap = store.snapshot();
    store.transaction(() => {
      store.put("a", 2);
      index.put("bob", "b");
      index.delete("ada");
    });
    expect(snap.get("a")).toBe(1);
    expect([...snap.range({ gte: "a" })]).toEqual([["a", 1]]);
    expect([...snap.tree<string, string>("by-name").range()]).toEqual([["ada", "a"]]);
    expect([...index.range()]).toEqual([["bob", "b"]]);
    expect(store.trees()).toEqual(["by-name"]);
    expect(store.dropTree("by-name")).toBe(true);
    expect(store.trees()).toEqual([]);
    expect(codeOf(() => index.get("bob"))).toBe("ERR_ESPALIER_CLOSED");
    expect(snap.trees()).toEqual(["by-name"]);
  });

  it("iterates over what was there while records are put and deleted", () => {
    using store = open<string, number>(path);
    for (let i = 0; i < 300; i++) store.put(`k${String(i).padStart(3, "0")}`, i, { sync: false });
    const seen: number[] = [];
    for (const [key, value] of store.range()) {
      seen.push(value);
      store.delete(key, { sync: false });
      store.put(`${key}x`, -1, { sync: false });
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(store.count()).toBe(300);
    expect(store.verify().ok).toBe(true);
  });

  it("copies into a buffer and hands out views", () => {
    using store = open<string, Uint8Array>(path, { valueEncoding: "binary" });
    store.put("k", Uint8Array.of(1, 2, 3));
    const target = new Uint8Array(8);
    expect(store.getInto("k", target)).toBe(3);
    expect([...target.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
    expect(store.getInto("k", new Uint8Array(2))).toBe(3);
    expect(store.getInto("none", target)).toBe(-1);
    const words = new Uint16Array(8);
    for (const other of [new DataView(target.buffer), words, new ArrayBuffer(8), []])
      expect(() => store.getInto("k", other as never)).toThrow("Uint8Array");
    expect([...store.getView("k")!]).toEqual([1, 2, 3]);
    store.put("copy", store.getView("k")!);
    expect([...store.get("copy")!]).toEqual([1, 2, 3]);
  });

  it("leaves one file behind, which has everything", () => {
    const store: Store<string, number> = open(path);
    store.put("a", 1);
    expect(readdirSync(folder).length).toBeGreaterThan(1);
    store.close();
    store.close();
    expect(readdirSync(folder)).toEqual(["data.esp"]);
    expect(codeOf(() => store.get("a"))).toBe("ERR_ESPALIER_CLOSED");
    using again = open<string, number>(path, { readOnly: true });
    expect(again.get("a")).toBe(1);
    expect(codeOf(() => again.put("a", 2))).toBe("ERR_ESPALIER_READ_ONLY");
  });

  it("says why it does not open", () => {
    expect(codeOf(() => open(path, { createIfMissing: false }))).toBe("ERR_ESPALIER_NOT_FOUND");
    expect(codeOf(() => open(folder))).toBe("ERR_ESPALIER_NOT_A_STORE");
    expect(codeOf(() => open(path, { pageSize: 1000 }))).toBe("ERR_ESPALIER_OPTION");
    expect(codeOf(() => open(path, { durabilty: "none" } as object))).toBe("ERR_ESPALIER_OPTION");
    using store = open(path);
    expect(codeOf(() => open(path))).toBe("ERR_ESPALIER_LOCKED");
    store.put("k".repeat(1000), 1);
    expect(codeOf(() => store.put("k".repeat(1001), 1))).toBe("ERR_ESPALIER_KEY_TOO_LARGE");
    expect(codeOf(() => store.put("k", undefined))).toBe("ERR_ESPALIER_ENCODING");
    store.close();
    expect(codeOf(() => open(path, { errorIfExists: true }))).toBe("ERR_ESPALIER_EXISTS");
    expect(codeOf(() => open(path, { keyEncoding: "binary" }))).toBe("ERR_ESPALIER_ENCODING");
  });

  it("orders numbers, strings and tuples naturally", () => {
    using store = open<number | string | (number | string)[], number>(path, { keyEncoding: "ordered" });
    const keys = [-5.5, -1, 0, 1, 2, 10, 1e300, ["a", 1], ["a", 2], ["a", 10], ["b", 0], "a", "aa", "b"];
    for (const [i, key] of [...keys.entries()].reverse()) store.put(key, i);
    const numbers = [...store.keys({ lte: 1e300 })];
    expect(numbers).toEqual([-5.5, -1, 0, 1, 2, 10, 1e300]);
    expect([...store.keys({ gte: ["a", 1], lte: ["a", 10] })]).toEqual([
      ["a", 1],
      ["a", 2],
      ["a", 10],
    ]);
    store.put(-0, 99);
    expect(store.get(0)).toBe(99);
    expect(codeOf(() => store.put(Number.NaN, 1))).toBe("ERR_ESPALIER_ENCODING");
    expect(codeOf(() => store.put([1], 1))).toBe("ERR_ESPALIER_ENCODING");
  });

  it("gives space back that was freed before the store was opened", async () => {
    // compact() once cut nothing in a session that had changed nothing: the header kept the old end.
    const first = open<string, string>(path, { valueEncoding: "utf8" });
    first.putMany(Array.from({ length: 5000 }, (_, i) => [`k${i}`, "v".repeat(100)]));
    // A long value at the end of the file stays: closing cuts what is behind it only.
    first.put("z", "v".repeat(20_000));
    first.deleteRange({ lt: "z" });
    first.close();
    const store = open<string, string>(path);
    const report = await store.compact();
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 10);
    store.close();
    using again = open<string, string>(path);
    expect(again.verify()).toMatchObject({ ok: true, records: 1 });
  });

  it("gives space back although a tree's root lies at the end of the file", async () => {
    // A named tree made last once kept the whole file: roots did not move.
    const store = open<string, string>(path, { valueEncoding: "utf8" });
    store.putMany(Array.from({ length: 5000 }, (_, i) => [`k${i}`, "v".repeat(100)]));
    const late = store.tree<string, number>("late");
    const grown = store.tree<string, number>("grown");
    late.put("a", 1);
    grown.putMany(Array.from({ length: 3000 }, (_, i) => [`g${i}`, i]));
    const snapshot = store.snapshot();
    store.clear();
    grown.deleteRange({ gte: "g2" });
    await store.compact();
    late.put("b", 2);
    grown.put("g2", 2);
    expect(snapshot.tree<string, number>("late").get("b")).toBeUndefined();
    expect(snapshot.tree<string, number>("grown").count()).toBe(3000);
    snapshot.close();
    const report = await store.compact();
    expect(report.bytesAfter).toBeLessThan(200_000);
    late.put("c", 3);
    expect([...late.range()]).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    expect(grown.count()).toBe([...grown.keys()].length);
    expect(store.verify().problems).toEqual([]);
    store.close();
    using again = open<string, string>(path);
    expect(again.tree<string, number>("late").get("c")).toBe(3);
    expect(again.tree<string, number>("grown").get("g2")).toBe(2);
    expect(again.verify().problems).toEqual([]);
  });

  it("backs up and compacts while it is open", async () => {
    using store = open<string, string>(path, { valueEncoding: "utf8" });
    store.putMany(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, "v".repeat(100)]));
    const copy = join(folder, "copy.esp");
    const running = store.backup(copy);
    store.deleteRange({ gte: "k1" });
    await running;
    using backup = open<string, string>(copy, { readOnly: true });
    expect(backup.count()).toBe(20_000);
    expect(backup.verify().ok).toBe(true);
    const report = await store.compact();
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 4);
    expect(store.verify().problems).toEqual([]);
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(store.compact({ signal: aborted })).rejects.toThrow("enough");
    store.checkpoint();
    expect(store.metrics().leaf.rebuilds).toBe(0);
  });
});
