/** Ranges of a snapshot: their records are the snapshot's to the last one, whatever becomes of the snapshot. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { open, type RangeIterator, type SnapshotTree, type Store } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

const RECORDS = 500;

const key = (i: number): string => `key-${String(i).padStart(6, "0")}`;

function filled(): Store<string, number> {
  const store = open<string, number>(STORE_PATH, {
    vfs: new MemoryVfs(),
    pageSize: 1024,
    durability: "none",
  });
  store.putMany(Array.from({ length: RECORDS }, (_, i): [string, number] => [key(i), i]));
  return store;
}

/** Overwrites what the snapshot saw, twice, so that its pages are changed, freed and given out again. */
function overwrite(store: Store<string, number>): void {
  store.clear();
  store.checkpoint();
  for (let i = 0; i < 2 * RECORDS; i++) store.put(key(i), -1);
  store.checkpoint();
}

function expectAll(range: RangeIterator<number>): void {
  expect([...range]).toEqual(Array.from({ length: RECORDS }, (_, i) => i));
}

it("goes on where the snapshot is closed, and then lets go of what it has kept", () => {
  using store = filled();
  const snapshot = store.snapshot();
  const whole = snapshot.values();
  const reversed = snapshot.values({ reverse: true });
  expect(reversed.next().value).toBe(RECORDS - 1);
  snapshot.close();
  expect(() => snapshot.values()).toThrow(/closed/);
  overwrite(store);
  expectAll(whole);
  expect([...reversed].length).toBe(RECORDS - 1);
  expect(store.stats()).toMatchObject({ snapshots: 0, versions: 0 });
});

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

it("goes on where nobody has the snapshot any more", async () => {
  using store = filled();
  const range = store.snapshot().values();
  await collectGarbage();
  overwrite(store);
  expectAll(range);
});

it("a snapshot stays as long as somebody has one of its trees, and goes with the last", async () => {
  using store = filled();
  store.tree<string, number>("tree").put("a", 1);
  let tree: SnapshotTree<string, number> | undefined = store.snapshot().tree<string, number>("tree");
  await collectGarbage();
  store.tree<string, number>("tree").put("a", 2);
  expect(tree.get("a")).toBe(1);
  tree = undefined;
  await collectGarbage();
  expect(store.stats().snapshots).toBe(0);
});

it("is refused what is asked for when the snapshot, or the tree, is gone in between", () => {
  using store = filled();
  const snapshot = store.snapshot();
  expect(() =>
    snapshot.getMany(
      (function* () {
        yield key(1);
        snapshot.close();
        overwrite(store);
        yield key(2);
      })(),
    ),
  ).toThrow(/the snapshot is closed/);
  const tree = store.tree<string, number>("tree");
  tree.put("a", 1);
  expect(() =>
    tree.getMany(
      (function* () {
        yield "a";
        store.dropTree("tree");
        store.tree("another").put("a", 2);
        yield "a";
      })(),
    ),
  ).toThrow(/the tree "tree" is closed/);
});
