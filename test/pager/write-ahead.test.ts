/** No page is written to the data file before the log that has its last change is synced (W2). */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

/** Each value says, over and over, as the how manieth it was put: behind this byte, in three. */
const MARK = 0xc7;

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(5, "0"));
}

function value(put: number): Buffer {
  return Buffer.alloc(60, Buffer.from([MARK, put >>> 16, put >>> 8, put]));
}

/** The last put of which `bytes` hold a whole value. */
function lastPutIn(bytes: Buffer): number {
  let last = -1;
  for (let at = bytes.indexOf(MARK); at >= 0 && at + 60 <= bytes.length; at = bytes.indexOf(MARK, at + 1)) {
    const put = bytes.readUIntBE(at + 1, 3);
    if (put > last && bytes.subarray(at, at + 60).equals(value(put))) last = put;
  }
  return last;
}

it.each([
  ["pages that are evicted", 512, 64 * 1024 * 1024, 1],
  ["pages that are evicted", 4096, 64 * 1024 * 1024, 1],
  ["pages of a checkpoint", 512, 256 * 1024, 40],
  ["pages of a checkpoint", 4096, 256 * 1024, 40],
] as const)("%s, of %i bytes", (_, pageSize, logBytes, cacheFactor) => {
  const vfs = new FaultyVfs({ seed: 1 });
  const settings = { pageSize, durability: "none", logBytes, cacheBytes: cacheFactor * 64 * 4096 } as const;
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, vfs));
  for (let i = 0; i < 8000; i++) store.put(key(i), value(0));
  store.checkpoint();
  const file = vfs.live.open(STORE_PATH, "read");
  const prng = new Prng(1);
  let put = 0;
  /** The last put that the log has been given, and that a sync of it has covered. */
  let logged = 0;
  let synced = 0;
  /** Blocks that this put has written, and what was synced when it wrote them last. */
  const written = new Map<number, number>();
  vfs.onCall = ({ operation, path, position, length }) => {
    if (path !== STORE_PATH && operation === "write") logged = put;
    if (path !== STORE_PATH && operation === "sync") synced = logged;
    if (path !== STORE_PATH || operation !== "write") return;
    for (let at = Math.max(8192, position); at < position + length; at += 4096) written.set(at, synced);
  };
  let blocks = 0;
  for (put = 1; put <= 6000; put++) {
    written.clear();
    store.put(key(prng.below(8000)), value(put));
    for (const [position, durable] of written) {
      const bytes = Buffer.alloc(4096);
      file.read(bytes, 0, bytes.length, position);
      const last = lastPutIn(bytes);
      if (last > 0) blocks++;
      expect(last, `put ${put}, a write at ${position}`).toBeLessThanOrEqual(durable);
    }
  }
  vfs.onCall = undefined;
  expect(blocks).toBeGreaterThan(50);
  store.close();
});
