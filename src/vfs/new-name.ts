/**
 * Names that must not be taken: a finished file gets its own only where nothing is, not even a symbolic link that
 * leads nowhere. Of several programs that finish one under the same name, one gets it.
 */

import { basename, dirname, join } from "node:path";
import { ExistsError, IoError, OptionError } from "../base/errors.js";
import type { Vfs } from "./vfs.js";

/** What is said where there are no hard links, or not this one. */
const NO_LINKS: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
  "EINVAL",
]);

/** Whether an error says that the file system has no hard links. */
export function refusesLinks(error: unknown): boolean {
  return error instanceof IoError && NO_LINKS.has(error.errno);
}

/** Whether the last part of a path, in a folder that is there, is a symbolic link. */
export function isLink(vfs: Vfs, path: string): boolean {
  const place = join(vfs.canonical(dirname(path)), basename(path));
  try {
    return vfs.canonical(place) !== place;
  } catch (error) {
    // One that leads nowhere has its name all the same; one that is too long nothing has.
    if (error instanceof IoError) return vfs.list(dirname(place)).includes(basename(place));
    throw error;
  }
}

/** Throws ExistsError where something has this name, OptionError for one that is empty, IoError. */
export function assertFree(vfs: Vfs, path: string): void {
  if (path === "") throw new OptionError("path", "must be the name of a file");
  if (vfs.stat(path) !== undefined) throw new ExistsError(path);
  if (vfs.stat(dirname(path))?.kind === "folder" && isLink(vfs, path))
    throw new ExistsError(path, `${path} exists already: it is a link that leads nowhere`);
}

/** Gives a file another name, which is free; its old one goes. Throws ExistsError where it is not free, IoError. */
export function takeName(vfs: Vfs, file: string, name: string): void {
  assertFree(vfs, name);
  try {
    vfs.link(file, name);
  } catch (error) {
    if (error instanceof IoError && error.errno === "EEXIST") throw new ExistsError(name);
    if (!refusesLinks(error)) throw error;
    vfs.rename(file, name);
    return;
  }
  vfs.unlink(file);
}
