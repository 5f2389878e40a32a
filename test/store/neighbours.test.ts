/** Stores and other files whose names begin like a store's own: nothing that is another's is taken away. */

import { describe, expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import { segmentPath } from "../../src/log/log-format.js";
import type { StoreOptions } from "../../src/store/options.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { bytesOf } from "../support/damage.js";

const PATH = "/orders";

function make(vfs: Vfs, path: string, options: StoreOptions = {}): Store<string, string> {
  return open<string, string>(path, { vfs, durability: "none", ...options });
}

function withNeighbour(name: string): MemoryVfs {
  const vfs = new MemoryVfs();
  using neighbour = make(vfs, name);
  for (let i = 0; i < 200; i++) neighbour.put(`key ${i}`, `value ${i}`);
  return vfs;
}

function place(vfs: Vfs, path: string, bytes: Uint8Array): void {
  const file = vfs.open(path, "create");
  file.write(bytes, 0, bytes.length, 0);
  file.close();
}

function expectNeighbour(vfs: Vfs, name: string): void {
  using neighbour = make(vfs, name, { createIfMissing: false });
  expect(neighbour.count()).toBe(200);
  expect(neighbour.verify().problems).toEqual([]);
}

describe("a store that lies beside", () => {
  it("as -new, when a store is made", () => {
    const vfs = withNeighbour(`${PATH}-new`);
    make(vfs, PATH).close();
    expectNeighbour(vfs, `${PATH}-new`);
    expect(vfs.list("/")).toEqual(["orders", "orders-new"]);
  });

  it("as -new, when a copy is made", async () => {
    const vfs = withNeighbour("/copy-new");
    using store = make(vfs, PATH);
    store.put("a", "b");
    await store.backup("/copy");
    expectNeighbour(vfs, "/copy-new");
  });

  it("as -versions, when old versions leave the memory; a killed process's go", () => {
    const vfs = new FaultyVfs({ disk: withNeighbour(`${PATH}-versions`) });
    const made: string[] = [];
    vfs.onCall = ({ operation, path }) => {
      if (operation === "create") made.push(path);
    };
    const left = `${PATH}-versions-0123456789abcdef01234567`;
    vfs.open(left, "create").close();
    using store = make(vfs, PATH, { cacheBytes: 256 * 1024 });
    for (let i = 0; i < 2000; i++) store.put(`key ${i}`, "x".repeat(300));
    using snapshot = store.snapshot();
    for (let i = 0; i < 2000; i++) store.put(`key ${i}`, "y".repeat(300));
    expect(made.some((path) => path.startsWith(`${PATH}-versions`))).toBe(true);
    expect(snapshot.get("key 7")).toBe("x".repeat(300));
    expect(vfs.stat(left)).toBeUndefined();
    expectNeighbour(vfs, `${PATH}-versions`);
  });

  it.each(["-log1", "-log2"])("as %s: nothing can be written, and both can be read", (suffix) => {
    const vfs = withNeighbour(`${PATH}${suffix}`);
    using store = make(vfs, PATH);
    expect(() => store.put("a", "b")).toThrow(
      expect.objectContaining({ code: "ERR_ESPALIER_EXISTS", path: `${PATH}${suffix}` }),
    );
    expect(store.get("a")).toBeUndefined();
    expectNeighbour(vfs, `${PATH}${suffix}`);
  });
});

it.each([
  ["-log1-new", 1],
  ["-log2-new", 400],
])("a store that lies beside as %s, when a log is recovered", (suffix, puts) => {
  const name = `${PATH}${suffix}`;
  const vfs = new FaultyVfs({ disk: withNeighbour(name) });
  const options = { logBytes: 256 * 1024, durability: "sync" } as const;
  const store = make(vfs, PATH, options);
  for (let i = 0; i < puts; i++) store.put(`key ${i % 90}`, "x".repeat(1000));
  const killed = vfs.processKill(1);
  store.close();
  make(killed, PATH, options).close();
  expectNeighbour(killed, name);
  expect(killed.list("/")).toEqual(["orders", `orders${suffix}`]);
});

/** With the copy in the making there, and the frames that it is of gone or not. */
it("what a killed recovery left of a log goes", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const store = make(vfs, PATH);
  store.put("a", "1");
  const killed = vfs.processKill(1);
  store.close();
  const cuts: FaultyVfs[] = [];
  killed.onCall = ({ call, changes }) => {
    const cut = killed.powerCut("subset", call);
    if (changes && cut.list("/").some((name) => name.startsWith("orders-log1-new"))) cuts.push(cut);
  };
  make(killed, PATH).close();
  const before = cuts.map((cut) => {
    using again = make(cut, PATH);
    const value = again.get("a");
    again.close();
    expect(cut.list("/")).toEqual(["orders"]);
    return value;
  });
  expect(new Set(before)).toEqual(new Set(["1", undefined]));
});

it("what a killed process left of a store or a copy in the making goes", async () => {
  const vfs = new MemoryVfs();
  for (const name of ["/orders", "/copy"]) vfs.open(`${name}-new-0123456789abcdef01234567`, "create").close();
  const store = make(vfs, PATH);
  await store.backup("/copy");
  store.close();
  expect(vfs.list("/")).toEqual(["copy", "orders"]);
});

it("a copy takes no file's place that came while it was made", async () => {
  const vfs = new MemoryVfs();
  using store = make(vfs, PATH);
  const copying = store.backup("/copy");
  make(vfs, "/copy").close();
  await expect(copying).rejects.toMatchObject({ code: "ERR_ESPALIER_EXISTS" });
});

it("a copy that cannot be begun leaves no snapshot behind", async () => {
  const vfs = new FaultyVfs({ seed: 1 });
  using store = make(vfs, PATH);
  store.put("a", "b");
  vfs.faults = [{ kind: "EMFILE", at: vfs.calls + 1, lasts: "forever" }];
  await expect(store.backup("/copy")).rejects.toMatchObject({ code: "ERR_ESPALIER_IO" });
  vfs.faults = [];
  expect(store.stats().snapshots).toBe(0);
});

it("the log of another store takes no place of one that was set aside before", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const first = make(vfs, "/first", { durability: "sync" });
  first.put("a", "1");
  make(vfs, PATH).close();
  const killed = vfs.processKill(1);
  first.close();
  const log = Buffer.from(bytesOf(killed.live, "/first-log1"));
  const kept = (): string[] => killed.list("/").filter((name) => name.includes("-of-"));
  const setAside = (bytes: Uint8Array): void => {
    place(killed, segmentPath(PATH, 0), bytes);
    using store = make(killed, PATH);
    store.put("b", "2");
  };
  setAside(log);
  expect(kept()).toHaveLength(1);
  const longer = Buffer.concat([log, log]);
  setAside(longer);
  const sizes = kept().map((name) => bytesOf(killed.live, `/${name}`).length);
  expect(sizes).toEqual([log.length, longer.length]);
});

it("the log of another store, renamed away from it, is kept for it", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const first = make(vfs, "/first", { durability: "sync" });
  first.put("a", "1");
  first.put("b", "2");
  make(vfs, "/second").close();
  const killed = vfs.processKill(1);
  first.close();
  // The names of the two are exchanged, and the log is forgotten.
  killed.rename("/first", "/third");
  killed.rename("/second", "/first");
  const log = Buffer.from(bytesOf(killed.live, "/first-log1"));
  const other = make(killed, "/first");
  other.put("c", "3");
  const kept = killed.list("/").filter((name) => name.includes("-of-"));
  expect(kept).toHaveLength(1);
  expect(Buffer.compare(bytesOf(killed.live, `/${kept[0]}`), log)).toBe(0);
  other.close();
  expect(() => make(killed, "/third")).toThrow(expect.objectContaining({ code: "ERR_ESPALIER_LOG_MISSING" }));
  for (const name of kept) killed.rename(`/${name}`, "/third-log1");
  using back = make(killed, "/third");
  expect([back.get("a"), back.get("b")]).toEqual(["1", "2"]);
});

describe("a file that is no log, and lies where the log goes", () => {
  const TEXT = Buffer.from("12:00 the application began\n");

  it.each([0, 1])("is set aside (segment %i)", (index) => {
    const vfs = new MemoryVfs();
    make(vfs, PATH).close();
    const path = segmentPath(PATH, index);
    place(vfs, path, TEXT);
    const store = make(vfs, PATH);
    store.put("a", "b");
    store.close();
    expect(vfs.list("/")).toEqual(["orders", `${path.slice(1)}-of-unknown`]);
    expect(Buffer.from(bytesOf(vfs, `${path}-of-unknown`))).toEqual(TEXT);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["zeros, as a segment that was not begun", new Uint8Array(64 * 1024)],
  ])("goes where it holds %s", (_what, bytes) => {
    const vfs = new MemoryVfs();
    make(vfs, PATH).close();
    place(vfs, segmentPath(PATH, 0), bytes);
    const store = make(vfs, PATH);
    store.put("a", "b");
    store.close();
    expect(vfs.list("/")).toEqual(["orders"]);
  });
});

describe("a store whose files were moved away while it was open", () => {
  const MOVED = "/moved.esp";
  const OTHERS = Buffer.from("another store's");

  /** Gives all its files other names, and their names to files of another. */
  function moveAway(vfs: MemoryVfs): void {
    for (const name of vfs.list("/")) {
      vfs.rename(`/${name}`, `/${name}`.replace(PATH, MOVED));
      const file = vfs.open(`/${name}`, "create");
      file.write(OTHERS, 0, OTHERS.length, 0);
      file.close();
    }
  }

  it.each([
    ["beside the other store", true],
    ["of a store that lies elsewhere just now", false],
  ])("removes no log that lies where its own was, %s", (_whose, isThere) => {
    const vfs = new MemoryVfs();
    const store = open<string, number>(PATH, { vfs });
    store.put("a", 1);
    moveAway(vfs);
    if (!isThere) vfs.unlink(PATH);
    store.put("b", 2);
    store.close();
    const left = [...(isThere ? [PATH] : []), segmentPath(PATH, 0), segmentPath(PATH, 1)];
    for (const path of left) expect(Buffer.from(bytesOf(vfs, path))).toEqual(OTHERS);
    using moved = open<string, number>(MOVED, { vfs, createIfMissing: false });
    expect([...moved.range()]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("leaves its log to a copy that has taken its file's name, and needs that", () => {
    const vfs = new MemoryVfs();
    const store = open<string, number>(PATH, { vfs });
    store.put("a", 1);
    const copy = bytesOf(vfs, PATH);
    store.put("b", 2);
    vfs.rename(PATH, MOVED);
    const file = vfs.open(PATH, "create");
    file.write(copy, 0, copy.length, 0);
    file.close();
    store.close();
    using recovered = open<string, number>(PATH, { vfs });
    expect([recovered.get("a"), recovered.get("b")]).toEqual([1, 2]);
  });

  it("leaves nothing where its file was deleted", () => {
    const vfs = new MemoryVfs();
    const store = open<string, number>(PATH, { vfs });
    store.put("a", 1);
    vfs.unlink(PATH);
    store.close();
    expect(vfs.list("/")).toEqual([]);
  });

  it("begins no log there", () => {
    const vfs = new MemoryVfs();
    open<string, number>(PATH, { vfs }).close();
    const store = open<string, number>(PATH, { vfs });
    moveAway(vfs);
    for (let i = 0; i < 2; i++) expect(() => store.put("a", 1)).toThrow("ESTALE");
    expect(vfs.list("/").length).toBe(2);
    vfs.rename(MOVED, PATH);
    store.put("a", 1);
    store.close();
    using again = open<string, number>(PATH, { vfs });
    expect(again.get("a")).toBe(1);
  });
});
