/**
 * Conversions in place of one file, in either direction, as steps: from the check of what is there to the
 * finished file, or from wherever an interrupted run has left it. The caller holds the lock.
 */

import type { Vfs, VfsFile } from "../src/vfs/vfs.js";
import { removeNote } from "./beside.js";
import {
  assertConvertible,
  checkSteps,
  likelyPageSize,
  openForCheck,
  sizeSteps,
  targetPageSize,
} from "./check-file.js";
import type { WorkStep } from "./control.js";
import { combinedDigest } from "./digests.js";
import { firstSectorOf, lowerFence, raiseFence, undoBeginning, writeJournal } from "./in-place/fence.js";
import { WalkSizer } from "./in-place/forward-plan.js";
import { hasPlannedLog, logMissing } from "./in-place/forward-source.js";
import { type PlannedProgram, prepareForward } from "./in-place/prepare.js";
import { type Program, type ProgramReport, readProgram } from "./in-place/program.js";
import { finalBytes, runProgram } from "./in-place/run-program.js";
import { isUntouched, readSlot } from "./in-place/slot.js";
import { removeLogs, restoreLog, setLogAside, syncLog } from "./legacy-log.js";
import { assertNobodyElse } from "./openers.js";
import type { FileOptions } from "./options.js";
import { type FileResult, RefusedError } from "./results.js";
import { assertAsSeen, assertLogAsSeen, look, type Seen } from "./seen.js";

/**
 * From a legacy file; `beforeFirstChange` is called when it is checked. Throws RefusedError and the errors of src;
 * then the file is as it was.
 */
export function* convertInPlace(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
  beforeFirstChange: () => void,
): Generator<WorkStep, void> {
  const seen = look(vfs, path);
  const planned = yield* planInPlace(vfs, path, options, result);
  assertBudget(planned, options);
  beforeFirstChange();
  assertAsSeen(vfs, path, seen, false);
  const file = vfs.open(path, "write");
  try {
    const program = begin(vfs, path, file, planned, options, seen);
    yield* finishBegun(vfs, path, file, program, result);
  } finally {
    file.close();
  }
}

/** Checks the legacy file and plans its conversion; changes nothing. Throws RefusedError. */
export function* planInPlace(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, PlannedProgram> {
  const source = openForCheck(vfs, path, options);
  try {
    const likely = likelyPageSize(source, options);
    const sizer = likely === undefined ? undefined : new WalkSizer(likely);
    const survey = yield* checkSteps(source, result, sizer);
    assertConvertible(path, survey, options);
    const sized = yield* sizeSteps(source, survey, targetPageSize(survey, options), sizer);
    const file = vfs.open(path, "read");
    try {
      const planned = prepareForward(
        survey,
        source.fileMeta.image,
        sized,
        {
          fileBytes: file.size(),
          firstSector: firstSectorOf(file),
          verify: options.verify ?? "full",
          report: {
            recognisedBy: survey.recognisedBy,
            logFrames: survey.log.applied,
            healed: result.healed,
            pagesBefore: survey.filePages,
          },
        },
        (page) => !source.pages.log.has(page),
      );
      result.to = "espalier";
      result.extraBytes = planned.extraBytes;
      return planned;
    } finally {
      file.close();
    }
  } finally {
    source.close();
  }
}

export function assertBudget(planned: PlannedProgram, options: FileOptions): void {
  if (planned.extraBytes <= planned.budgetBytes || options.allowGrowth === true) return;
  throw new RefusedError(
    `it needs ${planned.extraBytes} bytes of extra disk on the way, ${planned.budgetBytes} are allowed; say --allow-growth, or --strategy rewrite`,
  );
}

/**
 * Journal, fence, and another look at who has the file open (M1): somebody who came in between is told by
 * taking the fence down again. `seen`: what was planned from, where no lock keeps others out.
 */
export function begin(
  vfs: Vfs,
  path: string,
  file: VfsFile,
  planned: PlannedProgram,
  options: FileOptions,
  seen?: Seen,
): Program {
  const { head, tables, slotBytes } = planned;
  if (head.direction === "forward") syncLog(vfs, path);
  const program = writeJournal(vfs, path, file, head, tables, slotBytes);
  try {
    if (seen !== undefined) assertAsSeen(vfs, path, seen, true); // The journal took its time.
  } catch (error) {
    undoBeginning(vfs, path);
    throw error;
  }
  raiseFence(file, program);
  removeNote(vfs, path);
  try {
    if (seen !== undefined) assertLogAsSeen(vfs, path, seen);
    assertNobodyElse(vfs, path, options.assumeClosed === true);
    // Where it can't be: of a lower layer, an overlay file system renames no folder.
    if (head.direction === "forward") setLogAside(vfs, path);
  } catch (error) {
    if (head.direction === "forward") restoreLog(vfs, path);
    lowerFence(file, program);
    throw error;
  }
  return program;
}

/** Throws RefusedError where a conversion that was interrupted is to end in other pages than it began with. */
export function assertSamePages({ head }: Program, { pageSize }: FileOptions): void {
  if (head.direction !== "forward" || pageSize === undefined || pageSize === head.targetPageSize) return;
  throw new RefusedError(
    `it is half converted to pages of ${head.targetPageSize} bytes, not ${pageSize}; go on without a page size, or turn it back first`,
  );
}

/** Goes on with a file that is half converted, in whatever direction. */
export function* resumeInPlace(vfs: Vfs, path: string, result: FileResult): Generator<WorkStep, Program> {
  const file = vfs.open(path, "write");
  try {
    const program = readProgram(file);
    if (program === undefined) throw new RefusedError("the journal of its migration is gone");
    fillFromProgram(program, result);
    result.resumed = true;
    if (program.head.direction === "forward") setLogAside(vfs, path);
    yield* finishBegun(vfs, path, file, program, result);
    return program;
  } finally {
    file.close();
  }
}

export function* finishBegun(
  vfs: Vfs,
  path: string,
  file: VfsFile,
  program: Program,
  result: FileResult,
): Generator<WorkStep, void> {
  removeNote(vfs, path);
  yield* runProgram(vfs, path, file, program);
  fillFromProgram(program, result);
  result.pages.after = program.head.finalPages;
  result.bytes.after = finalBytes(program);
  if (program.head.verify === "full") result.digest.after = result.digest.before;
  removeLogs(vfs, path);
}

/** What a program knows of the file that it converts. */
export function fillFromProgram(program: Program, result: FileResult): void {
  const { head } = program;
  const report: ProgramReport = head.report;
  const forward = head.direction === "forward";
  result.from = forward ? (head.legacy?.generation === "unknown" ? null : head.generation) : "espalier";
  result.to = forward ? "espalier" : head.generation;
  result.recognisedBy = report.recognisedBy;
  result.logFrames = report.logFrames;
  result.healed = [...report.healed];
  result.records = head.trees.reduce((sum, tree) => sum + tree.records, 0);
  const names = head.legacy?.trees.map((tree) => tree.name);
  result.digest.before = combinedDigest(
    head.trees.filter((tree) => names === undefined || names.includes(tree.name)),
  );
  result.pages.before = report.pagesBefore;
  result.bytes.before = head.oldBytes;
}

/**
 * Takes back a conversion that has raised its fence and done nothing else: the file is byte for byte as it was. Throws
 * RefusedError where its log, or a part of it, is gone.
 */
export function undoFence(vfs: Vfs, path: string): boolean {
  const file = vfs.open(path, "write");
  try {
    const program = readProgram(file);
    if (program === undefined) return false;
    if (!isUntouched(readSlot(file, program))) return false;
    if (!hasPlannedLog(vfs, path, program)) throw logMissing(path, program);
    restoreLog(vfs, path);
    lowerFence(file, program);
    removeNote(vfs, path);
    return true;
  } finally {
    file.close();
  }
}
