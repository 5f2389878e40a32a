/** Compact and backup take many turns of the event loop: what is done to the store in between. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { ByteStore } from "../support/session.js";

const PATH = "/s.esp";
const COPY = "/copy.esp";
const BYTES = { keyEncoding: "binary", valueEncoding: "binary" } as const;

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(8, "0"));
}

function put(tree: Pick<ByteStore, "put">, from: number, to: number, bytes: number): void {
  for (let i = from; i < to; i++) tree.put(key(i), Buffer.alloc(bytes, i));
}

function start(pageSize: number): { vfs: FaultyVfs; store: ByteStore } {
  const vfs = new FaultyVfs({ seed: 1 });
  return { vfs, store: open(PATH, { vfs, pageSize, ...BYTES }) };
}

/**
 * Story: compact went on with the root of a tree that had been dropped. It moved pages that were other trees' by
 * then, and freed them there; or it said that they were damaged.
 */
it.each([
  [512, false],
  [512, true],
  [4096, false],
  [4096, true],
])("compact leaves a tree that is dropped meanwhile, pages of %i bytes, made again: %s", async (...words) => {
  const [pageSize, again] = words;
  for (let turn = 1; ; turn++) {
    const { store } = start(pageSize);
    const dropped = store.tree<Uint8Array, Uint8Array>("dropped", BYTES);
    const kept = store.tree<Uint8Array, Uint8Array>("kept", BYTES);
    store.transaction(() => {
      put(store, 0, 3000, 30);
      put(dropped, 0, pageSize, 60);
      put(kept, 0, 3000, 60);
    });
    store.clear();
    let turns = 0;
    await store.compact({
      onProgress() {
        if (++turns !== turn) return;
        store.dropTree("dropped");
        // The freed pages, the root among them, become the other trees'.
        store.checkpoint();
        store.transaction(() => put(store, 0, 2000, 60));
        if (again) put(store.tree<Uint8Array, Uint8Array>("dropped", BYTES), 0, 500, 40);
      },
    });
    if (turns < turn) break;
    expect(store.verify().problems, `turn ${turn}`).toEqual([]);
    expect([...store.values()].map((value) => value[0])).toEqual(
      Array.from({ length: 2000 }, (_, i) => i & 0xff),
    );
    expect([...kept.keys()]).toHaveLength(3000);
    expect(store.trees()).toEqual(again ? ["dropped", "kept"] : ["kept"]);
    store.close();
  }
});

/**
 * Story: a checkpoint without a commit since the copy was begun gave up the pages of the free list that the
 * copy's header speaks of, and they were written over before they were copied: the copy did not open.
 */
it.each([512, 4096])(
  "a copy has its free list, whatever becomes of it meanwhile, pages of %i bytes",
  async (pageSize) => {
    const { vfs, store } = start(pageSize);
    store.transaction(() => put(store, 0, 20_000, 100));
    // The lowest free page lies behind what is copied first.
    store.deleteRange({ gte: key(17_000), lt: key(19_990) });
    store.checkpoint();
    const before = [...store.keys()].length;
    let turns = 0;
    await store.backup(COPY, {
      onProgress() {
        if (++turns !== 1) return;
        store.checkpoint();
        store.transaction(() => put(store, 17_000, 19_000, 100));
        store.checkpoint();
      },
    });
    expect(turns).toBeGreaterThan(2);
    const copy: ByteStore = open(COPY, { vfs, ...BYTES });
    expect(copy.verify()).toMatchObject({ ok: true, records: before });
    put(copy, 17_000, 20_000, 100);
    expect(copy.verify()).toMatchObject({ ok: true, records: 20_000 });
    copy.close();
    expect(store.verify()).toMatchObject({ ok: true, records: before + 2000 });
    store.close();
  },
);

/**
 * Story: a read-only store that was recovered from its log was copied with the end and the free list of the data
 * file: pages that the log had added were left out, and pages that it had taken were given out again.
 */
it.each([
  [512, 10, 0],
  [4096, 10, 0],
  [512, 5000, 4000],
  [4096, 5000, 4000],
])("a copy of what was recovered into memory, pages of %i bytes, records before: %i", async (...words) => {
  const [pageSize, before, removed] = words;
  const first = start(pageSize);
  first.store.transaction(() => put(first.store, 0, before, 100));
  if (removed === 0) {
    // Free pages, which the log gives out then.
    put(first.store, 0, 2000, 100);
    first.store.deleteRange({ lt: key(1500) });
  }
  first.store.close();
  const store: ByteStore = open(PATH, { vfs: first.vfs, ...BYTES });
  store.deleteRange({ lt: key(removed) });
  if (removed === 0) put(store, 0, 5000, 100);
  const records = store.count();
  const vfs = first.vfs.processKill(1);
  const left: ByteStore = open(PATH, { vfs, readOnly: true, ...BYTES });
  await left.backup(COPY);
  left.close();
  const copy: ByteStore = open(COPY, { vfs, ...BYTES });
  expect(copy.verify()).toMatchObject({ ok: true, records });
  put(copy, 0, 5000, 200);
  expect(copy.verify()).toMatchObject({ ok: true, records: 5000 });
  const wrong = [...copy].filter(([, value], i) => Buffer.compare(value, Buffer.alloc(200, i)) !== 0);
  expect(wrong).toEqual([]);
  copy.close();
  store.close();
});

it("compact: the last word of its progress may close the store", async () => {
  const { store } = start(4096);
  put(store, 0, 10, 10);
  const report = await store.compact({
    onProgress: ({ done, total }) => {
      if (done === total) store.close();
    },
  });
  expect(report.bytesAfter).toBeGreaterThan(0);
});

/** Story: each of its steps was a transaction that asked for a sync, also of what others had written meanwhile. */
it("compact: where it moves nothing it syncs nothing of what is written meanwhile", async () => {
  const store: ByteStore = open(PATH, { vfs: new FaultyVfs({ seed: 1 }), durability: "none", ...BYTES });
  store.transaction(() => put(store, 0, 20_000, 100));
  const syncs: number[] = [];
  const { pagesMoved } = await store.compact({
    onProgress: ({ done, total }) => {
      if (done === total) return;
      put(store, 0, 1, 100);
      syncs.push(store.metrics().log.fsyncs);
    },
  });
  expect(pagesMoved).toBe(0);
  expect(syncs.length).toBeGreaterThan(5);
  expect(new Set(syncs).size).toBe(1);
  expect(store.verify().ok).toBe(true);
  store.close();
});
