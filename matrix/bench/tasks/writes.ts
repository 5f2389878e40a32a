/**
 * Writes, committed every so many operations, in up to four phases on one store: `empty` (records into a new
 * store), `first` (the first operations after the store was closed and opened again, and so after a
 * checkpoint), `steady` (as many again, right behind) and `sustained` (many more). Kinds: insert, overwrite, delete.
 */

import type { EngineStore } from "../../engines/engine.js";
import { counterAt } from "../../results/counters.js";
import { collectYoung } from "../../runner/timing.js";
import { seededRandom, shuffle } from "../../stats/random.js";
import type { Key } from "../../streams/shapes.js";
import type { Bed } from "../bed.js";
import { type Content, loadedContent } from "../dataset.js";
import type { Figures } from "../plan.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach, warmBy } from "./task.js";

/** How a turn of the warm-up on a scratch store is committed, and its operations at most. */
const WARM = { operations: 30_000, commitEvery: 1000, smallCommits: 200 };
/**
 * Versions that the records of a scratch store get, by the session that writes them: the measured phases begin
 * in a store that was opened again, whose pages are read in and touched for the first time.
 */
const WARM_SESSIONS: readonly (readonly number[])[] = [[1, 2], [1], [0], [1]];

/** A round that is run for its code only, where a round is short beside the phases that it measures. */
const WARM_ROUND = -1;
const WARM_ROUND_RECORDS_MAX = 100_000;

/** Operations of one phase. */
export interface Phase {
  readonly name: string;
  readonly ranks: Uint32Array;
  /** Version that the records have afterwards; 0 deletes them. */
  readonly version: number;
}

export interface WriteShape {
  readonly commitEvery: number;
  /** 0: one put or delete after the other; else sorted groups of so many, handed over at once. */
  readonly group: number;
}

export async function writes({ bed, options, warm }: TaskContext): Promise<Runner> {
  const shape = { commitEvery: numberOption(options, "commitEvery"), group: numberOption(options, "group") };
  const fromEmpty = options["fromEmpty"] === true;
  let awaited = bed.engine.durability === "durable-awaited";
  if (warm) awaited = await warmUp(bed, shape);
  let last: { folder: string; content: Content } | null = null;
  const runner: Runner = {
    async round(round) {
      if (last !== null) bed.discard(last.folder);
      const values: Record<string, number> = {};
      const samplesUs: Record<string, number[]> = {};
      const folder = fromEmpty ? bed.emptyFolder() : await bed.copyOfLoaded();
      const content = fromEmpty ? new Uint8Array(bed.data.keyCount) : loadedContent(bed.data);
      const note = (phase: Phase, figures: PhaseFigures): void => {
        values[phase.name] = figures.opsPerSecond;
        if (figures.logBytes !== null) values[`${phase.name} log bytes`] = figures.logBytes;
        samplesUs[phase.name] = figures.samplesUs;
        for (const rank of phase.ranks) content[rank] = phase.version;
      };
      if (fromEmpty) {
        const phase = emptyPhase(bed, options);
        await withStore(bed, folder, async (store) => {
          note(phase, await timePhase(bed, store, phase, shape, awaited));
        });
      }
      const phases = laterPhases(bed, options, round);
      await withStore(bed, folder, async (store) => {
        for (const phase of phases) note(phase, await timePhase(bed, store, phase, shape, awaited));
      });
      last = { folder, content };
      return { values, samplesUs } satisfies Figures;
    },
    async finish() {
      return last === null ? null : bed.prove(last.folder, last.content);
    },
  };
  // The work itself once more, uncounted: the scratch stores have met other shapes of pages than it will.
  if (warm && bed.data.loaded.length <= WARM_ROUND_RECORDS_MAX) await runner.round(WARM_ROUND);
  return runner;
}

export async function withStore(
  bed: Bed,
  folder: string,
  work: (store: EngineStore) => Promise<void>,
): Promise<void> {
  const store = await bed.open(folder);
  await work(store);
  await store.close();
}

function emptyPhase(bed: Bed, options: TaskContext["options"]): Phase {
  const sequential = options["order"] === "sequential";
  return { name: "empty", ranks: sequential ? bed.data.loaded.slice().sort() : bed.data.loaded, version: 1 };
}

/** The phases after the store was opened again. A round has its own operations, the same for every engine. */
function laterPhases(bed: Bed, options: TaskContext["options"], round: number): Phase[] {
  const operations = numberOption(options, "operations");
  const pool = poolOf(bed, options, round);
  const version = options["kind"] === "delete" ? 0 : options["kind"] === "overwrite" ? 2 : 1;
  const counts = phaseCounts(options, operations);
  const needed = sum(counts.map(([, count]) => count));
  if (pool.length < needed) throw new Error(`the bed has ${pool.length} keys, the cell needs ${needed}`);
  return counts.map(([name, count], i) => ({
    name,
    ranks: pool.slice(i * operations, i * operations + count),
    // The second turn of overwrites takes the records that the first has left alone, or other values.
    version: version === 2 ? 2 + i : version,
  }));
}

function phaseCounts(options: TaskContext["options"], operations: number): [name: string, count: number][] {
  if (options["kind"] === "delete") return [["deletes", operations]];
  const sustained = options["sustained"];
  const counts: [string, number][] = [
    ["first", operations],
    ["steady", operations],
  ];
  return typeof sustained === "number" ? [...counts, ["sustained", sustained]] : counts;
}

function poolOf(bed: Bed, options: TaskContext["options"], round: number): Uint32Array {
  const { data } = bed;
  const sequential = options["order"] === "sequential";
  if (options["kind"] === "insert") {
    return sequential
      ? data.tail
      : shuffle(data.fresh.slice(), seededRandom(data.spec.seed, `fresh ${round}`));
  }
  const ranks = data.loaded.slice();
  if (sequential) ranks.sort();
  else shuffle(ranks, seededRandom(data.spec.seed, `existing ${round}`));
  const wanted = numberOption(options, "operations") * 2;
  if (options["kind"] === "delete" || ranks.length >= wanted) return ranks;
  const twice = new Uint32Array(ranks.length * 2);
  twice.set(ranks);
  twice.set(ranks, ranks.length);
  return twice;
}

interface PhaseFigures {
  readonly opsPerSecond: number;
  readonly samplesUs: number[];
  /** Log bytes an operation, of engines that tell. */
  readonly logBytes: number | null;
}

async function timePhase(
  bed: Bed,
  store: EngineStore,
  phase: Phase,
  shape: WriteShape,
  awaited: boolean,
): Promise<PhaseFigures> {
  const logBefore = logBytes(store);
  const { iterations, commit } = commits(bed, store, phase, shape);
  collectYoung();
  const samplesMs = await timeEach(iterations, commit, awaited);
  const logAfter = logBytes(store);
  const operations = phase.ranks.length;
  return {
    opsPerSecond: operations / (sum(samplesMs) / 1000),
    samplesUs: samplesMs.map((ms) => ms * 1000),
    logBytes: logBefore === null || logAfter === null ? null : (logAfter - logBefore) / operations,
  };
}

/** The commits of a phase: each call does the next one. */
export function commits(
  bed: Bed,
  store: EngineStore,
  phase: Phase,
  { commitEvery, group }: WriteShape,
): { iterations: number; commit: () => void | Promise<void> } {
  const { ranks, version } = phase;
  const ordered = group > 0 ? sortedInGroups(ranks, group) : ranks;
  const keys = bed.keysOf(ordered);
  const values = version === 0 ? [] : bed.data.valuesOf(ordered, version);
  const records = group > 0 ? keys.map((key, i) => [key, values[i] as Buffer] as const) : [];
  let from = 0;
  let to = 0;
  const putEach = (): void => {
    for (let i = from; i < to; i++) store.put(keys[i] as Key, values[i] as Buffer);
  };
  const deleteEach = (): void => {
    for (let i = from; i < to; i++) store.delete(keys[i] as Key);
  };
  const putGroups = (): void => {
    for (let at = from; at < to; at += group) store.putMany(records.slice(at, Math.min(to, at + group)));
  };
  const work = version === 0 ? deleteEach : group > 0 ? putGroups : putEach;
  return {
    iterations: Math.ceil(ordered.length / commitEvery),
    commit: () => {
      from = to;
      to = Math.min(ordered.length, from + commitEvery);
      return store.transaction(work);
    },
  };
}

function sortedInGroups(ranks: Uint32Array, group: number): Uint32Array {
  const sorted = ranks.slice();
  for (let at = 0; at < sorted.length; at += group) sorted.subarray(at, at + group).sort();
  return sorted;
}

function logBytes(store: EngineStore): number | null {
  const counters = store.counters();
  return counters === null ? null : counterAt(counters, "log.bytes");
}

/** Does the same work on scratch stores until the compiler has seen it. Returns whether commits are promises. */
export async function warmUp(bed: Bed, shape: WriteShape): Promise<boolean> {
  let promised = false;
  await warmBy(async (number) => {
    const folder = bed.emptyFolder();
    const commitEvery = number === 0 ? WARM.commitEvery : Math.min(shape.commitEvery, WARM.commitEvery);
    const ranks = bed.data.loaded.slice(0, Math.min(WARM.operations, commitEvery * WARM.smallCommits));
    for (const versions of WARM_SESSIONS) {
      await withStore(bed, folder, async (store) => {
        for (const version of versions) {
          const phase = { name: "warm", ranks, version };
          if (await warmTurn(bed, store, phase, { ...shape, commitEvery })) promised = true;
        }
      });
    }
    bed.discard(folder);
    return ranks.length * WARM_SESSIONS.flat().length;
  });
  return promised;
}

async function warmTurn(bed: Bed, store: EngineStore, phase: Phase, shape: WriteShape): Promise<boolean> {
  const group = phase.version === 0 ? 0 : shape.group;
  const { iterations, commit } = commits(bed, store, phase, { ...shape, group });
  let promised = false;
  for (let i = 0; i < iterations; i++) {
    const pending = commit();
    if (!(pending instanceof Promise)) continue;
    promised = true;
    await pending;
  }
  return promised;
}
