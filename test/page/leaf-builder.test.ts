/** The leaf builder by itself: it takes what fits, and says before how much that is. */

import { describe, expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { LeafBuilder, leafBytesUnder } from "../../src/page/leaf-builder.js";
import { keyBytesMax, leafCapacity } from "../../src/page/limits.js";
import { checkPage } from "../../src/page/page-check.js";
import { PagePool, type PoolOwner } from "../../src/pager/page-pool.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const nobody = { load: () => undefined } as unknown as PoolOwner;

describe.each([512, 4096])(`pages of %i bytes (ESPALIER_SEED=${SEED} replays)`, (pageSize) => {
  const pool = new PagePool(pageSize, 64 * 4096, nobody, createMetrics().pager);

  /** Keys that ascend and share their beginning, of lengths around those at which a varint grows. */
  const keysOf = (prng: Prng, shared: number): Buffer[] => {
    const keys: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      const length = prng.chance(0.3) ? 120 + prng.below(16) : 4 + prng.below(30);
      const number = Buffer.from(String(i).padStart(4, "0"));
      const key = Buffer.concat([Buffer.alloc(shared, 0x61), number, Buffer.alloc(length, 0x62)]);
      keys.push(key.subarray(0, keyBytesMax(pageSize)));
    }
    return keys;
  };

  it.each(["from outside", "in its own memory"])(
    "is full, and not more than that, with records %s",
    (where) => {
      const prng = new Prng(SEED);
      for (let round = 0; round < 60; round++) {
        const memory = new Uint8Array(pageSize + 1024);
        const builder =
          where === "from outside" ? new LeafBuilder(pageSize) : new LeafBuilder(pageSize, memory);
        const value = Buffer.alloc(64, 7);
        builder.start(Buffer.alloc(0), Buffer.alloc(0));
        let added = 0;
        for (const key of keysOf(prng, prng.below(8))) {
          const length = prng.below(13);
          memory.set(key, pageSize);
          memory.set(value, pageSize + 900);
          const fits =
            where === "from outside"
              ? builder.add(key, key.length, value, 0, length, false)
              : builder.addWithin(pageSize, key.length, pageSize + 900, length, false);
          if (fits) added++;
          else if (prng.chance(0.3)) break;
        }
        pool.u8.set(builder.finish(), pageSize);
        expect(checkPage(pool, pageSize), `round ${round}`).toBeUndefined();
        expect(builder.slots).toBe(added);
        expect(builder.room).toBeGreaterThanOrEqual(0);
      }
    },
  );

  it("a part of a leaf takes as many bytes under other fences as was said", () => {
    const prng = new Prng(SEED);
    const builder = new LeafBuilder(pageSize);
    let grown = 0;
    for (let round = 0; round < 200; round++) {
      const shared = 10 + prng.below(10);
      const keys = keysOf(prng, shared);
      const fence = (end: number, length: number): Buffer =>
        Buffer.concat([Buffer.alloc(length, 0x61), Buffer.from([end])]);
      builder.start(fence(0x20, shared), fence(0x7a, shared));
      let slots = 0;
      for (const key of keys) if (builder.add(key, key.length, key, 0, prng.below(4), false)) slots++;
      pool.u8.set(builder.finish(), pageSize);
      const from = prng.below(slots);
      const to = from + prng.below(slots - from);
      // Fences that share less, as after a merge: keys get longer, and some of their lengths take a byte more.
      const low = fence(0x20, prng.below(shared));
      const high = fence(0x7a, prng.below(shared));
      const said = leafBytesUnder(pool, pageSize, from, to, low, high);
      const other = new LeafBuilder(pageSize);
      other.start(low, high);
      const fits = other.addFrom(pool, pageSize, from, to);
      expect(fits, `round ${round}`).toBe(said <= leafCapacity(pageSize));
      if (!fits) continue;
      expect(leafCapacity(pageSize) - other.room, `round ${round}`).toBe(said);
      grown++;
    }
    expect(grown).toBeGreaterThan(50);
  });
});
