/** What the promise of a write means, by the crashes that it survives. */

import { describe, expect, it } from "vitest";
import { EspalierLevel, type OpenOptions } from "../../src/level/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { closing, codesOf } from "./support/databases.js";

async function keysOf(vfs: FaultyVfs): Promise<string[]> {
  const db = new EspalierLevel("/db.esp", { vfs });
  const keys = await db.keys().all();
  await db.close();
  return keys;
}

async function openOn(vfs: FaultyVfs, options: OpenOptions = {}): Promise<EspalierLevel> {
  const db = closing(new EspalierLevel("/db.esp", { vfs, ...options }));
  await db.open();
  // The log is made at the first write; its files are durable then.
  await db.put("first", "x", { sync: true });
  return db;
}

/** What a power cut that takes all that was not synced leaves, and what the death of the process leaves. */
async function leftBy(vfs: FaultyVfs): Promise<{ cut: string[]; killed: string[] }> {
  return { cut: await keysOf(vfs.powerCut("dropped", 1)), killed: await keysOf(vfs.processKill(1)) };
}

describe("a write", () => {
  it("by default survives the death of the process, and no power cut yet", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    await db.put("put", "1");
    await db.batch([{ type: "put", key: "batch", value: "1" }]);
    await db.batch().put("chained", "1").write();
    await db.del("first");
    const { cut, killed } = await leftBy(vfs);
    expect(killed).toEqual(["batch", "chained", "put"]);
    expect(cut).toEqual(["first"]);
    expect(db.store.stats().durable).toBe(false);
  });

  it("with sync: true survives a power cut, and so does all before it", async () => {
    const writes: Record<string, (db: EspalierLevel) => Promise<void>> = {
      put: (db) => db.put("new", "1", { sync: true }),
      del: (db) => db.del("first", { sync: true }),
      batch: (db) => db.batch([{ type: "put", key: "new", value: "1" }], { sync: true }),
      "chained batch": (db) => db.batch().put("new", "1").write({ sync: true }),
      clear: (db) => db.clear({ lt: "g", sync: true }),
    };
    for (const [name, write] of Object.entries(writes)) {
      const vfs = new FaultyVfs();
      const db = await openOn(vfs);
      await db.put("before", "1");
      await write(db);
      const expected = await db.keys().all();
      expect((await leftBy(vfs)).cut, name).toEqual(expected);
      expect(expected, name).not.toEqual(["before", "first"]);
    }
  });

  it("with sync: true shares a transaction with the others of its turn, and nothing overtakes it", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    const { commits } = db.store.metrics().log;
    const keys = Array.from({ length: 40 }, (_, i) => `k${i + 10}`);
    const puts = keys.map((key) => db.put(key, "1", { sync: true }));
    await Promise.all([...puts, db.del("first", { sync: true })]);
    expect(db.store.metrics().log.commits - commits).toBe(1);
    expect((await leftBy(vfs)).cut).toEqual(keys);
    const put = db.put("a", "1", { sync: true });
    const snapshot = db.snapshot();
    const seen = await db.get("a", { snapshot });
    const other = db.put("b", "1", { sync: true });
    const cleared = db.clear({ limit: 2 });
    await Promise.all([put, other, cleared, snapshot.close()]);
    expect(seen).toBe("1");
    expect(await db.keys().all()).toEqual(keys);
    await db.put("unsynced", "1");
    await db.del("k".repeat(5000), { sync: true });
    expect((await leftBy(vfs)).cut).toContain("unsynced");
  });

  it("of a sublevel takes sync: true along", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    const sub = db.sublevel("sub");
    await sub.put("a", "1", { sync: true } as object);
    expect((await leftBy(vfs)).cut).toEqual(["!sub!a", "first"]);
  });

  it('is synced by default with durability "sync", unless it says sync: false', async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs, { durability: "sync" });
    await db.put("a", "1");
    expect((await leftBy(vfs)).cut).toEqual(["a", "first"]);
    await db.put("b", "1", { sync: false });
    const { cut, killed } = await leftBy(vfs);
    expect(cut).toEqual(["a", "first"]);
    expect(killed).toEqual(["a", "b", "first"]);
  });

  it('is synced soon with durability "group"', async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs, { durability: "group" });
    await db.put("a", "1");
    await db.store.flush();
    expect((await leftBy(vfs)).cut).toEqual(["a", "first"]);
  });

  it("is durable once the database is closed", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    await db.put("a", "1");
    await db.close();
    expect((await leftBy(vfs)).cut).toEqual(["a", "first"]);
  });

  it("shares its sync with those that wait at the same time", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    const before = db.store.metrics().log.fsyncs;
    await Promise.all(Array.from({ length: 50 }, (_, i) => db.put(`key${i}`, "1", { sync: true })));
    expect((await leftBy(vfs)).cut).toHaveLength(51);
    const syncs = db.store.metrics().log.fsyncs - before;
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThan(10);
  });

  it("rejects when its sync fails, and the database takes no writes any more", async () => {
    const vfs = new FaultyVfs();
    const db = await openOn(vfs);
    // The first call writes the frame, the second syncs it.
    vfs.faults = [{ at: vfs.calls + 2, kind: "EIO", lasts: "once" }];
    const codes = await codesOf(() => db.put("a", "1", { sync: true }));
    expect(codes[0]).toBe("LEVEL_IO_ERROR");
    expect(vfs.faultsHit).toBe(1);
    expect(await codesOf(() => db.put("b", "1"))).toContain("LEVEL_IO_ERROR");
    expect(await db.get("first")).toBe("x");
    // Closing says so too, once; the store is closed all the same, and opening it again recovers it.
    expect(await codesOf(() => db.close())).toContain("LEVEL_IO_ERROR");
    await db.close();
    await db.open();
    await db.put("b", "1", { sync: true });
    expect(await db.keys().all()).toEqual(expect.arrayContaining(["b", "first"]));
  });
});

describe("a batch", () => {
  it("is there whole or not at all, wherever the process dies", async () => {
    const counting = new FaultyVfs();
    await writeBatch(counting);
    const calls = counting.calls;
    const seen = new Set<number>();
    for (let call = 1; call <= calls; call++) {
      const vfs = new FaultyVfs({ crashAt: call, seed: call });
      await writeBatch(vfs).catch(() => undefined);
      for (const left of [vfs.processKill(call), vfs.powerCut("mixed", call)])
        seen.add((await keysOf(left)).length);
    }
    expect([...seen].sort()).toEqual([0, 100]);
  });
});

async function writeBatch(vfs: FaultyVfs): Promise<void> {
  const db = new EspalierLevel("/db.esp", { vfs, pageSize: 512 });
  await db.open();
  const batch = db.batch();
  for (let i = 0; i < 100; i++) batch.put(`key${i}`, "x".repeat(50));
  await batch.write({ sync: true });
}
