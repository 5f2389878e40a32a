/**
 * Presets of `matrix run`: smoke (seconds, for tests), quick (the core in ten minutes), level (espalier/level
 * beside classic-level, three minutes), full (everything).
 */

import { LEVEL_WORKLOADS, ORDERS, SHAPES, WORKLOADS, type WorkloadName } from "../results/document.js";
import type { Effort, PlanSection } from "./cells.js";

export interface Preset {
  readonly sections: readonly PlanSection[];
  readonly effort: Effort;
  readonly rounds: number;
  /** Time limit of one child process. */
  readonly timeLimitMs: number;
  readonly budgetMs: number | null;
  /** The engine that ratios are taken to, unless another is asked for. */
  readonly baseline: string;
}

/** Plans that come with the matrix, from the shortest to the longest but for "level", which is of abstract-level databases. */
export const PRESET_NAMES = ["smoke", "quick", "level", "full"] as const;
/** Name of a plan that comes with the matrix. */
export type PresetName = (typeof PRESET_NAMES)[number];

const MIB = 2 ** 20;

/** The commit intervals that the plan for the allocator names. */
export const COMMIT_INTERVALS: readonly number[] = [1, 10, 100, 1000, 10_000];

/** The four workloads that every run is judged by; put_many in both group sizes. */
export const CORE_WORKLOADS: readonly WorkloadName[] = [
  "reads",
  "mixed",
  "inserts",
  "put_many-64",
  "put_many-1000",
];

const QUICK_ENGINES: readonly string[] = ["espalier", "better-sqlite3", "lmdb", "rebuild"];

/** What every engine can be asked for. */
const STORE_WORKLOADS: readonly WorkloadName[] = WORKLOADS.filter((name) => !LEVEL_WORKLOADS.includes(name));

/** Workloads whose figures depend on the commit interval and that `full` runs at every interval. */
const WRITING_WORKLOADS: readonly WorkloadName[] = STORE_WORKLOADS.filter(
  (name) => name !== "scan" && name !== "reopen" && name !== "recover",
);

/**
 * Batches of 1, 100 and 1,000 at both durabilities that classic-level has, synchronous and awaited gets, and
 * iterators by nextv() and all(), over ranges of 100 and over the whole store.
 */
const LEVEL_SECTIONS: readonly PlanSection[] = [
  {
    workloads: ["inserts"],
    commitEvery: [1, 100, 1000],
    engines: ["espalier-level", "classic-level", "espalier-level-buffered", "classic-level-buffered"],
    records: [10_000],
    shapes: ["text"],
    orders: ["random"],
  },
  {
    workloads: ["reads", "level-gets"],
    commitEvery: [1],
    engines: ["espalier-level", "classic-level"],
    records: [10_000],
    shapes: ["text"],
    orders: ["random"],
  },
  {
    workloads: ["scan", "level-all"],
    commitEvery: [1],
    engines: ["espalier-level", "classic-level"],
    records: [10_000],
    shapes: ["text"],
    orders: ["random", "sequential"],
  },
];

const QUICK_EFFORT: Effort = {
  commitsMax: 1000,
  operationsMax: 10_000,
  gets: 50_000,
  passes: 5,
  warmOperations: 40_000,
  limits: { syncs: 400, sequentialBytes: 64 * MIB },
};

/** The preset of a name; `engineIds` are all engines for every workload, for `full`. */
export function preset(name: PresetName, engineIds: readonly string[]): Preset {
  switch (name) {
    case "smoke":
      return {
        sections: [
          {
            workloads: STORE_WORKLOADS,
            commitEvery: [100],
            engines: ["espalier", "rebuild", "rebuild-on-miss", "sorted-btree"],
            records: [1000],
            shapes: ["u64"],
            orders: ["random"],
          },
          {
            workloads: ["inserts", ...LEVEL_WORKLOADS],
            commitEvery: [100],
            engines: ["espalier-level"],
            records: [1000],
            shapes: ["u64"],
            orders: ["random"],
          },
        ],
        effort: {
          commitsMax: 100,
          operationsMax: 1000,
          gets: 2000,
          passes: 1,
          warmOperations: 100,
          limits: { syncs: 20, sequentialBytes: MIB },
        },
        rounds: 1,
        timeLimitMs: 60_000,
        budgetMs: null,
        baseline: "espalier",
      };
    case "quick":
      return {
        sections: [
          {
            workloads: CORE_WORKLOADS,
            commitEvery: COMMIT_INTERVALS,
            engines: QUICK_ENGINES,
            records: [10_000],
            shapes: ["u64"],
            orders: ["random"],
          },
        ],
        effort: QUICK_EFFORT,
        rounds: 3,
        timeLimitMs: 60_000,
        budgetMs: 10 * 60_000,
        baseline: "better-sqlite3",
      };
    case "level":
      return {
        sections: LEVEL_SECTIONS,
        effort: QUICK_EFFORT,
        rounds: 3,
        timeLimitMs: 60_000,
        budgetMs: null,
        baseline: "classic-level",
      };
    case "full":
      return full(engineIds);
  }
}

function full(engineIds: readonly string[]): Preset {
  const everything: PlanSection = {
    workloads: STORE_WORKLOADS,
    commitEvery: COMMIT_INTERVALS,
    engines: engineIds,
    records: [10_000],
    shapes: ["u64"],
    orders: ["random"],
  };
  return {
    sections: [
      everything,
      { ...everything, workloads: [...CORE_WORKLOADS, "scan"], commitEvery: [100, 10_000], orders: ORDERS },
      {
        ...everything,
        commitEvery: [100, 10_000],
        shapes: SHAPES,
        workloads: [...WRITING_WORKLOADS, "scan"],
      },
      {
        ...everything,
        workloads: ["reads", "mixed", "inserts", "put_many-64", "put_many-1000", "scan", "reopen"],
        commitEvery: [100, 1000, 10_000],
        records: [1_000_000],
      },
      ...LEVEL_SECTIONS,
    ],
    effort: {
      commitsMax: 5000,
      operationsMax: 200_000,
      gets: 200_000,
      passes: 5,
      warmOperations: 40_000,
      limits: { syncs: 1000, sequentialBytes: 256 * MIB },
    },
    rounds: 3,
    timeLimitMs: 5 * 60_000,
    budgetMs: null,
    baseline: "better-sqlite3",
  };
}
