/**
 * Series of every cell over all runs; runs whose rounds differ in length, as those of two presets, are not in one.
 * Where every run has the baseline engine beside a cell, in its
 * durability class, the series is of ratios to it, which a change of machine does not move; else of ops/s.
 */

import type { CellRow, RunDocument } from "../documents/matrix-run.js";
import type { Row } from "./cells.js";
import { cellFacts, namingOf } from "./cells.js";
import { findSteps } from "./steps.js";

interface Point {
  readonly run: RunDocument;
  readonly cell: CellRow;
  readonly ops: number;
  readonly ratio: number | null;
}

/** Rows with the facts of a cell, `startedAt`, `work` (of a round), `value`, `measure`, and `step` where the level changes. */
export function historyRows(runs: readonly RunDocument[], baseline: string): Row[] {
  const naming = namingOf(runs.flatMap(({ cells }) => cells));
  const series = new Map<string, Point[]>();
  for (const run of runs) {
    const bases = new Map(
      run.cells.filter(({ engine }) => engine === baseline).map((cell) => [cell.group, cell]),
    );
    for (const cell of run.cells) {
      if (cell.opsPerSecond === null) continue;
      const key = `${cell.id} ${workOf(cell)}`;
      const points = series.get(key) ?? [];
      points.push({ run, cell, ops: cell.opsPerSecond.median, ratio: ratioTo(bases.get(cell.group), cell) });
      series.set(key, points);
    }
  }
  return [...series.values()].flatMap((points) => {
    const relative = points.every(({ ratio }) => ratio !== null);
    const values = points.map(({ ops, ratio }) => (relative && ratio !== null ? ratio : ops));
    const steps = new Map(findSteps(values).map(({ index, ratio }) => [index, ratio]));
    return points.map(({ run, cell, ops }, i) => ({
      ...cellFacts(run, cell, naming),
      run: run.run.id,
      startedAt: run.run.startedAt,
      commit: run.environment.espalier.gitCommit?.slice(0, 10) ?? "unknown",
      work: workOf(cell),
      measure: relative ? `ratio to ${baseline}` : "ops/s",
      value: values[i] ?? ops,
      ops,
      step: steps.get(i) ?? null,
    }));
  });
}

function ratioTo(base: CellRow | undefined, cell: CellRow): number | null {
  if (base?.opsPerSecond == null || cell.opsPerSecond === null) return null;
  if (base.id === cell.id || base.durability !== cell.durability) return null;
  return cell.opsPerSecond.median / base.opsPerSecond.median;
}

function workOf({ operations, passes }: CellRow): string {
  return `${operations} operations in ${passes ?? 1} passes`;
}
