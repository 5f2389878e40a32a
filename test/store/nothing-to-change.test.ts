/**
 * A call that is durable when it returns and finds nothing to change has all the same seen what was changed before it:
 * who hears that a record is there, or is gone, relies on that.
 *
 * Story: such calls synced nothing. A record that putIfAbsent had found, with `sync: true`, was gone after a power cut.
 */

import { expect, it } from "vitest";
import { open, PoisonedError } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { type ByteStore, STORE_PATH, storeOptions } from "../support/session.js";

const KEY = Buffer.from("key");
const OTHER = Buffer.from("other");
const VALUE = Buffer.from("value");

type Call = (store: ByteStore, options: { sync?: boolean }) => unknown;

const CALLS: readonly (readonly [string, Call])[] = [
  ["putIfAbsent of a key that is there", (store, options) => store.putIfAbsent(KEY, VALUE, options)],
  ["delete of a key that is gone", (store, options) => store.delete(OTHER, options)],
  ["putMany of nothing", (store, options) => store.putMany([], options)],
  ["a transaction that changes nothing", (store, options) => store.transaction(() => undefined, options)],
];

/** It takes no options: what the store's durability says is done. */
const DELETE_RANGE: Call = (store, { sync }) =>
  sync === undefined ? store.deleteRange({ gte: Buffer.from("x") }) : undefined;

function openOn(vfs: FaultyVfs, durability: "sync" | "group" | "none"): ByteStore {
  return open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions({ pageSize: 4096, durability }, vfs));
}

it.each([
  ...CALLS.flatMap(([name, call]) => [[name, "none", call] as const, [name, "sync", call] as const]),
  ["deleteRange of nothing", "sync", DELETE_RANGE] as const,
])("%s, durability %s", (_name, durability, call) => {
  const vfs = new FaultyVfs({ seed: 1 });
  const store = openOn(vfs, durability);
  store.put(OTHER, VALUE, { sync: true });
  store.transaction(
    () => {
      store.put(KEY, VALUE);
      store.delete(OTHER);
    },
    { sync: false },
  );
  call(store, durability === "none" ? { sync: true } : {});
  expect(store.stats().durable).toBe(true);
  const again = openOn(vfs.powerCut("dropped", 1), durability);
  expect(again.get(KEY)).toEqual(new Uint8Array(VALUE));
  expect(again.has(OTHER)).toBe(false);
  again.close();
  // With nothing left to sync it syncs nothing; not asked to, neither.
  const { fsyncs } = store.metrics().log;
  call(store, { sync: true });
  store.put(OTHER, VALUE, { sync: false });
  store.delete(OTHER, { sync: false });
  call(store, { sync: false });
  expect(store.metrics().log.fsyncs).toBe(fsyncs);
  store.close();
});

it("a sync that fails then is told as any other", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const store = openOn(vfs, "none");
  store.put(KEY, VALUE);
  vfs.faults = [{ kind: "lost-sync", at: 1, lasts: "forever" }];
  expect(() => store.putIfAbsent(KEY, VALUE, { sync: true })).toThrow(PoisonedError);
  expect(() => store.put(OTHER, VALUE)).toThrow(PoisonedError);
  expect(() => store.close()).toThrow(PoisonedError);
});
