/**
 * Records as long as a leaf keeps them, between fences as long as they get: every leaf of two can be split, and
 * what is a byte longer goes to overflow pages.
 */

import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { inlineRecordBytesMax, KEY_VARINT_BYTES_MAX, keyBytesMax } from "../../src/page/limits.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 11);
const STEPS = 3000;

describe.each([512, 4096, 16384])("pages of %i bytes", (pageSize) => {
  const keyMax = keyBytesMax(pageSize);
  const recordMax = inlineRecordBytesMax(pageSize);
  const valueMax = (key: Buffer): number => recordMax - KEY_VARINT_BYTES_MAX - key.length;

  it(`takes records at the limit in any order (ESPALIER_SEED=${SEED} replays)`, () => {
    const prng = new Prng(SEED);
    const vfs = new MemoryVfs();
    const options = {
      vfs,
      pageSize,
      keyEncoding: "binary",
      valueEncoding: "binary",
      durability: "none",
    } as const;
    const store = open<Uint8Array, Uint8Array>("limit.esp", options);
    const model = new Map<string, Buffer>();
    for (let step = 0; step < STEPS; step++) {
      // Keys that share long prefixes, and then differ in the last bytes: separators get as long as keys.
      const key = Buffer.alloc(prng.pick([4, keyMax - 1, keyMax]), prng.below(3));
      key.writeUInt16BE(prng.below(300), key.length - 2);
      if (prng.chance(0.25)) {
        expect(store.delete(key)).toBe(model.delete(key.toString("hex")));
        continue;
      }
      const longest = Math.max(0, valueMax(key));
      const value = Buffer.alloc(
        prng.pick([0, longest >> 1, longest - 1, longest, longest + 1]) & 0x7fff_ffff,
        step,
      );
      store.put(key, value);
      model.set(key.toString("hex"), value);
      if (step % 500 === 0) expect(store.verify()).toMatchObject({ ok: true });
    }
    expect(store.verify()).toMatchObject({ ok: true });
    expect(store.count()).toBe(model.size);
    for (const [key, value] of store)
      expect(model.get(Buffer.from(key).toString("hex"))?.equals(value)).toBe(true);
    store.close();
  });

  it("keeps the longest record in its leaf, and no longer one", () => {
    const store = open<Uint8Array, Uint8Array>("limit.esp", {
      vfs: new MemoryVfs(),
      pageSize,
      keyEncoding: "binary",
      valueEncoding: "binary",
    });
    const key = Buffer.from("key");
    const { pages } = store.stats();
    store.put(key, Buffer.alloc(valueMax(key)));
    expect(store.stats().pages).toBe(pages);
    store.put(key, Buffer.alloc(valueMax(key) + 1));
    expect(store.stats().pages).toBeGreaterThan(pages);
    store.close();
  });
});
