/**
 * Other names of a file. The legacy engine puts the log beside the name that it was opened by: beside a symbolic
 * link, or another hard link, may lie the newest commits.
 */

import { readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { IoError } from "../src/base/errors.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { assertNotLost, logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/** The second name that a file has for the moment in which another one takes its place. */
export function keptPath(path: string): string {
  return `${path}-migration-replaced`;
}

/** Throws RefusedError where a log lies, or should lie, beside a symbolic link that leads from `given` to the legacy file. */
export function assertNoLogBesideLink(vfs: Vfs, given: string, path: string): void {
  const own = vfs.stat(logPath(path))?.identity;
  for (const name of namesOnTheWay(vfs, given)) {
    assertNotLost(vfs, logPath(name));
    const beside = vfs.stat(logPath(name));
    if (beside === undefined || beside.identity === own) continue;
    throw new RefusedError(
      `${name} is a link to ${path}, and beside the link lies a log, ${logPath(name)}, which may hold its newest commits; move that to ${logPath(path)}, or away if it is another file's`,
    );
  }
}

/** The symbolic links, one leading to the next, by which a name leads to its file, itself first; at last what is none. */
export function namesOnTheWay(vfs: Vfs, given: string): string[] {
  if (!vfs.shared) return [given]; // In memory there are no links.
  const names: string[] = [];
  for (let name: string | undefined = resolve(given); name !== undefined && !names.includes(name); ) {
    names.push(name);
    name = nextName(name);
  }
  return names;
}

/** Undefined where the name is no link, or can't be looked at: the work on the file will say why. */
function nextName(name: string): string | undefined {
  try {
    return resolve(realpathSync(dirname(name)), readlinkSync(name));
  } catch {
    return undefined;
  }
}

/**
 * Throws RefusedError where a file has more than one name: its log, its lock and who has it open all go by the name,
 * and may be found under another one only.
 */
export function assertOneName(vfs: Vfs, path: string): void {
  const kept = vfs.stat(keptPath(path))?.identity === vfs.stat(path)?.identity ? 1 : 0;
  const names = linksOf(vfs, path) - kept;
  if (names <= 1) return;
  throw new RefusedError(
    `it has ${names} names (hard links), and its log and its lock go by one of them; leave it one name, or take a copy of it`,
  );
}

function linksOf(vfs: Vfs, path: string): number {
  if (!vfs.shared) return 1; // In memory there is no telling.
  try {
    return statSync(path).nlink;
  } catch (error) {
    throw new IoError(path, "stat", String((error as { code?: unknown }).code ?? "UNKNOWN"), {
      cause: error,
    });
  }
}
