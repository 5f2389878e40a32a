/**
 * A read inside a transaction that is larger than the cache may have to hand a changed page to the log, and the log
 * may have no room for it. The read fails; the transaction goes on where its caller lets it, and what it changes
 * from then on is in the log as all else.
 */

import { expect, it } from "vitest";
import { DiskFullError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

const RECORDS = 3000;

function key(i: number): Buffer {
  return Buffer.from(`k${String(i).padStart(6, "0")}`);
}

it.each([512, 4096])(
  "what is changed after a read that found no room is recovered, pages of %i bytes",
  (pageSize) => {
    const vfs = new FaultyVfs({ seed: 1 });
    const settings = { pageSize, durability: "sync" } as const;
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, vfs));
    store.putMany(Array.from({ length: RECORDS }, (_, i) => [key(i), Buffer.alloc(100, i)] as const));
    store.checkpoint();
    vfs.capacityBytes = 0;
    let failed: unknown;
    let last = 0;
    store.transaction(() => {
      for (let i = 0; failed === undefined && i < 20_000; i++) {
        const next = (i * 2477) % RECORDS;
        try {
          // Its page is in the cache then, and the put needs no room for it.
          store.get(key(next));
          store.put(key(next), Buffer.alloc(100, i));
          last = next;
        } catch (error) {
          failed = error;
        }
      }
      vfs.capacityBytes = Number.POSITIVE_INFINITY;
      // In the page that was changed last before.
      store.put(key(last), Buffer.alloc(100, 77));
    });
    expect(failed).toBeInstanceOf(DiskFullError);
    const image = vfs.powerCutImage("applied", 1);
    using after = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, image));
    expect(after.get(key(last))).toEqual(new Uint8Array(100).fill(77));
    expect(after.verify().problems).toEqual([]);
    store.close();
  },
);
