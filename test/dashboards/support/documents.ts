/** Documents for tests: small, and the same every time. */

import type { MigratedFile, MigrationReport } from "../../../dashboards/documents/migration-report.js";
import type {
  CellRow,
  EngineRow,
  RoundRow,
  RunDocument,
  ShapeName,
  WorkloadName,
} from "../../../matrix/results/document.js";

const ENGINES: readonly [string, EngineRow["family"], EngineRow["durability"], number][] = [
  ["espalier", "espalier", "durable", 1],
  ["espalier-group", "espalier", "durable-awaited", 3],
  ["rebuild", "legacy", "durable", 0.3],
  ["rebuild-on-miss", "legacy", "durable", 0.5],
  ["better-sqlite3", "peer", "durable", 0.6],
  ["lmdb", "peer", "durable", 0.8],
  ["lmdb-awaited", "peer", "durable-awaited", 2],
  ["classic-level", "peer", "os-buffered", 4],
  ["sorted-btree", "ceiling", "memory", 20],
];

const DEFAULT_WORKLOADS: readonly WorkloadName[] = ["reads", "inserts", "delete-churn", "scan"];
const DEFAULT_SHAPES: readonly ShapeName[] = ["u64"];

export interface RunOptions {
  readonly id?: string;
  readonly startedAt?: string;
  /** Engines of the list above to have. */
  readonly engines?: number;
  readonly workloads?: readonly WorkloadName[];
  readonly intervals?: readonly (number | null)[];
  readonly shapes?: readonly ShapeName[];
  /** All rates are multiplied by it. */
  readonly speed?: number;
}

/** A run of the matrix with every kind of cell: measured, missing, skipped, failed and timed out. */
export function runDocument(options: RunOptions = {}): RunDocument {
  const engines = ENGINES.slice(0, options.engines ?? ENGINES.length);
  const startedAt = options.startedAt ?? "2026-01-05T10:00:00.000Z";
  const cells = (options.workloads ?? DEFAULT_WORKLOADS).flatMap((workload) =>
    (workload === "scan" ? [null] : (options.intervals ?? [1, 100, 10_000])).flatMap((commitEvery) =>
      (options.shapes ?? DEFAULT_SHAPES).flatMap((shape) =>
        engines.map(([engine, family, durability, factor]) =>
          cellRow({
            workload,
            commitEvery,
            shape,
            engine,
            family,
            durability,
            factor: factor * (options.speed ?? 1),
          }),
        ),
      ),
    ),
  );
  const ids = engines.map(([id]) => id);
  return {
    schema: "espalier-matrix-run",
    version: 1,
    run: {
      id: options.id ?? "20260105T100000Z",
      preset: "quick",
      seed: 1,
      startedAt,
      finishedAt: startedAt,
      durationMs: 60_000,
      complete: true,
      interrupted: null,
      command: "espalier matrix run --preset quick",
      label: null,
    },
    environment: {
      cpu: { model: "Test CPU", cores: 2, mhz: null, architecture: "x64" },
      memoryBytes: 2 ** 34,
      disk: {
        fileSystem: "ext4",
        mountOptions: "rw",
        device: "vda",
        model: null,
        rotational: false,
        freeBytes: 2 ** 36,
      },
      os: { platform: "linux", kernel: "6.1" },
      runtime: { name: "node", version: "v22.0.0", v8: "12.4", flags: [] },
      espalier: { version: "0.1.0", gitCommit: "0123456789abcdef", gitDirty: false },
      peers: { lmdb: "3.5.0" },
      loadAtStart: [0.1, 0.1, 0.1],
      loadAtEnd: [0.5, 0.4, 0.3],
    },
    settings: {
      rounds: 3,
      timeLimitMs: 60_000,
      budgetMs: null,
      workloads: ["reads"],
      commitEvery: [1],
      engines: ids,
      records: [10_000],
      shapes: ["u64"],
      orders: ["random"],
      baseline: "espalier",
      profiledPass: true,
    },
    engines: engines.map(([id, family, durability]) => ({
      id,
      title: `${id} (title)`,
      family,
      package: null,
      version: "1.2.3",
      durability,
      settings: `settings of ${id}`,
      present: id !== "classic-level",
      reason: id === "classic-level" ? "not installed" : null,
      install: id === "classic-level" ? "npm install classic-level" : null,
    })),
    cells,
    limits: [
      {
        id: "overwrite-sync",
        title: "overwrite 4 KiB and fdatasync",
        unit: "operations/s",
        median: 3000,
        p50Us: 300,
        p99Us: 900,
        values: [3000],
      },
    ],
    drift: {
      points: [0, 1, 2, 3].map((i) => ({
        at: new Date(Date.parse(startedAt) + i * 20_000).toISOString(),
        afterRound: i,
        javascriptMs: 10 + (i % 2),
        syncUs: i === 2 ? null : 300 + i * 20,
      })),
      javascript: { median: 10.5, min: 10, max: 11, ratio: 1.1 },
      sync: { median: 320, min: 300, max: 360, ratio: 1.2 },
    },
    noise: {
      verdict: "noisy",
      reasons: ["the same JavaScript loop took 10 % longer"],
      medianRelativeInterval: 0.1,
    },
    verdict: {
      verdict: "GO",
      gatesFile: "docs/matrix-gates.json",
      gates: [
        {
          id: "leaf-rebuilds",
          title: "No edit rebuilt a leaf",
          pass: true,
          figure: 0,
          comparison: "at-most",
          limit: 0,
          margin: 0,
          unit: "leaf.rebuilds",
          cell: cells[0]?.id ?? null,
          cells: 10,
          detail: "10 cells",
        },
      ],
    },
  };
}

interface CellOptions {
  readonly workload: WorkloadName;
  readonly commitEvery: number | null;
  readonly shape: ShapeName;
  readonly engine: string;
  readonly family: string;
  readonly durability: EngineRow["durability"];
  readonly factor: number;
}

function statusOf({ engine, workload, commitEvery }: CellOptions): CellRow["status"] {
  if (engine === "classic-level") return "missing";
  if (engine === "lmdb" && workload === "delete-churn") return commitEvery === 1 ? "timeout" : "failed";
  return engine === "sorted-btree" && workload === "inserts" ? "skipped" : "ok";
}

function roundRow(round: number, opsPerSecond: number): RoundRow {
  const [startedAt, seconds] = ["2026-01-05T10:00:00.000Z", 1000 / opsPerSecond];
  return { round, status: "ok", reason: null, opsPerSecond, seconds, startedAt, outlier: false };
}

function cellRow(options: CellOptions): CellRow {
  const { workload, commitEvery, shape, engine, family, durability, factor } = options;
  const group = `${workload}/${shape}/10000/random/ce${commitEvery}`;
  const status = statusOf(options);
  const median = 20_000 * factor * (commitEvery ?? 10) ** 0.4;
  const ok = status === "ok";
  const edits = ok && workload !== "reads" && workload !== "scan";
  const ours = family === "espalier";
  const rebuilds = edits && family === "legacy" ? 900 : 0;
  return {
    id: `${group}/${engine}`,
    group,
    workload,
    engine,
    commitEvery,
    order: "random",
    shape,
    records: 10_000,
    durability,
    status,
    reason: ok ? null : `${status} for a reason`,
    settings: `settings of ${engine}`,
    reproduce: `espalier matrix run --workloads ${workload} --engines ${engine}`,
    operations: ok ? 1000 : null,
    opsPerIteration: ok ? (commitEvery ?? 1) : null,
    rounds: ok ? [0.9, 1, 1.1].map((factor, i) => roundRow(i + 1, median * factor)) : [],
    opsPerSecond: ok
      ? { median, low: median * 0.9, high: median * 1.1, confidence: 0.95, n: 3, outliers: [] }
      : null,
    coldOpsPerSecond: ok ? median / 2 : null,
    latencyUs: ok
      ? { p50: 50, p75: 70, p99: 200, p999: 900, mean: 60, sd: 20, min: 40, max: 1000, samples: 300 }
      : null,
    latencyHistogram: ok ? { boundsUs: [10, 100, 1000], counts: [5, 200, 90, 5] } : null,
    samplesUs: null,
    bytes: ok
      ? {
          logical: 16_000,
          passedToWrite: 64_000,
          reachedStorage: 70_000,
          logPerOperation: ours ? 75 : null,
          writtenPerOperation: 64,
          writeAmplification: edits ? 4 : 0,
          spaceAmplification: 1.4,
        }
      : null,
    syncs: ok ? 10 : null,
    fileBytes: ok ? 409_600 : null,
    memory: ok ? { peakBytes: 90e6, baseBytes: 60e6 } : null,
    cpuUs: ok ? { user: 9000, system: 1000, perOperation: 10 } : null,
    counters: ok && (ours || family === "legacy") ? counters(edits, ours, rebuilds) : null,
    profile: ok && (ours || family === "legacy") ? profile(ours && workload === "delete-churn") : null,
    census: ok && family === "legacy" ? census(edits, engine) : null,
    contentHash: ok ? "ab".repeat(32) : null,
  };
}

function counters(edits: boolean, ours: boolean, rebuilds: number): CellRow["counters"] {
  const some = (count: number): number => (edits && ours ? count : 0);
  const delta = {
    allocator: {
      compactions: some(3),
      bytes_moved: some(2400),
      hole_fits: some(300),
      tail_fits: some(400),
      in_place_overwrites: some(200),
      failures: { slot_overflow: some(1), payload_exhausted: some(2), page_full: 0 },
      state_builds: some(8),
      state_reuses: some(290),
    },
    leaf: {
      splits: some(3),
      merges: 0,
      borrows: 0,
      rebuilds,
      memcopy_bytes: edits ? 8000 + rebuilds * 2000 : 0,
    },
    log: { bytes: some(75_000), fsyncs: 10, commit_latency_us: [0, 1, 2] },
  };
  return { round: 1, before: {}, after: delta, delta };
}

function profile(builds: boolean): CellRow["profile"] {
  const slotExtent = builds
    ? { builds: 8, slots: 960, ns: 96_000, nsPerBuild: 12_000, nsPerSlot: 100, nsPerOperation: 96 }
    : { builds: 0, slots: 0, ns: 0, nsPerBuild: null, nsPerSlot: null, nsPerOperation: 0 };
  return { operations: 1000, opsPerSecond: 1000, slotExtent, counters: {} };
}

function census(edits: boolean, engine: string): CellRow["census"] {
  if (!edits) return { edits: 0, inPlace: 0, rebuilds: 0, fired: [] };
  if (engine === "rebuild") {
    return {
      edits: 1000,
      inPlace: 0,
      rebuilds: 1000,
      fired: [{ path: "insert", guardrail: "always", count: 1000 }],
    };
  }
  return {
    edits: 1000,
    inPlace: 700,
    rebuilds: 300,
    fired: [
      { path: "insert", guardrail: "replacement", count: 250 },
      { path: "delete", guardrail: "delete_first_key", count: 50 },
    ],
  };
}

/** A file name that runs as script wherever it is taken for markup. */
export const HOSTILE = `<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>.db`;

/** A migration with every state of a file in it; one file's name and reason are hostile. */
export function migrationReport(id = "20260106T090000Z"): MigrationReport {
  const startedAt = "2026-01-06T09:00:00.000Z";
  const at = (seconds: number): string => new Date(Date.parse(startedAt) + seconds * 1000).toISOString();
  return {
    schema: "espalier-migration-report",
    version: 1,
    run: {
      id,
      action: "run",
      strategy: "in-place",
      verify: "full",
      jobs: 2,
      startedAt,
      finishedAt: at(12),
      durationMs: 12_000,
      complete: true,
      interrupted: null,
      command: "espalier migrate run data",
      label: null,
    },
    environment: { espalier: "0.1.0", runtime: "node 22.0.0", platform: "linux x64", fileSystem: "ext4" },
    files: [
      migratedFile("data/a.db"),
      migratedFile("data/b.db", { healed: ["leaf 7 was out of order"], resumed: true }),
      migratedFile("data/c.db", { status: "unchanged", from: "espalier" }),
      migratedFile("data/d.db", {
        status: "locked",
        reason: "locked by pid 42",
        code: "ERR_ESPALIER_LOCKED",
        digest: { before: null, after: null },
      }),
      migratedFile(HOSTILE, {
        status: "corrupt",
        reason: `page 3 <b onmouseover="window.hacked=1">checksum</b>`,
        code: "ERR_ESPALIER_CORRUPTION",
        bytes: { before: 9_000_000, after: 9_000_000 },
        digest: { before: null, after: null },
      }),
    ],
    progress: [0, 3, 6, 9, 12].map((second, i) => ({
      at: at(second),
      filesDone: Math.min(3, i),
      filesFailed: i > 3 ? 2 : 0,
      bytesDone: second * 1_000_000,
      recordsDone: second * 30_000,
    })),
  };
}

function migratedFile(path: string, differing: Partial<MigratedFile> = {}): MigratedFile {
  return {
    path,
    from: "gen2",
    to: "espalier",
    status: "converted",
    reason: null,
    code: null,
    recognisedBy: "slot width",
    records: 20_000,
    digest: { before: "cd".repeat(32), after: "cd".repeat(32) },
    pages: { before: 1000, after: 980 },
    bytes: { before: 4_096_000, after: 4_014_080 },
    extraBytes: 65_536,
    logFrames: 0,
    ms: 850,
    startedAt: "2026-01-06T09:00:00.000Z",
    finishedAt: "2026-01-06T09:00:01.000Z",
    healed: [],
    resumed: false,
    ...differing,
  };
}
