/** How full trees are, and that space comes back: figures that the design promises. */

import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { slotCount } from "../../src/page/leaf.js";
import { leafCapacity } from "../../src/page/limits.js";
import type { Engine } from "../../src/store/engine.js";
import type { Store } from "../../src/store/store.js";
import { Cursor } from "../../src/tree/cursor.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { longestKey } from "../support/key-kinds.js";

type Bytes = Store<Uint8Array, Uint8Array>;

function make(pageSize: number): Bytes {
  const options = { pageSize, keyEncoding: "binary", valueEncoding: "binary", durability: "none" } as const;
  return open<Uint8Array, Uint8Array>("/s.esp", { vfs: new MemoryVfs(), ...options });
}

/** Share of the leaves' bytes that records, slots and fences take. */
function fill(store: Bytes): number {
  const { engine, root } = store as unknown as { engine: Engine; root: number };
  const { pager, context } = engine;
  const cursor = new Cursor(engine.treeAt(root), -1);
  const capacity = leafCapacity(pager.pageSize);
  let leaves = 0;
  let used = 0;
  for (let more = cursor.first(); more; more = cursor.skipLeaf()) {
    const { offset } = cursor;
    expect(slotCount(pager.pool, offset)).toBeGreaterThan(0);
    used += capacity - context.allocator.room(offset);
    leaves++;
  }
  return used / (leaves * capacity);
}

function key(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

describe.each([512, 4096, 32768])("on pages of %i bytes", (pageSize) => {
  const count = Math.min(pageSize * 6, 40_000);
  const value = Buffer.alloc(16, 7);

  it.each([
    { order: "ascending", least: 0.9 },
    { order: "descending", least: 0.9 },
    { order: "random", least: 0.65 },
  ])("loads in $order order end at least $least full", ({ order, least }) => {
    using store = make(pageSize);
    const prng = new Prng(3);
    // Leaves that fill up at the same rate split at the same time: what counts is the mean over a while.
    const parts = 8;
    let sum = 0;
    for (let part = 0; part < parts; part++) {
      store.transaction(() => {
        const records = part === 0 ? count / 2 : (count * 2 ** ((part - parts) / (parts - 1))) / 10;
        for (let i = 0; i < records; i++) {
          const next = store.count();
          const number = order === "ascending" ? next : order === "descending" ? 1e9 - next : prng.next();
          store.put(key(number), value);
        }
      });
      sum += fill(store);
    }
    expect(sum / parts).toBeGreaterThan(least);
    const { leaf } = store.metrics();
    expect(leaf.rebuilds).toBe(0);
    expect(leaf.splits).toBeGreaterThan(10);
    expect(store.verify().ok).toBe(true);
  });

  it("shrinks to one leaf when it is emptied, one record at a time, in any order", () => {
    for (const order of ["ascending", "descending", "random"]) {
      using store = make(pageSize);
      store.transaction(() => {
        for (let i = 0; i < count; i++) store.put(key(i), value);
      });
      const numbers = Array.from({ length: count }, (_, i) => i);
      if (order === "descending") numbers.reverse();
      const prng = new Prng(5);
      if (order === "random") {
        for (let i = count - 1; i > 0; i--) {
          const j = prng.below(i + 1);
          [numbers[i], numbers[j]] = [numbers[j] as number, numbers[i] as number];
        }
      }
      store.transaction(() => {
        for (const number of numbers) expect(store.delete(key(number))).toBe(true);
      });
      const report = store.verify();
      expect(report).toMatchObject({ ok: true, records: 0 });
      expect(report.trees[""]).toMatchObject({ pages: 1, height: 1 });
      expect(store.metrics().leaf.merges).toBeGreaterThan(10);
      expect(store.metrics().leaf.rebuilds).toBe(0);
    }
  });

  it("gives back the pages of values that get shorter, in any order", () => {
    const long = Buffer.alloc(pageSize >> 3, 1);
    const short = Buffer.alloc(2, 2);
    using fresh = make(pageSize);
    fresh.transaction(() => {
      for (let i = 0; i < 2003; i++) fresh.put(key((i * 331) % 2003), short);
    });
    const pagesOf = (store: Bytes): number => store.verify().trees[""]?.pages ?? 0;
    for (const step of [1, 2002, 331]) {
      using store = make(pageSize);
      store.transaction(() => {
        for (let i = 0; i < 2003; i++) store.put(key(i), long);
      });
      store.transaction(() => {
        for (let i = 0; i < 2003; i++) store.put(key((i * step) % 2003), short);
      });
      // A page is merged when it is less than a quarter full.
      expect(pagesOf(store)).toBeLessThan(4 * pagesOf(fresh) + 1);
      expect(store.metrics().leaf.merges).toBeGreaterThan(2);
      expect(store.verify()).toMatchObject({ ok: true, digest: fresh.verify().digest });
    }
  });

  it("uses freed pages again: a thousand rounds cost no more than half as much again", () => {
    using store = make(pageSize);
    const prng = new Prng(9);
    // In no order, as the rounds leave it.
    const load = (): void =>
      store.transaction(() => {
        for (let i = 0; i < 5003; i++)
          store.put(key((i * 331) % 5003), Buffer.alloc(20 + prng.below(pageSize >> 4)));
      });
    load();
    store.checkpoint();
    const fresh = store.stats().pages - store.stats().freePages;
    for (let round = 0; round < 1000; round++) {
      store.transaction(() => {
        for (let i = 0; i < 20; i++) {
          const number = prng.below(5003);
          store.delete(key(number));
          store.put(key(number), Buffer.alloc(20 + prng.below(pageSize >> 4)));
        }
      });
      if (round % 300 === 0) {
        store.clear();
        load();
      }
    }
    store.checkpoint();
    store.checkpoint();
    expect(store.stats().pages).toBeLessThan(fresh * 1.5);
    expect(store.verify().ok).toBe(true);
  });
});

it("takes keys of the greatest length that share nothing, on every page size", () => {
  for (const pageSize of [512, 1024, 2048, 4096, 8192, 16384, 32768]) {
    using store = make(pageSize);
    const prng = new Prng(11);
    const keys = Array.from({ length: 300 }, () => {
      const bytes = new Uint8Array(longestKey(pageSize));
      prng.fill(bytes, 0, bytes.length);
      return bytes;
    });
    expect(store.stats().keyBytesMax).toBe(longestKey(pageSize));
    for (const bytes of keys) store.put(bytes, bytes.subarray(0, 5));
    for (const bytes of keys) expect(store.get(bytes)).toEqual(bytes.slice(0, 5));
    expect(() => store.put(new Uint8Array(longestKey(pageSize) + 1), keys[0] as Uint8Array)).toThrow(/limit/);
    expect(store.verify()).toMatchObject({ ok: true, records: 300 });
    for (const bytes of keys) expect(store.delete(bytes)).toBe(true);
    expect(store.verify()).toMatchObject({ ok: true, records: 0 });
  }
});

it("gives space back by compact, wherever the records are that stay", async () => {
  for (const pageSize of [512, 4096]) {
    using store = make(pageSize);
    store.transaction(() => {
      for (let i = 0; i < 4000; i++) store.put(key(i), Buffer.alloc(100, i));
      for (let i = 0; i < 40; i++) store.put(key(10_000 + i), Buffer.alloc(5 * pageSize, i));
    });
    store.transaction(() => {
      for (let i = 0; i < 4000; i++) if (i % 10 !== 0) store.delete(key(i));
      for (let i = 0; i < 40; i++) if (i % 8 !== 7) store.delete(key(10_000 + i));
    });
    const before = store.verify();
    const report = await store.compact();
    const after = store.verify();
    expect(after).toMatchObject({ ok: true, digest: before.digest });
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 2.5);
    expect(after.freePages).toBeLessThan(after.pages / 3);
    expect(report.pagesMoved).toBeGreaterThan(0);
  }
});

it("takes values of several MiB, and gives their space to others", () => {
  using store = make(4096);
  const large = Buffer.alloc(5 * 1024 * 1024);
  new Prng(1).fill(large, 0, 1000);
  for (let round = 0; round < 4; round++) {
    store.put(key(1), large);
    expect(Buffer.compare(store.get(key(1)) as Uint8Array, large)).toBe(0);
    store.put(key(1), Buffer.alloc(0));
    expect(store.get(key(1))).toEqual(new Uint8Array(0));
    store.checkpoint();
  }
  expect(store.stats().dataBytes).toBeLessThan(14 * 1024 * 1024);
  expect(store.verify().ok).toBe(true);
});
