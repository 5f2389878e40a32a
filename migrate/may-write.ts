/** Whether this process may do what a run does to a file: write to it, and make files beside it. Only asks. */

import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { longestLockPath } from "../src/vfs/lock-file.js";
import type { Vfs } from "../src/vfs/vfs.js";

/** What stands against it, in words. `isReplaced`: another file takes its place, and it is not written to. */
export function obstaclesToWriting(vfs: Vfs, path: string, isReplaced: boolean): string[] {
  if (!vfs.shared) return []; // In memory everybody may.
  const found = denial(path, constants.W_OK);
  // Its permissions are no matter to who replaces it; that it may not be changed at all (chattr +i) is.
  const ofFile = isReplaced && found === "EACCES" ? undefined : found;
  const ofFolder = denial(dirname(path), constants.W_OK | constants.X_OK);
  const isLong = denial(longestLockPath(path), constants.F_OK) === "ENAMETOOLONG";
  return [
    ...(isLong ? ["its name, or its path, is too long for the lock beside it"] : []),
    ...(ofFile === undefined ? [] : [`this user may not write to it (${ofFile})`]),
    ...(ofFolder === undefined ? [] : [`this user may make no files in its folder (${ofFolder})`]),
  ];
}

/** The system's word for it; undefined where it is allowed. */
function denial(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? "UNKNOWN");
  }
}
