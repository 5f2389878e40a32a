/**
 * The work on one file from end to end: what state it is in, who has it, what has to be done or undone first,
 * and the result. Nothing of a file's failure is thrown.
 */

import { alignUp } from "../src/base/bytes.js";
import { CorruptionError, LockedError } from "../src/base/errors.js";
import { BLOCK_BYTES } from "../src/log/log-format.js";
import type { StoreHeader } from "../src/pager/store-header.js";
import { readStoreHeader } from "../src/store/read-header.js";
import { acquireLock, type Lock } from "../src/vfs/lock.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { assertNothingForeign, removeNote, removeRewrite } from "./beside.js";
import { assertConvertible, checkSteps, openForCheck } from "./check-file.js";
import { drive, type Pace, type WorkStep } from "./control.js";
import { combinedDigest } from "./digests.js";
import { type FileState, inspectFile } from "./file-state.js";
import type { Program } from "./in-place/program.js";
import {
  assertSamePages,
  convertInPlace,
  fillFromProgram,
  resumeInPlace,
  undoFence,
} from "./in-place-steps.js";
import { cutLegacyLeftover } from "./leftover.js";
import { readLog } from "./legacy/log.js";
import { decodeMeta } from "./legacy/meta.js";
import { assertOneLog, logPath, removeAside, removeLogs, restoreLog } from "./legacy-log.js";
import { decodeLegacyRecord, LEGACY_RECORD_NAME, metaImage } from "./legacy-record.js";
import { assertNobodyElse, removeEmptyLock } from "./openers.js";
import type { FileOptions } from "./options.js";
import { assertNoLogBesideLink, assertOneName, keptPath } from "./other-names.js";
import { type FileResult, newResult, putFailure, RefusedError } from "./results.js";
import { convertByRewrite } from "./rewrite-steps.js";
import { rollBackByRewrite, rollBackInPlace, settleStore } from "./rollback-steps.js";
import { readCatalog } from "./store-reading.js";

export type OnStep = (result: FileResult, step: WorkStep) => void;

/** Runs a file's work; `work` puts what it finds into the result. Throws what `onStep` throws, and nothing else. */
export async function runFile(
  path: string,
  work: (result: FileResult) => Generator<WorkStep, void>,
  pace: Pace,
  onStep: OnStep,
): Promise<FileResult> {
  const result = newResult(path);
  const start = performance.now();
  result.status = "running";
  result.startedAt = new Date().toISOString();
  let watcherFailed = false;
  try {
    await pace.step(0);
    await drive(work(result), pace, (step) => {
      watcherFailed = true;
      onStep(result, step);
      watcherFailed = false;
    });
  } catch (error) {
    if (watcherFailed) throw error;
    putFailure(result, error);
  }
  result.ms = Math.round(performance.now() - start);
  result.finishedAt = new Date().toISOString();
  return result;
}

/** Takes the store's lock for the migrator, past an empty lock file of the legacy engine. */
function lock(vfs: Vfs, path: string, options: FileOptions): Lock {
  assertOneName(vfs, path);
  assertNobodyElse(vfs, path, options.assumeClosed === true);
  removeEmptyLock(vfs, path);
  return acquireLock(vfs, path);
}

/** `run` on one file: afterwards it is a store. */
export function* convertSteps(
  vfs: Vfs,
  given: string,
  options: FileOptions,
  result: FileResult,
  beforeFirstChange: () => void = () => undefined,
): Generator<WorkStep, void> {
  const path = vfs.canonical(given);
  inspectFile(vfs, path); // Before the lock: what is no tree file is not to get a lock file beside it.
  const held = lock(vfs, path, options);
  try {
    let state = inspectFile(vfs, path);
    syncLeftover(vfs, path, state);
    if (state.kind === "migrating") {
      assertSamePages(state.program, options);
      const program = yield* resumeInPlace(vfs, path, result);
      if (program.head.direction === "forward") {
        result.status = "converted";
        return;
      }
      state = inspectFile(vfs, path);
    }
    if (state.kind === "store") {
      finishStore(vfs, path, state, result);
      return;
    }
    clearBeginning(vfs, path, state);
    assertNoLogBesideLink(vfs, given, path);
    const convert = options.strategy === "rewrite" ? convertByRewrite : convertInPlace;
    yield* convert(vfs, path, options, result, beforeFirstChange);
    result.status = "converted";
  } finally {
    held.release();
  }
}

/** Throws RefusedError where a rollback that was interrupted is to end in another generation than it began with. */
function assertSameGeneration({ head }: Program, { to }: FileOptions): void {
  if (head.direction !== "back" || to === undefined || to === head.generation) return;
  throw new RefusedError(
    `it is half turned back to ${head.generation}, not ${to}; go on with that, or let a run convert it first`,
  );
}

/**
 * What a killed run has written may be in the page cache only, its last slot included: it must be durable before
 * anything is built on it, or a power cut could take the slot back from under the batch that it has released.
 */
function syncLeftover(vfs: Vfs, path: string, state: FileState): void {
  if (state.kind !== "migrating" && state.leftover === undefined) return;
  const file = vfs.open(path, "write");
  try {
    file.sync();
  } finally {
    file.close();
  }
}

/** What an earlier run has left beside or behind a legacy file goes. */
function clearBeginning(vfs: Vfs, path: string, state: FileState): void {
  assertOneLog(vfs, path);
  assertNothingForeign(vfs, path);
  if (state.kind === "legacy") cutLegacyLeftover(vfs, path);
  removeNote(vfs, path);
  restoreLog(vfs, path);
  removeRewrite(vfs, path);
}

/** A store already: what a conversion has left behind it goes. */
function finishStore(
  vfs: Vfs,
  path: string,
  state: Extract<FileState, { kind: "store" }>,
  result: FileResult,
): void {
  const finished = state.leftover !== undefined && state.leftover.program.head.direction === "forward";
  if (state.leftover !== undefined && finished) {
    fillFromProgram(state.leftover.program, result);
    result.resumed = true;
    // Opened since, and not closed, it may hold more than what was compared.
    const compared = state.leftover.program.head.verify === "full" && state.header.clean;
    if (compared) result.digest.after = result.digest.before;
  } else {
    result.from = "espalier";
    result.pages.before = state.header.pageCount;
    result.bytes.before = vfs.stat(path)?.size ?? null;
  }
  result.to = "espalier";
  const log = finished ? "none" : besideStore(vfs, path);
  if (log === "newer") throw newerLog(vfs, path);
  cutStore(vfs, path);
  removeAside(vfs, path);
  if (finished || (log === "own" && state.header.commit === 0)) removeLogs(vfs, path);
  removeNote(vfs, path);
  removeRewrite(vfs, path);
  result.pages.after = state.header.pageCount;
  result.bytes.after = vfs.stat(path)?.size ?? null;
  result.status = finished ? "converted" : "unchanged";
}

/**
 * Before a store becomes a legacy file: what would then be its log goes, if it was that of the file which the store
 * was. Throws RefusedError where it is something else.
 */
function clearLogs(vfs: Vfs, path: string): void {
  removeAside(vfs, path);
  const log = besideStore(vfs, path);
  if (log === "newer") throw newerLog(vfs, path);
  if (log === "foreign")
    throw new RefusedError(
      `${logPath(path)} is not its log, and would be taken for it afterwards; move it away`,
    );
  if (log === "own") removeLogs(vfs, path);
}

/**
 * What lies beside a store in the place of a legacy log. "own": that of the file which the store was, for a rewrite did
 * not come to its end. "newer": the same, but with commits that came when the store had been made of it.
 */
function besideStore(vfs: Vfs, path: string): "none" | "own" | "newer" | "foreign" {
  if (vfs.stat(logPath(path)) === undefined) return "none";
  const file = vfs.open(path, "read");
  try {
    const bytes = readCatalog(file, path).records.get(LEGACY_RECORD_NAME);
    if (bytes === undefined) return "foreign";
    const record = decodeLegacyRecord(bytes, path);
    const log = readLog(vfs, logPath(path), decodeMeta(metaImage(record), path), { damaged: "cut" });
    log.close();
    const { lastLsn, undecided } = log.summary;
    return lastLsn > record.lastLsn || undecided !== "" ? "newer" : "own";
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof RefusedError) return "foreign";
    throw error;
  } finally {
    file.close();
  }
}

/** What a run would refuse of a store that nothing lies behind. Throws RefusedError. */
export function assertNoNewerLog(vfs: Vfs, path: string): void {
  if (besideStore(vfs, path) === "newer") throw newerLog(vfs, path);
}

function newerLog(vfs: Vfs, path: string): RefusedError {
  const kept = keptPath(path);
  const way = vfs.stat(kept) === undefined ? "" : `; they belong to ${kept}: put that back in its place`;
  return new RefusedError(
    `its log, ${logPath(path)}, has commits that came while it was being replaced, and that are not in it${way}`,
  );
}

/** Cuts what lies behind the pages of a store at rest. */
function cutStore(vfs: Vfs, path: string): StoreHeader {
  const file = vfs.open(path, "write");
  try {
    const header = readStoreHeader(file, path, false);
    const bytes = alignUp(header.pageCount * header.pageSize, BLOCK_BYTES);
    if (header.clean && file.size() > bytes) {
      file.truncate(bytes);
      file.sync();
    }
    return header;
  } finally {
    file.close();
  }
}

/** `rollback` on one file: afterwards it is a legacy file. */
export function* rollbackSteps(
  vfs: Vfs,
  given: string,
  options: FileOptions,
  result: FileResult,
  beforeFirstChange: () => void = () => undefined,
): Generator<WorkStep, void> {
  const path = vfs.canonical(given);
  inspectFile(vfs, path);
  let held = lock(vfs, path, options);
  try {
    let state = inspectFile(vfs, path);
    syncLeftover(vfs, path, state);
    if (state.kind === "migrating") {
      assertSameGeneration(state.program, options);
      const back = yield* finishOrUndo(vfs, path, state, result);
      if (back) return;
      state = inspectFile(vfs, path);
    }
    if (state.kind === "legacy") {
      yield* reportLegacy(vfs, path, state, options, result);
      return;
    }
    held.release();
    const digest = yield* settleForRollback(vfs, path, options);
    held = lock(vfs, path, options);
    const header = cutStore(vfs, path);
    if (!header.clean) throw new LockedError(path, `${path} was opened by somebody in between`);
    assertNothingForeign(vfs, path);
    clearLogs(vfs, path);
    removeNote(vfs, path); // Of a rollback that came to no fence; this one may make none.
    removeRewrite(vfs, path);
    const ready = (): void => {
      if (digest !== null && result.digest.before !== null && result.digest.before !== digest)
        throw new RefusedError("the store changed while it was being checked");
      beforeFirstChange();
    };
    const rollBack = options.strategy === "rewrite" ? rollBackByRewrite : rollBackInPlace;
    yield* rollBack(vfs, path, options, result, ready);
    result.status = "rolled-back";
  } finally {
    held.release();
  }
}

/** Returns whether the file is a legacy one now. */
function* finishOrUndo(
  vfs: Vfs,
  path: string,
  state: Extract<FileState, { kind: "migrating" }>,
  result: FileResult,
): Generator<WorkStep, boolean> {
  if (state.program.head.direction === "forward" && undoFence(vfs, path)) {
    fillFromProgram(state.program, result);
    const { generation } = state.program.head;
    result.from = "migrating";
    result.to = generation; // Nothing was read back: there is no digest after.
    result.status = "rolled-back";
    return true;
  }
  const program = yield* resumeInPlace(vfs, path, result);
  result.from = "migrating";
  if (program.head.direction === "forward") return false;
  result.status = "rolled-back";
  return true;
}

/** The digest of the store's content, null where it has several trees. Throws CorruptionError where it does not verify. */
function* settleForRollback(
  vfs: Vfs,
  path: string,
  options: FileOptions,
): Generator<WorkStep, string | null> {
  const report = yield* settleStore(vfs, path, options);
  const problem = report.problems[0];
  if (problem !== undefined)
    throw new CorruptionError(problem.invariant, problem.reason, { path, page: problem.page, offset: -1 });
  const trees = Object.entries(report.trees).map(([name, tree]) => ({ name, digest: tree.digest }));
  return trees.length === 1 ? combinedDigest(trees) : null;
}

function* reportLegacy(
  vfs: Vfs,
  path: string,
  state: FileState,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, void> {
  clearBeginning(vfs, path, state);
  const source = openForCheck(vfs, path, options);
  try {
    const survey = yield* checkSteps(source, result);
    assertConvertible(path, survey, options);
    result.to = result.from;
    result.status = "unchanged";
  } finally {
    source.close();
  }
}
