/**
 * Old versions of blocks, kept for live snapshots (P2). A version is made before the first change
 * that some live snapshot must not see, and dropped when no snapshot needs it. They lie in spare frames
 * of the pool; beyond a budget the oldest go to an unlinked temporary file. A crash ends them all.
 *
 * A snapshot is the number of the last commit that it sees.
 */

import { DiskFullError, IoError } from "../base/errors.js";
import type { PagerMetrics } from "../base/metrics.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import { readExactly, writeFully } from "../vfs/whole-io.js";
import { FRAME_DIRTY, type PagePool } from "./page-pool.js";

/** Of the temporary file's name. */
const SPILL_FILE = "versions";

interface Version {
  readonly block: number;
  /** Snapshots below it need the block's version before this one, as long as there are any; -1: there was none. */
  readonly from: number;
  /** The commit that replaced these bytes: snapshots below it need them. */
  readonly replacedBy: number;
  /** Frame in the pool, or -1 while in the file. */
  frame: number;
  /** Slot in the file, or -1: it was never there. */
  slot: number;
  /** While it is in no frame: which of its pages are known to be right. */
  checked: number;
}

export class Versions {
  readonly #pool: PagePool;
  readonly #vfs: Vfs;
  readonly #storePath: string;
  readonly #metrics: PagerMetrics;
  readonly #byBlock: Map<number, Version[]> = new Map();
  /** All of them in the order in which they were made, so that `replacedBy` does not descend. */
  readonly #all: Version[] = [];
  /** Versions in frames, oldest first. */
  #inMemory: Version[] = [];
  readonly #snapshots: Map<number, number> = new Map();
  readonly #committed: () => number;
  #spillFile: VfsFile | undefined;
  #spillSlots = 0;
  readonly #freeSlots: number[] = [];
  /** The oldest snapshot closed since versions are kept that only the running transaction needs; Infinity: none are. */
  #keptSince: number = Number.POSITIVE_INFINITY;
  /** The newest one of them. */
  #keptUntil = -1;

  /** Commit number of the newest and oldest live snapshot; -1 and Infinity without any. */
  newest = -1;
  oldest: number = Number.POSITIVE_INFINITY;

  constructor(pool: PagePool, vfs: Vfs, storePath: string, metrics: PagerMetrics, committed: () => number) {
    this.#pool = pool;
    this.#committed = committed;
    this.#vfs = vfs;
    this.#storePath = storePath;
    this.#metrics = metrics;
  }

  get snapshots(): number {
    let live = 0;
    for (const count of this.#snapshots.values()) live += count;
    return live;
  }

  get versions(): number {
    return this.#all.length;
  }

  acquire(commit: number): void {
    this.#snapshots.set(commit, (this.#snapshots.get(commit) ?? 0) + 1);
    if (commit > this.newest) this.newest = commit;
    if (commit < this.oldest) this.oldest = commit;
  }

  release(commit: number): void {
    const left = (this.#snapshots.get(commit) ?? 1) - 1;
    if (left > 0) {
      this.#snapshots.set(commit, left);
      return;
    }
    this.#snapshots.delete(commit);
    let newest = -1;
    let oldest = Number.POSITIVE_INFINITY;
    for (const live of this.#snapshots.keys()) {
      if (live > newest) newest = live;
      if (live < oldest) oldest = live;
    }
    this.newest = newest;
    this.oldest = oldest;
    this.#collect(commit, commit);
  }

  /** Whether a change of the block now must leave its present bytes to a snapshot. */
  needs(block: number): boolean {
    if (this.newest < 0) return false;
    const list = this.#byBlock.get(block);
    return list === undefined || list[list.length - 1]!.replacedBy <= this.newest;
  }

  /**
   * Keeps the bytes in `frame` (a spare, which now belongs here) for snapshots below `replacedBy`. The caller has
   * made room before it took that.
   */
  add(block: number, frame: number, replacedBy: number): void {
    this.#metrics.version_copies++;
    const list = this.#byBlock.get(block);
    const from = list?.at(-1)?.replacedBy ?? -1;
    const version: Version = { block, from, replacedBy, frame, slot: -1, checked: 0 };
    if (list === undefined) this.#byBlock.set(block, [version]);
    else list.push(version);
    this.#all.push(version);
    this.#inMemory.push(version);
  }

  /**
   * Takes back the version that `replacedBy`, now undone, had made; its frame goes to the caller. -1:
   * the data file has its bytes.
   */
  undo(block: number, replacedBy: number): number {
    const list = this.#byBlock.get(block);
    const last = list?.[list.length - 1];
    if (list === undefined || last === undefined || last.replacedBy !== replacedBy) return -1;
    const { frame } = last;
    if (last.slot >= 0) this.#freeSlots.push(last.slot);
    list.pop();
    if (list.length === 0) this.#byBlock.delete(block);
    // Undone last first: it is at the end, or near it.
    this.#all.splice(this.#all.lastIndexOf(last), 1);
    const at = this.#inMemory.lastIndexOf(last);
    if (at >= 0) this.#inMemory.splice(at, 1);
    return frame;
  }

  /** Frame that holds the block as commit `snapshot` left it, or -1: the current bytes are right. */
  find(block: number, snapshot: number): number {
    if (this.#byBlock.size === 0) return -1;
    const list = this.#byBlock.get(block);
    if (list === undefined) return -1;
    for (const version of list) if (version.replacedBy > snapshot) return this.#resident(version);
    return -1;
  }

  #resident(version: Version): number {
    if (version.frame >= 0) return version.frame;
    this.#makeRoomToRead();
    const pool = this.#pool;
    const frame = pool.takeSpare();
    const bytes = 1 << pool.frameShift;
    try {
      readExactly(this.#spillFile!, pool.u8, frame << pool.frameShift, bytes, version.slot * bytes);
    } catch (error) {
      pool.releaseSpare(frame);
      throw error;
    }
    pool.checked[frame] = version.checked;
    // Where a rolled back transaction gives it back to its block, the data file has it.
    pool.touched[frame] = 0;
    version.frame = frame;
    this.#inMemory.push(version);
    return frame;
  }

  /** Reading goes on where the disk is full: what the file has already needs no room in it. */
  #makeRoomToRead(): void {
    try {
      this.makeRoom();
    } catch (error) {
      if (!(error instanceof DiskFullError || error instanceof IoError)) throw error;
      this.#letGo(this.#inMemory.findIndex((version) => version.slot >= 0));
    }
  }

  /**
   * Before a frame is taken for a version: beyond the budget, the oldest that may goes to the file. Throws
   * DiskFullError, IoError; nothing is changed then.
   */
  makeRoom(): void {
    if (this.#pool.spares < this.#pool.frameCount >> 2) return;
    this.#letGo(this.#inMemory.findIndex((version) => this.#maySpill(version)));
  }

  /** Of the last few nothing is let go: their bytes are being read. */
  #letGo(at: number): void {
    if (at < 0 || at > this.#inMemory.length - 4) return;
    const version = this.#inMemory[at]!;
    if (version.slot < 0) version.slot = this.#write(version.frame);
    this.#inMemory.splice(at, 1);
    version.checked = this.#pool.checked[version.frame]!;
    this.#pool.releaseSpare(version.frame);
    version.frame = -1;
  }

  /** Writes a version to the file; returns its slot. */
  #write(frame: number): number {
    if (this.#spillFile === undefined) {
      // What a process left that was killed before it took the name away.
      removeScratch(this.#vfs, this.#storePath, SPILL_FILE);
      const name = scratchName(this.#storePath, SPILL_FILE);
      this.#spillFile = this.#vfs.open(name, "create", this.#storePath);
      this.#vfs.unlink(name);
    }
    const slot = this.#freeSlots.at(-1) ?? this.#spillSlots;
    const bytes = 1 << this.#pool.frameShift;
    writeFully(this.#spillFile, this.#pool.u8, frame << this.#pool.frameShift, bytes, slot * bytes);
    if (slot === this.#spillSlots) this.#spillSlots++;
    else this.#freeSlots.pop();
    return slot;
  }

  /** Not where undoing the running transaction may need the bytes: the data file does not have them. */
  #maySpill(version: Version): boolean {
    return version.replacedBy <= this.#committed() || (this.#pool.flags[version.frame]! & FRAME_DIRTY) === 0;
  }

  /** The running transaction has ended, and undoing it needs nothing any more. */
  endTransaction(): void {
    const since = this.#keptSince;
    const until = this.#keptUntil;
    if (since === Number.POSITIVE_INFINITY) return;
    this.#keptSince = Number.POSITIVE_INFINITY;
    this.#keptUntil = -1;
    this.#collect(since, until);
  }

  /**
   * Drops what no live snapshot needs, and no undoing: a snapshot may be closed in the transaction that has made
   * versions for it, which are its before-images too. Only snapshots from `since` to `until` were closed since it was
   * done last: what was replaced up to the one, or came after the other, none of them has needed.
   */
  #collect(since: number, until: number): void {
    const committed = this.#committed();
    let from = this.#all.length;
    while (from > 0 && this.#all[from - 1]!.replacedBy > since) from--;
    let inMemory = false;
    let end = from;
    for (let at = from; at < this.#all.length; at++) {
      const version = this.#all[at]!;
      const undoable = version.replacedBy > committed;
      if (undoable) {
        this.#keptSince = Math.min(this.#keptSince, since);
        this.#keptUntil = Math.max(this.#keptUntil, until);
      }
      const isNeeded = version.from > until || this.#neededBetween(version.from, version.replacedBy);
      if (undoable || isNeeded) this.#all[end++] = version;
      else {
        inMemory ||= version.frame >= 0;
        this.#discard(version);
      }
    }
    this.#all.length = end;
    if (inMemory) this.#inMemory = this.#inMemory.filter((version) => version.frame >= 0);
    if (this.#byBlock.size === 0) {
      this.#spillFile?.close();
      this.#spillFile = undefined;
      this.#spillSlots = 0;
      this.#freeSlots.length = 0;
    }
  }

  #neededBetween(from: number, below: number): boolean {
    for (const snapshot of this.#snapshots.keys()) if (snapshot >= from && snapshot < below) return true;
    return false;
  }

  #discard(version: Version): void {
    const list = this.#byBlock.get(version.block)!;
    if (list.length === 1) this.#byBlock.delete(version.block);
    else list.splice(list.indexOf(version), 1);
    if (version.frame >= 0) this.#pool.releaseSpare(version.frame);
    if (version.slot >= 0) this.#freeSlots.push(version.slot);
    version.frame = -1;
  }

  close(): void {
    this.#spillFile?.close();
    this.#spillFile = undefined;
  }
}
