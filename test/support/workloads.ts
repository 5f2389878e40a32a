/**
 * Scripts that drive a store through everything that it does to its files: each is run once, and crashed
 * at every call.
 */

import type { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { awaitedWrites } from "./awaited-writes.js";
import { catalogToEnd } from "./catalog-at-end.js";
import { BACKUP_PATH } from "./crash.js";
import { FaultSession } from "./fault-session.js";
import { keyOfBytes } from "./model.js";
import { Session, type SessionSettings, type Step } from "./session.js";
import {
  tightFailing,
  tightMeanwhile,
  tightReopening,
  tightSnapshots,
  tightSpace,
  tightTransactions,
} from "./tight-workloads.js";
import { varied, variedMeanwhile } from "./varied-workloads.js";

export interface Workload {
  readonly name: string;
  readonly durability: SessionSettings["durability"];
  readonly logBytes?: number;
  /** The page sizes that the suite runs it with; else 512 and 4096. */
  readonly pageSizes?: readonly number[];
  /** The suite takes so many images of it, for a share of the usual ones. */
  readonly share?: number;
  /** Syncs of checkpoints are not done at once. */
  readonly slowSyncs?: boolean;
  /** Its disk fails at times; what it changes then may not be done. */
  readonly fails?: boolean;
  readonly run: (session: Session) => void | Promise<void>;
}

const PAGE_SIZES: readonly number[] = [512, 4096];

export function pageSizesOf({ pageSizes }: Workload): readonly number[] {
  return pageSizes ?? PAGE_SIZES;
}

/** A session for the workload to run in. */
export function sessionOf(workload: Workload, vfs: FaultyVfs, pageSize: number, seed: number): Session {
  const settings = settingsOf(workload, pageSize);
  if (workload.fails === true) return new FaultSession(vfs, settings, seed, false);
  return new Session(vfs, settings, seed);
}

export function settingsOf({ durability, logBytes }: Workload, pageSize: number): SessionSettings {
  return { pageSize, durability, ...(logBytes !== undefined && { logBytes }) };
}

function records(session: Session, count: number, limit: number, bytes: number): [string, Uint8Array][] {
  return Array.from({ length: count }, () => [session.key(limit), session.bytes(session.prng.below(bytes))]);
}

function removals(session: Session, count: number, limit: number): string[] {
  return Array.from({ length: count }, () => session.key(limit));
}

/** One random step of those that need no waiting. */
function randomStep(s: Session): void {
  const { prng } = s;
  const lot = prng.below(10);
  if (lot === 0) s.delete(s.key(200));
  else if (lot === 1) s.put(s.key(200), s.bytes(prng.below(20_000)));
  else if (lot === 2) {
    const put = records(s, 1 + prng.below(30), 200, 300);
    s.transaction([{ put, remove: removals(s, prng.below(20), 200) }]);
  } else if (lot === 3) s.rolledBack([{ put: records(s, 1 + prng.below(30), 200, 300) }]);
  else if (lot === 4) {
    const from = s.key(200);
    s.deleteRange("", from, `${from.slice(0, -1)}~`);
  } else s.put(s.key(200), s.bytes(prng.below(200)));
}

function puts(s: Session): void {
  s.open();
  for (let i = 0; i < 60; i++) {
    if (s.prng.chance(0.25)) s.delete(s.key(40));
    else s.put(s.key(40), s.bytes(s.prng.below(400)));
  }
  s.close();
}

function mixed(s: Session): void {
  s.open();
  for (let i = 0; i < 60; i++) {
    randomStep(s);
    if (s.prng.chance(0.04)) s.checkpoint();
  }
  s.close();
}

/** Transactions that neither the cache nor a log segment can hold. */
function largeTransactions(s: Session): void {
  s.open();
  s.transaction([{ put: records(s, 50, 1000, 300) }]);
  s.transaction([{ put: records(s, 900, 1000, 1000) }]);
  s.put("after", s.bytes(10));
  s.rolledBack([{ put: records(s, 900, 1000, 1200), remove: removals(s, 300, 1000) }]);
  s.put("after the rollback", s.bytes(10));
  s.transaction([{ remove: removals(s, 700, 1000), put: records(s, 500, 1000, 1100) }]);
  s.close();
}

function overflowValues(s: Session): void {
  s.open();
  for (let i = 0; i < 40; i++) {
    const key = s.key(8);
    if (s.prng.chance(0.3)) s.delete(key);
    else s.put(key, s.bytes(s.prng.chance(0.2) ? 200_000 : s.prng.below(30_000)));
    if (s.prng.chance(0.3)) s.put(s.key(300), s.bytes(s.prng.below(100)));
    if (s.prng.chance(0.06)) s.checkpoint();
  }
  s.close();
}

/** Leaves freed by deletes become overflow runs, and overflow runs become leaves, within one segment. */
function pagesChangeHands(s: Session): void {
  s.open();
  for (let round = 0; round < 5; round++) {
    s.transaction([{ put: Array.from({ length: 120 }, (_, i) => [`k${i}`, s.bytes(200)]) }]);
    s.put("big", s.bytes(30_000));
    s.transaction([{ remove: Array.from({ length: 120 }, (_, i) => `k${i}`) }]);
    s.put("also big", s.bytes(20_000));
    s.delete("big");
    if (round === 2) s.checkpoint();
  }
  s.close();
}

/** Enough to retire both segments several times over. */
function bothSegments(s: Session): void {
  s.open();
  for (let i = 0; i < 60; i++) {
    s.transaction([{ put: records(s, 40, 600, 800), remove: removals(s, 10, 600) }]);
    if (i % 20 === 7) s.checkpoint();
  }
  s.close();
}

/** The active segment grows several times, and what it has grown by is synced in the background. */
async function growingLog(s: Session): Promise<void> {
  s.open();
  for (let i = 0; i < 30; i++) {
    // Only growth behind commits of 32 KiB and more is synced so.
    s.transaction([{ put: records(s, 400, 1200, 150), remove: removals(s, 20, 1200) }]);
    if (s.prng.chance(0.3)) await new Promise(setImmediate);
    if (s.prng.chance(0.1)) s.put(s.key(400), s.bytes(20_000));
    if (s.prng.chance(0.03)) s.checkpoint();
  }
  s.close();
}

async function groupCommit(s: Session): Promise<void> {
  s.open();
  let promises: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    const steps: Step[] = [{ put: records(s, 1 + s.prng.below(6), 150, 500), remove: removals(s, 2, 150) }];
    if (s.prng.chance(0.6)) promises.push(s.write(steps));
    else randomStep(s);
    if (s.prng.chance(0.3)) await Promise.resolve();
    if (s.prng.chance(0.15)) await s.flush();
    if (s.prng.chance(0.05)) s.put(s.key(150), s.bytes(50), true);
    if (s.prng.chance(0.1)) {
      await Promise.all(promises);
      promises = [];
    }
  }
  await Promise.all(promises);
  s.close();
}

async function noDurability(s: Session): Promise<void> {
  s.open();
  for (let i = 0; i < 80; i++) {
    randomStep(s);
    if (s.prng.chance(0.1)) s.transaction([{ put: records(s, 60, 400, 900) }]);
    if (s.prng.chance(0.05)) await s.flush();
    if (s.prng.chance(0.04)) s.checkpoint();
    if (s.prng.chance(0.05)) s.put(s.key(200), s.bytes(30), true);
  }
  s.close();
}

async function compact(s: Session): Promise<void> {
  s.open();
  for (let i = 0; i < 6; i++) s.transaction([{ put: records(s, 60, 400, 500) }]);
  for (let i = 0; i < 6; i++) s.put(`big${i}`, s.bytes(12_000));
  s.deleteRange("", "k000050", "k000320");
  for (let i = 0; i < 5; i++) s.delete(`big${i}`);
  await s.store.compact();
  s.put("after", s.bytes(300));
  for (let i = 0; i < 3; i++) s.transaction([{ put: records(s, 40, 400, 500) }]);
  s.deleteRange("", "k000000", "k000200");
  await s.store.compact();
  s.put("at the end", s.bytes(9000));
  s.close();
}

/** The catalogue lies at the file's end, once more after the first time. */
async function compactCatalog(s: Session): Promise<void> {
  for (let round = 0; round < 2; round++) {
    s.open();
    s.transaction([{ put: records(s, 150, 400, 500) }]);
    s.change(
      () => undefined,
      () => catalogToEnd(s.store),
      true,
    );
    s.close();
    s.open();
    const { dataBytes } = s.store.stats();
    s.deleteRange("", "k000050", "k000370");
    await s.store.compact();
    if (s.store.stats().dataBytes >= dataBytes) throw new Error("compact has not made the file smaller");
    s.createTree(`tree${round}`);
    s.transaction([{ tree: `tree${round}`, put: records(s, 20, 100, 100) }]);
    if (round === 1) s.checkpoint();
    s.dropTree("tree0");
    s.close();
  }
}

async function backup(s: Session): Promise<void> {
  s.open();
  for (let i = 0; i < 4; i++) s.transaction([{ put: records(s, 50, 200, 500) }]);
  s.put("big", s.bytes(15_000));
  s.backup = s.model.fingerprint();
  const copying = s.store.backup(BACKUP_PATH);
  copying.catch(() => undefined); // It is awaited below, if nothing else fails before.
  for (let i = 0; i < 12; i++) {
    s.put(s.key(200), s.bytes(300));
    if (i === 4) s.delete("big");
    await new Promise((resolve) => setImmediate(resolve));
  }
  await copying;
  s.close();
}

function openAndClose(s: Session): void {
  for (let i = 0; i < 8; i++) {
    s.open();
    const commits = s.prng.below(4);
    for (let j = 0; j < commits; j++) randomStep(s);
    s.close();
  }
}

function namedTrees(s: Session): void {
  s.open();
  for (const name of ["a", "b", "c"]) s.createTree(name);
  for (let i = 0; i < 12; i++) {
    const tree = s.prng.pick(["a", "b", "c"]);
    s.transaction([
      { tree, put: records(s, 25, 300, 300) },
      { put: records(s, 5, 300, 300), remove: removals(s, 5, 300) },
    ]);
    if (i === 6) s.checkpoint();
  }
  s.dropTree("a");
  s.clear("b");
  s.deleteRange("c", "k000050", "k000200");
  s.createTree("a");
  s.transaction([{ tree: "a", put: records(s, 40, 300, 400) }]);
  s.dropTree("c");
  s.clear("");
  s.put("last", s.bytes(2));
  s.close();
}

/** Pages that a snapshot sees must not be given away, whatever is checkpointed meanwhile. */
function snapshots(s: Session): void {
  s.open();
  for (let round = 0; round < 3; round++) {
    s.transaction([{ put: records(s, 120, 200, 400) }]);
    s.put("big", s.bytes(20_000));
    const snapshot = s.store.snapshot();
    const before = s.model.fingerprint();
    s.delete("big");
    for (let i = 0; i < 8; i++)
      s.transaction([{ put: records(s, 30, 200, 400), remove: removals(s, 30, 200) }]);
    s.put("other", s.bytes(25_000));
    s.checkpoint();
    const seen = s.model.clone();
    seen.tree("").clear();
    for (const [key, value] of snapshot.range()) seen.tree("").set(keyOfBytes(key), value);
    if (seen.fingerprint() !== before) throw new Error("the snapshot saw something else than the store was");
    snapshot.close();
    s.put("after", s.bytes(round));
  }
  s.close();
}

/** Short, so that every call of it can fail in every way. */
async function aBitOfEverything(s: Session): Promise<void> {
  s.open();
  for (let i = 0; i < 3; i++) s.put(`k${i}`, s.bytes(100));
  s.transaction([{ put: records(s, 40, 100, 400), remove: ["k1"] }]);
  s.put("big", s.bytes(9000));
  s.rolledBack([{ put: [["k2", s.bytes(9000)]] }]);
  s.checkpoint();
  s.put("big", s.bytes(7000));
  s.createTree("a");
  s.transaction([{ tree: "a", put: records(s, 60, 100, 900) }]);
  s.delete("big");
  await s.write([{ put: records(s, 3, 100, 50) }]);
  await s.flush();
  s.close();
  s.open();
  s.put("k5", s.bytes(10));
  s.deleteRange("", "k0", "k00005");
  s.checkpoint();
  s.dropTree("a");
  s.close();
}

const VARIED = { pageSizes: [1024, 8192], share: 0.1, slowSyncs: true } as const;
const TIGHT = { pageSizes: [512, 4096, 32768], share: 0.05, slowSyncs: true } as const;

export const WORKLOADS: readonly Workload[] = [
  { name: "a-bit-of-everything", durability: "sync", run: aBitOfEverything },
  { name: "puts", durability: "sync", run: puts },
  { name: "mixed", durability: "sync", run: mixed },
  { name: "large-transactions", durability: "sync", run: largeTransactions },
  { name: "overflow-values", durability: "sync", run: overflowValues },
  { name: "pages-change-hands", durability: "sync", run: pagesChangeHands },
  { name: "pages-change-hands-none", durability: "none", run: pagesChangeHands },
  { name: "both-segments", durability: "sync", run: bothSegments },
  { name: "growing-log", durability: "sync", logBytes: 1024 * 1024, run: growingLog },
  { name: "group-commit", durability: "group", run: groupCommit },
  { name: "awaited-writes", durability: "group", run: awaitedWrites },
  { name: "awaited-writes-none", durability: "none", run: awaitedWrites },
  { name: "no-durability", durability: "none", run: noDurability },
  { name: "compact", durability: "sync", run: compact },
  { name: "compact-none", durability: "none", run: compact },
  { name: "compact-catalogue", durability: "sync", run: compactCatalog },
  { name: "backup", durability: "sync", run: backup },
  { name: "open-and-close", durability: "sync", run: openAndClose },
  { name: "open-and-close-none", durability: "none", run: openAndClose },
  { name: "named-trees", durability: "sync", run: namedTrees },
  { name: "snapshots", durability: "sync", run: snapshots },
  { name: "snapshots-none", durability: "none", run: snapshots },
  { name: "varied", durability: "sync", ...VARIED, run: varied },
  { name: "varied-none", durability: "none", ...VARIED, run: varied },
  { name: "varied-meanwhile", durability: "group", ...VARIED, run: variedMeanwhile },
  { name: "tight-transactions", durability: "sync", ...TIGHT, run: tightTransactions },
  { name: "tight-space", durability: "sync", ...TIGHT, run: tightSpace },
  { name: "tight-snapshots", durability: "none", ...TIGHT, run: tightSnapshots },
  { name: "tight-reopening", durability: "none", ...TIGHT, run: tightReopening },
  { name: "tight-meanwhile", durability: "group", ...TIGHT, run: tightMeanwhile },
  { name: "tight-failing", durability: "sync", ...TIGHT, fails: true, run: tightFailing },
];
