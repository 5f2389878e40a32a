/** What interrupted runs leave behind the end of a legacy file: a journal, or the beginning of one. */

import { CorruptionError } from "../src/base/errors.js";
import type { Vfs, VfsFile } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";
import { inspectFile } from "./file-state.js";
import { legacyHead } from "./in-place/back.js";
import { bytesBeforeBeginning, cutTo, hasBegun } from "./in-place/fence.js";
import { endsInTrailer, readProgram } from "./in-place/program.js";
import { finalBytes } from "./in-place/run-program.js";
import { readSlot } from "./in-place/slot.js";
import { readU32 } from "./legacy/big-endian.js";
import { HEADER_PAGE_SIZE, PAGE_HEADER_BYTES, pageSizeFault } from "./legacy/layout.js";
import { decodeMeta } from "./legacy/meta.js";
import { PageSeal } from "./legacy/page-check.js";

/** Cuts off what an earlier run has left behind a legacy file. */
export function cutLegacyLeftover(vfs: Vfs, path: string): void {
  const bytes = legacyBytes(vfs, path);
  if (bytes !== undefined) cutTo(vfs, path, bytes);
}

/** Bytes of a legacy file without what an interrupted run has left behind it; undefined: all of them. */
export function legacyBytes(vfs: Vfs, path: string): number | undefined {
  const state = inspectFile(vfs, path);
  if (state.kind !== "legacy") return undefined;
  const began = hasBegun(vfs, path);
  const file = vfs.open(path, "read");
  try {
    const known = state.leftover === undefined ? undefined : bytesBeforeJournal(file);
    const bytes = known ?? bytesBeforeBeginning(vfs, path);
    if (bytes !== undefined || !(began || endsInTrailer(file))) return bytes;
    return bytesInUse(file);
  } finally {
    file.close();
  }
}

/**
 * Where a legacy file ends that has a journal behind it: of a conversion whose fence was taken down again, or of a
 * rollback that is done but for being cut off. Undefined where there is none, or where somebody used the file since.
 */
function bytesBeforeJournal(file: VfsFile): number | undefined {
  const program = readProgram(file);
  if (program === undefined) return undefined;
  const forward = program.head.direction === "forward";
  const expected = forward
    ? Buffer.from(program.head.firstSector, "base64")
    : legacyHead(program, readSlot(file, program));
  const actual = new Uint8Array(expected.length);
  readFully(file, actual, 0, actual.length, 0);
  if (Buffer.compare(actual, expected) !== 0) return undefined;
  return forward ? program.head.oldBytes : finalBytes(program);
}

/**
 * The same of one that its program has used since: it ends where its meta page says, or later, behind the last page that
 * is one of its own. What of the journal that has not overwritten would be taken for damaged pages. Undefined where the
 * meta page is no sound one.
 */
function bytesInUse(file: VfsFile): number | undefined {
  const header = new Uint8Array(PAGE_HEADER_BYTES);
  readFully(file, header, 0, header.length, 0);
  const pageSize = readU32(header, HEADER_PAGE_SIZE);
  if (pageSizeFault(pageSize) !== undefined) return undefined;
  const page = new Uint8Array(pageSize);
  readFully(file, page, 0, pageSize, 0);
  try {
    const { nextPage, salt } = decodeMeta(page, file.path);
    const seal = new PageSeal(pageSize, salt);
    const size = file.size();
    let pages = Math.ceil(size / pageSize);
    for (; pages > Math.max(1, nextPage); pages--) {
      page.fill(0);
      readFully(file, page, 0, pageSize, (pages - 1) * pageSize);
      if (seal.fault(page, pages - 1) === undefined) break;
    }
    return pages * pageSize < size ? pages * pageSize : undefined;
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}
