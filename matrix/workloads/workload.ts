/**
 * Workloads turn a stream into timed iterations over one open store. Nothing is generated, looked up or
 * allocated by a workload while the clock runs that an application would not do itself.
 */

import type { EngineStore } from "../engines/engine.js";
import type { WorkloadName } from "../results/document.js";
import type { Expectation } from "../streams/content.js";
import type { Key } from "../streams/shapes.js";
import type { Stream } from "../streams/stream.js";

/** What a pass works on. */
export interface PassContext {
  readonly store: EngineStore;
  readonly stream: Stream;
  /** Keys by rank, in the engine's form. */
  readonly keys: readonly Key[];
  /** Values by operation. */
  readonly values: readonly Buffer[];
  readonly commitEvery: number;
  /** Commits in flight together: 1, except for engines whose commits are awaited. */
  readonly inFlight: number;
  readonly readsOwnWrites: boolean;
  readonly expectation: Expectation;
  /** Opens the store of the pass again after it was closed. */
  reopen(): Promise<EngineStore>;
  /** Copies the store's files as they are, without closing it, and returns an opener of the copy. */
  crashImage(): Promise<() => Promise<EngineStore>>;
}

/** The timed part of a workload, made ready. */
export interface Pass {
  readonly iterations: number;
  /** Operations of a full iteration; the last one may have fewer. */
  readonly opsPerIteration: number;
  /** Operations of all iterations together. */
  readonly operations: number;
  /** Whether the pass closes the store that it was given. */
  readonly closesStore?: boolean;
  /** Runs before each iteration, not timed. */
  before?(): Promise<void>;
  /** A returned promise is part of the iteration. */
  run(): void | Promise<void>;
  /** Runs after each iteration, not timed. */
  after?(): Promise<void>;
  /** What the pass saw wrong (a get that missed, a scan that was short); null when all was right. */
  problem(): string | null;
}

export interface Workload {
  readonly name: WorkloadName;
  /** Whether commit_every means anything to it. */
  readonly hasCommitEvery: boolean;
  /** Whether its stream changes the store (and each pass needs a fresh one). */
  readonly writes: boolean;
  /** Makes a pass over the first `operations` operations of the stream. */
  prepare(context: PassContext, operations: number): Pass;
}
