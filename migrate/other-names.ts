/**
 * Other names of a file. The legacy engine puts the log beside the name that it was opened by: beside a symbolic
 * link, or another hard link, may lie the newest commits.
 */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { IoError } from "../src/base/errors.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { logPath } from "./legacy-log.js";
import { RefusedError } from "./results.js";

/** The second name that a file has for the moment in which another one takes its place. */
export function keptPath(path: string): string {
  return `${path}-migration-replaced`;
}

/** Throws RefusedError where a log lies beside the symbolic link that a legacy file was named by. */
export function assertNoLogBesideLink(vfs: Vfs, given: string, path: string): void {
  const beside = vfs.stat(logPath(resolve(given)));
  if (beside === undefined || beside.identity === vfs.stat(logPath(path))?.identity) return;
  throw new RefusedError(
    `${given} is a link to ${path}, and beside the link lies a log, ${logPath(given)}, which may hold its newest commits; move that to ${logPath(path)}, or away if it is another file's`,
  );
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
