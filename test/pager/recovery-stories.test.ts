/** Losses that crash images have found, each as the shortest way to it that is known. */

import { expect, it, vi } from "vitest";
import { open, PoisonedError } from "../../src/index.js";
import { Pager } from "../../src/pager/pager.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { outcome } from "../support/damage.js";
import { FaultSession } from "../support/fault-session.js";
import { Session, type SessionSettings, STORE_PATH, type Step, storeOptions } from "../support/session.js";

const SEED = 3;
/** Changes of log segments in the midst of a transaction, and the transactions that they take at most. */
const CHANGES = 3;
const TRANSACTIONS_MAX = 1000;

function start(
  pageSize: number,
  durability: SessionSettings["durability"] = "sync",
): { vfs: FaultyVfs; session: Session } {
  const vfs = new FaultyVfs({ seed: SEED });
  const session = new Session(vfs, { pageSize, durability }, SEED);
  session.open();
  return { vfs, session };
}

function records(session: Session, count: number, limit: number, bytes: number): Step {
  return {
    put: Array.from(
      { length: count },
      () => [session.key(limit), session.bytes(session.prng.below(bytes))] as const,
    ),
  };
}

/** The next process finds the newest state, after a power cut and after a kill. */
function assertNothingLost(vfs: FaultyVfs, session: Session, what: string): void {
  const { history, settings } = session;
  expect(outcome(vfs.powerCutImage("dropped", 1), settings, history), what).toBe(history.newest);
  expect(outcome(vfs.processKill(1).live, settings, history), what).toBe(history.newest);
}

/**
 * Story: a commit that did not fit the rest of its log segment went to the next one, and a checkpoint began
 * in the middle of it. The checkpoint's free list left out the pages that the transaction had taken already:
 * replaying it gave out pages that were not free, and the store could not be opened.
 */
it("a transaction that meets a change of log segments can be recovered", () => {
  const carried = vi.spyOn(Pager.prototype, "carryOver");
  // Commits of a good part of a segment: now and then one has no room left before the segment counts as full.
  for (const [pageSize, count] of [
    [512, 100],
    [4096, 40],
  ] as const) {
    const { vfs, session } = start(pageSize);
    carried.mockClear();
    let transactions = 0;
    /** Whether the transaction before met a change. */
    let follows = false;
    while (carried.mock.calls.length < CHANGES) {
      expect(transactions, "transactions without enough of them").toBeLessThan(TRANSACTIONS_MAX);
      transactions++;
      const before = carried.mock.calls.length;
      session.transaction([
        { ...records(session, count, 600, 800), remove: Array.from({ length: 10 }, () => session.key(600)) },
      ]);
      const meets = carried.mock.calls.length > before;
      if (meets || follows)
        assertNothingLost(vfs, session, `page size ${pageSize}, transaction ${transactions}`);
      follows = meets;
    }
    session.close();
  }
  carried.mockRestore();
});

/**
 * Story: while a transaction larger than the cache was replayed, its pages were evicted and written behind
 * the file's end, which the power cut had left where it was. Then the file was extended with zeros: over
 * them. And a page that was needed again was refused, since the record that added it came later.
 */
it("a transaction larger than the cache survives a power cut right after it", () => {
  const { vfs, session } = start(4096);
  session.transaction([records(session, 900, 100_000, 1500)]);
  assertNothingLost(vfs, session, "the first");
  session.transaction([records(session, 900, 100_000, 1500)]);
  assertNothingLost(vfs, session, "the second");
  expect(session.store.metrics().pager.spills).toBeGreaterThan(100);
  session.close();
});

/**
 * Story: undoing a transaction needed a free frame for each page that had been spilled, while the
 * before-images filled the cache: "cacheBytes is too small", in the middle of the rollback.
 */
it("a transaction larger than the cache can be undone, with dirty pages and a snapshot alive", () => {
  const { session } = start(4096);
  session.transaction([records(session, 900, 900, 1000)]);
  const snapshot = session.store.snapshot();
  for (let i = 0; i < 3; i++) {
    session.transaction([records(session, 500, 900, 1000)]);
    session.rolledBack([records(session, 900, 900, 1200)]);
    session.rolledBack([{ remove: Array.from({ length: 600 }, () => session.key(900)) }]);
  }
  snapshot.close();
  const report = session.store.verify();
  expect(report).toMatchObject({ ok: true, records: session.model.tree("").size });
  session.close();
});

/**
 * Story: a transaction that outgrew the cache was undone. Pages of it that had been spilled and read back
 * counted as imaged in the log, while that image went with the transaction: the next one logged edits only,
 * and after a crash the store could not be opened.
 */
it("after a transaction larger than the cache was undone, the next ones can be recovered", () => {
  const vfs = new FaultyVfs({ seed: SEED });
  // A log that never changes segments here.
  const session = new Session(vfs, { pageSize: 4096, durability: "sync", logBytes: 64 * 1024 * 1024 }, SEED);
  session.open();
  session.transaction([records(session, 600, 900, 500)]);
  for (let i = 0; i < 3; i++) {
    session.transaction([records(session, 100, 900, 500)]);
    session.rolledBack([records(session, 900, 900, 500)]);
    for (let j = 0; j < 3; j++) {
      session.transaction([records(session, 30, 900, 500)]);
      assertNothingLost(vfs, session, `transaction ${j} after undoing ${i}`);
    }
  }
  expect(session.store.metrics().pager.spills).toBeGreaterThan(100);
  session.close();
});

/**
 * Story: recovery wrote the log's frames again in place, to be sure that they were on the disk. A power cut
 * in that moment tore blocks that had been acknowledged long before, the segment's header among them.
 */
it("a power cut during recovery tears nothing that was acknowledged", () => {
  const { vfs, session } = start(4096);
  for (let i = 0; i < 6; i++) session.put(session.key(20), session.bytes(300));
  const image = vfs.powerCut("dropped", 1);
  let looked = 0;
  image.onCall = (record) => {
    if (!record.changes) return;
    for (let seed = 0; seed < 12; seed++) {
      looked++;
      const found = outcome(image.powerCutImage("garbage", seed), session.settings, session.history);
      expect(found, `call ${record.call}, seed ${seed}`).toBe(session.history.newest);
    }
  };
  // `outcome` opens, and so recovers, the image itself.
  const again = new Session(image, session.settings, SEED);
  again.open();
  image.onCall = undefined;
  again.close();
  expect(looked).toBeGreaterThan(50);
});

/**
 * Story: a checkpoint failed and was tried again, with the free list of a later moment than the one that the
 * log began at: replaying freed pages twice, or gave out pages that were not free.
 */
it.each([
  ["small", 14, 30, 4],
  ["larger", 6, 130, 9],
] as const)("a checkpoint that failed at any call can be tried again, transactions: %s", (...words) => {
  const [, transactions, puts, every] = words;
  const script = (session: Session): void => {
    for (let i = 0; i < transactions; i++) {
      session.transaction([
        {
          ...records(session, puts, 300 * (i + 1), 700),
          remove: Array.from({ length: 12 }, () => session.key(300)),
        },
      ]);
      if (i % every === 1) session.checkpoint();
    }
  };
  const trial = start(4096);
  const calls: number[] = [];
  trial.vfs.onCall = (record) => {
    if (record.operation === "write") calls.push(record.call);
  };
  script(trial.session);
  let struck = 0;
  for (const at of calls) {
    const vfs = new FaultyVfs({ seed: SEED, faults: [{ kind: "ENOSPC", at, lasts: "once" }] });
    const session = new FaultSession(vfs, trial.session.settings, SEED, true);
    session.open();
    script(session);
    struck += vfs.faultsHit;
    if (!session.poisoned) assertNothingLost(vfs, session, `a write failed at call ${at}`);
    session.abandon();
  }
  expect(struck).toBe(calls.length);
});

/**
 * Story: without durability a background sync failed, no call was there to tell, and close() returned as if
 * all were well.
 */
it("close says when commits may not be durable", () => {
  let said = 0;
  for (let at = 1; at < 60; at++) {
    const { vfs, session } = start(4096, "none");
    session.put("a", session.bytes(10));
    vfs.faults = [{ kind: "lost-sync", at: vfs.calls + at, lasts: "once" }];
    // The commit that the failed sync ran beside stands: it is the last that goes through.
    try {
      for (let i = 0; i < 12 && session.store.stats().failure === undefined; i++)
        session.transaction([records(session, 40, 400, 700)]);
    } catch (error) {
      expect(error).toBeInstanceOf(PoisonedError);
    }
    const { failure, committed, durableCommit } = session.store.stats();
    if (failure === undefined || committed === durableCommit) continue;
    expect(() => session.store.close()).toThrow(PoisonedError);
    said++;
  }
  expect(said).toBeGreaterThan(0);
});

/**
 * Story: without durability a commit freed a page that the running checkpoint had not come to: it was not
 * written any more, and the log segment with its bytes was given up. The power failed, that commit had not
 * been synced, and the page was in use again, as an older image of itself.
 */
it("what a commit freed during a checkpoint is there if that commit is lost", () => {
  const vfs = new FaultyVfs({ seed: SEED });
  const settings = { pageSize: 4096, cacheBytes: 8 << 20, logBytes: 1 << 20 };
  const session = new Session(vfs, { ...settings, durability: "none" }, SEED);
  session.open();
  const { store } = session;
  const name = (i: number): string => `k${String(i).padStart(6, "0")}`;
  const value = (bytes: number): Uint8Array => session.bytes(bytes);
  session.transaction([{ put: Array.from({ length: 1500 }, (_, i) => [name(i), value(300)] as const) }]);
  let looked = 0;
  for (let round = 0; round < 4; round++) {
    const hot = 1000 + 60 * round;
    session.checkpoint();
    session.checkpoint();
    // Many low pages are dirty when the checkpoint begins, and one further up.
    while (!store.stats().checkpointRunning) {
      const low = Array.from({ length: 40 }, () => [session.key(600), value(300)] as const);
      session.transaction([{ put: [...low, [name(hot), value(300)]] }]);
    }
    const { checkpoints, writebacks } = store.metrics().pager;
    while (store.metrics().pager.writebacks < writebacks + 32) session.put(name(0), value(290));
    session.transaction([{ remove: Array.from({ length: 30 }, (_, i) => name(hot - 13 + i)) }]);
    while (store.metrics().pager.checkpoints === checkpoints) session.put(name(0), value(290));
    looked++;
    const found = outcome(vfs.powerCutImage("dropped", 1), session.settings, session.history);
    expect(found, `round ${round}`).toBeGreaterThanOrEqual(session.history.durable);
  }
  expect(looked).toBe(4);
  session.close();
});

/**
 * Story: a process was killed when it had written a header, and before it had synced it. The next one
 * recovered from that header, out of the page cache, and wrote its free list over pages that the older header
 * needed. Then the power failed, and the older header was the one on the disk.
 */
it("a header that only the page cache had is durable before recovery, or a first commit, rests on it", () => {
  let looked = 0;
  for (const again of [false, true]) {
    const { vfs, session } = start(512);
    session.transaction([records(session, 200, 400, 300)]);
    let unsynced = false;
    vfs.onCall = (record) => {
      if (record.path !== STORE_PATH || !record.changes) return;
      // This call is the sync of the header that the call before has written.
      if (unsynced && record.operation === "sync") looked += killAndCutPower(vfs, session, again);
      unsynced = record.operation === "write" && record.position < 8192;
    };
    for (const from of ["k000300", "k000100"]) {
      session.deleteRange("", from, "k000350");
      session.checkpoint();
    }
    session.close();
    vfs.onCall = undefined;
  }
  expect(looked).toBeGreaterThan(100);
});

/** Kills the process now, and cuts the power at each call of the next one, which may also write. */
function killAndCutPower(vfs: FaultyVfs, session: Session, writes: boolean): number {
  const image = vfs.processKill(1);
  const { history, settings } = session;
  const key = Buffer.from("written by the next process");
  let looked = 0;
  image.onCall = (record) => {
    if (!record.changes) return;
    for (const policy of ["dropped", "subset"] as const) {
      const found = outcome(image.powerCutImage(policy, looked++), settings, history);
      // -1: with the next process's record, which is in no history.
      const right = writes ? typeof found === "number" : found === history.newest;
      expect(right, `${policy} at call ${record.call} of the next process: ${found}`).toBe(true);
    }
  };
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, image));
  if (writes) store.put(key, key);
  image.onCall = undefined;
  return looked;
}
