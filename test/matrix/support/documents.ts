/** Run documents made by hand, for tests that need known figures. */

import type { CellRow, EngineRow, RunDocument } from "../../../matrix/results/document.js";
import { bootstrapMedian } from "../../../matrix/stats/bootstrap.js";

/** A measured cell: `rates` are the ops/s of its rounds. */
export function cell(engine: string, rates: readonly number[], change: Partial<CellRow> = {}): CellRow {
  const group = change.group ?? "inserts/u64/10000/random/ce100";
  const [workload, shape, records, order, commits] = group.split("/") as [
    CellRow["workload"],
    CellRow["shape"],
    string,
    CellRow["order"],
    string,
  ];
  return {
    id: `${group}/${engine}`,
    group,
    workload,
    engine,
    commitEvery: commits === "ce-" ? null : Number(commits.slice(2)),
    order,
    shape,
    records: Number(records),
    durability: "durable",
    status: "ok",
    reason: null,
    settings: "settings",
    reproduce: `espalier matrix run --workloads ${workload}`,
    operations: 10_000,
    opsPerIteration: 100,
    passes: 1,
    rounds: rates.map((opsPerSecond, i) => ({
      round: i + 1,
      status: "ok",
      reason: null,
      opsPerSecond,
      seconds: 10_000 / opsPerSecond,
      startedAt: "2026-01-01T00:00:00.000Z",
      outlier: false,
    })),
    opsPerSecond: { ...bootstrapMedian(rates), n: rates.length, outliers: [] },
    coldOpsPerSecond: 1000,
    latencyUs: { p50: 10, p75: 12, p99: 50, p999: 90, mean: 11, sd: 2, min: 9, max: 100, samples: 300 },
    latencyHistogram: { boundsUs: [10, 17.783], counts: [100, 100, 100] },
    samplesUs: null,
    bytes: {
      logical: 160_000,
      passedToWrite: 1_000_000,
      reachedStorage: 1_200_000,
      logPerOperation: 75,
      writtenPerOperation: 100,
      writeAmplification: 6.25,
      spaceAmplification: 1.5,
    },
    syncs: 100,
    fileBytes: 240_000,
    memory: { peakBytes: 80e6, baseBytes: 60e6 },
    cpuUs: { user: 100, system: 50, perOperation: 0.015 },
    counters: null,
    profile: null,
    census: null,
    contentHash: "00",
    ...change,
  };
}

/** A cell that was not measured. */
export function unmeasured(engine: string, status: CellRow["status"], reason: string): CellRow {
  return cell(engine, [1], {
    status,
    reason,
    rounds: [],
    operations: null,
    opsPerIteration: null,
    passes: null,
    opsPerSecond: null,
    coldOpsPerSecond: null,
    latencyUs: null,
    latencyHistogram: null,
    bytes: null,
    syncs: null,
    fileBytes: null,
    memory: null,
    cpuUs: null,
    contentHash: null,
  });
}

/** A run of these cells; `id` also orders it in time. */
export function run(cells: readonly CellRow[], id = "20260101T000000Z"): RunDocument {
  const engines = [...new Set(cells.map(({ engine }) => engine))];
  return {
    schema: "espalier-matrix-run",
    version: 1,
    run: {
      id,
      preset: "quick",
      seed: 1,
      startedAt: id,
      finishedAt: id,
      durationMs: 1000,
      complete: true,
      interrupted: null,
      command: "espalier matrix run --preset quick",
      label: null,
    },
    environment: {
      cpu: { model: "Test CPU", cores: 2, mhz: 3000, architecture: "x64" },
      memoryBytes: 1e9,
      disk: {
        fileSystem: "ext4",
        mountOptions: "rw",
        device: "sda1",
        model: null,
        rotational: false,
        freeBytes: 1e9,
      },
      os: { platform: "linux", kernel: "6.1" },
      runtime: { name: "node", version: "v20.19.0", v8: "11.3", flags: [] },
      espalier: { version: "0.1.0", gitCommit: "abcdef0123456789", gitDirty: false },
      peers: {},
      loadAtStart: [0, 0, 0],
      loadAtEnd: [0, 0, 0],
    },
    settings: {
      rounds: 3,
      timeLimitMs: 60_000,
      budgetMs: null,
      workloads: ["inserts"],
      commitEvery: [100],
      engines,
      records: [10_000],
      shapes: ["u64"],
      orders: ["random"],
      baseline: engines.includes("better-sqlite3") ? "better-sqlite3" : (engines[0] as string),
      profiledPass: true,
    },
    engines: engines.map(
      (engine): EngineRow => ({
        id: engine,
        title: engine,
        family: engine.startsWith("espalier") ? "espalier" : "peer",
        package: null,
        version: "1.0.0",
        durability: "durable",
        settings: "settings",
        present: true,
        reason: null,
        install: null,
      }),
    ),
    cells: [...cells],
    limits: [],
    drift: {
      points: [],
      javascript: { median: 40, min: 40, max: 40, ratio: 1 },
      sync: null,
    },
    noise: { verdict: "quiet", reasons: [], medianRelativeInterval: 0.02 },
    verdict: null,
  };
}
