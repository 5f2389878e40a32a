/** A copy is whole by itself: its free pages and its size are those of the moment that it is of (P2, S4). */

import { expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import type { StoreOptions } from "../../src/store/options.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";

const SOURCE = "/store.esp";
const COPY = "/copy.esp";
const PAGE_SIZES = [512, 4096, 32_768];

function options(vfs: Vfs, pageSize: number): StoreOptions {
  return { vfs, pageSize, durability: "none", logBytes: 256 * 1024 };
}

function fill(store: Store<string, string>, from: number, to: number): void {
  store.transaction(() => {
    for (let i = from; i < to; i++) store.put(`key ${i}`, `value ${i} `.padEnd(200, "x"));
  });
}

/** The copy opens for writing, proves whole, and has these records. */
function expectCopy(vfs: Vfs, pageSize: number, from: number, to: number): void {
  using copy = open<string, string>(COPY, { ...options(vfs, pageSize), createIfMissing: false });
  expect(copy.verify().problems).toEqual([]);
  expect(copy.count()).toBe(to - from);
  for (let i = from; i < to; i++) expect(copy.get(`key ${i}`)).toBe(`value ${i} `.padEnd(200, "x"));
  fill(copy, to, to + 500);
  copy.checkpoint();
  expect(copy.verify().problems).toEqual([]);
}

it.each(PAGE_SIZES)(
  "of a store whose free list is replaced and used meanwhile, page size %i",
  async (pageSize) => {
    const vfs = new MemoryVfs();
    using store = open<string, string>(SOURCE, options(vfs, pageSize));
    fill(store, 0, 2000);
    store.deleteRange({ gte: "key 1", lt: "key 3" });
    for (let i = 1999; i >= 1000; i--) store.delete(`key ${i}`);
    for (let i = 300; i < 1000; i++) store.delete(`key ${i}`);
    fill(store, 0, 300);
    const running = store.backup(COPY);
    // No commit lies between the two lists: nothing tells the pages of the first from those that are free.
    store.checkpoint();
    fill(store, 5000, 8000);
    store.checkpoint();
    await running;
    expectCopy(vfs, pageSize, 0, 300);
  },
);

it.each(PAGE_SIZES)(
  "of a store that grew since its last header and is only read, page size %i",
  async (pageSize) => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = open<string, string>(SOURCE, options(vfs, pageSize));
    fill(store, 0, 100);
    store.checkpoint();
    fill(store, 100, 2000);
    store.deleteRange({ gte: "key 0", lt: "key 2" });
    fill(store, 0, 2000);
    store.delete("key 0");
    const killed = vfs.processKill(1);
    store.close();
    using reader = open<string, string>(SOURCE, { ...options(killed, pageSize), readOnly: true });
    await reader.backup(COPY);
    expectCopy(killed, pageSize, 1, 2000);
  },
);
