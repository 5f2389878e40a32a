/**
 * When the log goes on in its other segment: after a commit that has nearly filled the active one, or
 * before a transaction that would not fit into it. The checkpoint of the segment left behind is moved on
 * by each commit; a small segment grows rather than wait for it.
 */

import { DiskFullError } from "../base/errors.js";
import type { Checkpoint } from "./checkpoint.js";
import type { RedoLog } from "./redo-log.js";

/** Use of a segment at which the next commit leaves it. */
const SWITCH_FILL = 0.9;
/**
 * The active segment grows to this, and to twice the data file, before it is left: each switch images all
 * pages again and syncs four times, which a small load would feel, and a large store would be imaged over
 * and over. To read 4 MiB again takes a crash some 40 ms.
 */
const SEGMENT_BYTES_LEAST = 4 * 1024 * 1024;
const SEGMENT_SHARE = 2;
/** Growth is filled with zeros at once: in steps that nobody feels. */
const GROWTH_BYTES = 1024 * 1024;
const GROWTH_SHARE = 1 / 8;

/**
 * Commits of this size take long enough to be made that the sync of a growth beside them is not waited for. Smaller
 * ones would be, one in a hundred: they place it piece by piece.
 */
const SETTLING_COMMIT_BYTES = 32 * 1024;

/** What the pacing asks of the pager; the calls are for a transaction that goes on in a new segment. */
export interface PacingOwner {
  /** Size of the data file. */
  readonly dataBytes: number;
  /** Before the checkpoint collects: what was logged of the transaction is gone. */
  carryOver(): void;
}

export class SegmentPacing {
  /** Why the last checkpoint failed, until one succeeds. */
  failure: unknown;
  readonly #log: RedoLog;
  readonly #checkpoint: Checkpoint;
  readonly #segmentBytesMax: number;
  readonly #owner: PacingOwner;
  /** Use of the active segment at which the next commit leaves it. */
  #switchAt = 0;

  constructor(log: RedoLog, checkpoint: Checkpoint, segmentBytesMax: number, owner: PacingOwner) {
    this.#log = log;
    this.#checkpoint = checkpoint;
    this.#segmentBytesMax = segmentBytesMax;
    this.#owner = owner;
  }

  /** The log has started. */
  started(): void {
    this.#switchAt = this.#log.segmentBytes * SWITCH_FILL;
    this.#prepareOther();
  }

  /** Whether the active segment is too small to be left. */
  get #isSmall(): boolean {
    const wanted = Math.max(SEGMENT_BYTES_LEAST, this.#owner.dataBytes * SEGMENT_SHARE);
    return this.#log.segmentBytes < Math.min(wanted, this.#segmentBytesMax);
  }

  /** Once the first segment is large enough, the other one is made ready in good time. */
  #prepareOther(): void {
    const { ready, running } = this.#checkpoint;
    if (!ready && !running && !this.#isSmall) this.#checkpoint.again();
  }

  /** Moves the checkpoint on, after a commit that used up `bytes` of the log. Throws nothing. */
  afterCommit(bytes: number): void {
    try {
      this.#checkpoint.step(bytes);
      if (this.#log.usedBytes > this.#switchAt && !this.#mayGrow) this.#switch(false);
      if (bytes >= SETTLING_COMMIT_BYTES) this.#log.settleGrowth();
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Before a transaction's last `bytes` are written: goes on in the other segment where they do not
   * fit, if nothing of the transaction is written yet. Throws PoisonedError only.
   */
  makeRoom(bytes: number): void {
    const log = this.#log;
    if (log.partWritten) return;
    if (log.usedBytes + bytes <= log.segmentBytes || log.usedBytes < log.segmentBytes / 2) return;
    try {
      if (!this.#grow(bytes)) this.#switch(true);
    } catch (error) {
      if (log.failure !== undefined) throw error;
      this.#failed(error);
    }
  }

  /**
   * The transaction does not fit the active segment, which cannot grow: goes on in the other one if that is
   * larger. False where the transaction has to fail; nothing of it is written. Throws PoisonedError only.
   */
  leaveSmaller(): boolean {
    const log = this.#log;
    const { generation } = log;
    if (log.partWritten || log.standby.size <= log.segmentBytes) return false;
    try {
      this.#switch(true);
    } catch (error) {
      if (log.failure !== undefined) throw error;
      this.#failed(error);
    }
    return log.generation !== generation;
  }

  /** Brings all commits into the data file. Between transactions. */
  checkpointNow(): void {
    this.#switch(false);
    this.#checkpoint.finish();
  }

  /**
   * The commit stands, the log is kept and grows, and the checkpoint is tried again when it has grown
   * by another quarter. (A failed sync has poisoned the log by itself.)
   */
  #failed(error: unknown): void {
    this.failure = error;
    this.#switchAt = this.#log.usedBytes + this.#log.segmentBytes / 4;
  }

  /**
   * Whether a commit that does not fit has the active segment grow: while it is small, or rather than wait for a
   * checkpoint. Not where it is as large as it may be, nor where the other segment can be switched to.
   */
  get #mayGrow(): boolean {
    const { ready, running } = this.#checkpoint;
    if (this.#log.segmentBytes >= this.#segmentBytesMax) return false;
    return this.#isSmall || (running && !ready);
  }

  /** The active segment grows, by `bytes` at least. False where it may not, or the disk is full. */
  #grow(bytes: number): boolean {
    if (!this.#mayGrow) return false;
    const log = this.#log;
    const step = Math.max(GROWTH_BYTES, log.segmentBytes * GROWTH_SHARE, bytes);
    try {
      log.growActive(Math.min(this.#segmentBytesMax, log.segmentBytes + step));
    } catch (error) {
      if (error instanceof DiskFullError) return false;
      throw error;
    }
    this.#switchAt = log.segmentBytes * SWITCH_FILL;
    this.#prepareOther();
    return true;
  }

  #switch(inTransaction: boolean): void {
    this.#finishCheckpoint();
    // The checkpoint may have evicted a page of the transaction, which then has begun in this segment.
    if (inTransaction && this.#log.partWritten) return;
    this.#log.switchSegment(inTransaction);
    this.#switchAt = this.#log.segmentBytes * SWITCH_FILL;
    if (inTransaction) this.#owner.carryOver();
    this.#checkpoint.begin();
  }

  #finishCheckpoint(): void {
    if (this.#checkpoint.running) this.#checkpoint.finish();
    if (!this.#checkpoint.ready) {
      this.#checkpoint.again();
      this.#checkpoint.finish();
    }
    this.failure = undefined;
  }
}
