/**
 * The checkpoint: brings the pages that a retired log segment holds into the data file, in slices
 * between commits, so that the segment can be used again (S5). The order is W4's: log sync (done at
 * the switch), page writes, data sync, header, header sync; only then is the segment written again.
 *
 * It moves only when it is called: by each commit, in proportion to the log that the commit used up.
 */

import { DiskFullError } from "../base/errors.js";
import type { VfsFile } from "../vfs/vfs.js";
import type { RedoLog } from "./redo-log.js";

const BLOCKS_A_SLICE = 32;
const GROWTH_A_SLICE = 256 * 1024;
/** The pages are to be written by the time the new segment is this full. */
const PACE = 0.5;

/** What a checkpoint asks of the pager. */
export interface CheckpointTarget {
  /** Remembers which blocks are dirty and which pages are free now; returns the number of blocks. */
  collect(): number;
  /** Writes up to `blocks` of them; true when all are written. */
  writeSome(blocks: number): boolean;
  /** A sync of the data file begins in the background; it worked, or it failed. */
  syncing(): void;
  synced(): void;
  syncFailed(): void;
  /** Writes a header that makes the log begin at its active segment; not synced. */
  writeHeader(): void;
  /** The header with the collected state is durable. */
  finished(): void;
}

/** Syncs a file while the caller goes on. */
export interface BackgroundSync {
  start(file: VfsFile): void;
  /** Throws what the sync threw. */
  poll(): boolean;
  wait(): void;
  /** Waits for what is under way, and lets go. */
  close(): void;
}

export class Checkpoint {
  readonly #log: RedoLog;
  readonly #target: CheckpointTarget;
  readonly #dataFile: VfsFile;
  readonly #background: BackgroundSync;
  readonly #segmentBytesMax: number;
  #steps: Generator<"slice" | "sync"> | undefined;
  #waiting = false;
  #ready = false;
  #blocks = 0;
  #credit = 0;
  /** The header is durable: the old segment is not needed any more. (At the start there is none.) */
  #retired = true;

  constructor(
    log: RedoLog,
    target: CheckpointTarget,
    dataFile: VfsFile,
    background: BackgroundSync,
    segmentBytesMax: number,
  ) {
    this.#log = log;
    this.#target = target;
    this.#dataFile = dataFile;
    this.#background = background;
    this.#segmentBytesMax = segmentBytesMax;
  }

  get running(): boolean {
    return this.#steps !== undefined;
  }

  /** Whether the other segment may be switched to. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Call right after a switch of segments. */
  begin(): void {
    this.#retired = false;
    this.again();
  }

  /** Call at the start, and after a checkpoint that failed: what of it is done stays done. */
  again(): void {
    this.#ready = false;
    this.#blocks = this.#retired ? 0 : this.#target.collect();
    this.#credit = 0;
    this.#waiting = false;
    this.#steps = this.#run();
  }

  /** Waits for a sync that is under way. Throws what it threw. */
  waitForSync(): void {
    if (this.#waiting) this.#guard(() => this.#background.wait());
    this.#waiting = false;
  }

  /** Does the share of work that `bytes` of log used up call for. */
  step(bytes: number): void {
    if (this.#steps === undefined) return;
    const growth = (this.#segmentBytesMax - this.#log.standby.size) / GROWTH_A_SLICE;
    const slices =
      this.#blocks / BLOCKS_A_SLICE + Math.min(growth, this.#log.segmentBytes / GROWTH_A_SLICE) + 8;
    this.#credit += (bytes / (this.#log.segmentBytes * PACE)) * slices;
    while (this.#credit >= 1 && this.#steps !== undefined) {
      if (this.#waiting && !this.#poll()) return;
      this.#credit--;
      this.#advance();
    }
  }

  /** Runs to the end. Throws what failed; the log is kept then, and a later checkpoint may succeed. */
  finish(): void {
    while (this.#steps !== undefined) {
      this.waitForSync();
      this.#advance();
    }
  }

  #poll(): boolean {
    const done = this.#guard(() => this.#background.poll());
    this.#waiting = !done;
    return done;
  }

  #advance(): void {
    const next = this.#guard(() => this.#steps!.next());
    if (next.done === true) {
      this.#steps = undefined;
      this.#ready = true;
    } else this.#waiting = next.value === "sync";
  }

  /** A step that fails ends this checkpoint; a sync that fails poisons. */
  #guard<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      const syncing = this.#waiting;
      this.#steps = undefined;
      this.#waiting = false;
      if (syncing) {
        this.#log.failure ??= error;
        this.#target.syncFailed();
      }
      throw error;
    }
  }

  *#run(): Generator<"slice" | "sync"> {
    if (!this.#retired) {
      while (!this.#target.writeSome(BLOCKS_A_SLICE)) yield "slice";
      yield* this.#syncData();
      this.#target.writeHeader();
      yield* this.#syncData();
      this.#target.finished();
      this.#retired = true;
    }
    yield* this.#prepareStandby();
  }

  *#syncData(): Generator<"slice" | "sync"> {
    this.#target.syncing();
    yield* this.#sync(this.#dataFile);
    this.#target.synced();
  }

  /** The next generation is on disk, and the store's header knows it, before it is used. */
  *#prepareStandby(): Generator<"slice" | "sync"> {
    yield* this.#growStandby();
    this.#log.prepareStandby();
    yield* this.#sync(this.#log.standby.file);
    this.#target.writeHeader();
    yield* this.#syncData();
  }

  *#sync(file: VfsFile): Generator<"slice" | "sync"> {
    this.#background.start(file);
    yield "sync";
  }

  /** The retired segment grows to twice what was used of the others, filled with zeros off the commit path (W7). */
  *#growStandby(): Generator<"slice" | "sync"> {
    const standby = this.#log.standby;
    const wanted = this.#log.standbyBytesWanted;
    while (standby.size < wanted) {
      try {
        standby.grow(Math.min(wanted, standby.size + GROWTH_A_SLICE));
      } catch (error) {
        // A smaller segment serves as well.
        if (error instanceof DiskFullError) return;
        throw error;
      }
      yield "slice";
    }
  }
}

/** Syncs in the caller's thread, when it is asked how far it is. */
export class InlineSync implements BackgroundSync {
  #file: VfsFile | undefined;

  start(file: VfsFile): void {
    this.#file = file;
  }

  poll(): boolean {
    this.wait();
    return true;
  }

  wait(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.sync();
  }

  close(): void {
    this.#file = undefined;
  }
}
