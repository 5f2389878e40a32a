/** The writing side of the log by itself: blocks that a sync has covered are never written again (W6). */

import { expect, it } from "vitest";
import { PoisonedError } from "../../src/base/errors.js";
import { createMetrics } from "../../src/base/metrics.js";
import { BLOCK_BYTES, segmentPath } from "../../src/log/log-format.js";
import { RedoLog } from "../../src/log/redo-log.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";

const STORE = "/s.esp";
const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);

function startLog(vfs: FaultyVfs): RedoLog {
  const log = new RedoLog(
    {
      vfs,
      storePath: STORE,
      storeId: new Uint8Array(16).fill(3),
      pageSize: 4096,
      segmentBytesMax: 64 * 1024 * 1024,
      segmentBytesStart: 256 * 1024,
      metrics: createMetrics().log,
    },
    0,
  );
  log.start(1);
  return log;
}

it(`no block that a sync has covered is written again, whenever it came (ESPALIER_SEED=${SEED} replays)`, async () => {
  const prng = new Prng(SEED);
  const vfs = new FaultyVfs({ seed: SEED });
  const log = startLog(vfs);
  const written = new Set<number>();
  let covered = new Set<number>();
  let rewritten = 0;
  vfs.onCall = ({ operation, path, position, length }) => {
    if (path !== segmentPath(STORE, 0)) return;
    if (operation === "sync") covered = new Set(written);
    if (operation !== "write" && operation !== "write-through") return;
    for (let block = Math.floor(position / BLOCK_BYTES); block * BLOCK_BYTES < position + length; block++) {
      expect(covered.has(block), `block ${block}`).toBe(false);
      // Zeros that the segment grows by are no frames.
      if (position < log.usedBytes + BLOCK_BYTES) {
        if (written.has(block)) rewritten++;
        written.add(block);
      }
    }
    if (operation === "write-through") covered = new Set(written);
  };
  const u8 = new Uint8Array(6000);
  const memory = { u8, view: new DataView(u8.buffer) };
  const ops: readonly (() => void | Promise<void>)[] = [
    () => log.records.write(0, memory, 0, prng.below(prng.chance(0.2) ? 6000 : 60)),
    () => log.sync(),
    () => void log.writePart(),
  ];
  for (let transaction = 0; transaction < 1500; transaction++) {
    log.begin();
    log.records.selectPage(prng.below(100));
    for (let i = prng.below(4); i >= 0; i--) {
      await ops[0]?.();
      if (prng.chance(0.1)) await prng.pick(ops)();
    }
    if (prng.chance(0.1)) log.rollback();
    else log.commit(prng.chance(0.3));
    const lot = prng.below(10);
    if (lot === 0) await log.syncInBackground();
    if (lot === 1) log.sync();
  }
  expect(rewritten).toBeGreaterThan(100);
  expect(covered.size).toBeGreaterThan(300);
  log.close(false);
});

/** What a sync in the background covers is what was written when it began; what comes meanwhile is not durable. */
it("a sync in the background covers the commits before it, and only those", async () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const log = startLog(vfs);
  const commit = (): void => {
    log.begin();
    log.records.selectPage(5);
    log.records.fill(0, 8, 1);
    log.commit(false);
  };
  commit();
  commit();
  const syncing = log.syncInBackground();
  commit();
  await syncing;
  expect([log.committed, log.durable]).toEqual([3, 2]);
  await log.syncInBackground();
  expect([log.committed, log.durable]).toEqual([3, 3]);
  log.close(false);
});

/** Story: a page was written over on the strength of such a sync, torn in a power cut, and no log had it whole. */
it("a sync in the background that ends after another has failed is not believed", async () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const log = startLog(vfs);
  commitOne(log, false);
  const syncing = log.syncInBackground();
  vfs.faults = [{ kind: "lost-sync", at: vfs.calls + 1, lasts: "once" }];
  expect(() => log.sync()).toThrow(PoisonedError);
  await expect(syncing).rejects.toThrow(PoisonedError);
  expect([log.committed, log.durable]).toEqual([1, 0]);
  log.close(false);
});

/** A log that has just grown and committed once; and the calls since. */
function grownLog(sync: boolean): { vfs: FaultyVfs; log: RedoLog; calls: string[] } {
  const vfs = new FaultyVfs({ seed: 1 });
  const log = startLog(vfs);
  log.growActive(log.segmentBytes + 64 * 1024);
  commitOne(log, sync);
  const calls: string[] = [];
  vfs.onCall = ({ operation, path }) => void calls.push(`${operation} ${path}`);
  return { vfs, log, calls };
}

function commitOne(log: RedoLog, sync: boolean): void {
  log.begin();
  log.records.selectPage(5);
  log.records.fill(0, 8, 1);
  log.commit(sync);
}

it("what the log has grown by is synced in the background, once, through a descriptor of its own", async () => {
  const { log, calls } = grownLog(true);
  log.settleGrowth();
  log.settleGrowth();
  await new Promise(setImmediate);
  const path = segmentPath(STORE, 0);
  expect(calls).toEqual([`open ${path}`, `sync ${path}`, `close ${path}`]);
  expect(log.durable).toBe(1);
  log.close(false);
});

it("growth is left alone where commits are not synced one by one, and in a segment that is left", async () => {
  const { log, calls } = grownLog(false);
  log.settleGrowth();
  expect(calls).toEqual([]);
  log.prepareStandby();
  log.switchSegment(false);
  calls.length = 0;
  log.settleGrowth();
  expect(calls).toEqual([]);
  log.close(false);
});

it("a sync of growth that fails poisons: it may have taken other bytes with it", async () => {
  const { vfs, log } = grownLog(true);
  vfs.faults = [{ kind: "lost-sync", at: vfs.calls + 2, lasts: "once" }];
  log.settleGrowth();
  await new Promise(setImmediate);
  expect(vfs.faultsHit).toBe(1);
  expect(() => commitOne(log, true)).toThrow(PoisonedError);
  log.close(false);
});

it("growth that cannot be synced for want of a descriptor is no failure", async () => {
  const { vfs, log } = grownLog(true);
  vfs.faults = [{ kind: "EMFILE", at: vfs.calls + 1, lasts: "once" }];
  log.settleGrowth();
  await new Promise(setImmediate);
  expect(vfs.faultsHit).toBe(1);
  commitOne(log, true);
  expect(log.durable).toBe(2);
  log.close(false);
});

it("a log that is closed meanwhile has nothing to fail", async () => {
  const { vfs, log } = grownLog(true);
  vfs.faults = [{ kind: "EIO", at: vfs.calls + 2, lasts: "once" }];
  log.settleGrowth();
  log.close(false);
  await new Promise(setImmediate);
  expect([vfs.faultsHit, log.failure]).toEqual([1, undefined]);
});
