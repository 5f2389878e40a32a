/**
 * The plan of a run: which cells there are. A cell is one workload, shape, size, order and commit interval
 * on one engine; cells that differ in the engine only form a group and are what gets compared.
 */

import { hasWorkload } from "../engines/registry.js";
import {
  ORDERS,
  type OrderName,
  SHAPES,
  type ShapeName,
  WORKLOADS,
  type WorkloadName,
} from "../results/document.js";
import { workloadByName } from "../workloads/registry.js";

/** What the cells of a group have in common. */
export interface CellGroup {
  readonly workload: WorkloadName;
  readonly shape: ShapeName;
  readonly records: number;
  readonly order: OrderName;
  /** null where the workload knows no commits. */
  readonly commitEvery: number | null;
}

/** A full cross product; presets are lists of these. */
export interface PlanSection {
  readonly workloads: readonly WorkloadName[];
  readonly commitEvery: readonly number[];
  readonly engines: readonly string[];
  readonly records: readonly number[];
  readonly shapes: readonly ShapeName[];
  readonly orders: readonly OrderName[];
}

/** Bounds on the operations of a round, so that slow commits do not take for ever. */
export interface Effort {
  /** Transactions in a round at most. */
  readonly commitsMax: number;
  /** Operations in a round at most, except that `inserts` loads all its records. */
  readonly operationsMax: number;
  /** Gets in a round of `reads`. */
  readonly gets: number;
  /** Passes over fresh stores in a round, where one is short. */
  readonly passes: number;
  /** Operations that warm a fresh process up before anything counts. */
  readonly warmOperations: number;
  /** Of the loops that measure what the machine can do, once a round. */
  readonly limits: { readonly syncs: number; readonly sequentialBytes: number };
}

/** A group with the engines to run it on. */
export interface PlannedGroup {
  readonly group: CellGroup;
  readonly engines: readonly string[];
}

/** The id of a group, and a cell's id with it: stable over runs, fit for a file name once slashes go. */
export function groupId(group: CellGroup): string {
  const commits = group.commitEvery === null ? "ce-" : `ce${group.commitEvery}`;
  return [group.workload, group.shape, group.records, group.order, commits].join("/");
}

/** The id of a cell: that of its group, and the engine. */
export function cellId(group: CellGroup, engine: string): string {
  return `${groupId(group)}/${engine}`;
}

/** Takes a group's or a cell's id apart. Throws RangeError for a text that is none. */
export function parseCellId(id: string): { group: CellGroup; engine: string | null } {
  const [workload, shape, records, order, commits, engine] = id.split("/");
  const match = /^ce(-|\d+)$/.exec(commits ?? "");
  const valid =
    (WORKLOADS as readonly (string | undefined)[]).includes(workload) &&
    (SHAPES as readonly (string | undefined)[]).includes(shape) &&
    (ORDERS as readonly (string | undefined)[]).includes(order) &&
    /^\d+$/.test(records ?? "") &&
    match !== null;
  if (!valid) throw new RangeError(`${id} is no cell id; one looks like inserts/u64/10000/random/ce100/lmdb`);
  return {
    group: {
      workload: workload as WorkloadName,
      shape: shape as ShapeName,
      records: Number(records),
      order: order as OrderName,
      commitEvery: match[1] === "-" ? null : Number(match[1]),
    },
    engine: engine ?? null,
  };
}

/**
 * All groups of the sections, each once, in the order in which they first appear. What only abstract-level
 * databases have is asked of those only.
 */
export function planGroups(sections: readonly PlanSection[]): PlannedGroup[] {
  const planned = new Map<string, { group: CellGroup; engines: Set<string> }>();
  for (const section of sections) {
    for (const group of groupsOf(section)) {
      const engines = section.engines.filter((engine) => hasWorkload(engine, group.workload));
      if (engines.length === 0) continue;
      const id = groupId(group);
      const entry = planned.get(id) ?? { group, engines: new Set<string>() };
      for (const engine of engines) entry.engines.add(engine);
      planned.set(id, entry);
    }
  }
  return Array.from(planned.values(), ({ group, engines }) => ({ group, engines: [...engines] }));
}

function* groupsOf(section: PlanSection): Iterable<CellGroup> {
  for (const records of section.records) {
    for (const shape of section.shapes) {
      for (const order of section.orders) {
        for (const workload of section.workloads) {
          const intervals = workloadByName(workload).hasCommitEvery ? section.commitEvery : [null];
          for (const commitEvery of intervals) yield { workload, shape, records, order, commitEvery };
        }
      }
    }
  }
}

/** How many operations a round of a group measures, and in how many passes. */
export function sizeRound(group: CellGroup, effort: Effort): { operations: number; passes: number } {
  const { workload, records } = group;
  const commitEvery = group.commitEvery ?? 1;
  const bounded = Math.min(effort.operationsMax, commitEvery * effort.commitsMax);
  const short = { operations: Math.min(records, bounded), passes: 1 };
  switch (workload) {
    case "reads":
    case "level-gets":
      return { operations: effort.gets, passes: 1 };
    case "scan":
    case "level-all":
      return { operations: Math.max(effort.gets, 2 * records), passes: 1 };
    case "reopen":
    case "recover":
      return short;
    case "inserts": {
      const operations = Math.min(records, commitEvery * effort.commitsMax);
      return { operations, passes: passesFor(operations, commitEvery, effort) };
    }
    default: {
      const operations = Math.min(Math.max(records, commitEvery), bounded);
      return { operations, passes: passesFor(operations, commitEvery, effort) };
    }
  }
}

/** Several passes where one would be a handful of commits, one where it is long enough by itself. */
function passesFor(operations: number, commitEvery: number, effort: Effort): number {
  return commitEvery >= 100 && operations <= 20_000 ? effort.passes : 1;
}
