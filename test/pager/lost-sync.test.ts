/** What may be read after a sync has failed: never older bytes than were written. */

import { expect, it } from "vitest";
import { EspalierError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { type ByteStore, STORE_PATH, storeOptions } from "../support/session.js";

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(5, "0"));
}

/** Rounds of overwriting more than the cache holds, with a large value after each. */
function work(vfs: FaultyVfs, written: Map<number, number>): ByteStore {
  const store = open<Uint8Array, Uint8Array>(
    STORE_PATH,
    storeOptions({ pageSize: 4096, durability: "sync" }, vfs),
  );
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
  const trial = new FaultyVfs({ seed: 1 });
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
      const vfs = new FaultyVfs({ seed, faults: [{ kind: "lost-sync", at, lasts: "once" }] });
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
