/** What may be read after a sync has failed: never older bytes than were written. */

import { expect, it } from "vitest";
import { EspalierError, open, PoisonedError } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { type ByteStore, type SessionSettings, STORE_PATH, storeOptions } from "../support/session.js";

const SETTINGS: SessionSettings = { pageSize: 4096, durability: "sync" };

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(5, "0"));
}

/** Rounds of overwriting more than the cache holds, with a large value after each. */
function work(vfs: FaultyVfs, written: Map<number, number>): ByteStore {
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(SETTINGS, vfs));
  try {
    for (let round = 1; round <= 4; round++) {
      for (let part = 0; part < 8; part++) {
        store.transaction(() => {
          for (let i = part; i < 800; i += 8) store.put(key(i), Buffer.alloc(500, round));
        });
        for (let i = part; i < 800; i += 8) written.set(i, round);
      }
      store.put(key(9000 + round), Buffer.alloc(10_000, round));
      written.set(9000 + round, round);
    }
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
  }
  return store;
}

/**
 * Story: pages that were evicted went to the data file, and the next sync of it failed: the kernel dropped
 * them. Later reads found the older pages on the disk, with a right checksum, and returned old values.
 */
it("reads after a failed sync give what was written, or an error", () => {
  const syncs: number[] = [];
  const disk = new MemoryVfs();
  open(STORE_PATH, storeOptions(SETTINGS, disk)).close();
  const trial = new FaultyVfs({ seed: 1, disk });
  trial.onCall = (record) => {
    if (record.operation === "sync" && record.path === STORE_PATH) syncs.push(record.call);
  };
  const whole = work(trial, new Map());
  trial.onCall = undefined;
  whole.close();
  let refused = 0;
  let read = 0;
  for (const at of syncs) {
    for (let seed = 1; seed <= 2; seed++) {
      const vfs = new FaultyVfs({ seed, disk, faults: [{ kind: "lost-sync", at, lasts: "once" }] });
      const written = new Map<number, number>();
      const store = work(vfs, written);
      expect(vfs.faultsHit).toBe(1);
      for (const [i, round] of written) {
        try {
          const value = store.get(key(i));
          expect(value?.[0], `key ${i}, sync ${at}, seed ${seed}`).toBe(round);
          read++;
        } catch (error) {
          // The second: memory is full of pages that can't be written any more.
          expect(["ERR_ESPALIER_IO", "ERR_ESPALIER_POISONED"]).toContain((error as EspalierError).code);
          refused++;
        }
      }
      try {
        store.close();
      } catch (error) {
        expect((error as EspalierError).code).toBe("ERR_ESPALIER_POISONED");
      }
    }
  }
  expect(read).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(10);
});

/**
 * Story: pages of a large transaction were in the log only when its sync failed: the kernel dropped them
 * there, and reading them back gave the zeros of the preallocated file.
 */
it("pages that only the log has are checked when they are read back", () => {
  let refused = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const vfs = new FaultyVfs({ seed });
    const store = open<Uint8Array, Uint8Array>(
      STORE_PATH,
      storeOptions({ pageSize: 4096, durability: "none", logBytes: 16 * 1024 * 1024 }, vfs),
    );
    store.transaction(() => {
      for (let i = 0; i < 800; i++) store.put(key(i), Buffer.alloc(500, seed));
    });
    store.checkpoint();
    store.transaction(() => {
      for (let i = 1000; i < 1800; i++) store.put(key(i), Buffer.alloc(500, seed));
      // Leaves no page of the transaction in memory, and others that can be given up.
      for (let i = 0; i < 800; i++) store.get(key(i));
    });
    expect(store.metrics().pager.spills).toBeGreaterThan(100);
    vfs.faults = [{ kind: "lost-sync", at: vfs.calls + 1, lasts: "forever" }];
    expect(() => store.put(key(0), Buffer.alloc(500, seed), { sync: true })).toThrow(PoisonedError);
    vfs.faults = [];
    for (let i = 1000; i < 1800; i++) {
      let value: Uint8Array | undefined;
      try {
        value = store.get(key(i));
      } catch (error) {
        expect((error as EspalierError).code).toMatch(/ERR_ESPALIER_(IO|POISONED)/);
        if ((error as EspalierError).code === "ERR_ESPALIER_IO") refused++;
        continue;
      }
      expect(value?.[0], `key ${i}`).toBe(seed);
    }
    expect(() => store.close()).toThrow(PoisonedError);
  }
  expect(refused).toBeGreaterThan(20);
});

const SYNCING: Record<string, (store: ByteStore) => unknown> = {
  checkpoint: (store) => store.checkpoint(),
  flush: (store) => store.flush(),
  "a put that is to be durable": (store) => store.put(key(1), key(1), { sync: true }),
  "a large value": (store) => store.put(key(1), Buffer.alloc(50_000)),
};

it.each(Object.keys(SYNCING))("after a failed sync nothing is taken any more: %s", async (name) => {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = storeOptions({ pageSize: 4096, durability: "none" }, vfs);
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  store.put(key(0), key(0));
  store.checkpoint();
  store.put(key(0), key(1));
  vfs.faults = [{ kind: "lost-sync", at: vfs.calls + 1, lasts: "forever" }];
  const work = async (): Promise<unknown> => SYNCING[name]?.(store);
  await expect(work()).rejects.toThrow(PoisonedError);
  vfs.faults = [];
  expect(() => store.put(key(2), key(2))).toThrow(PoisonedError);
  expect(() => store.checkpoint()).toThrow(PoisonedError);
  await expect(store.flush()).rejects.toThrow(PoisonedError);
  expect(store.stats().durable).toBe(false);
  expect(() => store.close()).toThrow(PoisonedError);
  const image = vfs.powerCut("dropped", 1);
  const again = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs: image });
  // Of what was lost a part may be there, but that is whole.
  expect([String(key(0)), String(key(1))]).toContain(Buffer.from(again.get(key(0)) ?? []).toString());
  expect(again.verify().problems).toEqual([]);
  again.close();
});

it("after any failed sync of a checkpoint nothing is taken any more", () => {
  const work = (at: number): { vfs: FaultyVfs; syncs: number[]; poisoned: boolean; closing: number } => {
    const vfs = new FaultyVfs({ seed: 1, faults: at < 0 ? [] : [{ kind: "lost-sync", at, lasts: "once" }] });
    const syncs: number[] = [];
    const options = storeOptions({ pageSize: 4096, durability: "none" }, vfs);
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    store.put(key(0), key(0));
    store.checkpoint();
    store.put(key(0), key(1));
    vfs.onCall = (record) => {
      if (record.operation === "sync") syncs.push(record.call);
    };
    let poisoned = false;
    try {
      store.checkpoint();
      vfs.onCall = undefined;
      store.close();
    } catch (error) {
      expect((error as EspalierError).code).toMatch(/ERR_ESPALIER_(IO|POISONED)/);
      vfs.onCall = undefined;
      poisoned = store.stats().failure !== undefined;
      expect(() => store.put(key(2), key(2))).toThrow(PoisonedError);
    }
    let closing = 0;
    vfs.onCall = ({ operation }) => {
      if (operation.startsWith("write")) closing++;
    };
    try {
      store.close();
    } catch (error) {
      expect(error).toBeInstanceOf(PoisonedError);
    }
    vfs.onCall = undefined;
    return { vfs, syncs, poisoned, closing };
  };
  const { syncs } = work(-1);
  expect(syncs.length).toBeGreaterThan(3);
  for (const at of syncs) {
    const { vfs, poisoned, closing } = work(at);
    expect(vfs.faultsHit).toBe(1);
    expect(closing, `writes of close(), after the sync at call ${at}`).toBe(0);
    expect(poisoned, `the sync at call ${at}`).toBe(true);
  }
});
