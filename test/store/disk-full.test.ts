/** A disk, or a limit, that is full: a clear error, a store that reads on, and a way out by deleting. */

import { describe, expect, it } from "vitest";
import { DiskFullError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { type ByteStore, STORE_PATH, storeOptions } from "../support/session.js";

const VALUE_BYTES = 400;

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(6, "0"));
}

/** Puts until there is no more room; returns how many there are. */
function fillUp(store: ByteStore, from: number, large: boolean): number {
  for (let i = from; ; i++) {
    try {
      store.put(key(i), Buffer.alloc(large && i % 10 === 0 ? 20_000 : VALUE_BYTES, i));
    } catch (error) {
      expect(error).toBeInstanceOf(DiskFullError);
      return i;
    }
    expect(i).toBeLessThan(100_000);
  }
}

function assertHolds(store: ByteStore, from: number, to: number): void {
  for (let i = from; i < to; i++) expect(store.get(key(i))?.[0], `key ${i}`).toBe(i & 0xff);
  const report = store.verify();
  expect(report.problems).toEqual([]);
  expect(report.records).toBe(to - from);
}

interface Limit {
  readonly name: string;
  readonly pageSize: number;
  readonly durability: "sync" | "none";
  readonly maxBytes?: number;
  readonly capacityBytes?: number;
  readonly large: boolean;
}

const LIMITS: readonly Limit[] = [512, 4096].flatMap((pageSize) =>
  [true, false].flatMap((large): Limit[] => [
    { name: "maxBytes", pageSize, durability: "sync", maxBytes: 1_000_000, large },
    { name: "the disk", pageSize, durability: "sync", capacityBytes: 1_500_000, large },
    { name: "the disk, without durability", pageSize, durability: "none", capacityBytes: 1_500_000, large },
  ]),
);

describe.each(LIMITS)("$name is full, pages of $pageSize bytes, large values: $large", (limit) => {
  it("the store reads on, deletes, and takes records again", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    if (limit.capacityBytes !== undefined) vfs.capacityBytes = limit.capacityBytes;
    const options = {
      ...storeOptions(limit, vfs),
      ...(limit.maxBytes === undefined ? {} : { maxBytes: limit.maxBytes }),
    };
    let store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    let end = fillUp(store, 0, limit.large);
    expect(end).toBeGreaterThan(100);
    assertHolds(store, 0, end);
    // Again and again: what did not fit has left nothing behind.
    for (let i = 0; i < 20; i++) {
      expect(() => store.put(key(end), Buffer.alloc(30_000))).toThrow(DiskFullError);
      expect(() =>
        store.transaction(() => {
          for (let j = 0; j < 300; j++) store.put(key(end + j), Buffer.alloc(VALUE_BYTES));
        }),
      ).toThrow(DiskFullError);
    }
    assertHolds(store, 0, end);
    let start = 0;
    const prng = new Prng(2);
    for (let round = 0; round < 4; round++) {
      const until = start + Math.floor((end - start) / 2) + prng.below(20);
      for (; start < until; start++) expect(store.delete(key(start))).toBe(true);
      assertHolds(store, start, end);
      const before = end;
      end = fillUp(store, end, limit.large);
      expect(end - before, "records that came in for those that went").toBeGreaterThan(10);
      assertHolds(store, start, end);
    }
    store.close();
    store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    assertHolds(store, start, end);
    store.close();
    if (limit.maxBytes !== undefined)
      expect(vfs.stat(STORE_PATH)?.size).toBeLessThan(limit.maxBytes + 70_000);
  });

  it("a crash then loses nothing", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    if (limit.capacityBytes !== undefined) vfs.capacityBytes = limit.capacityBytes;
    const options = {
      ...storeOptions({ ...limit, durability: "sync" }, vfs),
      ...(limit.maxBytes === undefined ? {} : { maxBytes: limit.maxBytes }),
    };
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    const end = fillUp(store, 0, limit.large);
    const image = vfs.powerCut("dropped", 1);
    // The same disk, as full as before.
    image.capacityBytes = vfs.capacityBytes;
    const again = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs: image });
    assertHolds(again, 0, end);
    again.close();
  });
});

/** All bytes that the files of the disk take now: with that as its capacity, none of them can grow. */
function used(vfs: FaultyVfs): number {
  return vfs.list("/").reduce((sum, name) => sum + (vfs.stat(`/${name}`)?.size ?? 0), 0);
}

it.each([256 * 1024, 16 * 1024 * 1024])(
  "a disk that is full soon after the start takes small changes, log after log, logBytes %i",
  (logBytes) => {
    const vfs = new FaultyVfs({ seed: 1 });
    const options = storeOptions({ pageSize: 4096, durability: "sync", logBytes }, vfs);
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    for (let i = 0; i < 20; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, i));
    vfs.capacityBytes = used(vfs);
    for (let round = 0; round < 20; round++)
      for (let i = 0; i < 20; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, i));
    expect(store.metrics().pager.checkpoints).toBeGreaterThan(3);
    assertHolds(store, 0, 20);
    store.close();
    const again = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    assertHolds(again, 0, 20);
    again.close();
  },
);

it("a transaction that the log has no room for is undone, and the next ones go on", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = storeOptions({ pageSize: 4096, durability: "sync", cacheBytes: 8 * 1024 * 1024 }, vfs);
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  const all = (byte: number): void =>
    store.transaction(() => {
      for (let i = 0; i < 2000; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, byte < 0 ? i : byte));
    });
  all(-1);
  store.checkpoint();
  store.checkpoint();
  store.put(key(0), Buffer.alloc(VALUE_BYTES, 0));
  vfs.capacityBytes = used(vfs);
  for (let i = 0; i < 3; i++) {
    expect(() => all(5)).toThrow(DiskFullError);
    assertHolds(store, 0, 2000);
    store.put(key(0), Buffer.alloc(VALUE_BYTES, 0));
  }
  expect(store.stats().failure).toBeUndefined();
  store.close();
});
