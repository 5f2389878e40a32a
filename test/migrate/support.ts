/** Helpers of the migrator's tests: running steps to their end, stores read back, the digests on both sides. */

import { readFileSync, writeFileSync } from "node:fs";
import { Pace } from "../../migrate/control.js";
import { convertSteps, rollbackSteps, runFile } from "../../migrate/file-job.js";
import type { FileOptions } from "../../migrate/options.js";
import { rehearsalPath } from "../../migrate/rehearse-steps.js";
import type { FileResult } from "../../migrate/results.js";
import { open, type VerifyReport } from "../../src/index.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { acquireLock } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";

export const FILE = "/file.db";

/** Rejects with a CrashSignal where the process that does it is made to crash. */
export function convert(vfs: Vfs, options: FileOptions = {}, path: string = FILE): Promise<FileResult> {
  return run(vfs, path, (result) => convertSteps(vfs, path, options, result));
}

/** As convert. */
export function rollBack(vfs: Vfs, options: FileOptions = {}, path: string = FILE): Promise<FileResult> {
  return run(vfs, path, (result) => rollbackSteps(vfs, path, options, result));
}

async function run(vfs: Vfs, path: string, work: Parameters<typeof runFile>[1]): Promise<FileResult> {
  const result = await runFile(path, work, new Pace(vfs, {}), () => undefined);
  // A process that is gone tells nothing.
  if (vfs instanceof FaultyVfs && vfs.crashed) throw new CrashSignal(vfs.crashAt);
  return result;
}

export function verified(vfs: Vfs, path: string = FILE): VerifyReport {
  const store = open(path, { vfs, createIfMissing: false, cacheBytes: 1024 * 1024 });
  try {
    return store.verify();
  } finally {
    store.close();
  }
}

/** The claim of a rehearsal that was killed: no pid is above 2^22. */
export function leaveClaim(path: string): void {
  const claim = acquireLock(nodeVfs, `${rehearsalPath(path)}-claim`);
  const text = readFileSync(claim.path, "utf8");
  claim.release();
  writeFileSync(claim.path, JSON.stringify({ ...JSON.parse(text), pid: 2 ** 22 + 1 }));
}

export function names(vfs: Vfs): string[] {
  return vfs.list("/");
}
