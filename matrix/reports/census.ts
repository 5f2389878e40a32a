/** The guardrail census of a run: which legacy path gave up in place, why, and how often. */

import type { CensusEntry, RunDocument } from "../results/document.js";

/** How often a guardrail made a legacy engine rebuild a leaf, in one cell. */
export interface CensusRow extends CensusEntry {
  readonly cell: string;
  readonly engine: string;
  readonly workload: string;
  /** Part of all leaf edits of the cell. */
  readonly share: number;
  /** Leaf edits of the cell that were done in place. */
  readonly inPlace: number;
}

/** A row for every cell, path and guardrail that fired, the most frequent first within a cell. */
export function censusOf(run: RunDocument): CensusRow[] {
  return run.cells.flatMap(({ id, engine, workload, census }) => {
    if (census === null) return [];
    const { edits, inPlace } = census;
    return [...census.fired]
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .map((entry) => ({
        ...entry,
        cell: id,
        engine,
        workload,
        inPlace,
        share: edits === 0 ? 0 : entry.count / edits,
      }));
  });
}
