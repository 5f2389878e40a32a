/**
 * Who else has a file open (M1). The legacy engine locks byte ranges of `<file>-lock`, and only around its
 * transactions; Node cannot see such locks. What can be seen, on Linux, are the open files of every process
 * that this one may look into.
 */

import { readdirSync, readlinkSync, statSync } from "node:fs";
import { LockedError } from "../src/base/errors.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { asidePath, logPath } from "./legacy-log.js";
import { keptPath } from "./other-names.js";

export interface Openers {
  /** Processes that have the file, its log or its lock open. */
  readonly pids: readonly number[];
  /** False where some processes could not be looked into: then `pids` may lack some. */
  readonly complete: boolean;
}

/** Cost: a few microseconds for each open file of the machine. */
export function findOpeners(vfs: Vfs, path: string): Openers {
  if (!vfs.shared) return { pids: [], complete: true };
  const wanted = identities(vfs, path);
  let processes: string[];
  try {
    processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return { pids: [], complete: false };
  }
  if (processes.length === 0) return { pids: [], complete: false };
  const pids: number[] = [];
  let complete = true;
  for (const pid of processes) {
    if (Number(pid) === process.pid) continue;
    const found = hasOpen(pid, wanted);
    if (found === undefined) complete = false;
    else if (found) pids.push(Number(pid));
  }
  return { pids, complete };
}

interface Wanted {
  readonly files: ReadonlySet<string>;
  readonly folders: readonly string[];
}

function identities(vfs: Vfs, path: string): Wanted {
  const files = new Set<string>();
  const folders: string[] = [];
  for (const name of [path, keptPath(path), logPath(path), asidePath(path), `${path}-lock`]) {
    const stat = vfs.stat(name);
    if (stat?.kind === "folder") folders.push(`${vfs.canonical(name)}/`);
    else if (stat !== undefined) files.add(stat.identity);
  }
  return { files, folders };
}

/** undefined: this process may not be looked into. */
function hasOpen(pid: string, wanted: Wanted): boolean | undefined {
  const folder = `/proc/${pid}/fd`;
  let descriptors: string[];
  try {
    descriptors = readdirSync(folder);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    return code === "ENOENT" || code === "ESRCH" ? false : undefined;
  }
  for (const descriptor of descriptors) {
    try {
      const stat = statSync(`${folder}/${descriptor}`, { bigint: true });
      if (!stat.isFile()) continue;
      if (wanted.files.has(`${stat.dev}:${stat.ino}`)) return true;
      if (wanted.folders.length === 0) continue;
      const target = readlinkSync(`${folder}/${descriptor}`);
      if (wanted.folders.some((name) => target.startsWith(name))) return true;
    } catch {
      // Closed in between, or a process that has just ended.
    }
  }
  return false;
}

/** Throws LockedError where another process has the file open, or where that can't be known. */
export function assertNobodyElse(vfs: Vfs, path: string, assumeClosed: boolean): void {
  if (assumeClosed) return;
  const { pids, complete } = findOpeners(vfs, path);
  if (pids.length > 0) throw new LockedError(path, `${path} is locked by pid ${pids.join(", ")}`);
  if (!complete) {
    throw new LockedError(
      path,
      `whether another process has ${path} open can't be seen from here; if none has, say --assume-closed`,
    );
  }
}

/** The legacy engine leaves an empty lock file under the name that the store's lock has; nobody holds it now. */
export function removeEmptyLock(vfs: Vfs, path: string): void {
  const lock = `${path}-lock`;
  const stat = vfs.stat(lock);
  if (stat?.kind === "file" && stat.size === 0) vfs.unlink(lock);
}
