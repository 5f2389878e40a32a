/** What opening a store and copying one promise: trees with their encodings, nothing made by reading, copies that stay. */

import { expect, it } from "vitest";
import { EncodingError, NotFoundError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

it("a named tree has the encodings that it was made with, and is not opened with others", () => {
  const vfs = new MemoryVfs();
  for (const known of [true, false]) {
    using store = open(STORE_PATH, { vfs });
    const named = { keyEncoding: "ordered", valueEncoding: "utf8" } as const;
    store.tree<number[], string>("named", named).put([1, 2], "text");
    if (known) continue;
    expect(() => store.tree("named", { keyEncoding: "utf8" })).toThrow(EncodingError);
    expect(() => store.tree("named", { valueEncoding: "json" })).toThrow(EncodingError);
    expect(store.tree<number[], string>("named").get([1, 2])).toBe("text");
  }
});

it("trees are told of by whatever names they have", () => {
  using store = open(STORE_PATH, { vfs: new MemoryVfs() });
  const names = ["2", "1", "__proto__", "constructor", "toString"];
  for (const name of names) store.tree<string, number>(name).put("key", 1);
  const { trees } = store.stats();
  const report = store.verify();
  for (const name of names) {
    expect(Object.hasOwn(trees, name) && trees[name]).toBe(1);
    expect(Object.hasOwn(report.trees, name) && report.trees[name]?.records).toBe(1);
  }
  expect(report.records).toBe(names.length);
});

it.each([{ readOnly: true }, { createIfMissing: false }, { readOnly: true, createIfMissing: true }])(
  "a store that is not there is not made: %j",
  (options) => {
    const vfs = new MemoryVfs();
    expect(() => open(STORE_PATH, { vfs, ...options })).toThrow(NotFoundError);
    expect(vfs.list("/")).toEqual([]);
  },
);

/** A disk on which a store was left with its last commits in the log, by a process that died. */
function leftWithLog(): FaultyVfs {
  const vfs = new FaultyVfs({ seed: 1 });
  const store = open<string, string>(STORE_PATH, { vfs, valueEncoding: "utf8" });
  for (let i = 0; i < 300; i++) store.put(`key ${i}`, `value ${i}`);
  store.checkpoint();
  for (let i = 0; i < 300; i += 7) store.put(`key ${i}`, `later ${i}`);
  const left = vfs.processKill(1);
  store.close();
  return left;
}

it.each([true, false])(
  "a copy is of the newest state, and is there after a power cut, read-only: %s",
  async (readOnly) => {
    const vfs = leftWithLog();
    const store = open<string, string>(STORE_PATH, { vfs, readOnly });
    await store.backup("/copy.esp");
    expect(store.stats().snapshots).toBe(0);
    const after = vfs.powerCut("dropped", 1);
    store.close();
    using copy = open<string, string>("/copy.esp", { vfs: after, createIfMissing: false });
    expect(copy.verify().problems).toEqual([]);
    expect(copy.count()).toBe(300);
    for (let i = 0; i < 300; i++)
      expect(copy.get(`key ${i}`)).toBe(`${i % 7 === 0 ? "later" : "value"} ${i}`);
  },
);
