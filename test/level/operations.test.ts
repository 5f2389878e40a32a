/** What classic-level has beyond abstract-level, and what keys, values and errors look like at the edges. */

import { AbstractLevel } from "abstract-level";
import { describe, expect, it } from "vitest";
import { TransactionError } from "../../src/index.js";
import { EspalierLevel, LevelError } from "../../src/level/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { closing, codesOf, newFolder, openLevel } from "./support/databases.js";

function deferred(): EspalierLevel {
  return closing(new EspalierLevel("/db.esp", { vfs: new MemoryVfs() }));
}

describe("approximateSize()", () => {
  it("tells about how many bytes a range takes", async () => {
    const db = await openLevel();
    expect(await db.approximateSize("!", "~")).toBe(0);
    const value = "aaaaaaaaaa".repeat(1000);
    await db.batch(Array.from({ length: 100 }, (_, i) => ({ type: "put", key: `foo${i + 100}`, value })));
    const all = await db.approximateSize("!", "~");
    expect(all).toBeGreaterThan(1_000_000);
    expect(all).toBeLessThan(1_500_000);
    expect((await db.approximateSize("foo100", "foo125")) / all).toBeCloseTo(0.25, 2);
    expect(await db.approximateSize("z", "a")).toBe(0);
  });

  it("needs both ends", async () => {
    const db = await openLevel();
    for (const words of [[], ["foo"]]) {
      const size = Reflect.apply(db.approximateSize, db, words) as Promise<number>;
      await expect(size).rejects.toThrow(new TypeError("The arguments 'start' and 'end' are required"));
    }
  });
});

describe("compactRange()", () => {
  it("gives back the space of what was deleted", async () => {
    const db = await openLevel();
    await db.batch(
      Array.from({ length: 2000 }, (_, i) => ({ type: "put", key: `k${i}`, value: "x".repeat(500) })),
    );
    await db.clear({ gte: "k1" });
    const before = db.store.stats().dataBytes;
    await Promise.all([db.compactRange("a", "z"), db.compactRange("a", "z")]);
    expect(db.store.stats().dataBytes).toBeLessThan(before / 2);
    expect(await db.keys().all()).toEqual(["k0"]);
  });

  it("needs both ends", async () => {
    const db = await openLevel();
    await expect(Reflect.apply(db.compactRange, db, ["foo"])).rejects.toThrow(TypeError);
  });
});

describe.each(["approximateSize", "compactRange"] as const)("%s()", (method) => {
  it("waits for the database to open, and rejects when it is closed", async () => {
    const db = deferred();
    const order: string[] = [];
    const opening = db.open().then(() => order.push("open"));
    await Promise.all([opening, db[method]("a", "b").then(() => order.push("done"))]);
    expect(order).toEqual(["open", "done"]);
    await db.close();
    expect(await codesOf(() => db[method]("a", "b"))).toEqual(["LEVEL_DATABASE_NOT_OPEN"]);
  });

  it("encodes its ends", async () => {
    const calls: string[] = [];
    const keyEncoding = {
      name: "test",
      format: "utf8" as const,
      encode: (key: string): string => {
        calls.push(key);
        return key;
      },
      decode: (key: string): string => key,
    };
    await (await openLevel({ keyEncoding }))[method]("a", "b");
    await (await openLevel())[method]("c", "d", { keyEncoding });
    expect(calls).toEqual(["a", "b", "c", "d"]);
  });
});

describe("getProperty()", () => {
  it("tells the store's figures, and nothing of LevelDB", async () => {
    const db = await openLevel();
    await db.put("a", "1");
    expect(JSON.parse(db.getProperty("espalier.stats"))).toMatchObject({ records: 1, pageSize: 4096 });
    expect(db.getProperty("leveldb.stats")).toBe("");
    expect(db.getProperty("nonsense")).toBe("");
    for (const property of [undefined, null, 1, {}])
      expect(() => db.getProperty(property as string)).toThrow(
        new TypeError("The first argument 'property' must be a string"),
      );
    await db.close();
    expect(() => db.getProperty("espalier.stats")).toThrow(LevelError);
  });
});

type Entry = [key: Uint8Array, value: Uint8Array];

describe("keys and values", () => {
  it("may lie in a buffer that can be resized", async () => {
    const db = await openLevel<Uint8Array, string>({ keyEncoding: "buffer" });
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer;
    const key = new Uint8Array(new Resizable(2, { maxByteLength: 16 }), 0, 2);
    await db.put(key, "foo");
    expect(await db.get(key)).toBe("foo");
    expect(db.getSync(key)).toBe("foo");
  });

  it("may be views of any kind: their bytes count, in a chained batch and as the end of a range, too", async () => {
    const db = await openLevel<unknown, unknown>({ keyEncoding: "view", valueEncoding: "view" });
    const words = Uint16Array.of(0x0102, 0x0304);
    const part = new DataView(Uint8Array.of(9, 8, 7, 6).buffer, 1, 2);
    const bytes = (view: ArrayBufferView): string =>
      Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("hex");
    const entries = [words, part].map((view) => [bytes(view), bytes(part)]).sort();
    const all = (): Promise<unknown> => db.iterator({ keyEncoding: "hex", valueEncoding: "hex" }).all();
    await db.batch().put(words, part).put(part, part).write();
    expect(await all()).toEqual(entries);
    await db.clear();
    await db.put(words, part);
    await db.batch([{ type: "put", key: part, value: part }]);
    expect(await all()).toEqual(entries);
    expect(await db.get(words)).toEqual(Uint8Array.of(8, 7));
    expect(await db.hasMany([words, part])).toEqual([true, true]);
    await db.clear({ gte: part });
    expect(await all()).toEqual(entries.filter(([key]) => key !== bytes(part)));
    await db.del(words);
    expect(await all()).toEqual([]);
  });

  it("bound a range that is given, whatever its encoding makes of them: nothing is the empty key", async () => {
    const db = await openLevel<number | undefined>({ keyEncoding: "json" });
    await db.batch([1, 2, 3].map((key) => ({ type: "put", key, value: "" })));
    for (const snapshot of [undefined, db.snapshot()]) {
      const options = snapshot && { snapshot };
      await db.clear({ lt: undefined, ...options });
      await db.clear({ gt: 1, lte: undefined, ...options });
    }
    expect(await db.keys({ lte: undefined }).all()).toEqual([]);
    expect(await db.keys({ gt: undefined }).all()).toEqual([1, 2, 3]);
  });

  it("are the same bytes in every encoding", async () => {
    const db = await openLevel();
    await db.put("größe", '{"ü":1}');
    const key = Buffer.from("größe");
    expect(await db.get(key, { keyEncoding: "buffer", valueEncoding: "json" })).toEqual({ ü: 1 });
    expect(await db.get(key, { keyEncoding: "view", valueEncoding: "buffer" })).toEqual(
      Buffer.from('{"ü":1}'),
    );
    expect(await db.has(key.toString("hex"), { keyEncoding: "hex" })).toBe(true);
    expect(db.getSync("größe", { valueEncoding: "base64" })).toBe(Buffer.from('{"ü":1}').toString("base64"));
    expect(Buffer.isBuffer(await db.get("größe", { valueEncoding: "buffer" }))).toBe(true);
  });

  it("are copies: what a caller does with them changes nothing", async () => {
    const db = await openLevel<Buffer, Buffer>({ keyEncoding: "buffer", valueEncoding: "buffer" });
    const key = Buffer.from("key");
    const value = Buffer.alloc(100, 1);
    await db.put(key, value);
    value.fill(2);
    const read = await db.get(key);
    expect(read).toEqual(Buffer.alloc(100, 1));
    read!.fill(3);
    for (const [, each] of await db.iterator().all()) each.fill(4);
    expect(await db.get(key)).toEqual(Buffer.alloc(100, 1));
  });

  it.each(["buffer", "view"] as const)(
    "are whole as a %s of any length, however they are read",
    async (format) => {
      const db = await openLevel<Uint8Array, Uint8Array>({ keyEncoding: format, valueEncoding: format });
      const entries = [0, 1, 8, 64, 65, 1000, 4095, 4096, 10_000, 300_000].map((bytes, i): Entry => {
        const key = Uint8Array.from({ length: i }, () => i);
        return [key, Uint8Array.from({ length: bytes }, (_, at) => at * (i + 1))];
      });
      await db.batch(entries.map(([key, value]) => ({ type: "put", key, value })));
      const keys = entries.map(([key]) => key);
      const read = [
        await db.getMany(keys),
        keys.map((key) => db.getSync(key)),
        await Promise.all(keys.map((key) => db.get(key))),
        await db.values().all(),
        (await db.iterator().all()).map(([, value]) => value),
      ];
      for (const values of read) {
        expect(values.map((value) => Buffer.from(value!))).toEqual(
          entries.map(([, value]) => Buffer.from(value)),
        );
        for (const value of values) expect(Buffer.isBuffer(value)).toBe(format === "buffer");
      }
      const ordered = [await db.keys().all(), (await db.iterator().nextv(100)).map(([key]) => key)];
      for (const each of ordered) {
        expect(each.map((key) => Buffer.from(key))).toEqual(keys.map((key) => Buffer.from(key)));
        for (const key of each) expect(Buffer.isBuffer(key)).toBe(format === "buffer");
      }
    },
  );

  it("may be empty", async () => {
    const db = await openLevel();
    await db.put("", "");
    expect(await db.get("")).toBe("");
    expect(await db.has("")).toBe(true);
    expect(await db.iterator().all()).toEqual([["", ""]]);
    expect(await db.get("", { valueEncoding: "buffer" })).toEqual(Buffer.alloc(0));
  });

  it("with half of a surrogate pair become what LevelDB makes of them", async () => {
    const db = await openLevel();
    await db.put("a\ud800", "b\udc00");
    expect(await db.get("a\ufffd")).toBe("b\ufffd");
    expect(await db.get("a\ud800")).toBe("b\ufffd");
    expect(await db.has("a\ud800")).toBe(true);
    expect(await db.keys({ gte: "a\ud800" }).all()).toEqual(["a\ufffd"]);
    await db.batch([
      { type: "put", key: "c\udfff", value: "\ud800" },
      { type: "del", key: "a\ud800" },
    ]);
    expect(await db.iterator().all()).toEqual([["c\ufffd", "\ufffd"]]);
    await db.del("c\ud800");
    expect(await db.keys().all()).toEqual([]);
  });

  it("that are too long for the page size are refused, and not there", async () => {
    const db = await openLevel({ pageSize: 512 });
    const limit = db.store.stats().keyBytesMax;
    const longest = "k".repeat(limit);
    const longer = "k".repeat(limit + 1);
    await db.put(longest, "1");
    const refused = ["LEVEL_INVALID_KEY", "ERR_ESPALIER_KEY_TOO_LARGE"];
    expect(await codesOf(() => db.put(longer, "1"))).toEqual(refused);
    expect(await codesOf(() => db.put("ü".repeat(limit), "1"))).toEqual(refused);
    const batch = [
      { type: "del", key: longest },
      { type: "put", key: longer, value: "1" },
    ] as const;
    expect(await codesOf(() => db.batch([...batch]))).toEqual(refused);
    expect(await db.getMany([longest, longer])).toEqual(["1", undefined]);
    expect(await db.hasMany([longest, longer])).toEqual([true, false]);
    expect(db.getSync(longer)).toBeUndefined();
    await db.del(longer);
    await db.batch([{ type: "del", key: longer }]);
    expect(await db.keys().all()).toEqual([longest]);
  });

  it("too long bound ranges all the same", async () => {
    const db = await openLevel({ pageSize: 512 });
    const limit = db.store.stats().keyBytesMax;
    const keys = ["j", "k".repeat(limit - 1), "k".repeat(limit), `${"k".repeat(limit - 1)}l`, "l"];
    await db.batch(keys.map((key) => ({ type: "put", key, value: "" })));
    const longer = "k".repeat(limit + 10);
    for (const reverse of [false, true]) {
      const ordered = (list: string[]): string[] => (reverse ? [...list].reverse() : list);
      expect(await db.keys({ lt: longer, reverse }).all()).toEqual(ordered(keys.slice(0, 3)));
      expect(await db.keys({ lte: longer, reverse }).all()).toEqual(ordered(keys.slice(0, 3)));
      expect(await db.keys({ gt: longer, reverse }).all()).toEqual(ordered(keys.slice(3)));
      expect(await db.keys({ gte: longer, reverse }).all()).toEqual(ordered(keys.slice(3)));
      const iterator = closing(db.keys({ reverse }));
      iterator.seek(longer);
      expect(await iterator.next()).toBe(reverse ? keys[2] : keys[3]);
    }
    // A target behind the longest key, between bounds that are behind it too.
    const ending = closing(db.keys({ lte: longer, reverse: true }));
    for (const target of [longer, `${keys[2]}k`]) {
      ending.seek(target);
      expect(await ending.next()).toBe(keys[2]);
    }
    ending.seek(`${longer}k`);
    expect(await ending.next()).toBeUndefined();
    const beginning = closing(db.keys({ gte: `${keys[2]}k` }));
    beginning.seek(longer);
    expect(await beginning.next()).toBe(keys[3]);
    await db.clear({ lt: longer });
    expect(await db.keys().all()).toEqual(keys.slice(3));
  });
});

describe("a batch", () => {
  /** Story: a chained batch held on to the caller's buffers until it was written, which classic-level does not. */
  it("holds what each operation was given, whatever becomes of the buffers", async () => {
    const db = await openLevel<Uint8Array, Uint8Array>({ keyEncoding: "view", valueEncoding: "view" });
    const [key, value] = [Uint8Array.of(1), Uint8Array.of(1)];
    await db.put(Uint8Array.of(9), value);
    const batch = db.batch();
    for (let i = 1; i <= 3; i++) {
      key[0] = i;
      value[0] = i;
      batch.put(key, value);
    }
    key[0] = 9;
    batch.del(key);
    key[0] = 2;
    await batch.write();
    expect(await db.iterator().all()).toEqual([1, 2, 3].map((i) => [Uint8Array.of(i), Uint8Array.of(i)]));
  });

  it("changes nothing when one of its operations is refused", async () => {
    const db = await openLevel();
    const tooLong = "k".repeat(5000);
    for (const write of [
      () =>
        db.batch([
          { type: "put", key: "a", value: "1" },
          { type: "put", key: tooLong, value: "1" },
        ]),
      () => db.batch().put("a", "1").put(tooLong, "1").write(),
    ]) {
      expect(await codesOf(write)).toContain("LEVEL_INVALID_KEY");
      expect(await db.keys().all()).toEqual([]);
    }
    await db.put("b", "1");
    expect(await db.keys().all()).toEqual(["b"]);
  });

  it("of a hundred thousand operations is one change", async () => {
    const db = await openLevel();
    const before = db.store.stats().committed;
    const batch = db.batch();
    for (let i = 0; i < 100_000; i++) batch.put(`key${i}`, `value${i}`);
    await batch.write();
    expect(db.store.stats()).toMatchObject({ records: 100_000, committed: before + 1 });
  });
});

describe("close()", () => {
  const operations: Record<string, (db: EspalierLevel) => Promise<unknown>> = {
    get: (db) => db.get("key"),
    put: (db) => db.put("key2", "value"),
    "put with sync": (db) => db.put("key2", "value", { sync: true }),
    del: (db) => db.del("key"),
    "del with sync": (db) => db.del("key", { sync: true }),
    batch: (db) => db.batch([{ type: "del", key: "key" }]),
    "batch with sync": (db) => db.batch([{ type: "del", key: "key" }], { sync: true }),
    "chained batch": (db) => db.batch().del("key").write(),
    "chained batch with sync": (db) => db.batch().del("key").write({ sync: true }),
    clear: (db) => db.clear({ limit: 1 }),
    approximateSize: (db) => db.approximateSize("a", "z"),
    compactRange: (db) => db.compactRange("a", "z"),
    "all of them": (db) =>
      Promise.all(
        Object.entries(operations)
          .filter(([name]) => name !== "all of them")
          .map(([, operation]) => operation(db)),
      ),
  };

  it.each(Object.keys(operations))("waits for %s", async (name) => {
    const db = closing(new EspalierLevel(newFolder()));
    await db.open();
    await db.put("key", "value");
    let finished = false;
    operations[name]!(db).then(() => {
      finished = true;
    });
    await db.close();
    expect(finished).toBe(true);
  });

  it("comes by itself at the end of `await using`", async () => {
    const vfs = new MemoryVfs();
    const db = new EspalierLevel("/db.esp", { vfs });
    await db.put("a", "1");
    await db[Symbol.asyncDispose]();
    expect(db.status).toBe("closed");
    expect(() => db.store).toThrow("Database is not open");
    expect(await codesOf(() => db.get("a"))).toEqual(["LEVEL_DATABASE_NOT_OPEN"]);
    await db.open();
    expect(await db.get("a")).toBe("1");
    await db.close();
  });
});

describe("the store below", () => {
  it("can be used beside", async () => {
    const db = await openLevel();
    expect(db).toBeInstanceOf(AbstractLevel);
    await db.put("a", "1");
    expect(Buffer.from(db.store.get(Buffer.from("a"))!).toString()).toBe("1");
    db.store.tree<string, string>("other").put("x", "y");
    expect(await db.keys().all()).toEqual(["a"]);
    expect(db.store.verify().ok).toBe(true);
  });

  /** Story: they showed what the transaction had changed before, and not what it changed on other pages afterwards. */
  it("gives no snapshot and no iterator inside a transaction", async () => {
    const db = await openLevel();
    for (let i = 0; i < 500; i++) await db.put(`k${String(i).padStart(3, "0")}`, "old");
    const before = db.snapshot();
    db.store.transaction(() => {
      db.store.put(Buffer.from("k000"), Buffer.from("new"));
      expect(() => db.snapshot()).toThrow(TransactionError);
      expect(() => db.iterator()).toThrow(TransactionError);
      expect(() => db.keys({ gt: "a" })).toThrow(TransactionError);
      expect(() => db.values()).toThrow(TransactionError);
      db.store.put(Buffer.from("k499"), Buffer.from("new"));
    });
    expect(db.store.stats().snapshots).toBe(1);
    const seen = await db.values().all();
    expect([seen[0], seen[499]]).toEqual(["new", "new"]);
    expect(await db.values({ snapshot: before, limit: 1 }).all()).toEqual(["old"]);
    await before.close();
    await db.close();
  });

  it("takes its writes into a transaction", async () => {
    const db = await openLevel();
    const failed = new Error("undo");
    let writes: Promise<unknown>[] = [];
    expect(() =>
      db.store.transaction(() => {
        writes = [db.put("a", "1"), db.batch([{ type: "put", key: "b", value: "2" }])];
        throw failed;
      }),
    ).toThrow(failed);
    await Promise.all(writes);
    expect(await db.keys().all()).toEqual([]);
    db.store.transaction(() => {
      writes = [db.put("a", "1"), db.batch([{ type: "put", key: "b", value: "2" }]), db.clear({ lt: "b" })];
    });
    await Promise.all(writes);
    expect(await db.keys().all()).toEqual(["b"]);
  });
});
