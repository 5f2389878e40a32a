/** Rows made from a cell's counters. */

import { type Row, rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { countedOperations, counterAt } from "../documents/counters.js";

/** A kind of event, and the counter that counts it. */
export interface CountedKind {
  readonly id: string;
  readonly counter: string;
  readonly color: string;
}

/**
 * A row for each cell and kind that was counted: `count`, and `value`, the count for 1,000 operations. Cells
 * where nothing of it happened (reads, for instance) have no rows.
 */
export function countedRows(data: DashboardData, kinds: readonly CountedKind[]): Row[] {
  return rowsOf(data.run, (cell) => {
    const { counters } = cell;
    const operations = countedOperations(cell);
    if (counters === null || operations === null || operations === 0) return null;
    const figures = kinds.map(({ id, counter }) => {
      const count = counterAt(counters.delta, counter) ?? 0;
      return { kind: id, count, value: (count / operations) * 1000 };
    });
    return figures.some(({ count }) => count !== 0) ? figures : null;
  });
}
