/** The folder of a benchmark's stores: gone when the run has ended, or when the next one begins, where it was killed. */

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IoError, LockedError } from "../../src/base/errors.js";
import { acquireLock } from "../../src/vfs/lock.js";
import { lockPathOf } from "../../src/vfs/lock-file.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";

const NAME = "espalier-bench-";
/** What the lock of a folder is named after; there is no such file. */
const RUN = "run";

/** Makes an empty folder for a run's stores, and removes those of runs that were killed; returns how to remove it. */
export function makeRunFolder(parent: string): { folder: string; remove: () => void } {
  removeLeftovers(parent);
  const folder = mkdtempSync(join(parent, NAME));
  const lock = acquireLock(nodeVfs, join(folder, RUN));
  const remove = (): void => {
    lock.release();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, remove };
}

/** They may be of gigabytes. What is not provably a dead process's is left alone. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    if (!name.startsWith(NAME) || !existsSync(lockPathOf(join(folder, RUN)))) continue;
    try {
      acquireLock(nodeVfs, join(folder, RUN)).release();
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof LockedError || error instanceof IoError)) throw error;
    }
  }
}
