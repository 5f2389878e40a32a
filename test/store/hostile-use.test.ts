/**
 * Misuse: whatever a caller does, it ends in an error of espalier's own that says what is wrong, and the
 * store holds what it held.
 */

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { codeOf, codeOfPromise } from "../support/codes.js";
import { compiled } from "../support/compiled.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

const CLOSED = "ERR_ESPALIER_CLOSED";
const ENCODING = "ERR_ESPALIER_ENCODING";
const NOT_A_STORE = "ERR_ESPALIER_NOT_A_STORE";
const OPTION = "ERR_ESPALIER_OPTION";
const TRANSACTION = "ERR_ESPALIER_TRANSACTION";

function inMemory<V = unknown>(): Store<string, V> {
  return open<string, V>(STORE_PATH, { vfs: new MemoryVfs() });
}

describe("what is no store", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-misuse-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is refused and left as it is: folders, devices, pipes, other files, links to them", () => {
    const text = join(folder, "text");
    writeFileSync(text, "not a store, and longer than its magic");
    mkdirSync(join(folder, "inner"));
    symlinkSync(join(folder, "inner"), join(folder, "link-to-folder"));
    symlinkSync("/dev/null", join(folder, "link-to-device"));
    symlinkSync(text, join(folder, "link-to-text"));
    expect(spawnSync("mkfifo", [join(folder, "pipe")]).status).toBe(0);
    for (const name of ["inner", "link-to-folder", "link-to-device", "pipe", "text", "link-to-text"])
      for (const readOnly of [false, true])
        expect(
          codeOf(() => open(join(folder, name), { readOnly })),
          name,
        ).toBe(NOT_A_STORE);
    expect(codeOf(() => open("/dev/null"))).toBe(NOT_A_STORE);
    expect(codeOf(() => open("/dev/zero"))).toBe(NOT_A_STORE);
    expect(readFileSync(text, "utf8")).toBe("not a store, and longer than its magic");
    expect(codeOf(() => open(join(text, "below")))).toBe("ERR_ESPALIER_IO");
    expect(codeOf(() => open(join(folder, "nowhere", "s.esp")))).toBe("ERR_ESPALIER_IO");
  });

  /** Story: beside such a store no lock and no log can be, and looking for them was an error. */
  it("a store whose name is as long as names may be can be read, and says why it cannot be changed", () => {
    const long = join(folder, "n".repeat(255));
    const store = open<string, number>(join(folder, "short"));
    store.put("a", 1);
    store.close();
    renameSync(join(folder, "short"), long);
    const reading = open<string, number>(long, { readOnly: true });
    expect(reading.get("a")).toBe(1);
    expect(reading.verify().problems).toEqual([]);
    reading.close();
    expect(() => open(long)).toThrow("ENAMETOOLONG (the name, or the path, is too long)");
    expect(readdirSync(folder)).toEqual(["n".repeat(255)]);
  });

  it("a link to a store is that store, a link to nothing makes it, a circle of links is an error", () => {
    symlinkSync(join(folder, "real.esp"), join(folder, "link.esp"));
    symlinkSync(join(folder, "b"), join(folder, "a"));
    symlinkSync(join(folder, "a"), join(folder, "b"));
    const store = open<string, number>(join(folder, "link.esp"));
    store.put("a", 1);
    expect(codeOf(() => open(join(folder, "real.esp")))).toBe("ERR_ESPALIER_LOCKED");
    store.close();
    using again = open<string, number>(join(folder, "real.esp"));
    expect(again.get("a")).toBe(1);
    expect(codeOf(() => open(join(folder, "a")))).toBe("ERR_ESPALIER_IO");
  });

  it("another name of a file that is open is that store, though it was made since", () => {
    const store = open<string, number>(join(folder, "a.esp"));
    linkSync(join(folder, "a.esp"), join(folder, "b.esp"));
    // Without a change there is no log yet that is missing under the other name.
    expect(codeOf(() => open(join(folder, "b.esp")))).toBe("ERR_ESPALIER_LOCKED");
    renameSync(join(folder, "a.esp"), join(folder, "c.esp"));
    expect(codeOf(() => open(join(folder, "c.esp")))).toBe("ERR_ESPALIER_LOCKED");
    store.close();
    open(join(folder, "c.esp")).close();
  });

  it("without permission the answer says so, and names the file", () => {
    const path = join(folder, "s.esp");
    open(path).close();
    chmodSync(path, 0o400);
    chmodSync(folder, 0o555);
    const sources = compiled();
    // The child that is not root has to read them.
    chmodSync(sources, 0o755);
    const program = `
      const { open } = await import(process.argv[1] + "/src/index.js");
      for (const options of [{}, { readOnly: true }]) {
        try {
          open(process.argv[2], options).close();
          console.log("no error");
        } catch (error) {
          console.log(error.code, error.message.includes(process.argv[2]));
        }
      }`;
    const words = ["--input-type=module", "-e", program, pathToFileURL(sources).href, path];
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", cwd: "/", ...nobody });
    // Read-only it opens where the file may be read: root's, mode 400, may not be.
    const reading = "uid" in nobody ? "ERR_ESPALIER_IO true" : "no error";
    expect({ stdout, stderr }).toEqual({ stdout: `ERR_ESPALIER_IO true\n${reading}\n`, stderr: "" });
    chmodSync(folder, 0o755);
  });

  it("a disk that is read-only can be read", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const options = storeOptions({ pageSize: 4096, durability: "sync" }, vfs);
    const key = Buffer.from("a");
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    store.put(key, key);
    const image = vfs.processKill(1);
    image.faults = [{ kind: "EROFS", at: 1, lasts: "forever" }];
    expect(codeOf(() => open(STORE_PATH, { ...options, vfs: image }))).toBe("ERR_ESPALIER_IO");
    const { pageSize: _, ...rest } = options;
    const reader = open<Uint8Array, Uint8Array>(STORE_PATH, { ...rest, vfs: image, readOnly: true });
    expect(reader.get(key)?.length).toBe(1);
    reader.close();
  });
});

describe("options that make no sense", () => {
  it.each([
    ["pageSize", [0, 511, 1000, 65536, -4096, 4096.5, "4096", null, Number.NaN]],
    ["cacheBytes", [0, -1, 1000, 2 ** 60, Number.POSITIVE_INFINITY, "big"]],
    ["logBytes", [0, 1000, 2 ** 40, Number.NaN, {}]],
    ["maxBytes", [0, 1000, -1, 2 ** 60, "1G"]],
    ["lockTimeoutMs", [-1, 0.5, 2 ** 31, "0"]],
    ["durability", ["", "fsync", 1, true, null]],
    ["keyEncoding", ["", "UTF8", 3, null]],
    ["valueEncoding", ["", "text", 3, null]],
    ["readOnly", ["yes", 1, null]],
    ["createIfMissing", ["no", 0]],
    ["errorIfExists", ["no", 0]],
    ["profile", ["yes"]],
    ["metricsFile", ["", 5]],
    ["vfs", [5, "memory", {}]],
    ["anything", [1]],
  ] as const)("%s", (name, values) => {
    const vfs = new MemoryVfs();
    for (const value of values) {
      const found = codeOf(() => open(STORE_PATH, { vfs, [name]: value } as object).close());
      // null counts as left out where there is a default.
      expect([OPTION, ...(value === null ? ["no error"] : [])], `${name}: ${String(value)}`).toContain(found);
    }
    for (const options of [null, "options", 5]) {
      expect(codeOf(() => open(STORE_PATH, options as unknown as object))).toBe(OPTION);
    }
  });

  it("of ranges, trees and batches", async () => {
    using store = inMemory<number>();
    store.put("a", 1);
    for (const limit of [-1, 0.5, Number.NaN, "3"] as unknown as number[])
      expect(codeOf(() => store.range({ limit }))).toBe(OPTION);
    expect(codeOf(() => store.range({ reverse: 1 } as object))).toBe(OPTION);
    expect(codeOf(() => store.deleteRange({ gte: "a", limit: 1 } as object))).toBe(OPTION);
    for (const name of ["", "\0x", "\ud800", 5, null, undefined] as unknown as string[]) {
      expect(codeOf(() => store.tree(name))).toBe(OPTION);
      expect(codeOf(() => store.dropTree(name))).toBe(OPTION);
      expect(codeOf(() => store.snapshot().tree(name))).toBe(OPTION);
    }
    expect(await codeOfPromise(store.write([{ type: "move", key: "a" } as never]))).toBe(OPTION);
    expect(await codeOfPromise(store.write([{ type: "put", key: "b", value: 1, tree: {} } as never]))).toBe(
      OPTION,
    );
    expect([...store.range()]).toEqual([["a", 1]]);
  });
});

describe("keys and values of the wrong kind", () => {
  const KEYS: unknown[] = [undefined, null, 5, {}, [], Symbol("x"), () => 1, Buffer.from("x"), "\ud800", 5n];

  it("change nothing, in a transaction or outside", () => {
    using store = inMemory();
    store.put("a", 1);
    for (const key of KEYS as string[]) {
      for (const action of [
        () => store.put(key, 1),
        () => store.get(key),
        () => store.has(key),
        () => store.delete(key),
        () => store.range({ gte: key === undefined ? (5 as never) : key }),
        () => store.putMany([["b", 1] as const, [key, 2] as const]),
      ]) {
        expect(codeOf(action)).toBe(ENCODING);
      }
    }
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [undefined, circle, () => 1, Symbol("x"), 5n])
      expect(codeOf(() => store.put("b", value))).toBe(ENCODING);
    store.transaction(() => {
      for (const key of KEYS as string[]) expect(codeOf(() => store.put(key, 1))).toBe(ENCODING);
      store.put("c", 3);
    });
    expect([...store.range()]).toEqual([
      ["a", 1],
      ["c", 3],
    ]);
    expect(store.verify().problems).toEqual([]);
  });
});

describe("trees", () => {
  it("are counted and proven whatever their names are", () => {
    using store = inMemory();
    const names = ["\ufffd", "__proto__", "constructor", "toString"].sort();
    for (const name of names) store.tree(name).put("a", 1);
    expect(store.trees().sort()).toEqual(names);
    expect(Object.entries(store.stats().trees).sort()).toEqual(names.map((name) => [name, 1]));
    const { trees, records, problems } = store.verify();
    expect(Object.keys(trees).sort()).toEqual(["", ...names]);
    expect({ records, problems }).toEqual({ records: 4, problems: [] });
  });
});

describe("a store that is closed", () => {
  it("says so, whatever it is asked", async () => {
    const store = inMemory<number>();
    store.putMany([
      ["a", 1],
      ["b", 1],
    ]);
    const named = store.tree<string, number>("named");
    const snapshot = store.snapshot();
    const iterator = store.range();
    iterator.next();
    const waiting = store.range();
    store.close();
    const actions: Record<string, () => unknown> = {
      get: () => store.get("a"),
      getView: () => store.getView("a"),
      getInto: () => store.getInto("a", new Uint8Array(9)),
      getMany: () => store.getMany(["a"]),
      "getMany of none": () => store.getMany([]),
      has: () => store.has("a"),
      put: () => store.put("a", 2),
      putIfAbsent: () => store.putIfAbsent("b", 2),
      putMany: () => store.putMany([["b", 2]]),
      delete: () => store.delete("a"),
      deleteRange: () => store.deleteRange({ gte: "a" }),
      clear: () => store.clear(),
      range: () => store.range(),
      count: () => store.count(),
      tree: () => store.tree("named"),
      trees: () => store.trees(),
      dropTree: () => store.dropTree("named"),
      transaction: () => store.transaction(() => 1),
      snapshot: () => store.snapshot(),
      stats: () => store.stats(),
      verify: () => store.verify(),
      checkpoint: () => store.checkpoint(),
      "named.get": () => named.get("a"),
      "named.put": () => named.put("a", 1),
      "snapshot.get": () => snapshot.get("a"),
      "snapshot.getMany of none": () => snapshot.getMany([]),
      "snapshot.range": () => [...snapshot.range()],
      "snapshot.tree": () => snapshot.tree("named"),
      "iterator.next": () => iterator.next(),
      "an iterator that has not begun": () => waiting.next(),
    };
    for (const [name, action] of Object.entries(actions)) expect(codeOf(action), name).toBe(CLOSED);
    for (const promise of [
      store.write([{ type: "put", key: "b", value: 1 }]),
      store.flush(),
      store.backup("/copy.esp"),
      store.compact(),
    ]) {
      expect(await codeOfPromise(promise)).toBe(CLOSED);
    }
    snapshot.close();
    iterator.return();
    store.close();
  });
});

describe("a transaction", () => {
  it("is not left, joined or outlived by what does not belong in it", async () => {
    using store = inMemory<number>();
    store.put("a", 1);
    let outlives: IterableIterator<unknown> | undefined;
    store.transaction(() => {
      for (const action of [
        () => store.transaction(() => 1),
        () => store.close(),
        () => store.snapshot(),
        () => store.verify(),
        () => store.checkpoint(),
      ]) {
        expect(codeOf(action)).toBe(TRANSACTION);
      }
      outlives = store.range();
      outlives.next();
      store.put("b", 2);
    });
    expect(codeOf(() => outlives?.next())).toBe(CLOSED);
    expect(store.count()).toBe(2);
    let backup: Promise<string> | undefined;
    store.transaction(() => {
      backup = codeOfPromise(store.backup("/copy.esp"));
    });
    expect(await backup).toBe(TRANSACTION);
  });

  it("of which an operation failed half-way is undone, whether the caller looks away or not", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    vfs.capacityBytes = 1_000_000;
    const options = storeOptions({ pageSize: 4096, durability: "sync" }, vfs);
    using store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    const key = (i: number): Uint8Array => Buffer.from(String(i));
    store.put(key(0), Buffer.alloc(10));
    expect(
      codeOf(() =>
        store.transaction(() => {
          store.put(key(1), Buffer.alloc(10));
          expect(codeOf(() => store.put(key(2), Buffer.alloc(2_000_000)))).toBe("ERR_ESPALIER_DISK_FULL");
          expect(codeOf(() => store.put(key(3), Buffer.alloc(10)))).toBe(TRANSACTION);
        }),
      ),
    ).toBe(TRANSACTION);
    expect([...store.keys()].map(String)).toEqual([String(Uint8Array.from(key(0)))]);
    store.put(key(4), Buffer.alloc(10));
    expect(store.verify()).toMatchObject({ ok: true, records: 2 });
  });

  it("takes no trees of another store", async () => {
    using store = inMemory<number>();
    using other = inMemory<number>();
    const foreign = other.tree<string, number>("foreign");
    const batch = [
      { type: "put", key: "a", value: 1 } as const,
      { type: "put", key: "b", value: 2, tree: foreign } as const,
    ];
    expect(await codeOfPromise(store.write(batch))).toBe(OPTION);
    expect([store.count(), foreign.count()]).toEqual([0, 0]);
    other.put("x", 1);
    expect([store.count(), foreign.count(), other.count()]).toEqual([0, 0, 1]);
  });
});

/** Code of the caller's that runs in the middle of an operation: toJSON, and iterables. */
describe("a store used from within its own operations", () => {
  /** Story: the key of the outer put was in a buffer that the inner one used too: it got the inner's key. */
  it("puts what each call says", () => {
    using store = inMemory();
    const nosy = {
      toJSON(): string {
        store.put("inner", "i");
        store.get("another");
        return "outer value";
      },
    };
    store.put("outer", nosy);
    expect([...store.range()]).toEqual([
      ["inner", "i"],
      ["outer", "outer value"],
    ]);
    store.transaction(() => store.put("third", nosy));
    store.putMany([["fourth", nosy]]);
    expect(store.count()).toBe(4);
    expect(store.get("fourth")).toBe("outer value");
    expect(store.verify().ok).toBe(true);
  });

  it("that is closed there says so, and no other store suffers", () => {
    const store = inMemory();
    store.put("a", 1);
    const closing = { toJSON: () => store.close() ?? 1 };
    expect(codeOf(() => store.put("b", closing))).toBe(CLOSED);
    // The next store gets the memory of the first.
    using next = inMemory();
    next.put("a", 1);
    expect(codeOf(() => store.put("b", { toJSON: () => 2 }))).toBe(CLOSED);
    expect(next.verify()).toMatchObject({ ok: true, records: 1 });
  });

  it("whose tree is dropped there says so", () => {
    using store = inMemory();
    const tree = store.tree("t");
    expect(codeOf(() => tree.put("a", { toJSON: () => store.dropTree("t") }))).toBe(CLOSED);
    expect(store.verify().problems).toEqual([]);
    expect(store.trees()).toEqual([]);
  });

  it("reads its own range while it writes", async () => {
    using store = inMemory<number>();
    for (let i = 0; i < 300; i++) store.put(`k${i}`, i, { sync: false });
    const before = store.range();
    const doubled = function* (): Generator<[string, number]> {
      for (const [key, value] of before) {
        store.delete(key);
        yield [`${key}-2`, value * 2];
      }
    };
    expect(store.putMany(doubled())).toBe(300);
    expect(store.count()).toBe(300);
    const stops = function* (): Generator<[string, number]> {
      yield ["x", 1];
      store.close();
    };
    expect(codeOf(() => store.putMany(stops()))).toBe(TRANSACTION);
    expect(store.has("x")).toBe(false);
    await store.compact();
    expect(store.verify()).toMatchObject({ ok: true, records: 300 });
  });
});

it("bytes that were made in another context, as test runners use them, are bytes", async () => {
  const bytes = (text: string): Uint8Array => runInNewContext(`Uint8Array.from([${text}])`) as Uint8Array;
  expect(bytes("1")).not.toBeInstanceOf(Uint8Array);
  using store = open<Uint8Array, Uint8Array>(STORE_PATH, {
    vfs: new MemoryVfs(),
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  const long = bytes(Array(20_000).fill(7).join());
  store.put(bytes("1"), bytes("2, 3"));
  await store.putAsync(bytes("4"), long);
  expect(store.get(Uint8Array.of(1))).toEqual(Uint8Array.of(2, 3));
  expect(store.get(bytes("4"))).toEqual(new Uint8Array(20_000).fill(7));
  expect([...store.range({ gte: bytes("2") })].length).toBe(1);
  expect(store.deleteRange({ prefix: bytes("4") })).toBe(1);
  expect(store.verify().problems).toEqual([]);
});
