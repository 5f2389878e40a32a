/**
 * The data file: header copies, blocks, overflow runs, and its growth by written zeros (P3).
 * Knows offsets and nothing of what the pages mean.
 */

import { alignUp } from "../base/bytes.js";
import { DiskFullError, IoError } from "../base/errors.js";
import type { PagerMetrics } from "../base/metrics.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import type { VfsFile } from "../vfs/vfs.js";
import { readFully, writeFully } from "../vfs/whole-io.js";
import { encodeStoreHeader, HEADER_COPIES, type StoreHeader } from "./store-header.js";

const ZEROS: Uint8Array = new Uint8Array(1024 * 1024);
const GROWTH_BYTES_MIN = 64 * 1024;
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Room that only checkpoints may use, in pages; above maxBytes, if there is such a limit. A delete needs no page of its
 * own: with it there is room for what its checkpoint writes.
 */
export const RESERVE_PAGES = 16;
/** Pages of a file, whatever their size: their numbers are small integers everywhere. */
export const PAGES_MAX = 0x7fff_ffff;
/** Of these, the last ones are for checkpoints only: the largest file can still be closed. */
const LAST_PAGES = 1 << 20;

/** The free list in force, and the one that takes its place. */
const CHECKPOINT_BLOCKS = 2;

/**
 * Who claims space: a change leaves the reserve alone, a checkpoint may use it. Opening and closing go beyond maxBytes:
 * a store that could do neither would be no better.
 */
export type Claimant = "change" | "checkpoint" | "opening-or-closing";

/** With what to do, where `error` says that there is no room. */
function dataFull(error: unknown): unknown {
  if (!(error instanceof DiskFullError)) return error;
  return new DiskFullError(
    `the data file cannot grow: ${error.message}. Make room on the disk, or delete records; the store goes on without being reopened`,
    { cause: error },
  );
}

export class DataFile {
  readonly file: VfsFile;
  readonly pageSize: number;
  readonly blockBytes: number;
  /** Bytes that hold written data or zeros. */
  claimedBytes: number;
  readonly #maxBytes: number;
  readonly #metrics: PagerMetrics;
  /** What was written since the last sync, and before the one under way, as pairs of start and end. */
  #unsynced: number[] = [];
  #underSync: number[] = [];
  /** What a failed sync may have taken away: reading it could give older bytes, and looks right. */
  #lost: number[] = [];

  constructor(file: VfsFile, pageSize: number, maxBytes: number, metrics: PagerMetrics) {
    this.file = file;
    this.pageSize = pageSize;
    this.blockBytes = Math.max(pageSize, BLOCK_BYTES);
    this.#maxBytes = maxBytes;
    this.#metrics = metrics;
    this.claimedBytes = Math.floor(file.size() / this.blockBytes) * this.blockBytes;
  }

  /** Reads a block; bytes past the end of the file read as zero. Returns how many were there. */
  readBlock(block: number, target: Uint8Array, offset: number): number {
    if (this.#lost.length > 0) this.#assertKept(block * this.blockBytes, this.blockBytes);
    const got = readFully(this.file, target, offset, this.blockBytes, block * this.blockBytes);
    if (got < this.blockBytes) target.fill(0, offset + got, offset + this.blockBytes);
    return got;
  }

  write(source: Uint8Array, offset: number, length: number, position: number): void {
    writeFully(this.file, source, offset, length, position);
    this.#metrics.bytes_written += length;
    const written = this.#unsynced;
    if (written.at(-1) === position) written[written.length - 1] = position + length;
    else written.push(position, position + length);
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    if (this.#lost.length > 0) this.#assertKept(position, length);
    return readFully(this.file, target, offset, length, position);
  }

  #assertKept(position: number, length: number): void {
    for (let i = 0; i < this.#lost.length; i += 2) {
      if (this.#lost[i]! < position + length && this.#lost[i + 1]! > position)
        throw new IoError(this.file.path, "read", "EIO");
    }
  }

  /** When it throws, what was written since the last sync is not read any more. */
  sync(): void {
    try {
      this.file.sync();
    } catch (error) {
      this.syncFailed();
      throw error;
    }
    this.#unsynced = [];
    this.#underSync = [];
  }

  /** Somebody else syncs the file: it begins, it worked, it failed. */
  syncing(): void {
    this.#underSync = [...this.#underSync, ...this.#unsynced];
    this.#unsynced = [];
  }

  synced(): void {
    this.#underSync = [];
  }

  syncFailed(): void {
    this.#lost = [...this.#lost, ...this.#underSync, ...this.#unsynced];
    this.#underSync = [];
    this.#unsynced = [];
  }

  /**
   * Makes sure that `pages` pages lie in space that is written already. Throws DiskFullError, and
   * nothing is poisoned: the space is claimed before anything is promised.
   */
  claim(pages: number, by: Claimant): void {
    if (pages > (by === "change" ? PAGES_MAX - LAST_PAGES : PAGES_MAX))
      throw new DiskFullError(`the store has as many pages of ${this.pageSize} bytes as a file can have`);
    const reserve = RESERVE_PAGES * this.pageSize;
    const wanted = pages * this.pageSize;
    // Who may not use the reserve leaves it there, written already.
    const bytes = by === "change" ? wanted + reserve : wanted;
    if (bytes <= this.claimedBytes) return;
    if (by !== "opening-or-closing" && bytes > this.#maxBytes + reserve)
      throw new DiskFullError(
        `the store would exceed maxBytes (${this.#maxBytes}); delete records, or open it with a higher limit`,
      );
    const step = Math.min(GROWTH_BYTES_MAX, Math.max(GROWTH_BYTES_MIN, this.claimedBytes / 8));
    const ahead = Math.min(this.claimedBytes + step, this.#maxBytes);
    try {
      this.#extend(Math.max(bytes, ahead));
    } catch (error) {
      if (this.claimedBytes < bytes) throw dataFull(error);
    }
  }

  /** Makes sure that checkpoints have room for their free lists, however full the disk is. Throws DiskFullError. */
  claimForCheckpoints(pages: number): void {
    const bytes = pages * this.pageSize + CHECKPOINT_BLOCKS * this.blockBytes;
    try {
      this.#extend(bytes);
    } catch (error) {
      throw dataFull(error);
    }
  }

  #extend(bytes: number): void {
    const end = alignUp(bytes, this.blockBytes);
    while (this.claimedBytes < end) {
      const length = Math.min(ZEROS.length, end - this.claimedBytes);
      this.write(ZEROS, 0, length, this.claimedBytes);
      this.claimedBytes += length;
    }
  }

  /** Gives space behind `pages` pages back to the file system. */
  truncate(pages: number): void {
    const bytes = alignUp(pages * this.pageSize, this.blockBytes);
    if (bytes >= this.file.size()) return;
    this.file.truncate(bytes);
    this.claimedBytes = bytes;
  }

  /** Writes the copy that is not the current one; not synced. */
  writeHeader(header: StoreHeader): void {
    const block = encodeStoreHeader(header);
    this.write(block, 0, block.length, (header.sequence % HEADER_COPIES) * BLOCK_BYTES);
  }
}
