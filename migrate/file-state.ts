/** What a file is, as far as the migrator cares. Changes nothing. */

import { CorruptionError, EspalierError, NotAStoreError, NotFoundError } from "../src/base/errors.js";
import { MIGRATING_MAGIC } from "../src/base/magic.js";
import { decodeStoreHeader, HEADER_COPIES, type StoreHeader } from "../src/pager/store-header.js";
import { readStoreHeader } from "../src/store/read-header.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import type { Vfs, VfsFile } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";
import { type Program, readProgram } from "./in-place/program.js";
import { readSlot, type SlotState } from "./in-place/slot.js";
import { readU32 } from "./legacy/big-endian.js";
import { HEADER_PAGE_SIZE, MAGIC_PAGE, PAGE_HEADER_BYTES, pageSizeFault } from "./legacy/layout.js";
import { headerSalt, PageSeal } from "./legacy/page-check.js";

export type FileState =
  | { readonly kind: "legacy"; readonly leftover: Leftover | undefined }
  | { readonly kind: "store"; readonly header: StoreHeader; readonly leftover: Leftover | undefined }
  | { readonly kind: "migrating"; readonly program: Program; readonly slot: SlotState };

/** The journal of a conversion that ended but for being cut off, or began without coming to its fence. */
export interface Leftover {
  readonly program: Program;
  readonly slot: SlotState;
}

/**
 * Throws NotFoundError, NotAStoreError for something else, NewerFormatError, CorruptionError for a damaged journal or a
 * fence without one, IoError.
 */
export function inspectFile(vfs: Vfs, path: string): FileState {
  const stat = vfs.stat(path);
  if (stat === undefined) throw new NotFoundError(path, `there is no file ${path}`);
  if (stat.kind === "folder")
    throw new NotAStoreError(path, "it is a folder; what is in it was not looked at");
  if (stat.kind !== "file") throw new NotAStoreError(path, "it is not a regular file");
  const file = vfs.open(path, "read");
  try {
    return stateOf(file, path);
  } finally {
    file.close();
  }
}

/** False also where it can't be told, for want of the file or of a sound journal. */
export function isHalfConverted(path: string, vfs: Vfs = nodeVfs): boolean {
  try {
    return inspectFile(vfs, vfs.canonical(path)).kind === "migrating";
  } catch (error) {
    if (error instanceof EspalierError) return false;
    throw error;
  }
}

function stateOf(file: VfsFile, path: string): FileState {
  const start = new Uint8Array(8);
  readFully(file, start, 0, 8, 0);
  const magic = Buffer.from(start).toString("latin1");
  const program = magic === MIGRATING_MAGIC ? readProgram(file) : soundProgram(file);
  if (magic === MIGRATING_MAGIC) {
    if (program === undefined) {
      const reason =
        "it is half converted, and where its journal is can't be told; salvage reads what is left";
      throw new CorruptionError("M3", reason, { path, page: 0, offset: 0 });
    }
    return { kind: "migrating", program, slot: readSlot(file, program) };
  }
  const leftover = program === undefined ? undefined : { program, slot: readSlot(file, program) };
  if (Buffer.from(start).readUInt32BE(0) === MAGIC_PAGE) {
    const torn = leftover !== undefined && !metaIsSound(file);
    return torn ? { kind: "migrating", ...leftover } : { kind: "legacy", leftover };
  }
  try {
    const header = readStoreHeader(file, path, true);
    if (leftover !== undefined && isOlder(header, leftover.program))
      return { kind: "migrating", ...leftover };
    return { kind: "store", header, leftover };
  } catch (error) {
    // A torn fence or a torn header: the journal knows.
    if (leftover === undefined || !(error instanceof EspalierError)) throw error;
    return { kind: "migrating", ...leftover };
  }
}

/** Without a fence, a journal that is not whole is one that was never finished. */
function soundProgram(file: VfsFile): Program | undefined {
  try {
    return readProgram(file);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

/**
 * Whether a header of a store is an older one than that which its rollback began with: the fence, only begun, has taken
 * the newest, and what that one says is in the journal. With use since, the header would be a newer one.
 */
function isOlder({ sequence }: StoreHeader, { head }: Program): boolean {
  if (head.direction !== "back") return false;
  const planned = decodeStoreHeader(Buffer.from(head.firstSector, "base64"));
  // Its sequence was raised to the next one that a first copy may have, by no more than there are copies.
  return planned !== undefined && sequence < planned.sequence - HEADER_COPIES;
}

/** A fence that was only begun leaves the magic of the meta page, but not its checksum. */
function metaIsSound(file: VfsFile): boolean {
  const header = new Uint8Array(PAGE_HEADER_BYTES);
  if (readFully(file, header, 0, PAGE_HEADER_BYTES, 0) < PAGE_HEADER_BYTES) return false;
  const pageSize = readU32(header, HEADER_PAGE_SIZE);
  if (pageSizeFault(pageSize) !== undefined) return false;
  const page = new Uint8Array(pageSize);
  readFully(file, page, 0, pageSize, 0);
  return new PageSeal(pageSize, headerSalt(page)).fault(page, 0) === undefined;
}
