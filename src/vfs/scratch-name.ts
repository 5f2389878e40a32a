/**
 * Names of files that are there for a moment only, beside a store. Each is given once, so that nothing of
 * another is ever taken for one: a store may well lie beside `orders` that is called `orders-new`.
 */

import { basename, dirname, join } from "node:path";
import { IoError } from "../base/errors.js";
import { isNonce, newNonce } from "./nonce.js";
import type { Vfs } from "./vfs.js";

/** A name that nothing has: `<path>-<what>-<24 hexadecimal digits>`. */
export function scratchName(path: string, what: string): string {
  return `${path}-${what}-${newNonce()}`;
}

/** What killed processes have left under such names. Throws IoError. */
export function leftScratch(vfs: Vfs, path: string, what: string): string[] {
  const prefix = `${basename(path)}-${what}-`;
  return vfs
    .list(dirname(path))
    .filter((name) => name.startsWith(prefix) && isNonce(name.slice(prefix.length)))
    .map((name) => join(dirname(path), name));
}

/** Removes such files. Failing at it is no failure: the next one tries again. */
export function removeScratch(vfs: Vfs, path: string, what: string): void {
  try {
    for (const name of leftScratch(vfs, path, what)) vfs.unlink(name);
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
  }
}
