/** What a child process is asked to measure, and what it answers: JSON in files. */

import type { Census, CounterTree, WorkloadName } from "../results/document.js";

/** What a child is asked to measure. */
export interface RoundRequest {
  readonly engine: string;
  readonly workload: WorkloadName;
  readonly streamFile: string;
  readonly commitEvery: number;
  /** Repetitions on a fresh store each. */
  readonly passes: number;
  /** Operations before anything counts, on scratch stores. */
  readonly warmOperations: number;
  /** A folder for the stores; emptied and removed by the child. */
  readonly folder: string;
  readonly profile: boolean;
  /** Beginning of the names of CPU profiles, one a pass; null: none are taken. */
  readonly cpuProfile: string | null;
  /** Where the result goes, as JSON. */
  readonly resultFile: string;
}

/** What a child found. Figures are sums over its passes unless said otherwise. */
export interface RoundResult {
  readonly operations: number;
  readonly passes: number;
  readonly opsPerIteration: number;
  readonly seconds: number;
  readonly coldOpsPerSecond: number;
  readonly samplesUs: number[];
  /** null where iterations have an untimed part, whose writes and CPU time cannot be told apart. */
  readonly passedToWrite: number | null;
  readonly reachedStorage: number | null;
  /** Key and value bytes handed over by the writes of all passes. */
  readonly logicalBytes: number;
  readonly cpuUs: { readonly user: number; readonly system: number } | null;
  readonly peakBytes: number | null;
  readonly baseBytes: number;
  /** After the last pass's close. */
  readonly fileBytes: number | null;
  /** Key and value bytes in the store after the last pass. */
  readonly contentBytes: number;
  /** Of the last pass. */
  readonly counters: { readonly before: CounterTree; readonly after: CounterTree } | null;
  readonly census: Census | null;
  readonly contentHash: string;
}
