/**
 * What drives the work on a file: runs its steps, lets the event loop breathe, and on the way stops when asked
 * to, keeps to a rate, waits while a pause file is there.
 */

import { setImmediate, setTimeout } from "node:timers/promises";
import type { Vfs } from "../src/vfs/vfs.js";

/**
 * check: the file is read, checked and digested. apply-log: the legacy log. convert: pages are written. verify: the
 * result is read back, and its digest compared. finish: headers, truncation, removal of the old log.
 */
export type MigrationPhase = "check" | "apply-log" | "convert" | "verify" | "finish";

/** One step of a file's work; sizes in bytes. */
export interface WorkStep {
  readonly phase: MigrationPhase;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly recordsDone: number;
  /** Bytes moved since the step before, which the rate limit counts. */
  readonly bytesMoved: number;
}

/** How fast a run goes, and when it stops. */
export interface PaceOptions {
  /** Stops the work cleanly; the next run goes on. */
  readonly signal?: AbortSignal;
  /** MiB a second, all files together. */
  readonly maxMbPerSec?: number;
  /** While a file of this name is there, nothing goes on. */
  readonly pauseFile?: string;
  /** Milliseconds after which the work stops cleanly. */
  readonly maxDurationMs?: number;
}

/** Why the work stopped before its end. */
export class InterruptedError extends Error {
  readonly why: "signal" | "duration";
  constructor(why: "signal" | "duration") {
    super(why === "signal" ? "interrupted; the next run goes on" : "the time was up; the next run goes on");
    this.name = "InterruptedError";
    this.why = why;
  }
}

/** The loop is not held longer than this at a stretch. */
const SLICE_MS = 20;
const PAUSE_POLL_MS = 200;
const MIB = 1024 * 1024;

/** Shared by all files of a run. */
export class Pace {
  readonly #options: PaceOptions;
  readonly #vfs: Vfs;
  readonly #started: number = performance.now();
  #sliceStart: number = performance.now();
  #pauseLooked: number = Number.NEGATIVE_INFINITY;
  /** When the bytes moved so far are due. */
  #due: number = performance.now();

  constructor(vfs: Vfs, options: PaceOptions) {
    this.#vfs = vfs;
    this.#options = options;
  }

  /** Throws InterruptedError. */
  check(): void {
    if (this.#options.signal?.aborted === true) throw new InterruptedError("signal");
    const limit = this.#options.maxDurationMs;
    if (limit !== undefined && performance.now() - this.#started > limit)
      throw new InterruptedError("duration");
  }

  /** To be called before the first step and between steps. Throws InterruptedError, IoError. */
  async step(bytesMoved: number): Promise<void> {
    this.check();
    const rate = this.#options.maxMbPerSec;
    const now = performance.now();
    if (rate !== undefined && bytesMoved > 0) {
      this.#due = Math.max(this.#due, now - 1000) + (bytesMoved / (rate * MIB)) * 1000;
      if (this.#due > now) await this.#sleep(this.#due - now);
    }
    if (this.#options.pauseFile !== undefined && now - this.#pauseLooked > PAUSE_POLL_MS) {
      this.#pauseLooked = now;
      while (this.#vfs.stat(this.#options.pauseFile) !== undefined) {
        await this.#sleep(PAUSE_POLL_MS);
      }
    }
    if (performance.now() - this.#sliceStart < SLICE_MS) return;
    await setImmediate();
    this.#sliceStart = performance.now();
    this.check();
  }

  /** No longer than there is time. */
  async #sleep(ms: number): Promise<void> {
    const { maxDurationMs = Number.POSITIVE_INFINITY, signal } = this.#options;
    const left = Math.max(0, this.#started + maxDurationMs - performance.now());
    try {
      await setTimeout(Math.min(ms, left + 1), undefined, signal === undefined ? {} : { signal });
    } catch {
      // Aborted, which the check says.
    }
    this.check();
  }
}

/** Runs steps to their end; stops them where the pace says so. */
export async function drive<T>(
  steps: Generator<WorkStep, T>,
  pace: Pace,
  onStep: (step: WorkStep) => void,
): Promise<T> {
  let ended = false;
  try {
    for (;;) {
      const next = steps.next();
      if (next.done === true) {
        ended = true;
        return next.value;
      }
      onStep(next.value);
      await pace.step(next.value.bytesMoved);
    }
  } finally {
    if (!ended) steps.return(undefined as never);
  }
}
