/** Overwriting does not bloat the file, at any durability: the small sister of test/soak/space.mjs. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { ByteStore } from "../support/session.js";

const RECORDS = 5003;
const ROUNDS = 25;
const SHARE_MAX = 1.5;
const PATH = "/s.esp";

/** The same records in the same order with other sizes; one value in 100 is a long one. */
function edit(store: ByteStore, round: number): void {
  for (let from = 0; from < RECORDS; from += 50) {
    store.transaction(() => {
      for (let i = from; i < Math.min(from + 50, RECORDS); i++) {
        const number = (i * 331) % RECORDS;
        const size = (number * 7 + round * 13) % 200;
        store.put(
          Buffer.from(`key/${number}`),
          Buffer.alloc(number % 100 === 0 ? 20_000 + size * 10 : size, round),
        );
      }
    });
  }
}

it.each([
  [4096, "sync"],
  [4096, "group"],
  [4096, "none"],
  [32768, "none"],
] as const)(
  "the file stays within 1.5 of a fresh load, pages of %i bytes, durability %s",
  (pageSize, durability) => {
    const vfs = new FaultyVfs({ seed: 1 });
    const start = (): ByteStore =>
      open(PATH, {
        vfs,
        pageSize,
        durability,
        keyEncoding: "binary",
        valueEncoding: "binary",
        logBytes: 4 * 1024 * 1024,
      });
    let store = start();
    edit(store, 0);
    store.close();
    const fresh = vfs.stat(PATH)!.size;
    store = start();
    for (let round = 1; round <= ROUNDS; round++) edit(store, round);
    expect(store.verify().ok).toBe(true);
    store.close();
    expect(vfs.stat(PATH)!.size / fresh).toBeLessThanOrEqual(SHARE_MAX);
  },
);

it("closing gives the free space at the end back to the file system", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const store: ByteStore = open(PATH, { vfs, keyEncoding: "binary", valueEncoding: "binary" });
  const empty = vfs.stat(PATH)!.size;
  edit(store, 0);
  // Ranges that are still open when the store is closed keep nothing.
  store.keys().next();
  store.clear();
  store.close();
  expect(vfs.stat(PATH)!.size).toBeLessThan(empty + 64 * 1024);
});
