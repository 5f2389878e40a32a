/** The writing side of the log by itself: blocks that a sync has covered are never written again (W6). */

import { expect, it } from "vitest";
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
