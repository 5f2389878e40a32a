/** `rehearse` on one file: the whole run on a clone beside it, which goes afterwards. */

import { constants, copyFileSync, existsSync, rmSync } from "node:fs";
import { LockedError, NotAStoreError } from "../src/base/errors.js";
import { acquireLock, type Lock, readLock } from "../src/vfs/lock.js";
import { lockPathOf } from "../src/vfs/lock-file.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import { attempt, copyLog } from "./backup.js";
import { assertNothingForeign, notePath, rewritePath } from "./beside.js";
import type { WorkStep } from "./control.js";
import { convertSteps } from "./file-job.js";
import { inspectFile } from "./file-state.js";
import { asidePath, assertOneLog, currentLogPath, logPath } from "./legacy-log.js";
import { assertNobodyElse } from "./openers.js";
import type { FileOptions } from "./options.js";
import { assertNoLogBesideLink, keptPath } from "./other-names.js";
import { type FileResult, RefusedError } from "./results.js";

/** The clone lies beside the file: on the same disk, where its blocks may be shared. */
export function rehearsalPath(path: string): string {
  return `${path}-migration-rehearsal`;
}

/**
 * One rehearsal of a file at a time, for they have one name for their clones. By its claim is known what a killed one
 * has left: without one, what has such a name is somebody's, and no claim is made, which would say otherwise. Throws
 * LockedError, RefusedError.
 */
function claim(path: string): Lock {
  const clone = rehearsalPath(path);
  const name = `${clone}-claim`;
  const taken = takenName(clone);
  const { state } = readLock(nodeVfs, name);
  if (taken !== undefined && state === "free") throw notOurs(taken);
  let held: Lock;
  try {
    held = acquireLock(nodeVfs, name);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new LockedError(path, `${path} is being rehearsed already: ${error.message}`, error.holder);
  }
  // One that was alive has let go since: what it had to remove it has removed.
  const left = state === "dead" ? undefined : takenName(clone);
  if (left === undefined) return held;
  held.release();
  throw notOurs(left);
}

function takenName(clone: string): string | undefined {
  return namesOf(clone).find((each) => nodeVfs.stat(each) !== undefined);
}

function notOurs(name: string): RefusedError {
  return new RefusedError(`${name} is no rehearsal's, which needs the name; move it away`);
}

export function* rehearseSteps(
  given: string,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, void> {
  const path = nodeVfs.canonical(given);
  if (inspectFile(nodeVfs, path).kind !== "legacy") {
    throw new NotAStoreError(path, "only a legacy file can be rehearsed");
  }
  assertOneLog(nodeVfs, path);
  assertNothingForeign(nodeVfs, path);
  assertNoLogBesideLink(nodeVfs, given, path);
  assertNobodyElse(nodeVfs, path, options.assumeClosed === true);
  const clone = rehearsalPath(path);
  const held = claim(path);
  try {
    removeAll(clone);
    copy(path, clone);
    yield* convertSteps(nodeVfs, clone, options, result);
    if (result.status === "converted") result.status = "rehearsed";
  } finally {
    try {
      removeAll(clone);
    } finally {
      held.release();
    }
  }
}

function copy(path: string, clone: string): void {
  attempt(clone, () => {
    copyFileSync(path, clone, constants.COPYFILE_FICLONE);
    // What an interrupted run has left behind the file is known by its note.
    if (existsSync(notePath(path))) copyFileSync(notePath(path), notePath(clone));
    const log = currentLogPath(nodeVfs, path);
    if (existsSync(log)) copyLog(log, logPath(clone));
  });
}

function removeAll(clone: string): void {
  for (const name of namesOf(clone)) attempt(name, () => rmSync(name, { recursive: true, force: true }));
}

/** A clone, and what lies beside it. */
function namesOf(clone: string): string[] {
  return [
    clone,
    logPath(clone),
    asidePath(clone),
    notePath(clone),
    rewritePath(clone),
    keptPath(clone),
    lockPathOf(clone),
    lockPathOf(rewritePath(clone)),
  ];
}
