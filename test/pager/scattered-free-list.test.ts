/**
 * The free list of a store that is full of holes, on a disk that is full: it goes to free pages wherever they lie.
 *
 * Story: it wanted pages that lie together. Where there were none and the file could not grow, no checkpoint got to its
 * end: deletes filled the log and then failed too, and after a kill the store could not be opened.
 */

import { expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { open } from "../../src/index.js";
import { DataFile } from "../../src/pager/data-file.js";
import { readFreeList } from "../../src/pager/free-list.js";
import { decodeStoreHeader, HEADER_COPIES, type StoreHeader } from "../../src/pager/store-header.js";
import { POWER_CUTS } from "../../src/vfs/crash-image.js";
import type { FaultedCall } from "../../src/vfs/faults.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { type ByteStore, STORE_PATH, storeOptions } from "../support/session.js";

/** Calls of which one is looked at. */
const ONE_OF = 83;
const SEED = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);

interface Holes {
  readonly pageSize: number;
  /** Records that lie together, of which all but the first go: leaves, or the whole blocks of small pages. */
  readonly stretch: number;
  readonly kept: number;
  readonly stretches: number;
  readonly valueBytes: number;
}

/** Lists of more blocks than each session has room for from the start. */
const CASES: readonly Holes[] = [
  { pageSize: 4096, stretch: 9, kept: 3, stretches: 1100, valueBytes: 1300 },
  { pageSize: 512, stretch: 60, kept: 12, stretches: 1000, valueBytes: 130 },
];

const key = (i: number): Buffer => Buffer.from(String(i).padStart(7, "0"));

function openOn(vfs: FaultyVfs, pageSize: number): ByteStore {
  const options = storeOptions(
    { pageSize, durability: "sync", cacheBytes: 16 << 20, logBytes: 16 << 20 },
    vfs,
  );
  return open<Uint8Array, Uint8Array>(STORE_PATH, options);
}

function header(vfs: FaultyVfs): StoreHeader {
  const file = vfs.live.open(STORE_PATH, "read");
  const copies = Array.from({ length: HEADER_COPIES }, (_, i) => {
    const block = new Uint8Array(4096);
    file.read(block, 0, 4096, i * 4096);
    return decodeStoreHeader(block) as StoreHeader;
  });
  file.close();
  return copies.sort((a, b) => b.sequence - a.sequence)[0] as StoreHeader;
}

/** In how many pieces the free list in force lies. */
function pieces(vfs: FaultyVfs): number {
  const found = header(vfs);
  const data = new DataFile(vfs.live.open(STORE_PATH, "read"), found.pageSize, 0, createMetrics().pager);
  return readFreeList(data, found).chain.length;
}

/** The data file cannot grow beyond what it has, or has had; the log can. */
function fill(vfs: FaultyVfs, had = 0): void {
  const size = Math.max(had, vfs.live.stat(STORE_PATH)?.size ?? 0);
  const where = ({ path, position, length }: FaultedCall): boolean =>
    path === STORE_PATH && position + length > size;
  vfs.faults = [{ kind: "ENOSPC", at: 0, lasts: "forever", where }];
}

/** A store whose free pages lie in many holes, of which only the log knows; and the keys that are left. */
function fullOfHoles(
  vfs: FaultyVfs,
  { pageSize, stretch, kept, stretches, valueBytes }: Holes,
): [ByteStore, Set<number>] {
  const left = new Set<number>();
  let store = openOn(vfs, pageSize);
  const all = stretch * stretches;
  for (let from = 0; from < all; from += 2000)
    store.transaction(() => {
      for (let i = from; i < Math.min(all, from + 2000); i++) store.put(key(i), Buffer.alloc(valueBytes, i));
    });
  // Without what the file had claimed ahead.
  store.close();
  store = openOn(vfs, pageSize);
  store.transaction(() => {
    for (let i = 0; i < all; i++) {
      // The end of the file stays in use, or it would be cut off.
      if (i % stretch >= kept && i < all - stretch) store.delete(key(i));
      else left.add(i);
    }
  });
  fill(vfs);
  return [store, left];
}

function assertHolds(store: ByteStore, left: Set<number>): void {
  expect(store.verify()).toMatchObject({ problems: [], records: left.size });
  for (const i of left) if (store.get(key(i))?.[0] !== (i & 0xff)) throw new Error(`key ${i} is another`);
}

it.each(CASES)("is written and read, pages of $pageSize bytes", (holes) => {
  const { pageSize } = holes;
  const vfs = new FaultyVfs({ seed: 1 });
  const [store, left] = fullOfHoles(vfs, holes);
  const killed = vfs.processKill(1, { faults: vfs.faults });
  const before = new Set(left);
  // The session goes on, log after log; no leaf becomes empty, and joins two holes.
  for (let round = 0; round < 4; round++) {
    for (let i = round * holes.stretch; i < 50 * holes.stretch; i += 4 * holes.stretch) {
      expect(store.delete(key(i))).toBe(true);
      left.delete(i);
    }
    store.checkpoint();
    expect(pieces(vfs)).toBeGreaterThan(1);
  }
  assertHolds(store, left);
  store.close();
  assertIsThere(vfs, pageSize, left);
  assertIsThere(killed, pageSize, before);
});

function assertIsThere(vfs: FaultyVfs, pageSize: number, left: Set<number>): void {
  const store = openOn(vfs, pageSize);
  expect(pieces(vfs)).toBeGreaterThan(1);
  assertHolds(store, left);
  store.close();
}

it(`is there whenever the power fails (replay: ESPALIER_SEED=${SEED} npx vitest run test/pager/scattered-free-list.test.ts)`, () => {
  const prng = new Prng(SEED);
  const holes = CASES[1] as Holes;
  const vfs = new FaultyVfs({ seed: SEED });
  const [store, left] = fullOfHoles(vfs, holes);
  const size = vfs.live.stat(STORE_PATH)?.size ?? 0;
  let looked = 0;
  vfs.onCall = ({ changes, call }) => {
    if (!changes || (call + SEED) % ONE_OF !== 0) return;
    const image = vfs.powerCut(prng.pick(POWER_CUTS), prng.next());
    fill(image, size);
    const found = openOn(image, holes.pageSize);
    const report = found.verify();
    if (!report.ok || report.records !== left.size)
      throw new Error(
        `call ${call}: ${report.records} records, ${JSON.stringify(report.problems.slice(0, 3))}`,
      );
    found.close();
    looked++;
  };
  store.checkpoint();
  vfs.onCall = undefined;
  store.close();

  expect(looked).toBeGreaterThan(1);
});
