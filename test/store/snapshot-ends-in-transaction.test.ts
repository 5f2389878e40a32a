/**
 * Story: what a transaction changes under a snapshot it copies once, for the snapshot and for its own undoing. A
 * snapshot that was closed in the transaction, or a range that came to its end there, took the copies with it, and
 * rolling back brought bytes of the data file back that were older than the last commits.
 */

import { expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

type Texts = Store<string, string>;

const UNDONE = new Error("undone");
const RECORDS = 300;

function name(i: number): string {
  return `k${String(i).padStart(4, "0")}`;
}

/** A store whose data file has "old" everywhere, and whose log has "new". */
function changedSinceCheckpoint(pageSize: number): Texts {
  const store: Texts = open("/s.esp", { vfs: new MemoryVfs(), pageSize, valueEncoding: "utf8" });
  for (const value of ["old", "new"]) {
    store.checkpoint();
    store.transaction(() => {
      for (let i = 0; i < RECORDS; i++) store.put(name(i), value);
    });
  }
  return store;
}

/** Changes all records and ends a snapshot meanwhile. */
const WAYS: Record<string, (store: Texts) => void> = {
  "a snapshot is closed after the changes": (store) => {
    const snapshot = store.snapshot();
    store.transaction(() => {
      for (let i = 0; i < RECORDS; i++) store.put(name(i), "newer");
      snapshot.close();
      throw UNDONE;
    });
  },
  "a snapshot is closed amid the changes, another one lives on": (store) => {
    using _older = store.snapshot();
    store.put(name(7), "new");
    const snapshot = store.snapshot();
    store.transaction(() => {
      for (let i = 0; i < RECORDS; i++) {
        store.put(name(i), "newer");
        if (i === RECORDS >> 1) snapshot.close();
      }
      throw UNDONE;
    });
  },
  "a range that was made before comes to its end": (store) => {
    const range = store.keys();
    store.transaction(() => {
      for (const key of range) store.put(key, "newer");
      throw UNDONE;
    });
  },
  "records of a range are put together, and what follows them throws": (store) => {
    const range = store.keys();
    function* changed(): Generator<[string, string]> {
      for (const key of range) yield [key, "newer"];
      throw UNDONE;
    }
    store.putMany(changed());
  },
};

it.each([512, 4096].flatMap((pageSize) => Object.keys(WAYS).map((way) => [pageSize, way] as const)))(
  "pages of %i bytes are as committed when %s, and all is undone",
  (...words) => {
    const [pageSize, way] = words;
    using store = changedSinceCheckpoint(pageSize);
    expect(() => WAYS[way]?.(store)).toThrow(UNDONE);
    expect([...store.range()]).toEqual(Array.from({ length: RECORDS }, (_, i) => [name(i), "new"]));
    expect(store.verify()).toMatchObject({ ok: true, records: RECORDS });
  },
);

it.each([512, 4096])(
  "what was kept for undoing only goes with its transaction, pages of %i bytes",
  (pageSize) => {
    using store = changedSinceCheckpoint(pageSize);
    for (const undone of [false, true]) {
      const snapshot = store.snapshot();
      try {
        store.transaction(() => {
          for (let i = 0; i < RECORDS; i++) store.put(name(i), "newer");
          snapshot.close();
          expect(store.stats().versions).toBeGreaterThan(0);
          if (undone) throw UNDONE;
        });
      } catch (error) {
        expect(error).toBe(UNDONE);
      }
      expect(store.stats()).toMatchObject({ versions: 0, snapshots: 0 });
    }
    expect(store.get(name(1))).toBe("newer");
  },
);
