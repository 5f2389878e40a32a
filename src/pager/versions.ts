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

/** One commit that snapshots see, and what it keeps. */
interface LiveSnapshot {
  readonly commit: number;
  /** How often it was acquired and not released. */
  holders: number;
  /** Made since then, and before the next live one was: no newer snapshot needs them. `replacedBy` does not descend. */
  readonly versions: Version[];
}

/** Index of the first version that ended behind commit `commit`: what a snapshot of it sees. Versions of one block. */
function firstBehind(list: readonly Version[], commit: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.replacedBy <= commit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function takeOut(list: Version[], version: Version): void {
  // Undone last first: it is at the end, or near it.
  const at = list.lastIndexOf(version);
  if (at >= 0) list.splice(at, 1);
}

export class Versions {
  readonly #pool: PagePool;
  readonly #vfs: Vfs;
  readonly #storePath: string;
  readonly #metrics: PagerMetrics;
  readonly #byBlock: Map<number, Version[]> = new Map();
  /** By commit. Each version is with the newest that needs it: closing one looks at what it keeps, and at no other. */
  readonly #live: LiveSnapshot[] = [];
  /** Versions that no snapshot needs any more, but undoing the running transaction may. */
  #undoable: Version[] = [];
  /** Versions in frames, oldest first. */
  readonly #inMemory: Set<Version> = new Set();
  readonly #committed: () => number;
  #spillFile: VfsFile | undefined;
  #spillSlots = 0;
  readonly #freeSlots: number[] = [];

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
    return this.#live.reduce((sum, { holders }) => sum + holders, 0);
  }

  get versions(): number {
    return this.#live.reduce((sum, { versions }) => sum + versions.length, this.#undoable.length);
  }

  acquire(commit: number): void {
    const at = this.#upTo(commit);
    const before = this.#live[at - 1];
    if (before?.commit === commit) {
      before.holders++;
      return;
    }
    // Of what the one before keeps, this one needs what has been made since.
    const versions = before === undefined ? [] : before.versions.splice(firstBehind(before.versions, commit));
    this.#live.splice(at, 0, { commit, holders: 1, versions });
    this.#setEnds();
  }

  release(commit: number): void {
    const at = this.#upTo(commit) - 1;
    const snapshot = this.#live[at]!;
    if (--snapshot.holders > 0) return;
    this.#live.splice(at, 1);
    this.#setEnds();
    this.#handOver(snapshot.versions, this.#live[at - 1]);
  }

  /** How many live snapshots are of this commit or an older one. */
  #upTo(commit: number): number {
    const live = this.#live;
    if (commit > this.newest) return live.length;
    let low = 0;
    let high = live.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (live[middle]!.commit <= commit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #setEnds(): void {
    this.newest = this.#live.at(-1)?.commit ?? -1;
    this.oldest = this.#live[0]?.commit ?? Number.POSITIVE_INFINITY;
  }

  /** Whether a change of the block now must leave its present bytes to a snapshot. */
  needs(block: number): boolean {
    if (this.newest < 0) return false;
    const list = this.#byBlock.get(block);
    return list === undefined || list[list.length - 1]!.replacedBy <= this.newest;
  }

  /**
   * Keeps the bytes in `frame` (a spare, which now belongs here) for snapshots below `replacedBy`, as the newest of them
   * needs. The caller has made room before it took that.
   */
  add(block: number, frame: number, replacedBy: number): void {
    this.#metrics.version_copies++;
    const list = this.#byBlock.get(block);
    const from = list?.at(-1)?.replacedBy ?? -1;
    const version: Version = { block, from, replacedBy, frame, slot: -1, checked: 0 };
    if (list === undefined) this.#byBlock.set(block, [version]);
    else list.push(version);
    this.#live.at(-1)!.versions.push(version);
    this.#inMemory.add(version);
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
    this.#inMemory.delete(last);
    takeOut(this.#undoable, last);
    const newest = this.#live.at(-1);
    if (newest !== undefined) takeOut(newest.versions, last);
    return frame;
  }

  /** Frame that holds the block as commit `snapshot` left it, or -1: the current bytes are right. */
  find(block: number, snapshot: number): number {
    if (this.#byBlock.size === 0) return -1;
    const list = this.#byBlock.get(block);
    if (list === undefined) return -1;
    const version = list[firstBehind(list, snapshot)];
    return version === undefined ? -1 : this.#resident(version);
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
    this.#inMemory.add(version);
    return frame;
  }

  /** Reading goes on where the disk is full: what the file has already needs no room in it. */
  #makeRoomToRead(): void {
    try {
      this.makeRoom();
    } catch (error) {
      if (!(error instanceof DiskFullError || error instanceof IoError)) throw error;
      this.#letGo((version) => version.slot >= 0);
    }
  }

  /**
   * Before a frame is taken for a version: beyond the budget, the oldest that may goes to the file. Throws
   * DiskFullError, IoError; nothing is changed then.
   */
  makeRoom(): void {
    if (this.#pool.spares < this.#pool.frameCount >> 2) return;
    this.#letGo((version) => this.#maySpill(version));
  }

  /** The oldest that may go. Of the last few nothing is let go: their bytes are being read. */
  #letGo(may: (version: Version) => boolean): void {
    let left = this.#inMemory.size - 3;
    for (const version of this.#inMemory) {
      if (left-- <= 0) return;
      if (!may(version)) continue;
      if (version.slot < 0) version.slot = this.#write(version.frame);
      this.#inMemory.delete(version);
      version.checked = this.#pool.checked[version.frame]!;
      this.#pool.releaseSpare(version.frame);
      version.frame = -1;
      return;
    }
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
    if (this.#undoable.length === 0) return;
    const versions = this.#undoable;
    this.#undoable = [];
    this.#handOver(versions, this.#live.at(-1));
  }

  /**
   * To the next older snapshot, what that needs, and drops the others. Not what undoing needs: a snapshot may be closed
   * in the transaction that has made versions for it, which are its before-images too.
   */
  #handOver(versions: readonly Version[], older: LiveSnapshot | undefined): void {
    const committed = this.#committed();
    for (const version of versions) {
      if (older !== undefined && version.from <= older.commit) older.versions.push(version);
      else if (version.replacedBy > committed) this.#undoable.push(version);
      else this.#discard(version);
    }
    if (this.#byBlock.size === 0) {
      this.#spillFile?.close();
      this.#spillFile = undefined;
      this.#spillSlots = 0;
      this.#freeSlots.length = 0;
    }
  }

  #discard(version: Version): void {
    const list = this.#byBlock.get(version.block)!;
    if (list.length === 1) this.#byBlock.delete(version.block);
    else list.splice(firstBehind(list, version.replacedBy - 1), 1);
    if (version.frame >= 0) {
      this.#inMemory.delete(version);
      this.#pool.releaseSpare(version.frame);
    }
    if (version.slot >= 0) this.#freeSlots.push(version.slot);
    version.frame = -1;
  }

  close(): void {
    this.#spillFile?.close();
    this.#spillFile = undefined;
  }
}
