/**
 * A range gives its snapshot back with its last record. Story: of `store.keys({ limit: 1 }).next().value` the
 * snapshot lived until the garbage collector came, and compact() did nothing and did not say why.
 */

import { describe, expect, it } from "vitest";
import { open, type RangeOptions, type Store } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);
const RECORDS = 400;
const RANGES = 400;
const key = (i: number): string => `k${String(i).padStart(4, "0")}`;

/** Many leaves of few records. */
function filled(records = RECORDS): Store<string, string> {
  const store = open<string, string>("/s.esp", {
    vfs: new MemoryVfs(),
    pageSize: 512,
    valueEncoding: "utf8",
  });
  store.putMany(Array.from({ length: records }, (_, i) => [key(i), "value".repeat(i % 7)] as const));
  return store;
}

describe("the snapshot of a range", () => {
  it("goes with the record that reaches the limit", () => {
    using store = filled();
    expect(store.keys({ limit: 1 }).next().value).toBe(key(0));
    expect(store.stats().snapshots).toBe(0);
    const two = store.range({ gt: key(7), reverse: true, limit: 2 });
    two.next();
    expect(store.stats().snapshots).toBe(1);
    expect(two.next().value?.[0]).toBe(key(RECORDS - 2));
    expect(store.stats().snapshots).toBe(0);
    expect(two.next()).toEqual({ done: true, value: undefined });
    store.keys({ limit: 0 });
    expect(store.stats().snapshots).toBe(0);
  });

  it(`goes with the last record, wherever that is (ESPALIER_SEED=${SEED})`, () => {
    using store = filled();
    const prng = new Prng(SEED);
    const all = [...store.keys()];
    for (let i = 0; i < RANGES; i++) {
      const [from, to] = [prng.below(RECORDS), prng.below(RECORDS)].sort((a, b) => a - b) as [number, number];
      const options: RangeOptions<string> = {
        ...(prng.chance(0.3) ? {} : prng.chance(0.5) ? { gt: key(from) } : { gte: key(from) }),
        ...(prng.chance(0.3) ? {} : prng.chance(0.5) ? { lt: key(to) } : { lte: key(to) }),
        reverse: prng.chance(0.5),
      };
      const about = JSON.stringify(options);
      const { gt, gte, lt, lte } = options;
      const wanted = all.filter(
        (k) => !((gt && k <= gt) || (gte && k < gte) || (lt && k >= lt) || (lte && k > lte)),
      );
      if (options.reverse === true) wanted.reverse();
      const range = store.keys(options);
      // Whether a record lies between this leaf and a bound that is none itself, only the next leaf tells.
      const exact = (options.reverse === true ? gt : lt) === undefined;
      for (const [at, k] of wanted.entries()) {
        expect(range.next().value, about).toBe(k);
        const last = at + 1 === wanted.length;
        if (!last || exact) expect(store.stats().snapshots, `${about} at ${k}`).toBe(last ? 0 : 1);
      }
      expect(range.next().done, about).toBe(true);
      expect(store.stats().snapshots, about).toBe(0);
    }
  });

  it("goes with the last record of a prefix", () => {
    using store = filled();
    for (const reverse of [false, true]) {
      const range = store.keys({ prefix: "k012", reverse });
      for (let i = 0; i < 10; i++) range.next();
      expect(store.stats().snapshots).toBe(0);
    }
  });

  it("in a transaction is none, and what is put behind the last record is still met", () => {
    using store = filled();
    store.transaction(() => {
      const met: string[] = [];
      for (const k of store.keys({ gte: key(RECORDS - 1) })) {
        met.push(k);
        if (met.length < 4) store.put(`${k}+`, "");
      }
      expect(met.length).toBe(4);
    });
  });
});

it("compact gives the space back after a first record was looked at, and says which snapshots are open", async () => {
  using store = filled(RECORDS * 10);
  const before = (await store.compact()).bytesAfter;
  const snapshot = store.snapshot();
  expect(store.keys({ limit: 1 }).next().value).toBe(key(0));
  store.deleteRange({ gte: key(10) });
  const kept = await store.compact();
  expect(kept).toMatchObject({ snapshots: 1 });
  expect(kept.bytesAfter).toBeGreaterThanOrEqual(before);
  snapshot.close();
  const cut = await store.compact();
  expect(cut.snapshots).toBe(0);
  expect(cut.bytesAfter).toBeLessThan(before / 2);
});
