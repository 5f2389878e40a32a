/** Views of the store's own memory: nobody can take the memory away through one, or confuse the store with it. */

import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { OpenMode, VfsFile } from "../../src/vfs/vfs.js";
import { type ByteStore, STORE_PATH } from "../support/session.js";

const MIB = 1024 * 1024;

function key(i: number): Buffer {
  return Buffer.from(`key ${String(i).padStart(4, "0")}`);
}

function filled(cacheBytes: number): ByteStore {
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, {
    vfs: new MemoryVfs(),
    cacheBytes,
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  for (let i = 0; i < 200; i++) store.put(key(i), Buffer.alloc(50, i));
  return store;
}

describe.each([1, 16])("a cache of %i MiB", (mebibytes) => {
  it("cannot be detached through a view", () => {
    using store = filled(mebibytes * MIB);
    const view = store.getView(key(3)) as Uint8Array;
    expect([...view]).toEqual([...Buffer.alloc(50, 3)]);
    try {
      structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
    } catch (error) {
      // Memory of WebAssembly refuses; a copy is the caller's to give away.
      expect((error as Error).name).toMatch(/DataCloneError|TypeError/);
    }
    for (let i = 0; i < 200; i++) expect(store.get(key(i))?.[0]).toBe(i);
    expect(store.verify().problems).toEqual([]);
  });

  it("can be put: the record that it shows is the one that is stored", () => {
    using store = filled(mebibytes * MIB);
    // Each put moves the bytes that the view shows: before them, behind them, and over them.
    for (const [from, to] of [
      [100, 0],
      [0, 199],
      [57, 57],
      [150, 151],
    ] as const) {
      const view = store.getView(key(from)) as Uint8Array;
      const shown = Buffer.from(view);
      const longer = Buffer.concat([key(to), Buffer.from("+")]);
      store.put(longer, view);
      expect(Buffer.from(store.get(longer) as Uint8Array)).toEqual(shown);
      store.transaction(() => {
        store.delete(key(to));
        store.put(key(to), store.getView(longer) as Uint8Array);
      });
      expect(Buffer.from(store.get(key(to)) as Uint8Array)).toEqual(shown);
    }
    expect(store.verify().problems).toEqual([]);
  });

  it("can be put where a leaf is split for it", () => {
    using store = filled(mebibytes * MIB);
    store.put(key(0), Buffer.from(Array.from({ length: 200 }, (_, i) => i)));
    const shown = Buffer.from(store.get(key(0)) as Uint8Array);
    for (let i = 0; i < 300; i++) {
      const next = Buffer.from(`key 0000 ${String(i).padStart(4, "0")}`);
      store.put(next, store.getView(key(0)) as Uint8Array);
      expect(Buffer.from(store.get(next) as Uint8Array), `copy ${i}`).toEqual(shown);
    }
    expect(store.verify().problems).toEqual([]);
  });

  /**
   * Story: the slice of a Buffer is one more view. A view that was wrapped in one was not copied, and where the
   * leaf was split or packed for it, other bytes were stored.
   */
  it("can be put as a Buffer over the same memory", () => {
    using store = filled(mebibytes * MIB);
    store.put(key(0), Buffer.from(Array.from({ length: 200 }, (_, i) => i)));
    const shown = Buffer.from(store.get(key(0)) as Uint8Array);
    for (let i = 0; i < 300; i++) {
      const next = Buffer.from(`key 0000 ${String(i).padStart(4, "0")}`);
      const view = store.getView(key(0)) as Uint8Array;
      store.put(next, Buffer.from(view.buffer, view.byteOffset, view.byteLength));
      expect(Buffer.from(store.get(next) as Uint8Array), `copy ${i}`).toEqual(shown);
    }
    expect(store.verify().problems).toEqual([]);
  });

  /** Story: awaited writes that wait are made first; they moved what the view shows. */
  it.each(["put", "putIfAbsent", "delete"] as const)(
    "can be given to %s behind awaited writes",
    async (name) => {
      using store = filled(mebibytes * MIB);
      const waiting: Promise<unknown>[] = [];
      for (let i = 0; i < 40; i++) {
        // Of the viewed record itself, so that the bytes there are others then.
        waiting.push(store.putAsync(key(7), Buffer.alloc(50, 100 + i)));
        const view = store.getView(key(7)) as Uint8Array;
        const shown = Buffer.from(view);
        const next = Buffer.from(`next ${i}`);
        if (name === "delete") {
          // The value is a key here.
          store.put(shown, next);
          const now = Buffer.from(store.get(key(7)) as Uint8Array);
          store.put(now, next);
          waiting.push(store.putAsync(key(7), Buffer.alloc(50, 200 + i)));
          expect(store.delete(store.getView(key(7)) as Uint8Array)).toBe(true);
          expect(store.has(now)).toBe(false);
          continue;
        }
        store[name](next, view);
        expect(Buffer.from(store.get(next) as Uint8Array), `copy ${i}`).toEqual(shown);
      }
      await Promise.all(waiting);
    },
  );

  it("is not copied in part: a buffer that is too small stays as it is", () => {
    using store = filled(mebibytes * MIB);
    store.put(key(1), Buffer.alloc(500, 1));
    for (const [i, length] of [
      [1, 500],
      [3, 50],
    ] as const) {
      const target = Buffer.alloc(length - 1, 0xee);
      expect(store.getInto(key(i), target)).toBe(length);
      expect(target.every((byte) => byte === 0xee)).toBe(true);
      expect(store.getInto(key(i), Buffer.alloc(length))).toBe(length);
    }
    expect(store.getInto(key(999), Buffer.alloc(1))).toBe(-1);
  });
});

it("of a closed store can be put into the next one, which works in the same memory", () => {
  const before = filled(16 * MIB);
  const view = before.getView(key(100)) as Uint8Array;
  before.close();
  // The same records in the same order lie at the same places.
  using store = filled(16 * MIB);
  expect(view[0]).toBe(100);
  // So many that the leaf with those bytes is split for some of them.
  for (let i = 0; i < 300; i++) {
    const shown = Buffer.from(view);
    const next = Buffer.from(`key 0100 ${String(i).padStart(4, "0")}`);
    store.put(next, view);
    expect(Buffer.from(store.get(next) as Uint8Array), `copy ${i}`).toEqual(shown);
  }
});

it("an empty value is the caller's own, and can be given away", () => {
  using store = filled(MIB);
  store.put(key(1), new Uint8Array(0));
  for (const value of [
    store.get(key(1)) as Uint8Array,
    [...store.values({ gte: key(1) })][0] as Uint8Array,
  ]) {
    expect(value.length).toBe(0);
    structuredClone(value, { transfer: [value.buffer as ArrayBuffer] });
  }
  // The first split makes a root of two leaves that have no fence at one end.
  for (let i = 0; i < 200; i++) store.put(key(i), Buffer.alloc(500, i));
  store.tree("another").clear();
  expect(store.verify().problems).toEqual([]);
});

it("memory that another thread changes while it is put gives a record that can be read", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2 * MIB));
  /** Changes the memory before each write of a file, as a thread beside this one may. */
  class BusyVfs extends MemoryVfs {
    override open(path: string, mode: OpenMode): VfsFile {
      const file = super.open(path, mode);
      const write = file.write.bind(file);
      return Object.assign(file, {
        write: (...given: Parameters<VfsFile["write"]>) => {
          shared.fill((shared[0] ?? 0) + 1);
          return write(...given);
        },
      });
    }
  }
  using store = open<Uint8Array, Uint8Array>(STORE_PATH, {
    vfs: new BusyVfs(),
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  for (const length of [10_000, 2 * MIB]) {
    store.put(key(length), shared.subarray(0, length));
    expect(new Set(store.get(key(length))).size).toBe(1);
  }
  expect(store.verify().problems).toEqual([]);
});
