/**
 * The rewrite strategy: a packed file beside the old one, verified, then renamed over it. Interrupted, it begins
 * again; the old file is as it was until the rename.
 */

import { EspalierError, KeyTooLargeError } from "../src/base/errors.js";
import { refusesLinks } from "../src/vfs/new-name.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { removeKept, removeRewrite, rewritePath } from "./beside.js";
import {
  assertConvertible,
  checkSteps,
  likelyPageSize,
  openForCheck,
  targetPageSize,
  tooLarge,
} from "./check-file.js";
import type { WorkStep } from "./control.js";
import type { RecordBatch } from "./legacy/leaf.js";
import type { LegacyFile } from "./legacy/legacy-file.js";
import type { LegacySurvey } from "./legacy/survey.js";
import type { RecordWatch } from "./legacy/walk.js";
import { removeLogs } from "./legacy-log.js";
import { legacyRecordOf, storeTreeName } from "./legacy-record.js";
import { assertNobodyElse } from "./openers.js";
import type { FileOptions } from "./options.js";
import { keptPath } from "./other-names.js";
import type { FileResult } from "./results.js";
import { verifyStoreFile } from "./rewrite-verify.js";
import { assertAsSeen, assertLogAsSeen, look } from "./seen.js";
import { StoreFileWriter, type WrittenStore, writeStoreFile } from "./store-file.js";

/** The caller holds the lock. `beforeFirstChange` is called when all is ready. Throws as convertInPlace. */
export function* convertByRewrite(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
  beforeFirstChange: () => void,
): Generator<WorkStep, void> {
  const fresh = rewritePath(path);
  const seen = look(vfs, path);
  const source = openForCheck(vfs, path, options);
  let complete = false;
  try {
    const likely = likelyPageSize(source, options);
    const follow = (options.verify ?? "full") === "full" ? source.fileBytes : 0;
    const direct = likely === undefined ? undefined : new WalkWriter(vfs, path, likely, follow);
    const { survey, written } = yield* checkAndWrite(vfs, path, fresh, source, direct, options, result);
    result.extraBytes = written.bytes;
    result.pages.after = written.pages;
    result.bytes.after = written.bytes;
    yield {
      phase: "verify",
      bytesDone: 0,
      bytesTotal: written.bytes,
      recordsDone: written.records,
      bytesMoved: 0,
    };
    result.digest.after = yield* verifyStoreFile(vfs, fresh, survey, written, options.verify ?? "full");
    beforeFirstChange();
    assertNobodyElse(vfs, path, options.assumeClosed === true);
    assertAsSeen(vfs, path, seen, false);
    complete = true;
  } finally {
    source.close();
    if (!complete) removeLeftover(vfs, path);
  }
  replace(vfs, path, fresh, () => {
    assertLogAsSeen(vfs, path, seen);
    assertNobodyElse(vfs, path, options.assumeClosed === true);
  });
  removeLogs(vfs, path);
}

/**
 * Puts the new file in the place of the old one, which comes back, as the same file for whoever has it open, where
 * `check` then throws: somebody came in between, and has committed to the log that is about to be removed.
 */
function replace(vfs: Vfs, path: string, fresh: string, check: () => void): void {
  const kept = keptPath(path);
  const isKept = keep(vfs, path, kept);
  vfs.rename(fresh, path);
  try {
    check();
  } catch (error) {
    if (isKept) {
      vfs.rename(kept, path);
      vfs.syncFolderOf(path);
    }
    throw error;
  }
  vfs.syncFolderOf(path);
  removeKept(vfs, path);
}

/** Returns false on a file system without hard links. */
function keep(vfs: Vfs, path: string, kept: string): boolean {
  removeKept(vfs, path);
  try {
    vfs.link(path, kept);
    return true;
  } catch (error) {
    if (refusesLinks(error)) return false;
    throw error;
  }
}

interface Rewritten {
  readonly survey: LegacySurvey;
  readonly written: WrittenStore;
}

/** One pass over a file that is in order, and a second one over a file that the check finds in disorder. */
function* checkAndWrite(
  vfs: Vfs,
  path: string,
  fresh: string,
  source: LegacyFile,
  direct: WalkWriter | undefined,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, Rewritten> {
  try {
    const survey = yield* checkSteps(source, result, direct);
    assertConvertible(path, survey, options);
    result.to = "espalier";
    const pageSize = targetPageSize(survey, options);
    const written = direct?.finish(survey);
    if (written !== undefined) return { survey, written };
    direct?.close();
    if (direct !== undefined) vfs.unlink(fresh);
    return { survey, written: yield* write(vfs, path, source, survey, pageSize) };
  } finally {
    direct?.close();
  }
}

/** Writes the new file while the old one is checked: it is nothing until it is renamed. */
class WalkWriter implements RecordWatch {
  readonly #writer: StoreFileWriter;
  #trees = 0;
  #failed = false;

  constructor(vfs: Vfs, path: string, pageSize: number, followBytes: number) {
    this.#writer = new StoreFileWriter(
      vfs,
      rewritePath(path),
      pageSize,
      { path, exactly: true },
      followBytes,
    );
  }

  leaf(batch: RecordBatch): void {
    if (this.#failed) return;
    try {
      this.#writer.addAll(batch);
    } catch (error) {
      if (!(error instanceof KeyTooLargeError)) throw error;
      this.#failed = true;
    }
  }

  endTree(sound: boolean): void {
    if (!sound) this.#failed = true;
    if (this.#failed) return;
    this.#writer.endTree();
    this.#trees++;
  }

  /** Undefined where the file has to be written once more, by what the check has found out. */
  finish(survey: LegacySurvey): WrittenStore | undefined {
    if (this.#failed || this.#trees !== survey.trees.length) return undefined;
    const names = survey.trees.map((_, index) => storeTreeName(survey, index));
    return this.#writer.finish(names, legacyRecordOf(survey));
  }

  close(): void {
    this.#writer.close();
  }
}

function* write(
  vfs: Vfs,
  path: string,
  source: LegacyFile,
  survey: LegacySurvey,
  pageSize: number,
): Generator<WorkStep, WrittenStore> {
  const trees = survey.trees.map((tree, index) => ({
    name: storeTreeName(survey, index),
    batches: source.batches(survey, tree),
  }));
  const store = { pageSize, trees, legacy: legacyRecordOf(survey), like: { path, exactly: true } };
  const steps = writeStoreFile(vfs, rewritePath(path), store);
  for (let told = 0; ; ) {
    const next = nextOf(steps, survey);
    if (next.done === true) return next.value;
    const bytesDone = Math.min(next.value, survey.fileBytes);
    yield {
      phase: "convert",
      bytesDone,
      bytesTotal: survey.fileBytes,
      recordsDone: 0,
      bytesMoved: next.value - told,
    };
    told = next.value;
  }
}

function nextOf<T, R>(steps: Generator<T, R>, survey: LegacySurvey): IteratorResult<T, R> {
  try {
    return steps.next();
  } catch (error) {
    throw tooLarge(error, survey);
  }
}

/** Of an attempt that failed; where even that fails, the next run does it. */
export function removeLeftover(vfs: Vfs, path: string): void {
  try {
    removeRewrite(vfs, path);
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
  }
}
