/** Helpers of the migrator's tests: running steps to their end, stores read back, the digests on both sides. */

import { Pace } from "../../migrate/control.js";
import { convertSteps, rollbackSteps, runFile } from "../../migrate/file-job.js";
import type { FileOptions } from "../../migrate/options.js";
import type { FileResult } from "../../migrate/results.js";
import { open, type VerifyReport } from "../../src/index.js";
import type { Vfs } from "../../src/vfs/vfs.js";

export const FILE = "/file.db";

export function convert(vfs: Vfs, options: FileOptions = {}, path: string = FILE): Promise<FileResult> {
  return runFile(
    path,
    (result) => convertSteps(vfs, path, options, result),
    new Pace(vfs, {}),
    () => undefined,
  );
}

export function rollBack(vfs: Vfs, options: FileOptions = {}, path: string = FILE): Promise<FileResult> {
  return runFile(
    path,
    (result) => rollbackSteps(vfs, path, options, result),
    new Pace(vfs, {}),
    () => undefined,
  );
}

export function verified(vfs: Vfs, path: string = FILE): VerifyReport {
  const store = open(path, { vfs, createIfMissing: false, cacheBytes: 1024 * 1024 });
  try {
    return store.verify();
  } finally {
    store.close();
  }
}

export function names(vfs: Vfs): string[] {
  return vfs.list("/");
}
