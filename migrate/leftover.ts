/** What interrupted runs leave behind the end of a legacy file: a journal, or the beginning of one. */

import type { Vfs } from "../src/vfs/vfs.js";
import { readFully } from "../src/vfs/whole-io.js";
import { inspectFile } from "./file-state.js";
import { legacyHead } from "./in-place/back.js";
import { bytesBeforeBeginning, cutTo } from "./in-place/fence.js";
import { readProgram } from "./in-place/program.js";
import { finalBytes } from "./in-place/run-program.js";
import { readSlot } from "./in-place/slot.js";

/** Cuts off what an earlier run has left behind a legacy file. */
export function cutLegacyLeftover(vfs: Vfs, path: string): void {
  const bytes = bytesBeforeJournal(vfs, path);
  if (bytes !== undefined) cutTo(vfs, path, bytes);
}

/**
 * Where a legacy file ends that has a journal behind it: of a conversion whose fence was taken down again, or of a
 * rollback that is done but for being cut off. Undefined where there is none, or where somebody used the file since, who
 * keeps what is there.
 */
function bytesBeforeJournal(vfs: Vfs, path: string): number | undefined {
  const file = vfs.open(path, "read");
  try {
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
  } finally {
    file.close();
  }
}

/** Bytes of a legacy file without what an interrupted run has left behind it; undefined: all of them. */
export function legacyBytes(vfs: Vfs, path: string): number | undefined {
  const state = inspectFile(vfs, path);
  const journal = state.kind === "legacy" && state.leftover !== undefined;
  return (journal ? bytesBeforeJournal(vfs, path) : undefined) ?? bytesBeforeBeginning(vfs, path);
}
