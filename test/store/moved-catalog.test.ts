/**
 * Compact moves the catalogue's root, too: after a conversion in place it lies at the file's end, and nothing behind
 * the first hole could ever be given back.
 */

import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { Catalog } from "../../src/store/catalog.js";
import type { Engine } from "../../src/store/engine.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { catalogToEnd } from "../support/catalog-at-end.js";
import type { ByteStore } from "../support/session.js";

const PATH = "/s.esp";
const BYTES = { keyEncoding: "binary", valueEncoding: "binary" } as const;

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(8, "0"));
}

function fill(store: ByteStore, records: number): void {
  const named = store.tree<Uint8Array, Uint8Array>("named", BYTES);
  store.transaction(() => {
    for (let i = 0; i < records; i++) store.put(key(i), Buffer.alloc(60, i));
    for (let i = 0; i < 100; i++) named.put(key(i), Buffer.alloc(10, i));
  });
}

/** Nearly empty again, with the catalogue behind all holes; and its size before. */
function hollow(pageSize: number): { vfs: FaultyVfs; store: ByteStore; before: number } {
  const vfs = new FaultyVfs({ seed: 1 });
  const first: ByteStore = open(PATH, { vfs, pageSize, ...BYTES });
  fill(first, 4000);
  catalogToEnd(first);
  first.close();
  const store: ByteStore = open(PATH, { vfs, ...BYTES });
  store.deleteRange({ gte: key(100) });
  return { vfs, store, before: store.stats().dataBytes };
}

function assertWhole(store: ByteStore): void {
  expect(store.verify().problems).toEqual([]);
  expect(store.count()).toBe(100);
  expect(store.trees()).toContain("named");
  const named = store.tree<Uint8Array, Uint8Array>("named", BYTES);
  expect([...named.keys()].map((found) => Buffer.from(found).toString())).toEqual(
    Array.from({ length: 100 }, (_, i) => String(i).padStart(8, "0")),
  );
}

async function assertRecoverable(vfs: FaultyVfs): Promise<void> {
  const reader: ByteStore = open(PATH, { vfs, readOnly: true, ...BYTES });
  assertWhole(reader);
  await reader.backup("/copy.esp");
  reader.close();
  for (const path of ["/copy.esp", PATH, PATH]) {
    const store: ByteStore = open(path, { vfs, ...BYTES });
    assertWhole(store);
    store.close();
  }
}

describe.each([512, 4096])("pages of %i bytes", (pageSize) => {
  it("a catalogue at the end is moved, and the file cut behind what is left", async () => {
    const { vfs, store, before } = hollow(pageSize);
    await store.compact();
    expect(store.stats().dataBytes).toBeLessThan(before / 4);
    assertWhole(store);
    store.tree("later").put("a", 1);
    store.dropTree("later");
    store.close();
    const again: ByteStore = open(PATH, { vfs, ...BYTES });
    assertWhole(again);
    again.close();
  });

  it("until the next checkpoint the log says where it is: so a dead process's store is read, copied, recovered", () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store: ByteStore = open(PATH, { vfs, pageSize, ...BYTES });
    const { pager } = (store as unknown as { engine: Engine }).engine;
    fill(store, 100);
    store.checkpoint();
    const root = pager.space.catalogRoot;
    catalogToEnd(store);
    expect(pager.header.catalogRoot).toBe(root);
    expect(pager.space.catalogRoot).not.toBe(root);
    const left = vfs.processKill(1);
    return assertRecoverable(left);
  });

  it("it stays while a snapshot is open, which looks for trees in it", async () => {
    const { store, before } = hollow(pageSize);
    const snapshot = store.snapshot();
    store.dropTree("named");
    await store.compact();
    const named = snapshot.tree<Uint8Array, Uint8Array>("named");
    expect([...named.keys()].length).toBe(100);
    expect(store.stats().dataBytes).toBeGreaterThan(before / 4);
    snapshot.close();
    await store.compact();
    expect(store.stats().dataBytes).toBeLessThan(before / 4);
    expect(store.verify().problems).toEqual([]);
    store.close();
  });

  it("it is where it was after a transaction that is undone", () => {
    const { store } = hollow(pageSize);
    const { engine } = store as unknown as { engine: Engine };
    const catalog = new Catalog(engine);
    const { root } = catalog;
    const stop = new Error("undone on purpose");
    expect(() =>
      store.transaction(() => {
        catalog.moveTo(engine.pager.allocatePage());
        throw stop;
      }),
    ).toThrow(stop);
    expect(catalog.root).toBe(root);
    expect(engine.pager.space.catalogRoot).toBe(root);
    store.put(key(0), Buffer.alloc(1));
    expect(engine.pager.space.catalogRoot).toBe(root);
    assertWhole(store);
    store.close();
  });
});
