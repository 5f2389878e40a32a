/** A file that takes another one's place gets its owner and its permissions, before anything is in it. */

import { chmodSync, chownSync, statSync } from "node:fs";
import { IoError } from "../src/base/errors.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { RefusedError } from "./results.js";

const PERMISSION_BITS = 0o7777;

/** Throws RefusedError where this process may not give the file away, IoError. */
export function keepPermissions(vfs: Vfs, from: string, to: string): void {
  if (!vfs.shared) return; // In memory nothing has an owner.
  try {
    const wanted = statSync(from);
    const found = statSync(to);
    if (wanted.uid !== found.uid || wanted.gid !== found.gid) chownSync(to, wanted.uid, wanted.gid);
    chmodSync(to, wanted.mode & PERMISSION_BITS);
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "UNKNOWN");
    if (code === "EPERM")
      throw new RefusedError(
        "a new file can't be given to its owner from here; in place (--strategy in-place) it stays as it is",
      );
    throw new IoError(to, "chmod", code, { cause: error });
  }
}
