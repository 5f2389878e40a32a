/**
 * Branches that are full to the last byte, of separators that are short behind a long prefix or not: where one
 * takes the place of another, by a borrow or where a leaf at the tree's end fills its neighbour up, it must fit.
 *
 * Story: the room for it was worked out from whole separators. Behind a prefix, one of up to four bytes takes none
 * beside its slot, so that the branch was up to four bytes short, and separators lay over slots.
 */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const STORES: number = Number(process.env["ESPALIER_RUNS"] ?? 8);
/** With these it has happened. */
const KNOWN = [100, 174, 434, 452];
const PAGE = 512;
const RECORDS = 2000;
const EDITS = 12_000;

/** Keys of few bytes, so that they share much; most behind one prefix. */
function keys(prng: Prng, bytesMax: number): () => Buffer {
  const prefix = Buffer.alloc(4 + prng.below(Math.min(40, bytesMax - 20)));
  const rest = Math.min(bytesMax - prefix.length, prng.pick([6, 12, 25, 90]));
  return () => {
    const tail = Buffer.from(
      Array.from({ length: prng.below(rest + 1) }, () => (prng.chance(0.5) ? 0 : 255)),
    );
    return Buffer.concat([prng.chance(0.8) ? prefix : prefix.subarray(0, prng.below(prefix.length)), tail]);
  };
}

function fill(seed: number): void {
  const prng = new Prng(seed);
  const store = open<Buffer, Buffer>("/full", {
    vfs: new MemoryVfs(),
    pageSize: PAGE,
    durability: "none",
    keyEncoding: "binary",
    valueEncoding: "binary",
    cacheBytes: 16 * 1024 * 1024,
  });
  const key = keys(prng, keyBytesMax(PAGE));
  const value = Buffer.alloc(PAGE >> prng.pick([3, 4, 5]));
  const model = new Set<string>();
  store.transaction(() => {
    for (let i = 0; i < EDITS; i++) {
      const each = key();
      if (i < RECORDS || prng.chance(0.5)) {
        store.put(each, value);
        model.add(each.toString("hex"));
      } else expect(store.delete(each)).toBe(model.delete(each.toString("hex")));
    }
  });
  expect(store.verify(), `seed ${seed}`).toMatchObject({ ok: true });
  const listed = [...store.keys()].map((each) => Buffer.from(each).toString("hex"));
  expect(listed, `seed ${seed}`).toEqual([...model].sort());
  for (const each of listed) expect(store.has(Buffer.from(each, "hex")), each).toBe(true);
  store.close();
}

it.each(KNOWN)("a store whose branches were overfilled, %i", (seed) => fill(seed));

it(`${STORES} stores from seed ${SEED} on (ESPALIER_SEED=${SEED} replays)`, () => {
  for (let seed = SEED; seed < SEED + STORES; seed++) fill(seed);
});
