/**
 * A page is checked before its first use (P1), wherever in the cache it comes to lie: in a frame that held an
 * earlier state of another block, and by way of the version that a snapshot reads.
 */

import { describe, expect, it } from "vitest";
import { CorruptionError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { bytesOf, withFile } from "../support/damage.js";
import { type ByteStore, STORE_PATH, storeOptions } from "../support/session.js";

const RECORDS = 8000;

function key(i: number): Buffer {
  return Buffer.from(`key-${String(i).padStart(6, "0")}`);
}

function value(i: number): Buffer {
  return Buffer.alloc(60, `value ${i}, `);
}

/** A closed store of several times its cache, one byte of which is damaged: in the middle record's value. */
function damagedStore(pageSize: number) {
  const vfs = new MemoryVfs();
  const settings = { pageSize, durability: "none" } as const;
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, vfs));
  store.putMany(Array.from({ length: RECORDS }, (_, i) => [key(i), value(i)] as const));
  store.close();
  const bytes = bytesOf(vfs, STORE_PATH);
  const at = Buffer.from(bytes.buffer).indexOf(value(RECORDS / 2).subarray(0, 24));
  expect(at).toBeGreaterThan(0);
  bytes[at + 30]! ^= 1;
  return storeOptions(settings, withFile(vfs, STORE_PATH, bytes));
}

/** Reads the records around the damaged one: of each, that it is what it was, or that its page is damaged. */
function readAround(get: (key: Buffer) => Uint8Array | undefined): number {
  let damaged = 0;
  for (let i = RECORDS / 2 - 5; i < RECORDS / 2 + 5; i++) {
    try {
      expect(Buffer.compare(get(key(i)) ?? Buffer.alloc(0), value(i)), `record ${i}`).toBe(0);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      expect(error.invariant).toBe("P1");
      damaged++;
    }
  }
  return damaged;
}

describe.each([512, 1024, 2048, 4096])("pages of %i bytes", (pageSize) => {
  it("a damaged page is told in a frame that held what a transaction had changed", () => {
    using store: ByteStore = open<Uint8Array, Uint8Array>(STORE_PATH, damagedStore(pageSize));
    // The second time they are dirty, and the transaction keeps them as they were until it ends.
    for (let round = 0; round < 2; round++)
      store.transaction(() => {
        for (let i = 0; i < 500; i++) store.put(key(i), value(i));
      });
    expect(readAround((k) => store.get(k))).toBeGreaterThan(0);
  });

  it("a damaged page is told where a snapshot reads a version that was in the file of old versions", () => {
    using store: ByteStore = open<Uint8Array, Uint8Array>(STORE_PATH, damagedStore(pageSize));
    const snapshot = store.snapshot();
    // Its neighbours in the block change, so that the snapshot reads a copy of the block, whose other pages have been
    // looked at.
    let changed = 0;
    for (let i = RECORDS / 2 - 60; i < RECORDS / 2 + 60; i++) {
      try {
        store.put(key(i), value(i + 1));
        changed++;
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
      }
    }
    expect(changed).toBeGreaterThan(0);
    for (let i = 0; i < 1500; i++) store.put(key(i), value(i));
    expect(readAround((k) => snapshot.get(k))).toBeGreaterThan(0);
    snapshot.close();
  });
});
