/**
 * Recovery: brings the committed transactions of the log back into the pages, after the process or
 * the machine died. A store that may not be written is recovered into memory (S4).
 *
 * Idempotent: within a segment the first record of every page is its image, or the split that made it
 * (W1), so that a crash in the middle is recovered by starting again.
 */

import { CorruptionError } from "../base/errors.js";
import { findUnknownLog } from "../log/found-segments.js";
import { type LogPosition, segmentPath } from "../log/log-format.js";
import { LogReader } from "../log/log-reader.js";
import { removeLogRemains } from "../log/log-remains.js";
import type { Vfs } from "../vfs/vfs.js";
import { PAGES_MAX } from "./data-file.js";
import { readFreeList } from "./free-list.js";
import type { ExtentSet } from "./free-space.js";
import { makeHeaderDurable, wholeHeaders } from "./opened-header.js";
import type { Pager } from "./pager.js";
import { Replay } from "./replay.js";
import { OverlayTarget, PoolTarget } from "./replay-target.js";
import { HEADER_COPIES } from "./store-header.js";

/** Of each page that a crash has left behind the data file's end the log has a record of so many bytes at least. */
const RECORD_BYTES_A_PAGE = 8;
/** A checkpoint that failed may have added pages for its free list, of which the log knows nothing. */
const UNLOGGED_PAGES = 1024;
const UNLOGGED_SHARE = 1 / 64;

export interface RecoveryReport {
  readonly transactions: number;
  readonly logBytes: number;
}

/**
 * Loads the free list and, where the header says so, replays the log. Throws CorruptionError or
 * LogMissingError; the files are then as they were, or can be recovered again.
 */
export function recover(pager: Pager, vfs: Vfs, path: string): RecoveryReport {
  const { header } = pager;
  assertWholeFile(pager, path);
  const list = readFreeList(pager.data, header);
  pager.freeListChain = list.chain;
  header.log ??= unknownLog(pager, vfs, path);
  if (header.log === undefined) {
    takeFreeList(pager, list.extents);
    return { transactions: 0, logBytes: 0 };
  }
  const { storeId, pageSize, log: position, commit } = header;
  const reader = new LogReader(
    vfs,
    { storePath: path, storeId, pageSize, position, commit },
    !pager.readOnly,
  );
  try {
    if (!pager.readOnly) makeHeaderDurable(vfs, path, pager.data, header);
    const replay = new Replay(
      pager,
      path,
      list.extents,
      pager.readOnly ? new OverlayTarget(pager) : new PoolTarget(pager),
      pagesPossible(pager, reader.contents.bytes),
    );
    if (!pager.readOnly) reader.makeDurable(vfs);
    reader.forEachFrame((frame) => replay.survey(frame));
    replay.begin();
    reader.forEachFrame((frame) => replay.apply(frame));
    replay.finish();
    takeFreeList(pager, list.extents);
    pager.log.committed = reader.contents.committed;
    pager.log.durable = reader.contents.committed;
    if (!pager.readOnly) pager.writeEverything();
  } finally {
    reader.close();
  }
  if (!pager.readOnly) removeLogRemains(vfs, path, header.storeId, true);
  return { transactions: reader.contents.transactions, logBytes: reader.contents.bytes };
}

/** Each page that a header speaks of was in the file, and synced, before the header was written (P3). */
function assertWholeFile(pager: Pager, path: string): void {
  const { pageCount, pageSize } = pager.header;
  if (pager.data.file.size() >= pageCount * pageSize) return;
  throw new CorruptionError(
    "P3",
    `the file is shorter than the ${pageCount} pages that its header speaks of`,
    {
      path,
      page: 0,
      offset: -1,
    },
  );
}

/**
 * A log that only a header copy which is lost knew of; its generations are not used again. Where both copies are
 * whole none is lost: an older file was put beside the log, and lacks what has bypassed that. Throws CorruptionError.
 */
function unknownLog({ header, data }: Pager, vfs: Vfs, path: string): LogPosition | undefined {
  const { storeId, lastGeneration, commit } = header;
  const position = findUnknownLog(vfs, path, storeId, lastGeneration, commit);
  if (position === undefined) return undefined;
  if (wholeHeaders(data) === HEADER_COPIES) {
    const log = segmentPath(path, position.segment);
    const reason = `${log} holds commits that are not the file's: a backup that takes a store's place needs that one's log moved away`;
    throw new CorruptionError("W4", reason, { path, page: 0, offset: 0 });
  }
  header.lastGeneration = position.generation + 1;
  return position;
}

/**
 * No page of the store can lie from here on, whatever the log says: what bypasses the log is on the disk before
 * its commit, and all else has a record in it. A file must not be extended without end.
 */
function pagesPossible(pager: Pager, logBytes: number): number {
  const known = Math.max(pager.header.pageCount, Math.floor(pager.data.file.size() / pager.pageSize));
  const more = Math.floor(known * UNLOGGED_SHARE + logBytes / RECORD_BYTES_A_PAGE) + UNLOGGED_PAGES;
  return Math.min(PAGES_MAX, known + more);
}

function takeFreeList(pager: Pager, extents: ExtentSet): void {
  for (const extent of extents) pager.free.ready.add(extent.start, extent.count);
}
