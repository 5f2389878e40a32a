/** A disk, or a limit, that is full: a clear error, a store that reads on, and a way out by deleting. */

import { describe, expect, it } from "vitest";
import { DiskFullError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { FaultSession } from "../support/fault-session.js";
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

const SIDE_FILES = ["", "-log1", "-log2", "-lock"];

function usedBytes(vfs: FaultyVfs): number {
  return SIDE_FILES.reduce((sum, suffix) => sum + (vfs.stat(STORE_PATH + suffix)?.size ?? 0), 0);
}

/** A store of 4,000 records that was closed, opened again. */
function reopened(vfs: FaultyVfs, pageSize: number): ByteStore {
  const options = { ...storeOptions({ pageSize, durability: "sync" }, vfs), logBytes: 8 << 20 };
  using store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  store.transaction(() => {
    for (let i = 0; i < 4000; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, i));
  });
  store.close();
  return open<Uint8Array, Uint8Array>(STORE_PATH, options);
}

describe.each([512, 4096, 32768])("a disk that fills up under the log, pages of %i bytes", (pageSize) => {
  it("a session that begins with next to no room deletes", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = reopened(vfs, pageSize);
    vfs.capacityBytes = usedBytes(vfs) + 3 * Math.max(pageSize, 4096);
    for (let i = 0; i < 3; i++) {
      expect(() => store.delete(key(0))).toThrow(DiskFullError);
      expect(() => store.delete(key(0))).toThrow(/Make room on the disk.*without being reopened/);
    }
    // Two log segments for a leaf, its neighbour and those above; and free lists for checkpoints.
    const block = Math.max(pageSize, 4096);
    const log = 2 * Math.max(8 * 4096, 2 * 4096 + 4 * pageSize);
    vfs.capacityBytes = usedBytes(vfs) + log + 2 * block;
    for (let i = 0; i < 200; i++) expect(store.delete(key(i * 7)), `delete ${i}`).toBe(true);
    expect(store.verify()).toMatchObject({ ok: true, records: 3800 });
    // What there is room for again is as fast as ever: the log grows.
    vfs.capacityBytes = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 200; i++) store.put(key(i * 7), Buffer.alloc(VALUE_BYTES, i * 7));
    expect(store.stats().logBytes).toBeGreaterThan(256 * 1024);
    assertHolds(store, 0, 4000);
    store.close();
  });

  it("a transaction that fits the larger log segment only goes there", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = reopened(vfs, pageSize);
    store.delete(key(0));
    vfs.capacityBytes = 1;
    // About 100 KB of page images in each: too much for the smaller segment, which has 64 KiB.
    const step = pageSize === 32768 ? 60 : 8;
    const records = pageSize === 32768 ? 5 : 25;
    let next = 1;
    for (let i = 0; i < 12; i++) {
      store.transaction(() => {
        for (let j = 0; j < records; j++, next += step) expect(store.delete(key(next))).toBe(true);
      });
    }
    expect(store.verify()).toMatchObject({ ok: true, records: 3999 - 12 * records });
    expect(store.metrics().pager.checkpoints).toBeGreaterThan(2);
    store.close();
  });
});

/** The work of a session; what fails for want of room is left undone. */
function work(session: FaultSession): void {
  const { prng } = session;
  const puts = (count: number, bytes: number): readonly (readonly [string, Uint8Array])[] =>
    Array.from({ length: count }, () => [session.key(200), session.bytes(prng.below(bytes))] as const);
  for (let i = 0; i < 4; i++) {
    session.transaction([{ put: puts(60, 1500) }]);
    session.put(session.key(200), session.bytes(12_000));
    session.transaction([{ remove: Array.from({ length: 25 }, () => session.key(200)) }]);
    session.put(session.key(200), session.bytes(100));
    session.delete(session.key(200));
  }
}

it.each([
  [512, "sync"],
  [4096, "sync"],
  [4096, "none"],
] as const)(
  "full from any call on: nothing is poisoned, and all works when there is room, pages of %i, %s",
  (...words) => {
    const [pageSize, durability] = words;
    let failures = 0;
    const run = (at: number): FaultyVfs => {
      const vfs = new FaultyVfs({ seed: 1 });
      const session = new FaultSession(vfs, { pageSize, durability }, 5, false);
      session.open();
      vfs.onCall = (record) => {
        if (record.call >= at) vfs.capacityBytes = 1;
      };
      work(session);
      vfs.onCall = undefined;
      vfs.capacityBytes = Number.POSITIVE_INFINITY;
      expect(session.poisoned, `full from call ${at} on`).toBe(false);
      failures += session.failures;
      session.failures = 0;
      work(session);
      session.checkpoint();
      expect(session.failures, `full from call ${at} on, and no more`).toBe(0);
      session.assertReads();
      session.close();
      return vfs;
    };
    const { calls } = run(Number.POSITIVE_INFINITY);
    for (let at = 10; at < calls / 3; at += 7) run(at);
    expect(failures).toBeGreaterThan(10);
  },
);

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

/** Story: recovery syncs the log itself where a copy of it finds no room, but not where not even its name did. */
it("a killed store is recovered on a disk that takes no further file", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = storeOptions({ pageSize: 4096, durability: "sync" }, vfs);
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  for (let i = 0; i < 20; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, i));
  const killed = vfs.processKill(1, {
    faults: [{ kind: "ENOSPC", at: 1, lasts: "forever", where: ({ operation }) => operation === "create" }],
  });
  const again = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs: killed });
  expect(killed.faultsHit).toBe(1);
  assertHolds(again, 0, 20);
  again.close();
});

/** Records whose pages take more than both log segments do, as far as they had grown. */
const MANY = 8000;

it("a transaction that the log has no room for is undone, and the next ones go on", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = storeOptions({ pageSize: 4096, durability: "sync", cacheBytes: 8 * 1024 * 1024 }, vfs);
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  const all = (byte: number): void =>
    store.transaction(() => {
      for (let i = 0; i < MANY; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, byte < 0 ? i : byte));
    });
  all(-1);
  store.checkpoint();
  store.checkpoint();
  store.put(key(0), Buffer.alloc(VALUE_BYTES, 0));
  vfs.capacityBytes = used(vfs);
  for (let i = 0; i < 3; i++) {
    expect(() => all(5)).toThrow(DiskFullError);
    assertHolds(store, 0, MANY);
    store.put(key(0), Buffer.alloc(VALUE_BYTES, 0));
  }
  expect(store.stats().failure).toBeUndefined();
  store.close();
});

/**
 * Story: the free list of a store that was full, and of which every other page became free, had no room within
 * maxBytes: the store could not be closed, and not be opened any more.
 */
it.each([false, true])("a full store full of holes is closed and opened, after a kill: %s", (killed) => {
  let vfs = new FaultyVfs({ seed: 1 });
  const settings = { pageSize: 512, durability: "sync" } as const;
  const start = (): ByteStore =>
    open<Uint8Array, Uint8Array>(STORE_PATH, { ...storeOptions(settings, vfs), maxBytes: 1_500_000 });
  let store = start();
  let end = 0;
  expect(() => {
    for (; ; end++) store.put(key(end), Buffer.alloc(130, end));
  }).toThrow(DiskFullError);
  let left = end;
  store.transaction(() => {
    // More than the records of one leaf, and less than those of two.
    for (let i = 0; i < end; i++) if (i % 12 < 7 && store.delete(key(i))) left--;
  });
  expect(store.stats().freePages).toBeGreaterThan(500);
  for (let round = 0; round < 3; round++) {
    const next = vfs.processKill(1);
    store.close();
    if (killed && round === 0) vfs = next;
    store = start();
    expect(store.verify()).toMatchObject({ ok: true, records: left });
    store.put(key(end), Buffer.alloc(130, round));
    if (round === 0) left++;
  }
  expect(vfs.stat(STORE_PATH)!.size).toBeLessThan(1_500_000 * 1.1);
  store.close();
});

it("recovery goes beyond a limit that is lower than before, to where the last commits lie", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const settings = { pageSize: 4096, durability: "sync" } as const;
  const large = { logBytes: 64 << 20, cacheBytes: 64 << 20 };
  const store: ByteStore = open(STORE_PATH, { ...storeOptions(settings, vfs), ...large });
  const records = 10_000;
  store.transaction(() => {
    for (let i = 0; i < records; i++) store.put(key(i), Buffer.alloc(VALUE_BYTES, i));
  });
  // The file's end was never synced: the log has all that lies there.
  const left = vfs.powerCut("dropped", 1);
  expect(left.live.stat(STORE_PATH)?.size).toBeLessThan((records * VALUE_BYTES) / 2);
  const again: ByteStore = open(STORE_PATH, { ...storeOptions(settings, left), maxBytes: 100_000 });
  assertHolds(again, 0, records);
  expect(() => again.put(key(records), Buffer.alloc(60_000))).toThrow(DiskFullError);
  again.close();
});
