/**
 * Compares two runs cell by cell: better, worse, same or mixed, each with the interval of its ratio.
 *
 * better, worse: the medians differ by the threshold or more, and the interval of their ratio leaves out 1.
 * same: they differ by less. mixed: they differ by the threshold or more, but the rounds overlap so far
 * that the interval holds 1: the evidence does not decide. Neither does it where a side has one round only, whose
 * spread nobody knows: such a cell is mixed, however far apart the two are. A cell that lost its status "ok" is worse.
 */

import type { CellRow, RunDocument } from "../results/document.js";
import { bootstrapRatio, type Interval } from "../stats/bootstrap.js";
import { geometricMean } from "../stats/summary.js";

/**
 * How a cell has changed. "better", "worse": by the threshold or more, and the interval of the ratio leaves out 1. "same":
 * by less. "mixed": by the threshold or more, but the evidence does not decide.
 */
export type Change = "better" | "worse" | "same" | "mixed" | "only-before" | "only-after";

/** A cell of two runs. */
export interface CellComparison {
  readonly cell: string;
  readonly change: Change;
  /** ops/s after / before; null where one of them has none. */
  readonly ratio: Interval | null;
  /** ops/s, the median of the rounds. */
  readonly before: number | null;
  readonly after: number | null;
  /** p99 latency after / before: told, not judged. */
  readonly p99Ratio: number | null;
  readonly note: string | null;
}

/** Two runs, cell by cell. */
export interface RunComparison {
  /** Ids of the runs. */
  readonly before: string;
  readonly after: string;
  readonly threshold: number;
  readonly cells: readonly CellComparison[];
  readonly counts: Readonly<Record<Change, number>>;
  /** Geometric mean of the ratios, by engine. */
  readonly engines: Readonly<Record<string, number>>;
  /** Things that make the two runs hard to compare. */
  readonly warnings: readonly string[];
}

/** Part by which two medians have to differ before the change counts. */
export const DEFAULT_THRESHOLD = 0.05;

/** Compares two runs; `threshold` is relative (0.05: five per cent). */
export function compareRuns(
  before: RunDocument,
  after: RunDocument,
  threshold: number = DEFAULT_THRESHOLD,
): RunComparison {
  const earlier = new Map(before.cells.map((cell) => [cell.id, cell]));
  const later = new Map(after.cells.map((cell) => [cell.id, cell]));
  const ids = new Set([...earlier.keys(), ...later.keys()]);
  const cells = Array.from(ids, (id) => compareCells(id, earlier.get(id), later.get(id), threshold));
  const counts: Record<Change, number> = {
    better: 0,
    worse: 0,
    same: 0,
    mixed: 0,
    "only-before": 0,
    "only-after": 0,
  };
  for (const { change } of cells) counts[change]++;
  return {
    before: before.run.id,
    after: after.run.id,
    threshold,
    cells,
    counts,
    engines: meansByEngine(cells, earlier),
    warnings: [
      ...comparabilityWarnings(before, after),
      ...roundsWarning(earlier, later),
      ...lengthWarning(earlier, later),
    ],
  };
}

function roundsWarning(earlier: ReadonlyMap<string, CellRow>, later: ReadonlyMap<string, CellRow>): string[] {
  const single = Array.from(later.values()).filter((after) => {
    const before = earlier.get(after.id);
    return before?.status === "ok" && after.status === "ok" && singleRound(before, after) !== null;
  });
  return single.length === 0
    ? []
    : [
        `${single.length} cells have one round on a side, which tells no change from noise: use --rounds 3 or more`,
      ];
}

function lengthWarning(earlier: ReadonlyMap<string, CellRow>, later: ReadonlyMap<string, CellRow>): string[] {
  const others = Array.from(later.values()).filter((after) => {
    const before = earlier.get(after.id);
    return before?.status === "ok" && after.status === "ok" && workOf(before) !== workOf(after);
  });
  return others.length === 0 ? [] : [`${others.length} cells did another number of operations a round`];
}

function compareCells(
  cell: string,
  before: CellRow | undefined,
  after: CellRow | undefined,
  threshold: number,
): CellComparison {
  const figures = {
    cell,
    before: before?.opsPerSecond?.median ?? null,
    after: after?.opsPerSecond?.median ?? null,
    p99Ratio: before?.latencyUs && after?.latencyUs ? after.latencyUs.p99 / before.latencyUs.p99 : null,
  };
  const undecided = { ...figures, ratio: null };
  if (after === undefined) return { ...undecided, change: "only-before", note: "not in the later run" };
  if (before === undefined) return { ...undecided, change: "only-after", note: "not in the earlier run" };
  if (before.status !== "ok" || after.status !== "ok")
    return { ...undecided, ...statusChange(before, after) };
  const ratio = bootstrapRatio(rates(after), rates(before));
  const doubts = [singleRound(before, after), otherTerms(before, after)].filter((doubt) => doubt !== null);
  const change = singleRound(before, after) === null ? judge(ratio, threshold) : "mixed";
  return { ...figures, ratio, change, note: doubts.length === 0 ? null : doubts.join("; ") };
}

/** One round has an interval of no width, which would leave out 1 at any difference. */
function singleRound(before: CellRow, after: CellRow): string | null {
  const sides = [
    ...(rates(before).length < 2 ? ["before"] : []),
    ...(rates(after).length < 2 ? ["after"] : []),
  ];
  return sides.length === 0 ? null : `one round ${sides.join(" and ")}: it cannot tell`;
}

/** What makes the cells of two runs less than the same work; null where nothing does. */
function otherTerms(before: CellRow, after: CellRow): string | null {
  if (before.durability !== after.durability)
    return `durability ${before.durability} became ${after.durability}`;
  // Presets bound a round differently: an empty store that takes 1,000 records is another one than with 5,000.
  return workOf(before) === workOf(after) ? null : `${workOf(before)} became ${workOf(after)}`;
}

/** A pass begins with a fresh store, so that as many operations in more passes are another work. */
function workOf({ operations, passes }: CellRow): string {
  return `${operations} operations a round${(passes ?? 1) === 1 ? "" : ` in ${passes} passes`}`;
}

function statusChange(before: CellRow, after: CellRow): { change: Change; note: string } {
  const note = `${before.status} before, ${after.status} after${after.reason === null ? "" : `: ${after.reason}`}`;
  if (before.status === "ok") {
    const lost = after.status === "failed" || after.status === "timeout";
    return { change: lost ? "worse" : "only-before", note };
  }
  if (after.status === "ok") {
    const mended = before.status === "failed" || before.status === "timeout";
    return { change: mended ? "better" : "only-after", note };
  }
  return { change: "same", note };
}

/**
 * Cells that the later run is to answer for: those that are worse, and those that it has no figure for though the
 * earlier one had. What was not measured again may have become anything.
 */
export function regressions({ cells }: RunComparison): CellComparison[] {
  return cells.filter(
    ({ change, before }) => change === "worse" || (change === "only-before" && before !== null),
  );
}

/** The word for a ratio of ops/s. */
export function judge(ratio: Interval, threshold: number): Change {
  const decided = ratio.low > 1 || ratio.high < 1;
  if (ratio.median >= 1 + threshold) return decided ? "better" : "mixed";
  if (ratio.median <= 1 / (1 + threshold)) return decided ? "worse" : "mixed";
  return "same";
}

/** ops/s of the rounds that were measured. */
export function rates(cell: CellRow): number[] {
  return cell.rounds.flatMap(({ opsPerSecond }) => (opsPerSecond === null ? [] : [opsPerSecond]));
}

function meansByEngine(
  cells: readonly CellComparison[],
  rows: ReadonlyMap<string, CellRow>,
): Record<string, number> {
  const ratios = new Map<string, number[]>();
  for (const { cell, ratio } of cells) {
    const engine = rows.get(cell)?.engine;
    if (ratio === null || engine === undefined) continue;
    ratios.set(engine, [...(ratios.get(engine) ?? []), ratio.median]);
  }
  return Object.fromEntries(Array.from(ratios, ([engine, values]) => [engine, geometricMean(values)]));
}

function comparabilityWarnings(before: RunDocument, after: RunDocument): string[] {
  const warnings: string[] = [];
  const differ = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) warnings.push(`${what}: ${String(a)} before, ${String(b)} after`);
  };
  differ("processor", before.environment.cpu.model, after.environment.cpu.model);
  differ("cores", before.environment.cpu.cores, after.environment.cpu.cores);
  differ("file system", before.environment.disk.fileSystem, after.environment.disk.fileSystem);
  differ("runtime", before.environment.runtime.version, after.environment.runtime.version);
  differ("seed", before.run.seed, after.run.seed);
  for (const run of [before, after]) {
    if (run.noise.verdict === "noisy")
      warnings.push(`${run.run.id} was noisy: ${run.noise.reasons.join("; ")}`);
  }
  const loops = after.drift.javascript.median / before.drift.javascript.median;
  if (Number.isFinite(loops) && Math.abs(loops - 1) > 0.1) {
    warnings.push(`the same JavaScript loop took ${loops.toFixed(2)} times as long in the later run`);
  }
  return warnings;
}
