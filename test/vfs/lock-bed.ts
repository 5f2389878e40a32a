/** A folder for a store and its lock, made for each test; locks as others leave them, and what an opener is told. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { LockedError } from "../../src/base/errors.js";
import { acquireLock, type LockOptions } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { newNonce } from "../../src/vfs/nonce.js";
import { ownIdentity } from "../../src/vfs/process-identity.js";
import type { Vfs } from "../../src/vfs/vfs.js";

export let folder: string;
export let store: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "espalier-lock-")));
  store = join(folder, "db");
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** A lock file as some other process would have left it. Its pid can't exist: they end at 2^22. */
export function leaveLock(name: string, changes: Record<string, unknown>): string {
  const nonce = newNonce();
  const text = { ...ownIdentity(), pid: 2 ** 22 + 1, nonce, since: 1000, openedAt: "elsewhere", ...changes };
  fs.writeFileSync(join(folder, name), JSON.stringify(text));
  return nonce;
}

export function refusal(options: LockOptions = {}, vfs: Vfs = nodeVfs, path: string = store): LockedError {
  try {
    acquireLock(vfs, path, options).release();
  } catch (error) {
    if (error instanceof LockedError) return error;
    throw error;
  }
  throw new Error("the lock was free");
}

/** The node file system with some calls replaced. */
export function altered(changes: Partial<Vfs>): Vfs {
  return Object.assign(Object.create(nodeVfs), changes) as Vfs;
}
