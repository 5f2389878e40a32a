/**
 * The second phase of a conversion in place: pages that were written to a temporary place go to their own, as
 * they are. No place is both left and taken, so all of it can be done again from the start.
 */

import type { VfsFile } from "../../src/vfs/vfs.js";
import { readExactly, writeFully } from "../../src/vfs/whole-io.js";
import { MOVE_WORDS, type Program } from "./program.js";

const STEP_BYTES: number = 1024 * 1024;

/** Yields the bytes moved. */
export function* movePages(file: VfsFile, program: Program): Generator<number, void> {
  const { targetPageSize } = program.head;
  const { moves } = program.tables;
  let buffer = new Uint8Array(targetPageSize);
  let moved = 0;
  let told = 0;
  for (let i = 0; i < moves.length; i += MOVE_WORDS) {
    const bytes = moves[i + 2]! * targetPageSize;
    if (buffer.length < bytes) buffer = new Uint8Array(bytes);
    readExactly(file, buffer, 0, bytes, moves[i]! * targetPageSize);
    writeFully(file, buffer, 0, bytes, moves[i + 1]! * targetPageSize);
    moved += bytes;
    if (moved - told < STEP_BYTES) continue;
    told = moved;
    yield moved;
  }
  if (moved > 0) file.sync();
}
