/**
 * The types of a run's document, field for field as docs/matrix-run.schema.json has it. What the fields
 * mean is said there; a test holds the two against each other.
 */

import type { Histogram, Summary } from "../stats/summary.js";

export const RUN_SCHEMA = "espalier-matrix-run";
export const RUN_VERSION = 1;

export const DURABILITY_CLASSES = ["durable", "durable-awaited", "os-buffered", "memory"] as const;
export type DurabilityClass = (typeof DURABILITY_CLASSES)[number];

export const WORKLOADS = [
  "reads",
  "mixed",
  "mixed-read-through",
  "inserts",
  "put_many-64",
  "put_many-1000",
  "overwrite-same",
  "overwrite-grow",
  "delete-churn",
  "scan",
  "reopen",
  "recover",
  "level-gets",
  "level-all",
] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

/** What is measured through the promises of an abstract-level database, on engines that are one. */
export const LEVEL_WORKLOADS: readonly WorkloadName[] = ["level-gets", "level-all"];

export const ORDERS = ["sequential", "random", "descending", "zipfian"] as const;
export type OrderName = (typeof ORDERS)[number];

export const SHAPES = ["u64", "text", "large"] as const;
export type ShapeName = (typeof SHAPES)[number];

export const GUARDRAILS = [
  "contiguous_space",
  "fence_mismatch",
  "replacement",
  "fragmentation",
  "split_prep",
  "delete_first_key",
  "borrow_or_merge",
] as const;
export type Guardrail = (typeof GUARDRAILS)[number];

export const LEGACY_PATHS = ["insert", "delete", "borrow", "merge", "maintenance", "split_prep"] as const;
export type LegacyPath = (typeof LEGACY_PATHS)[number];

/** Counters as the store's metrics give them: numbers, lists of numbers (histograms), groups of both. */
export type CounterNode = number | number[] | CounterTree;
export interface CounterTree {
  [name: string]: CounterNode;
}

export interface RunInfo {
  id: string;
  preset: string;
  seed: number;
  startedAt: string;
  finishedAt: string;
  durationMs: number;
  complete: boolean;
  interrupted: null | "signal" | "budget";
  command: string;
  label?: string | null;
}

/** The machine and what ran on it; each field is described in docs/matrix-run.schema.json. */
export interface Environment {
  cpu: { model: string; cores: number; mhz: number | null; architecture: string };
  memoryBytes: number;
  disk: {
    fileSystem: string | null;
    mountOptions: string | null;
    device: string | null;
    model: string | null;
    rotational: boolean | null;
    freeBytes: number | null;
  };
  os: { platform: string; kernel: string };
  runtime: { name: string; version: string; v8: string; flags: string[] };
  espalier: { version: string; gitCommit: string | null; gitDirty: boolean | null };
  peers: Record<string, string>;
  loadAtStart: number[];
  loadAtEnd: number[];
}

export interface RunSettings {
  rounds: number;
  timeLimitMs: number;
  budgetMs: number | null;
  workloads: WorkloadName[];
  commitEvery: number[];
  engines: string[];
  records: number[];
  shapes: ShapeName[];
  orders: OrderName[];
  baseline: string;
  profiledPass: boolean;
}

export type EngineFamily = "espalier" | "legacy" | "peer" | "ceiling";

/** An engine of the run, whether it could be had or not; docs/matrix-run.schema.json describes the fields. */
export interface EngineRow {
  id: string;
  title: string;
  family: EngineFamily;
  package: string | null;
  version: string | null;
  durability: DurabilityClass;
  settings: string;
  present: boolean;
  reason: string | null;
  install: string | null;
}

export interface Estimate {
  median: number;
  low: number;
  high: number;
  confidence: number;
  n: number;
  outliers: number[];
}

export interface RoundRow {
  round: number;
  status: "ok" | "failed" | "timeout";
  reason: string | null;
  opsPerSecond: number | null;
  seconds: number | null;
  startedAt: string;
  outlier: boolean;
}

export interface CellBytes {
  logical: number;
  passedToWrite: number | null;
  reachedStorage: number | null;
  logPerOperation: number | null;
  writtenPerOperation: number | null;
  writeAmplification: number | null;
  spaceAmplification: number | null;
}

export interface SlotExtentTimings {
  builds: number;
  slots: number;
  ns: number;
  nsPerBuild: number | null;
  nsPerSlot: number | null;
  nsPerOperation: number;
}

export interface ProfiledPass {
  operations: number;
  opsPerSecond: number;
  slotExtent: SlotExtentTimings;
  counters: CounterTree;
}

export interface CensusEntry {
  path: LegacyPath;
  guardrail: Guardrail | "always";
  count: number;
}

/** Leaf edits of a legacy engine: those done in place, those that rebuilt the leaf, and which guardrail made them. */
export interface Census {
  edits: number;
  inPlace: number;
  rebuilds: number;
  fired: CensusEntry[];
}

/** The reason of a cell that a run has not come to yet. */
export const NOT_YET = "its turn had not come when this was written";

export type CellStatus = "ok" | "missing" | "skipped" | "failed" | "timeout";

/** What one engine did in one workload; null where it was not measured. docs/matrix-run.schema.json describes the fields. */
export interface CellRow {
  id: string;
  group: string;
  workload: WorkloadName;
  engine: string;
  commitEvery: number | null;
  order: OrderName;
  shape: ShapeName;
  records: number;
  durability: DurabilityClass;
  status: CellStatus;
  reason: string | null;
  settings: string;
  reproduce: string;
  operations: number | null;
  opsPerIteration: number | null;
  passes?: number | null;
  rounds: RoundRow[];
  opsPerSecond: Estimate | null;
  coldOpsPerSecond: number | null;
  latencyUs: Summary | null;
  latencyHistogram: Histogram | null;
  samplesUs: number[] | null;
  bytes: CellBytes | null;
  syncs: number | null;
  fileBytes: number | null;
  memory: { peakBytes: number | null; baseBytes: number | null } | null;
  cpuUs: { user: number; system: number; perOperation: number } | null;
  counters: { round: number; before: CounterTree; after: CounterTree; delta: CounterTree } | null;
  profile: ProfiledPass | null;
  census: Census | null;
  contentHash: string | null;
}

/** What the machine itself can do, measured in the same run. */
export interface LimitRow {
  id: "overwrite-sync" | "overwrite-dsync" | "sequential-write" | "sequential-read" | "javascript-loop";
  title: string;
  unit: "operations/s" | "bytes/s";
  median: number | null;
  p50Us: number | null;
  p99Us: number | null;
  values: number[];
}

export interface DriftPoint {
  at: string;
  afterRound: number;
  javascriptMs: number;
  syncUs: number | null;
}

export interface Spread {
  median: number;
  min: number;
  max: number;
  ratio: number;
}

export interface Drift {
  points: DriftPoint[];
  javascript: Spread;
  sync: Spread | null;
}

export interface Noise {
  verdict: "quiet" | "noisy" | "unknown";
  reasons: string[];
  medianRelativeInterval: number | null;
}

/** One gate, judged. */
export interface GateResult {
  id: string;
  title: string;
  /** False also where no cell could be judged: missing evidence is no pass. */
  pass: boolean;
  figure: number | null;
  comparison: "at-most" | "at-least";
  limit: number;
  margin: number | null;
  unit: string;
  cell: string | null;
  cells: number;
  detail: string;
}

/** Whether the run meets its gates. */
export interface GateVerdict {
  verdict: "GO" | "NO-GO";
  gatesFile: string;
  gates: GateResult[];
}

/** One run of the matrix. */
export interface RunDocument {
  schema: typeof RUN_SCHEMA;
  version: typeof RUN_VERSION;
  run: RunInfo;
  environment: Environment;
  settings: RunSettings;
  engines: EngineRow[];
  cells: CellRow[];
  limits: LimitRow[];
  drift: Drift;
  noise: Noise;
  verdict?: GateVerdict | null;
}
