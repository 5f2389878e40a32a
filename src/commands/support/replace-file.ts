/**
 * Writes a file that a user has named: whole, or, where there is no room for it, not at all. What had its name stays
 * until the new one is on the disk.
 */

import { accessSync, constants, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { IoError } from "../../base/errors.js";
import { nodeVfs, systemError } from "../../vfs/node-vfs.js";
import { scratchName } from "../../vfs/scratch-name.js";
import { writeFully } from "../../vfs/whole-io.js";

/** What the file is called while it is written. */
const SCRATCH = "part";
/** /dev/stdout and its like: what they lead to is somebody's who has it open. */
const DEVICES = /^\/(dev|proc)\//;
/** Of a folder that takes no new file, while the one in it may be written; EBUSY of one that is a mount by itself. */
const NO_PLACE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "EBUSY"]);

/**
 * Where a link leads to, that is replaced; a device or a FIFO is written to. Owner and permissions stay. Throws
 * IoError, DiskFullError.
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  if (DEVICES.test(resolve(path)) || (nodeVfs.stat(path)?.kind ?? "file") !== "file")
    writePlainly(path, bytes);
  else replaceAt(nodeVfs.canonical(path), bytes);
}

function replaceAt(place: string, bytes: Uint8Array): void {
  const isThere = nodeVfs.stat(place) !== undefined;
  if (isThere) assertWritable(place);
  const beside = scratchName(place, SCRATCH);
  try {
    writeBeside(beside, bytes, isThere ? place : undefined);
    nodeVfs.rename(beside, place);
  } catch (error) {
    if (nodeVfs.stat(beside) !== undefined) nodeVfs.unlink(beside);
    if (!(error instanceof IoError) || !NO_PLACE.has(error.errno)) throw error;
    writePlainly(place, bytes);
  }
}

function writeBeside(beside: string, bytes: Uint8Array, like: string | undefined): void {
  const file = nodeVfs.open(beside, "create", like);
  try {
    writeFully(file, bytes, 0, bytes.length, 0);
    file.sync();
  } finally {
    file.close();
  }
}

function assertWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw systemError(path, "open", error);
  }
}

function writePlainly(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw systemError(path, "write", error);
  }
}
