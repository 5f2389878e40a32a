/** Figures of rounds to medians, and medians to verdicts on targets. */

import { median, quantileSorted, sorted } from "../stats/summary.js";
import type { Cell, Curve, FigureSpec, Figures, Target } from "./plan.js";

/** How one entry came out of a cell. */
export interface EntryResult {
  readonly id: string;
  readonly title: string;
  readonly status: "ok" | "missing" | "failed";
  /** Why there is no figure, and what would help. */
  readonly reason: string | null;
  readonly settings: string;
  readonly rounds: readonly Readonly<Record<string, number>>[];
  /** The median of the rounds by figure; percentiles are of all rounds' latencies together. */
  readonly figures: Readonly<Record<string, number>>;
  readonly contentHash: string | null;
}

export interface Verdict {
  readonly figure: string;
  readonly mine: number | null;
  readonly mineEntry: string;
  /** The best of the others, or the value that was asked for. */
  readonly other: number | null;
  readonly otherEntry: string | null;
  readonly ratio: number | null;
  readonly wanted: string;
  /** null where something that it needs was not measured. */
  readonly met: boolean | null;
}

/** The medians of an entry's rounds. */
export function summariseRounds(cell: Cell, rounds: readonly Figures[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const { name, percentile } of cell.figures) {
    const values =
      percentile === undefined
        ? rounds.flatMap((round) => round.values[name] ?? [])
        : rounds.flatMap((round) => [...(round.samplesUs?.[percentile.of] ?? [])]);
    if (values.length === 0) continue;
    figures[name] =
      percentile === undefined ? median(values) : quantileSorted(sorted(values), percentile.quantile);
  }
  return figures;
}

/** Holds a cell's results against its targets. */
export function judge(cell: Cell, results: readonly EntryResult[]): Verdict[] {
  return cell.targets.map((target) => verdict(cell, target, results));
}

function verdict(cell: Cell, target: Target, results: readonly EntryResult[]): Verdict {
  const spec = cell.figures.find(({ name }) => name === target.figure) as FigureSpec;
  const figureOf = (id: string): number | null =>
    results.find((result) => result.id === id)?.figures[target.figure] ?? null;
  const mine = figureOf(target.mine);
  const other = "value" in target.against ? null : best(target.against.entries, figureOf, spec.better);
  const value = "value" in target.against ? target.against.value : (other?.value ?? null);
  const ratio = mine === null || value === null ? null : mine / value;
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target;
  const met = ratio === null ? null : ratio >= atLeast && ratio <= atMost;
  return {
    figure: target.figure,
    mine,
    mineEntry: target.mine,
    other: value,
    otherEntry: other?.entry ?? ("value" in target.against ? null : target.against.entries.join(", ")),
    ratio,
    wanted: target.atLeast === undefined ? `at most ${target.atMost}` : `at least ${target.atLeast}`,
    met,
  };
}

/** How much the cost of an operation has grown from a curve's first cell to its last, mine and the other's. */
export function judgeCurve(
  curve: Curve,
  cells: readonly { readonly cell: Cell; readonly entries: readonly EntryResult[] }[],
): Verdict {
  const own = cells.filter(({ cell }) => cell.id.startsWith(`${curve.cells}/`));
  const grown = (id: string): number | null => {
    const of = (result: (typeof own)[number] | undefined): number | undefined =>
      result?.entries.find((entry) => entry.id === id)?.figures[curve.figure];
    const [first, last] = [of(own[0]), of(own.at(-1))];
    return own.length < 2 || first === undefined || last === undefined ? null : first / last;
  };
  const [mine, other] = [grown(curve.mine), grown(curve.other)];
  const ratio = mine === null || other === null ? null : mine / other;
  return {
    figure: `growth of the cost of ${curve.cells}`,
    mine,
    mineEntry: curve.mine,
    other,
    otherEntry: curve.other,
    ratio,
    wanted: "at most 1",
    met: ratio === null ? null : ratio <= 1,
  };
}

function best(
  entries: readonly string[],
  figureOf: (id: string) => number | null,
  better: FigureSpec["better"],
): { entry: string; value: number } | null {
  let found: { entry: string; value: number } | null = null;
  for (const entry of entries) {
    const value = figureOf(entry);
    if (value === null) continue;
    const wins = found === null || (better === "higher" ? value > found.value : value < found.value);
    if (wins) found = { entry, value };
  }
  return found;
}
