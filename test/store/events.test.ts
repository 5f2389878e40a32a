/**
 * Subscribers of the events are callers' code, and the events happen in the midst of edits, commits and closes:
 * whatever a subscriber does with the store, nothing is lost, and all of it counts.
 */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it, vi } from "vitest";
import { open, type Store } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

const RECORDS = 500;
const CHANNELS = ["pack", "split", "merge", "checkpoint", "recovery", "slow-commit"].map(
  (kind) => `espalier:${kind}`,
);

const key = (i: number): string => `key-${String(i).padStart(6, "0")}`;

let unsubscribed: (() => void)[] = [];
function unsubscribeAll(): void {
  for (const leave of unsubscribed) leave();
  unsubscribed = [];
}
afterEach(unsubscribeAll);

function listen(
  channels: readonly string[],
  listener: (message: unknown, channel: string | symbol) => void,
): void {
  for (const channel of channels) {
    subscribe(channel, listener);
    unsubscribed.push(() => unsubscribe(channel, listener));
  }
}

function small(vfs: MemoryVfs): Store {
  return open(STORE_PATH, { vfs, pageSize: 1024, durability: "none" });
}

/** Puts in an order that splits leaves everywhere, and then removes most, which merges them. */
function churn(store: Store): void {
  for (let i = 0; i < RECORDS; i++) store.put(key((i * 7919) % RECORDS), { i });
  for (let i = 0; i < RECORDS; i += 1) if (i % 10 !== 0) store.delete(key((i * 7919) % RECORDS));
  for (let i = 0; i < RECORDS; i++) store.put(key((i * 7907) % RECORDS), { i });
}

/** Lets what waits for the end of the running code run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a subscriber", () => {
  it("that reads disturbs no edit", async () => {
    const store = small(new MemoryVfs());
    let told = 0;
    listen(CHANNELS, () => {
      told++;
      store.get(key(0));
      store.stats();
    });
    churn(store);
    await turn();
    expect(told).toBeGreaterThan(20);
    expect([...store.keys()]).toEqual(Array.from({ length: RECORDS }, (_, i) => key(i)));
    expect(store.verify().problems).toEqual([]);
    unsubscribeAll();
    store.close();
  });

  it("that writes finds its records beside all others", async () => {
    const vfs = new MemoryVfs();
    const store = small(vfs);
    const log = store.tree<string, string>("log");
    let told = 0;
    listen(CHANNELS, (_message, channel) => {
      if (told < 100) log.put(key(told++), String(channel));
    });
    churn(store);
    await turn();
    expect(log.count()).toBe(told);
    expect(told).toBeGreaterThan(20);
    expect(store.count()).toBe(RECORDS);
    expect(store.verify().problems).toEqual([]);
    unsubscribeAll();
    store.close();
    const again = open(STORE_PATH, { vfs });
    expect(again.tree("log").count()).toBe(told);
    again.close();
  });

  it("that writes at the checkpoint of a close is told that the store is closed", async () => {
    const store = open(STORE_PATH, { vfs: new MemoryVfs() });
    store.put("a", 1);
    let outcome: unknown;
    listen(["espalier:checkpoint"], () => {
      try {
        store.put("late", 1);
        outcome = "put";
      } catch (error) {
        outcome = (error as { code?: unknown }).code;
      }
    });
    store.close();
    await turn();
    expect(outcome).toBe("ERR_ESPALIER_CLOSED");
  });

  it("that closes the store in the midst of edits leaves what was put before", async () => {
    const vfs = new MemoryVfs();
    const store = small(vfs);
    listen(["espalier:split"], () => store.close());
    let put = 0;
    const writes = async (): Promise<void> => {
      for (;;) {
        store.put(key(put), { put });
        put++;
        await undefined;
      }
    };
    await expect(writes()).rejects.toThrow(/closed/);
    const again = open(STORE_PATH, { vfs });
    expect(again.count()).toBe(put);
    expect(again.verify().problems).toEqual([]);
    again.close();
  });

  it("is told of what happened in order", async () => {
    const vfs = new MemoryVfs();
    const kinds: string[] = [];
    listen(CHANNELS, (_message, channel) => kinds.push(String(channel)));
    const store = small(vfs);
    for (let i = 0; i < RECORDS; i++) store.put(key(i), { i });
    store.checkpoint();
    expect(kinds).toEqual([]);
    await turn();
    expect(kinds[0]).toBe("espalier:split");
    expect(kinds.at(-1)).toBe("espalier:checkpoint");
    store.close();
  });
});

describe("where a test has put false timers in the place of the process's", () => {
  it("a subscriber hears of what happens then, and afterwards", async () => {
    const store = small(new MemoryVfs());
    let heard = 0;
    listen(CHANNELS, () => heard++);
    vi.useFakeTimers({ toFake: ["queueMicrotask"] });
    churn(store);
    vi.useRealTimers();
    await turn();
    expect(heard).toBeGreaterThan(0);
    heard = 0;
    store.clear();
    churn(store);
    await turn();
    expect(heard).toBeGreaterThan(0);
    store.close();
  });
});
