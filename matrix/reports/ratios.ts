/**
 * Ratios to a baseline engine within one run: what every ranking is made of. Cells of differing durability
 * classes have no ratio.
 */

import type { CellRow, DurabilityClass, RunDocument } from "../results/document.js";
import { bootstrapRatio, type Interval } from "../stats/bootstrap.js";
import { geometricMean } from "../stats/summary.js";
import { rates } from "./compare.js";

/** A cell beside that of the baseline engine. */
export interface CellRatio {
  readonly cell: CellRow;
  readonly baseline: CellRow;
  /** ops/s of the cell / ops/s of the baseline's cell in the same group. */
  readonly ratio: Interval;
}

/** Every comparable cell's ratio to the baseline engine's cell of its group, the baseline's own left out. */
export function ratiosTo(run: RunDocument, baseline: string = run.settings.baseline): CellRatio[] {
  const bases = new Map(
    run.cells
      .filter(({ engine, status }) => engine === baseline && status === "ok")
      .map((cell) => [cell.group, cell]),
  );
  return run.cells.flatMap((cell) => {
    const base = bases.get(cell.group);
    if (base === undefined || base.id === cell.id || cell.status !== "ok") return [];
    if (cell.durability !== base.durability) return [];
    return [{ cell, baseline: base, ratio: bootstrapRatio(rates(cell), rates(base)) }];
  });
}

/** Geometric mean of an engine's ratios to the baseline, over all its comparable cells. */
export function geometricMeans(ratios: readonly CellRatio[]): Map<string, { mean: number; cells: number }> {
  const byEngine = new Map<string, number[]>();
  for (const { cell, ratio } of ratios) {
    byEngine.set(cell.engine, [...(byEngine.get(cell.engine) ?? []), ratio.median]);
  }
  return new Map(
    Array.from(byEngine, ([engine, values]) => [
      engine,
      { mean: geometricMean(values), cells: values.length },
    ]),
  );
}

/** The fastest cell of each durability class in a group. */
export function winners(cells: readonly CellRow[]): Map<DurabilityClass, CellRow> {
  const best = new Map<DurabilityClass, CellRow>();
  for (const cell of cells) {
    const held = best.get(cell.durability);
    if (cell.opsPerSecond === null) continue;
    if (held?.opsPerSecond == null || cell.opsPerSecond.median > held.opsPerSecond.median) {
      best.set(cell.durability, cell);
    }
  }
  return best;
}
