/**
 * The header that the next process finds need not be on the disk (W4): a sync has failed that was to bring it
 * there, and the page cache shows it all the same, or its writer was killed. Then the power fails as well.
 */

import { expect, it } from "vitest";
import { EspalierError, open, type Store } from "../../src/index.js";
import { BLOCK_BYTES } from "../../src/log/log-format.js";
import { decodeStoreHeader, encodeStoreHeader, type StoreHeader } from "../../src/pager/store-header.js";
import type { StoreOptions } from "../../src/store/options.js";
import type { PowerCut } from "../../src/vfs/crash-image.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { bytesOf, withFile } from "../support/damage.js";
import { headerOf } from "../support/forge.js";
import { CACHE_BYTES_LEAST, LOG_BYTES_LEAST } from "../support/session.js";

const PATH = "/store.esp";
const ALL_KINDS = ["dropped", "applied", "garbage", "torn-sectors"] as const;
/** The header's copies are torn by these most. */
const GARBAGE = ["garbage", "garbage", "garbage", "garbage", "garbage", "garbage"] as const;
const SEEDS = 4;

function options(vfs: FaultyVfs): StoreOptions {
  const sizes = { logBytes: LOG_BYTES_LEAST, cacheBytes: CACHE_BYTES_LEAST };
  return { vfs, ...sizes, durability: "sync", keyEncoding: "utf8" };
}

/** Commits that are promised, and those that may be there. */
interface Promised {
  acknowledged: number;
  tried: number;
}

/** A session of a few commits and a checkpoint; what fails on the disk ends it. */
function session(vfs: FaultyVfs, promised: Promised, commits: number): void {
  try {
    using store = open<string, number>(PATH, options(vfs));
    promised.tried = store.get("commit") ?? 0;
    for (let i = 0; i < commits; i++) {
      const commit = ++promised.tried;
      store.transaction(() => {
        store.put("commit", commit);
        store.put(`key ${commit}`, commit);
        for (let k = 0; k < 40; k++) store.put(`filling ${(commit * 17 + k) % 90}`, commit);
        if (commit % 3 === 0) store.deleteRange({ gte: "filling 3", lt: "filling 7" });
      });
      promised.acknowledged = commit;
      if (i === 2 || i === 4) store.checkpoint();
    }
  } catch (error) {
    expect(error).toBeInstanceOf(EspalierError);
  }
}

function look(image: FaultyVfs, { acknowledged, tried }: Promised, where: string): void {
  try {
    using store = open<string, number>(PATH, { ...options(image), createIfMissing: false });
    const found = store.get("commit") ?? 0;
    expect(found).toBeGreaterThanOrEqual(acknowledged);
    expect(found).toBeLessThanOrEqual(tried);
    for (let commit = 1; commit <= found; commit++) expect(store.get(`key ${commit}`)).toBe(commit);
    expect(store.verify().problems).toEqual([]);
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Cuts the power at each call of `work` that changes something, up to so many calls; returns how often. */
function cutEverywhere(
  vfs: FaultyVfs,
  calls: number,
  policies: readonly PowerCut[],
  look: (image: FaultyVfs, where: string) => void,
  work: () => void,
): number {
  let looked = 0;
  let call = 0;
  vfs.onCall = ({ changes, operation, path }) => {
    if (!changes || ++call > calls) return;
    for (const policy of policies) look(vfs.powerCut(policy, ++looked), `${policy} at ${operation} ${path}`);
  };
  work();
  vfs.onCall = undefined;
  return looked;
}

/** Numbers of the calls that sync the store's file. */
function syncsOfSession(): number[] {
  const syncs: number[] = [];
  const vfs = new FaultyVfs({ seed: 1 });
  vfs.onCall = ({ call, operation, path }) => {
    if (operation === "sync" && path === PATH) syncs.push(call);
  };
  session(vfs, { acknowledged: 0, tried: 0 }, 6);
  return syncs;
}

it("a sync that failed and took the bytes", () => {
  let looked = 0;
  for (const at of syncsOfSession()) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const promised = { acknowledged: 0, tried: 0 };
      const vfs = new FaultyVfs({ seed, faults: [{ kind: "lost-sync", at, lasts: "once" }] });
      session(vfs, promised, 6);
      if (promised.acknowledged === 0) continue;
      looked += cutEverywhere(
        vfs,
        12,
        ALL_KINDS,
        (image, where) => look(image, promised, `sync lost at ${at}, seed ${seed}, then ${where}`),
        () => session(vfs, promised, 1),
      );
    }
  }
  expect(looked).toBeGreaterThan(500);
});

it("a killed writer", () => {
  let looked = 0;
  const promised = { acknowledged: 0, tried: 0 };
  const vfs = new FaultyVfs({ seed: 1 });
  vfs.onCall = ({ changes, call }) => {
    if (!changes || promised.acknowledged === 0) return;
    const killed = vfs.processKill(call);
    const then = { ...promised };
    looked += cutEverywhere(
      killed,
      3,
      GARBAGE,
      (image, where) => look(image, then, `killed at ${call}, then ${where}`),
      () => session(killed, { ...then }, 0),
    );
  };
  session(vfs, promised, 6);
  expect(promised.acknowledged).toBe(6);
  expect(looked).toBeGreaterThan(500);
});

/** Kills a session at its end, before it closes; `edit` changes the older copy of the header. */
function killedStore(edit: (older: StoreHeader) => void): { killed: FaultyVfs; inForce: number } {
  const vfs = new FaultyVfs({ seed: 1 });
  const store = open<string, number>(PATH, options(vfs));
  for (let i = 0; i < 3; i++) store.put(`key ${i}`, i);
  const killed = vfs.processKill(1);
  store.close();
  const data = bytesOf(killed.live, PATH);
  const { sequence } = headerOf(data);
  const place = ((sequence + 1) % 2) * BLOCK_BYTES;
  const older = decodeStoreHeader(data.subarray(place, place + BLOCK_BYTES));
  if (older === undefined) throw new Error("there is no older copy");
  edit(older);
  data.set(encodeStoreHeader(older), place);
  return { killed: new FaultyVfs({ disk: withFile(killed.live, PATH, data) }), inForce: sequence };
}

/** Where the first write to the store's file goes when it is opened. */
function firstWrite(vfs: FaultyVfs): number {
  let first = -1;
  vfs.onCall = ({ operation, path, position }) => {
    if (operation === "write" && path === PATH && first < 0) first = position;
  };
  open(PATH, options(vfs)).close();
  return first;
}

it("the header is written in its place only where the older copy would do", () => {
  const first = (edit: (older: StoreHeader) => void): boolean => {
    const { killed, inForce } = killedStore(edit);
    return firstWrite(killed) === (inForce % 2) * BLOCK_BYTES;
  };
  expect(first(() => undefined)).toBe(true);
  const none = {
    "pages that the file does not have": (older: StoreHeader) => {
      older.pageCount = 1_000_000;
    },
    "no free list": (older: StoreHeader) => {
      older.freeListHead = 2;
    },
    "not the one before": (older: StoreHeader) => {
      older.sequence -= 1;
    },
    "another log": (older: StoreHeader) => {
      older.clean = false;
      older.log = { segment: 0, generation: 7, salt: 7, chain: 7, nextSalt: 0 };
    },
  };
  for (const [what, edit] of Object.entries(none)) expect(first(edit), what).toBe(false);
});

/** A copy of the closed store takes its place while a session that begins with `work` has it open. */
function copyBeside(work: (store: Store<string, number>) => void): FaultyVfs {
  const vfs = new FaultyVfs({ seed: 1 });
  {
    using store = open<string, number>(PATH, options(vfs));
    store.put("key", 1);
  }
  const copy = bytesOf(vfs.live, PATH);
  using store = open<string, number>(PATH, options(vfs));
  work(store);
  return new FaultyVfs({ disk: withFile(vfs.live, PATH, copy) });
}

function undone(store: Store<string, number>): void {
  const undo = (): void =>
    store.transaction(() => {
      store.put("key", 2);
      throw new Error("undone");
    });
  expect(undo).toThrow("undone");
}

it("a log that only says what is durable is no reason to refuse a file that has it all", () => {
  const vfs = copyBeside((store) => {
    undone(store);
    store.checkpoint();
  });
  expect(vfs.stat(`${PATH}-log2`)).toBeDefined();
  using store = open<string, number>(PATH, { ...options(vfs), createIfMissing: false });
  expect(store.get("key")).toBe(1);
});

it("a log that holds a commit behind that, or says that one is durable which the file lacks, is", () => {
  const holds = (store: Store<string, number>): void => {
    undone(store);
    store.checkpoint();
    store.put("key", 2);
  };
  const says = (store: Store<string, number>): void => {
    store.put("key", 2);
    store.checkpoint();
  };
  for (const work of [holds, says])
    expect(() => open(PATH, options(copyBeside(work)))).toThrow(/holds commits that the store's header/);
});
