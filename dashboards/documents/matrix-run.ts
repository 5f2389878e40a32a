/**
 * The parts of a matrix run's document that dashboards read, as docs/matrix-run.schema.json has them. That
 * schema is checked before a document gets here, so the types hold; what the fields mean is said there.
 */

export const RUN_SCHEMA = "espalier-matrix-run";
export const RUN_VERSION = 1;
/** The name of a run's document inside its folder. */
export const RUN_FILE = "run.json";

export type DurabilityClass = "durable" | "durable-awaited" | "os-buffered" | "memory";
export type CellStatus = "ok" | "missing" | "skipped" | "failed" | "timeout";

/** Counters as the store's metrics give them: numbers, lists of numbers, groups of both. */
export type CounterNode = number | readonly number[] | CounterTree;
export interface CounterTree {
  readonly [name: string]: CounterNode;
}

export interface EngineRow {
  readonly id: string;
  readonly title: string;
  readonly family: "espalier" | "legacy" | "peer" | "ceiling";
  readonly version: string | null;
  readonly durability: DurabilityClass;
  readonly settings: string;
  readonly present: boolean;
  readonly reason: string | null;
  readonly install: string | null;
}

/** A median with its bootstrap interval; `n` is the number of rounds it stands on. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly n: number;
}

export interface Latency {
  readonly p50: number;
  readonly p75: number;
  readonly p99: number;
  readonly p999: number;
  readonly mean: number;
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

export interface SlotExtentTimings {
  readonly builds: number;
  readonly slots: number;
  readonly ns: number;
  readonly nsPerBuild: number | null;
  readonly nsPerSlot: number | null;
  readonly nsPerOperation: number;
}

export interface CellBytes {
  readonly logical: number;
  readonly passedToWrite: number | null;
  readonly reachedStorage: number | null;
  readonly logPerOperation: number | null;
  readonly writtenPerOperation: number | null;
  readonly writeAmplification: number | null;
  readonly spaceAmplification: number | null;
}

export interface Census {
  readonly edits: number;
  readonly inPlace: number;
  readonly rebuilds: number;
  readonly fired: readonly { readonly path: string; readonly guardrail: string; readonly count: number }[];
}

export interface CellRow {
  readonly id: string;
  readonly group: string;
  readonly workload: string;
  readonly engine: string;
  readonly commitEvery: number | null;
  readonly order: string;
  readonly shape: string;
  readonly records: number;
  readonly durability: DurabilityClass;
  readonly status: CellStatus;
  readonly reason: string | null;
  readonly settings: string;
  readonly reproduce: string;
  readonly operations: number | null;
  readonly passes?: number | null;
  readonly opsPerIteration: number | null;
  readonly opsPerSecond: Estimate | null;
  readonly coldOpsPerSecond: number | null;
  readonly latencyUs: Latency | null;
  readonly latencyHistogram: {
    readonly boundsUs: readonly number[];
    readonly counts: readonly number[];
  } | null;
  readonly bytes: CellBytes | null;
  readonly syncs: number | null;
  readonly fileBytes: number | null;
  readonly memory: { readonly peakBytes: number | null; readonly baseBytes: number | null } | null;
  readonly cpuUs: { readonly user: number; readonly system: number; readonly perOperation: number } | null;
  readonly counters: { readonly delta: CounterTree } | null;
  readonly profile: { readonly operations: number; readonly slotExtent: SlotExtentTimings } | null;
  readonly census: Census | null;
  readonly contentHash: string | null;
}

export interface GateResult {
  readonly id: string;
  readonly title: string;
  readonly pass: boolean;
  readonly figure: number | null;
  readonly comparison: "at-most" | "at-least";
  readonly limit: number;
  readonly margin: number | null;
  readonly unit: string;
  readonly cell: string | null;
  readonly cells: number;
  readonly detail: string;
}

/** A run of the matrix, as far as charts read it: docs/matrix-run.schema.json. */
export interface RunDocument {
  readonly schema: typeof RUN_SCHEMA;
  readonly version: typeof RUN_VERSION;
  readonly run: {
    readonly id: string;
    readonly preset: string;
    readonly seed: number;
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly durationMs: number;
    readonly complete: boolean;
    readonly interrupted: string | null;
    readonly command: string;
    readonly label?: string | null;
  };
  readonly environment: {
    readonly cpu: { readonly model: string; readonly cores: number };
    readonly memoryBytes: number;
    readonly disk: {
      readonly fileSystem: string | null;
      readonly mountOptions: string | null;
      readonly device: string | null;
      readonly model: string | null;
    };
    readonly os: { readonly platform: string; readonly kernel: string };
    readonly runtime: { readonly name: string; readonly version: string; readonly v8: string };
    readonly espalier: {
      readonly version: string;
      readonly gitCommit: string | null;
      readonly gitDirty: boolean | null;
    };
    readonly peers: Readonly<Record<string, string>>;
    readonly loadAtStart: readonly number[];
    readonly loadAtEnd: readonly number[];
  };
  readonly settings: { readonly rounds: number; readonly baseline: string; readonly profiledPass: boolean };
  readonly engines: readonly EngineRow[];
  readonly cells: readonly CellRow[];
  readonly limits: readonly {
    readonly id: string;
    readonly title: string;
    readonly unit: "operations/s" | "bytes/s";
    readonly median: number | null;
    readonly p50Us: number | null;
    readonly p99Us: number | null;
  }[];
  readonly drift: {
    readonly points: readonly {
      readonly at: string;
      readonly afterRound: number;
      readonly javascriptMs: number;
      readonly syncUs: number | null;
    }[];
  };
  readonly noise: {
    readonly verdict: "quiet" | "noisy" | "unknown";
    readonly reasons: readonly string[];
    readonly medianRelativeInterval: number | null;
  };
  readonly verdict?: {
    readonly verdict: "GO" | "NO-GO";
    readonly gatesFile: string;
    readonly gates: readonly GateResult[];
  } | null;
}
