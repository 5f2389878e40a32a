/** How large the log's segments grow, when they are left, and how a checkpoint is spread over the commits. */

import { expect, it } from "vitest";
import { DiskFullError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import type { Checkpoint } from "../../src/log/checkpoint.js";
import { segmentPath } from "../../src/log/log-format.js";
import type { RedoLog } from "../../src/log/redo-log.js";
import { SegmentPacing } from "../../src/log/segment-pacing.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import {
  type ByteStore,
  LOG_BYTES_LEAST,
  type SessionSettings,
  STORE_PATH,
  storeOptions,
} from "../support/session.js";

const MIB = 1024 * 1024;

function openWith(logBytes: number, cacheBytes: number): { vfs: FaultyVfs; store: ByteStore } {
  const vfs = new FaultyVfs({ seed: 1 });
  const settings: SessionSettings = { pageSize: 4096, durability: "none", logBytes, cacheBytes };
  return { vfs, store: open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(settings, vfs)) };
}

function segmentSizes(vfs: FaultyVfs): number[] {
  return [0, 1].map((index) => vfs.stat(segmentPath(STORE_PATH, index))?.size ?? 0);
}

/** Puts of one record each, all over 2,000 keys. */
function overwrite(store: ByteStore, from: number, count: number): void {
  for (let i = from; i < from + count; i++)
    store.put(Buffer.from(String((i * 7919) % 2000).padStart(5, "0")), Buffer.alloc(400, i));
}

it("a small segment grows rather than be left, and a small store keeps a small log", () => {
  const { vfs, store } = openWith(16 * MIB, 4 * MIB);
  overwrite(store, 0, 10);
  expect(Math.max(...segmentSizes(vfs))).toBeLessThanOrEqual(256 * 1024);
  const before = store.metrics().log.bytes;
  for (let i = 0; store.metrics().log.bytes - before < 2 * MIB; i += 100) overwrite(store, i, 100);
  expect(store.metrics().pager.checkpoints).toBe(0);
  expect(Math.max(...segmentSizes(vfs))).toBeGreaterThan(MIB);
  store.close();
});

it("segments end at logBytes, whatever is written", () => {
  const logBytes = MIB;
  const { vfs, store } = openWith(logBytes, 4 * MIB);
  for (let i = 0; store.metrics().pager.checkpoints < 6; i += 100) {
    overwrite(store, i, 100);
    expect(Math.max(...segmentSizes(vfs))).toBeLessThanOrEqual(logBytes);
    expect(i).toBeLessThan(100_000);
  }
  store.close();
});

it("a checkpoint is spread over the commits that follow the change of segments", () => {
  const { vfs, store } = openWith(2 * MIB, 8 * MIB);
  let inThisCommit = 0;
  let most = 0;
  let blocks = 0;
  vfs.onCall = ({ operation, path, length }) => {
    if (operation === "write" && path === STORE_PATH) inThisCommit += length / 4096;
  };
  for (let i = 0; store.metrics().pager.checkpoints < 4; i++) {
    inThisCommit = 0;
    overwrite(store, i, 1);
    most = Math.max(most, inThisCommit);
    blocks += inThisCommit;
    expect(i).toBeLessThan(100_000);
  }
  vfs.onCall = undefined;
  // Some 250 pages four times, 32 at a time.
  expect(blocks).toBeGreaterThan(500);
  expect(most).toBeLessThan(120);
  store.close();
});

/** A log and a checkpoint that only say what was asked of them. */
function pacing(
  state: { running: boolean; ready: boolean; finish?: (log: FakeLog) => void },
  segmentBytesMax: number = LOG_BYTES_LEAST,
): {
  log: FakeLog;
  paced: SegmentPacing;
} {
  const log: FakeLog = {
    partWritten: false,
    usedBytes: 200_000,
    segmentBytes: LOG_BYTES_LEAST,
    switches: 0,
    switchSegment: () => {
      log.switches++;
    },
    growActive: (bytes) => {
      log.segmentBytes = bytes;
    },
  };
  const checkpoint = {
    ...state,
    begin: () => undefined,
    again: () => undefined,
    step: () => undefined,
    finish: () => {
      state.finish?.(log);
      checkpoint.running = false;
      checkpoint.ready = true;
    },
  };
  const owner = { dataBytes: 0, carryOver: () => undefined };
  const paced = new SegmentPacing(
    log as unknown as RedoLog,
    checkpoint as unknown as Checkpoint,
    segmentBytesMax,
    owner,
  );
  paced.started();
  return { log, paced };
}

interface FakeLog {
  failure?: unknown;
  partWritten: boolean;
  usedBytes: number;
  segmentBytes: number;
  switches: number;
  switchSegment(): void;
  growActive(bytes: number): void;
}

it("a segment that may not grow waits for the checkpoint before it, and is left then", () => {
  const { log, paced } = pacing({ running: true, ready: false });
  paced.makeRoom(100_000);
  expect(log).toMatchObject({ switches: 1, segmentBytes: LOG_BYTES_LEAST });
});

it("a segment that a commit has nearly filled grows for the next one, not before", () => {
  const { log, paced } = pacing({ running: false, ready: false }, 2 * LOG_BYTES_LEAST);
  log.usedBytes = LOG_BYTES_LEAST;
  paced.afterCommit(log.usedBytes);
  expect(log).toMatchObject({ switches: 0, segmentBytes: LOG_BYTES_LEAST });
  paced.makeRoom(1);
  expect(log).toMatchObject({ switches: 0, segmentBytes: 2 * LOG_BYTES_LEAST });
  // As large as it may be, it is left.
  log.usedBytes = log.segmentBytes;
  paced.afterCommit(1);
  expect(log.switches).toBe(1);
});

/**
 * The checkpoint that is waited for needs memory for pages that only the log has: a page of the transaction goes
 * to the log then, and the transaction stays in the segment in which it has begun so (W1).
 */
it("a transaction of which the checkpoint has written a part stays where it is", () => {
  const writesPart = pacing({
    running: true,
    ready: false,
    finish: (log) => {
      log.partWritten = true;
    },
  });
  writesPart.paced.makeRoom(100_000);
  expect(writesPart.log.switches).toBe(0);
  // Between transactions there is nothing that could have a part.
  const between = pacing({ running: true, ready: false });
  between.log.partWritten = true;
  between.paced.makeRoom(100_000);
  expect(between.log.switches).toBe(0);
  between.paced.checkpointNow();
  expect(between.log.switches).toBe(1);
});

it("a checkpoint that fails before a commit is told later, and the commit goes on in its segment", () => {
  const full = new DiskFullError("no room");
  const { log, paced } = pacing({
    running: true,
    ready: false,
    finish: () => {
      throw full;
    },
  });
  paced.makeRoom(100_000);
  expect(log.switches).toBe(0);
  expect(paced.failure).toBe(full);
  // Where the log has failed, the commit must not go on.
  log.failure = full;
  expect(() => paced.makeRoom(100_000)).toThrow(full);
});
