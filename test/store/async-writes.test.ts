/** putAsync and deleteAsync: gathered by turns, kept in order, told the truth about how they ended. */

import { afterEach, describe, expect, it, vi } from "vitest";
import {
  ClosedError,
  DiskFullError,
  EncodingError,
  KeyTooLargeError,
  open,
  PoisonedError,
  ReadOnlyError,
  type StoreOptions,
  TransactionError,
} from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { ByteStore } from "../support/session.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

function bytes(text: string, length = text.length): Uint8Array {
  const target = new Uint8Array(length);
  target.set(Buffer.from(text));
  return target;
}

function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString().replace(/\0+$/, "");
}

function makeStore(vfs: FaultyVfs, options: Partial<StoreOptions> = {}): ByteStore {
  const settings = { pageSize: 4096, durability: options.durability ?? "group" } as const;
  return open<Uint8Array, Uint8Array>(STORE_PATH, { ...storeOptions(settings, vfs), ...options });
}

/** How each promise ended: "done", true, false, or the name of an error. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) =>
    each.status === "fulfilled" ? (each.value ?? "done") : (each.reason as Error).name,
  );
}

/** What a power cut leaves that takes all that was not synced. */
function afterPowerCut(vfs: FaultyVfs): ByteStore {
  return makeStore(vfs.powerCut("dropped", 1));
}

describe("in a test that has put false timers in the place of the process's", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("awaited writes, write() and flush() settle", async () => {
    const toFake = [
      "setTimeout",
      "setInterval",
      "setImmediate",
      "queueMicrotask",
      "performance",
      "Date",
    ] as const;
    vi.useFakeTimers({ toFake: [...toFake] });
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const ends = outcomes([
      store.putAsync(bytes("a"), bytes("v")),
      store.write([{ type: "put", key: bytes("b"), value: bytes("v") }]),
      store.flush(),
    ]);
    vi.useRealTimers();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.race([ends, "they wait"])).toEqual(["done", "done", "done"]);
    store.close();
  });
});

describe("what is gathered", () => {
  it("one turn is one commit, over all trees, and microtasks belong to the turn", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const tree = store.tree("other", { keyEncoding: "utf8", valueEncoding: "json" });
    const { commits } = store.metrics().log;
    const caller = async (i: number): Promise<void> => {
      for (let j = 0; j < i % 4; j++) await Promise.resolve();
      await store.putAsync(bytes(`k${i}`), bytes(`v${i}`));
    };
    const writes = [
      ...Array.from({ length: 50 }, (_, i) => caller(i)),
      tree.putAsync("k", { total: 1 }),
      store.deleteAsync(bytes("k1")),
    ];
    await Promise.all(writes);
    expect(store.metrics().log.commits - commits).toBe(1);
    expect(store.count() + tree.count()).toBe(51);
    await Promise.all([caller(60), caller(61)]);
    expect(store.metrics().log.commits - commits).toBe(2);
    store.close();
  });

  it("callers that were told together are gathered together again", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const caller = async (name: number): Promise<void> => {
      for (let i = 0; i < 10; i++) await store.putAsync(bytes(`${name} ${i}`), bytes("v"));
    };
    await Promise.all(Array.from({ length: 30 }, (_, name) => caller(name)));
    expect(store.metrics().log.commits).toBe(10);
    expect(store.count()).toBe(300);
    store.close();
  });

  it("a turn without bound becomes several transactions", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const many = Array.from({ length: 25_000 }, (_, i) => store.putAsync(bytes(`k${i}`), bytes("v")));
    expect(store.metrics().log.commits).toBe(2);
    await Promise.all(many);
    expect(store.metrics().log.commits).toBe(3);
    const large = Array.from({ length: 8 }, (_, i) => store.putAsync(bytes(`k${i}`), bytes("v", 300_000)));
    expect(store.metrics().log.commits).toBe(5);
    await Promise.all([...large, store.putAsync(bytes("huge"), bytes("v", 5_000_000))]);
    expect(store.get(bytes("huge"))?.length).toBe(5_000_000);
    expect(store.verify().problems).toEqual([]);
    store.close();
  });

  it("keys and values are copied when the call is made", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    for (const length of [8, 100, 20_000]) {
      const key = bytes("key");
      const value = bytes("value", length);
      const put = store.putAsync(key, value);
      key.fill(1);
      value.fill(1);
      await put;
      expect(store.get(bytes("key"))).toEqual(bytes("value", length));
    }
    const view = store.getView(bytes("key"));
    store.put(bytes("small"), bytes("inline"));
    const copied = store.putAsync(bytes("copy"), store.getView(bytes("small")) as Uint8Array);
    store.put(bytes("small"), bytes("others"));
    await copied;
    expect(view?.length).toBe(20_000);
    expect(textOf(store.get(bytes("copy")))).toBe("inline");
    const gone = bytes("key");
    const removal = store.deleteAsync(gone);
    gone.fill(1);
    expect(await removal).toBe(true);
    store.close();
  });

  it("a value that uses the store while it is written down is put all the same", async () => {
    const store = open<string, unknown>(STORE_PATH, { vfs: new FaultyVfs({ seed: 1 }) });
    let inner: Promise<void> | undefined;
    const value = {
      toJSON: () => {
        inner = store.putAsync("inner", 1);
        store.put("between", 2);
        return "outer value";
      },
    };
    await store.putAsync("outer", value);
    await inner;
    expect([...store.range()]).toEqual([
      ["between", 2],
      ["inner", 1],
      ["outer", "outer value"],
    ]);
    store.close();
  });
});

describe("when it is durable", () => {
  it.each(["sync", "group", "none"] as const)(
    "as the promise resolves: durability %s",
    async (durability) => {
      const vfs = new FaultyVfs({ seed: 1 });
      const store = makeStore(vfs, { durability });
      store.put(bytes("gone"), bytes("v"));
      await Promise.all([
        ...Array.from({ length: 20 }, (_, i) => store.putAsync(bytes(`k${i}`), bytes("v"))),
        store.deleteAsync(bytes("gone")),
      ]);
      const found = afterPowerCut(vfs);
      expect(found.count()).toBe(20);
      expect(found.has(bytes("gone"))).toBe(false);
      found.close();
      store.close();
    },
  );

  it("close brings in and makes durable what was queued", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = makeStore(vfs, { durability: "none" });
    const writes = [store.putAsync(bytes("a"), bytes("v")), store.deleteAsync(bytes("b"))];
    store.close();
    const late = store.putAsync(bytes("c"), bytes("v"));
    const found = afterPowerCut(vfs);
    expect(found.count()).toBe(1);
    found.close();
    expect(await outcomes([...writes, late])).toEqual(["done", false, ClosedError.name]);
  });

  it("a removal of nothing waits for what was there to be seen", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    expect(await store.deleteAsync(bytes("nothing"))).toBe(false);
    const ends = await outcomes([
      store.putAsync(bytes("a"), bytes("v")),
      store.deleteAsync(bytes("a")),
      store.deleteAsync(bytes("a")),
    ]);
    expect(ends).toEqual(["done", true, false]);
    expect(store.count()).toBe(0);
    store.close();
  });
});

describe("nothing overtakes what was queued", () => {
  type Act = (store: ByteStore) => unknown;
  const a = bytes("a");
  const CASES: readonly (readonly [string, Act, string | undefined])[] = [
    ["put", (s) => s.put(a, bytes("later")), "later"],
    ["put of another", (s) => s.put(bytes("b"), bytes("later")), "queued"],
    ["delete", (s) => s.delete(a), undefined],
    ["putMany", (s) => s.putMany([[a, bytes("later")]]), "later"],
    ["putIfAbsent", (s) => s.putIfAbsent(a, bytes("later")), "queued"],
    ["deleteRange", (s) => s.deleteRange({ gte: a }), undefined],
    ["clear", (s) => s.clear(), undefined],
    ["write", (s) => s.write([{ type: "put", key: a, value: bytes("later") }]), "later"],
    [
      "transaction",
      (s) => s.transaction(() => s.put(bytes("seen"), s.get(a) ?? bytes("not there"))),
      "queued",
    ],
    ["dropTree of none", (s) => s.dropTree("none"), "queued"],
    ["a new tree", (s) => s.tree("new"), "queued"],
  ];

  it.each(CASES)("%s", async (name, act, expected) => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const queued = store.putAsync(a, bytes("queued"));
    await Promise.all([act(store), queued]);
    expect(textOf(store.get(a))).toBe(expected);
    expect(textOf(store.get(bytes("seen")))).toBe(name === "transaction" ? "queued" : undefined);
    store.close();
  });

  it("snapshot, verify, checkpoint, flush, backup and compact see it", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = makeStore(vfs, { durability: "none" });
    const snapshotted = store.putAsync(bytes("1"), bytes("v"));
    const snapshot = store.snapshot();
    expect(snapshot.has(bytes("1"))).toBe(true);
    snapshot.close();
    const verified = store.putAsync(bytes("2"), bytes("v"));
    expect(store.verify().records).toBe(2);
    const checkpointed = store.putAsync(bytes("3"), bytes("v"));
    store.checkpoint();
    expect(store.stats().durable).toBe(true);
    const flushed = store.putAsync(bytes("4"), bytes("v"));
    await store.flush();
    const found = afterPowerCut(vfs);
    expect(found.count()).toBe(4);
    found.close();
    const copied = store.putAsync(bytes("5"), bytes("v"));
    await store.backup("/copy.esp");
    const compacted = store.putAsync(bytes("6"), bytes("v"));
    await store.compact();
    expect(store.count()).toBe(6);
    await Promise.all([snapshotted, verified, checkpointed, flushed, copied, compacted]);
    store.close();
    const { pageSize: _, ...options } = storeOptions({ pageSize: 4096, durability: "none" }, vfs);
    const copy = open("/copy.esp", options);
    expect(copy.count()).toBe(5);
    copy.close();
  });

  it("a tree that is dropped takes what was queued for it along, and takes no more", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const tree = store.tree("doomed");
    const queued = tree.putAsync("k", 1);
    expect(store.dropTree("doomed")).toBe(true);
    expect(await outcomes([queued, tree.putAsync("k", 2), tree.deleteAsync("k")])).toEqual([
      "done",
      ClosedError.name,
      ClosedError.name,
    ]);
    expect(store.trees()).toEqual([]);
    expect(store.verify().problems).toEqual([]);
    store.close();
  });
});

describe("what fails", () => {
  it("a bad operation alone is rejected", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const ends = await outcomes([
      store.putAsync(bytes("a"), bytes("v")),
      store.putAsync(bytes("k", 2000), bytes("v")),
      store.deleteAsync(bytes("k", 2000)),
      store.putAsync(bytes("b"), "text" as never),
      store.deleteAsync(7 as never),
      store.putAsync(bytes("c"), bytes("v")),
    ]);
    const [tooLarge, encoding] = [KeyTooLargeError.name, EncodingError.name];
    expect(ends).toEqual(["done", tooLarge, tooLarge, encoding, encoding, "done"]);
    expect(store.count()).toBe(2);
    expect(store.metrics().log.commits).toBe(1);
    store.close();
  });

  it("inside a transaction it is refused, and the transaction goes on", async () => {
    const store = makeStore(new FaultyVfs({ seed: 1 }));
    const refused = store.transaction(() => {
      store.put(bytes("a"), bytes("v"));
      return [[store.putAsync(bytes("b"), bytes("v")), store.deleteAsync(bytes("a"))]];
    });
    expect(await outcomes(refused[0] ?? [])).toEqual([TransactionError.name, TransactionError.name]);
    expect(store.count()).toBe(1);
    store.close();
  });

  it("a read-only store refuses it", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    makeStore(vfs).close();
    const { pageSize: _, ...options } = storeOptions({ pageSize: 4096, durability: "none" }, vfs);
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, readOnly: true });
    const ends = await outcomes([store.putAsync(bytes("a"), bytes("v")), store.deleteAsync(bytes("a"))]);
    expect(ends).toEqual([ReadOnlyError.name, ReadOnlyError.name]);
    store.close();
  });

  it.each(["maxBytes", "the disk"])(
    "%s is full: the whole turn is undone, the next one works",
    async (limit) => {
      const vfs = new FaultyVfs({ seed: 1 });
      const store = makeStore(vfs, limit === "maxBytes" ? { maxBytes: 1_000_000 } : {});
      await store.putAsync(bytes("before"), bytes("v"));
      if (limit !== "maxBytes") vfs.capacityBytes = 1_500_000;
      const promises = [
        store.putAsync(bytes("a"), bytes("v")),
        store.putAsync(bytes("large"), bytes("v", 900_000)),
        store.putAsync(bytes("b"), bytes("v")),
        store.deleteAsync(bytes("before")),
        ...Array.from({ length: 100 }, (_, i) => store.putAsync(bytes(`k${i}`), bytes("v", 1000))),
      ];
      expect(new Set(await outcomes(promises))).toEqual(new Set([DiskFullError.name]));
      expect([...store.keys()]).toEqual([bytes("before")]);
      await Promise.all([store.putAsync(bytes("after"), bytes("v")), store.deleteAsync(bytes("before"))]);
      const found = afterPowerCut(vfs);
      expect([...found.keys()]).toEqual([bytes("after")]);
      expect(found.verify().problems).toEqual([]);
      found.close();
      store.close();
    },
  );

  it("a write to the log that fails poisons, and nothing of the turn is seen", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = makeStore(vfs);
    await store.putAsync(bytes("before"), bytes("v"));
    vfs.faults = [{ kind: "EIO", at: vfs.calls + 1, lasts: "once" }];
    const ends = await outcomes([store.putAsync(bytes("a"), bytes("v")), store.deleteAsync(bytes("before"))]);
    expect(ends).toEqual([PoisonedError.name, PoisonedError.name]);
    expect(await outcomes([store.putAsync(bytes("b"), bytes("v"))])).toEqual([PoisonedError.name]);
    expect([...store.keys()]).toEqual([bytes("before")]);
    store.close();
    const found = afterPowerCut(vfs);
    expect(found.has(bytes("before"))).toBe(true);
    found.close();
  });

  it("a background sync that fails rejects all that it was for", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = makeStore(vfs);
    await store.putAsync(bytes("before"), bytes("v"));
    const promises = Array.from({ length: 5 }, (_, i) => store.putAsync(bytes(`k${i}`), bytes("v")));
    store.snapshot().close(); // Brings them in; their sync begins at the end of this turn.
    vfs.faults = [{ kind: "lost-sync", at: vfs.calls + 1, lasts: "once" }];
    expect(new Set(await outcomes(promises))).toEqual(new Set([PoisonedError.name]));
    expect(await outcomes([store.deleteAsync(bytes("before"))])).toEqual([PoisonedError.name]);
    expect(() => store.close()).toThrow(PoisonedError);
    const found = afterPowerCut(vfs);
    expect(found.has(bytes("before"))).toBe(true);
    found.close();
  });

  it("what is queued when the disk fails is rejected by close", async () => {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = makeStore(vfs);
    await store.putAsync(bytes("before"), bytes("v"));
    const queued = store.putAsync(bytes("a"), bytes("v"));
    vfs.faults = [{ kind: "EIO", at: vfs.calls + 1, lasts: "forever" }];
    store.close();
    expect(await outcomes([queued])).toEqual([PoisonedError.name]);
    vfs.faults = [];
    const found = afterPowerCut(vfs);
    expect(found.has(bytes("before"))).toBe(true);
    found.close();
  });
});
