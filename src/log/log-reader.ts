/**
 * Reads the log after a crash: finds what is committed (pass one), then hands out its frames (pass
 * two). Recognises a torn tail, and tells it from damage (W5).
 *
 * Memory: one window of the file at a time, as large as the largest frame.
 */

import { crc32 } from "node:zlib";
import { alignUp } from "../base/bytes.js";
import { CorruptionError, DiskFullError, LogMissingError } from "../base/errors.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import { readFully, writeFully } from "../vfs/whole-io.js";
import { isGeneration } from "./found-segments.js";
import {
  BLOCK_BYTES,
  decodeSegmentHeader,
  FRAME_FIRST,
  FRAME_HEADER_BYTES,
  FRAME_LAST,
  isFrameHeader,
  type LogPosition,
  SEGMENT_COPY,
  segmentPath,
} from "./log-format.js";

const WINDOW_BYTES = 1024 * 1024;

/** One frame in the reader's window; valid until the next call. */
export interface FrameView {
  bytes: Uint8Array;
  /** First record, and end of the records, in `bytes`. */
  from: number;
  to: number;
}

/** A run of whole transactions in one segment. */
interface Stretch {
  readonly index: number;
  file: VfsFile;
  readonly salt: number;
  readonly generation: number;
  /** File positions of the frames of committed transactions, in order. */
  readonly frames: number[];
  /** End of the last committed transaction. */
  end: number;
}

/** What pass one found. */
export interface LogContents {
  /** Number of the last committed transaction, or the number before the log's first. */
  committed: number;
  transactions: number;
  /** Bytes of the segments that hold committed frames. */
  bytes: number;
}

/** Which log it is, as the store's header has it. */
export interface LogOrigin {
  readonly storePath: string;
  readonly storeId: Uint8Array;
  readonly pageSize: number;
  readonly position: LogPosition;
  /** Number of the last commit that the data file holds whole. */
  readonly commit: number;
}

class FrameWindow {
  readonly #file: VfsFile;
  bytes: Uint8Array;
  words: Uint32Array;
  #start = 0;
  #length = 0;

  /** In `bytes`, which the caller lends. */
  constructor(file: VfsFile, bytes: Uint8Array) {
    this.#file = file;
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer);
  }

  /** Offset in `bytes` of `length` bytes at `position`, or -1 where the file ends before. */
  load(position: number, length: number): number {
    if (position < this.#start || position + length > this.#start + this.#length) {
      if (length > this.bytes.length) {
        this.bytes = new Uint8Array(alignUp(length, WINDOW_BYTES));
        this.words = new Uint32Array(this.bytes.buffer);
      }
      // A multiple of 8, as all frames' positions are: their words lie on those of the view.
      this.#start = position;
      this.#length = readFully(this.#file, this.bytes, 0, this.bytes.length, position);
      if (this.#length < length) return -1;
    }
    return position - this.#start;
  }
}

export class LogReader {
  readonly contents: LogContents;
  readonly #origin: LogOrigin;
  readonly #stretches: Stretch[] = [];
  #memory: Uint8Array = new Uint8Array(0);

  /**
   * Opens the segments that `origin` names, for writing where they are to be made durable, and scans them.
   * Throws LogMissingError or CorruptionError.
   */
  constructor(vfs: Vfs, origin: LogOrigin, writable: boolean) {
    this.#origin = origin;
    this.contents = { committed: origin.commit, transactions: 0, bytes: 0 };
    try {
      this.#openSegments(vfs, writable);
      let chain = origin.position.chain;
      let durableClaim = 0;
      for (const stretch of this.#stretches) {
        const scan = this.#scan(stretch, chain);
        chain = scan.chain;
        durableClaim = Math.max(durableClaim, this.#claimBeyond(stretch, scan.stop));
      }
      if (durableClaim > this.contents.committed) {
        throw new CorruptionError(
          "W5",
          `replay stops after commit ${this.contents.committed}, but a later frame says that commit ${durableClaim} was durable`,
          { path: origin.storePath, page: -1, offset: -1 },
        );
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #openSegments(vfs: Vfs, writable: boolean): void {
    const { storePath, storeId, pageSize, position } = this.#origin;
    for (let i = 0; i < 2; i++) {
      const index = (position.segment + i) % 2;
      const path = segmentPath(storePath, index);
      // Where the header does not name the next generation it may be the older copy of two, and the newer
      // one lost: the segment says by itself that it is the one.
      if (i === 1 && position.nextSalt === 0 && !isGeneration(vfs, path, storeId, position.generation + 1))
        return;
      if (vfs.stat(path)?.kind !== "file") throw new LogMissingError(storePath, `${path} is missing`);
      const file = vfs.open(path, writable ? "write" : "read");
      const block = new Uint8Array(BLOCK_BYTES);
      readFully(file, block, 0, BLOCK_BYTES, 0);
      const header = decodeSegmentHeader(storeId, block);
      const generation = position.generation + i;
      const salt = i === 0 ? position.salt : position.nextSalt || (header?.salt ?? 0);
      const stretch: Stretch = {
        index,
        file,
        salt,
        generation,
        frames: [],
        end: BLOCK_BYTES,
      };
      this.#stretches.push(stretch);
      const right = header?.salt === salt && header.generation === generation && header.pageSize === pageSize;
      if (!right) throw new LogMissingError(storePath, `${path} is not the log that belongs to it`);
    }
  }

  /** One buffer for all passes, which follow one another; no larger than the file needs, mostly 256 KiB. */
  #memoryFor(file: VfsFile): Uint8Array {
    const wanted = Math.min(WINDOW_BYTES, alignUp(file.size(), BLOCK_BYTES) + BLOCK_BYTES);
    if (this.#memory.length < wanted) this.#memory = new Uint8Array(wanted);
    return this.#memory;
  }

  /** Follows the chain; keeps the frames of transactions that are whole. */
  #scan(stretch: Stretch, startChain: number): { stop: number; chain: number } {
    const window = new FrameWindow(stretch.file, this.#memoryFor(stretch.file));
    let position = BLOCK_BYTES;
    let chain = startChain;
    let open: number[] = [];
    for (;;) {
      let at = this.#frameAt(stretch, window, position, chain);
      if (at < 0) {
        const aligned = alignUp(position, BLOCK_BYTES);
        if (aligned === position) break;
        at = this.#frameAt(stretch, window, aligned, chain);
        if (at < 0) break;
        position = aligned;
      }
      const w = at >> 2;
      const flags = window.words[w + 3]!;
      const length = window.words[w + 2]!;
      chain = window.words[w]!;
      if ((flags & FRAME_FIRST) !== 0) open = [];
      open.push(position);
      position += length;
      if ((flags & FRAME_LAST) !== 0) {
        for (const frame of open) stretch.frames.push(frame);
        open = [];
        stretch.end = position;
        this.contents.committed = window.words[w + 6]! + window.words[w + 7]! * 0x1_0000_0000;
        this.contents.transactions++;
      }
    }
    if (stretch.frames.length > 0) this.contents.bytes += stretch.end;
    return { stop: position, chain };
  }

  /** Offset in the window of a frame with a right checksum, or -1. */
  #frameAt(stretch: Stretch, window: FrameWindow, position: number, chain: number): number {
    const head = window.load(position, FRAME_HEADER_BYTES);
    if (head < 0 || !isFrameHeader(window.words, head >> 2, stretch)) return -1;
    const length = window.words[(head >> 2) + 2]!;
    const at = window.load(position, length);
    if (at < 0) return -1;
    const checksum = crc32(window.bytes.subarray(at + 4, at + length), chain);
    return checksum === window.words[at >> 2] ? at : -1;
  }

  /** The highest durable commit that any frame header behind the stop claims (W5). */
  #claimBeyond(stretch: Stretch, stop: number): number {
    const bytes = this.#memoryFor(stretch.file);
    const words = new Uint32Array(bytes.buffer);
    let claim = 0;
    for (let position = stop; ; position += bytes.length - BLOCK_BYTES) {
      const length = readFully(stretch.file, bytes, 0, bytes.length, position);
      if (length < FRAME_HEADER_BYTES) return claim;
      const end = (length - FRAME_HEADER_BYTES) >> 2;
      for (let w = 0; w <= end; w += 2) {
        if (words[w + 4] !== stretch.salt || !isFrameHeader(words, w, stretch)) continue;
        const durable = words[w + 8]! + words[w + 9]! * 0x1_0000_0000;
        if (durable > claim) claim = durable;
      }
    }
  }

  /** Calls back for each frame of each committed transaction, in order. */
  forEachFrame(visit: (frame: FrameView) => void): void {
    for (const stretch of this.#stretches) {
      const window = new FrameWindow(stretch.file, this.#memoryFor(stretch.file));
      for (const position of stretch.frames) {
        const head = window.load(position, FRAME_HEADER_BYTES);
        const length = window.words[(head >> 2) + 2]!;
        const at = window.load(position, length);
        visit({ bytes: window.bytes, from: at + FRAME_HEADER_BYTES, to: at + length });
      }
    }
  }

  /**
   * Makes sure that the committed frames are on the disk: those of the last segment may be in the page
   * cache only, and pages are about to be written that rest on them (W6). They go to a copy that takes
   * the segment's name, since a write in place could tear what was acknowledged. Where there is no room
   * for a copy a sync has to do: it writes all but what an earlier, failed sync had given up.
   */
  makeDurable(vfs: Vfs): void {
    // A segment is synced before the first frame of the next one is written (W5).
    const stretch = this.#stretches.findLast(({ frames }) => frames.length > 0);
    if (stretch === undefined) return;
    const path = segmentPath(this.#origin.storePath, stretch.index);
    // What an earlier recovery was killed over may take the room of this one's.
    removeScratch(vfs, path, SEGMENT_COPY);
    const copyPath = scratchName(path, SEGMENT_COPY);
    let copy: VfsFile | undefined;
    try {
      copy = vfs.open(copyPath, "create", path);
      copyBlocks(stretch.file, copy, stretch.end);
      copy.sync();
      vfs.rename(copyPath, path);
      vfs.syncFolderOf(path);
    } catch (error) {
      copy?.close();
      if (vfs.stat(copyPath) !== undefined) vfs.unlink(copyPath);
      if (!(error instanceof DiskFullError)) throw error;
      stretch.file.sync();
      return;
    }
    stretch.file.close();
    stretch.file = copy;
  }

  close(): void {
    for (const stretch of this.#stretches) stretch.file.close();
  }
}

/** Copies the first `end` bytes, in whole blocks as far as there are any. */
function copyBlocks(from: VfsFile, to: VfsFile, end: number): void {
  const buffer = new Uint8Array(Math.min(WINDOW_BYTES, alignUp(end, BLOCK_BYTES)));
  for (let position = 0; position < end; position += buffer.length) {
    const length = Math.min(buffer.length, alignUp(end, BLOCK_BYTES) - position);
    writeFully(to, buffer, 0, readFully(from, buffer, 0, length, position), position);
  }
}
