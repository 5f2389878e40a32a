/**
 * What lies in the log's segments on disk, as far as their headers and first frames tell: whether a store has
 * its log, and whether it has one that its header does not know of. log-reader.ts follows the frames.
 */

import { CorruptionError } from "../base/errors.js";
import type { Vfs } from "../vfs/vfs.js";
import { readFully } from "../vfs/whole-io.js";
import {
  BLOCK_BYTES,
  decodeSegmentHeader,
  FRAME_HEADER_BYTES,
  FRAME_LAST,
  isFrameHeader,
  type LogPosition,
  type SegmentHeader,
  segmentPath,
} from "./log-format.js";

function readSegmentHeader(vfs: Vfs, path: string, storeId: Uint8Array): SegmentHeader | undefined {
  if (vfs.stat(path)?.kind !== "file") return undefined;
  const file = vfs.open(path, "read");
  try {
    const block = new Uint8Array(BLOCK_BYTES);
    readFully(file, block, 0, BLOCK_BYTES, 0);
    return decodeSegmentHeader(storeId, block);
  } finally {
    file.close();
  }
}

/** Whether the segment at `path` is of this generation of the store's log. */
export function isGeneration(vfs: Vfs, path: string, storeId: Uint8Array, generation: number): boolean {
  return readSegmentHeader(vfs, path, storeId)?.generation === generation;
}

/** Whether the segments that `position` names are there; not whether their frames are whole. */
export function hasLog(vfs: Vfs, storePath: string, storeId: Uint8Array, position: LogPosition): boolean {
  const { segment, generation, salt, nextSalt } = position;
  const isThere = (index: number, ofGeneration: number, withSalt: number): boolean => {
    const header = readSegmentHeader(vfs, segmentPath(storePath, index), storeId);
    return header?.generation === ofGeneration && header.salt === withSalt;
  };
  if (!isThere(segment, generation, salt)) return false;
  return nextSalt === 0 || isThere(1 - segment, generation + 1, nextSalt);
}

/**
 * The log that a store with a clean header has all the same: the header says that generations up to
 * `lastGeneration` were used, and a segment beside it is newer and holds a commit. So the header in
 * force is the older copy of two, and the newer one lost. undefined: there is none; throws
 * CorruptionError where the log does not begin at that header's state.
 */
export function findUnknownLog(
  vfs: Vfs,
  storePath: string,
  storeId: Uint8Array,
  lastGeneration: number,
  commit: number,
): LogPosition | undefined {
  let position: LogPosition | undefined;
  for (let segment = 0; segment < 2; segment++) {
    const path = segmentPath(storePath, segment);
    const header = readSegmentHeader(vfs, path, storeId);
    if (header === undefined || header.generation <= lastGeneration) continue;
    const first = firstFrame(vfs, path, header);
    if (first === undefined) continue;
    const isNext = first.commit === commit + 1;
    // A session that has committed nothing: the file has all that the frame says is durable.
    if (isNext && first.isAlone) continue;
    if (isNext && header.generation === lastGeneration + 1) {
      const { generation, salt } = header;
      position = { segment, generation, salt, chain: salt, nextSalt: 0 };
    } else if (position === undefined) {
      const reason = `${path} holds commits that the store's header does not know of: its newer copy is lost, or the file is from another time than its log`;
      throw new CorruptionError("W4", reason, { path: storePath, page: 0, offset: 0 });
    }
  }
  return position;
}

/** What the first frame of a segment tells. */
interface FirstFrame {
  /** Number of the commit that it belongs to. */
  readonly commit: number;
  /** It is the only one, and says what is durable (W5): no commit follows it. */
  readonly isAlone: boolean;
}

/** undefined: the segment holds none. */
export function firstFrame(vfs: Vfs, path: string, header: SegmentHeader): FirstFrame | undefined {
  const file = vfs.open(path, "read");
  try {
    const words = new Uint32Array((BLOCK_BYTES + FRAME_HEADER_BYTES) / 4);
    readFully(file, new Uint8Array(words.buffer), 0, words.byteLength, BLOCK_BYTES);
    if (!isFrameHeader(words, 0, header)) return undefined;
    const isEmpty = words[2] === FRAME_HEADER_BYTES && (words[3]! & FRAME_LAST) === 0;
    const next = [FRAME_HEADER_BYTES / 4, BLOCK_BYTES / 4];
    const isAlone = isEmpty && !next.some((w) => isFrameHeader(words, w, header));
    return { commit: words[6]! + words[7]! * 0x1_0000_0000, isAlone };
  } finally {
    file.close();
  }
}
