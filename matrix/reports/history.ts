/**
 * The history of a folder of runs: one series a cell and size of its rounds, in order of time, with its steps. Where a
 * run has the baseline engine beside the cell, the series is of ratios to it, which a change of machine does not move.
 */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CellRow, RunDocument } from "../results/document.js";
import { RunDocumentError, readRun } from "../results/validate.js";
import { findSteps, type Step, type StepOptions } from "../stats/steps.js";
import { ratiosTo } from "./ratios.js";

/** A cell in one run. */
export interface HistoryPoint {
  /** Id of the run. */
  readonly run: string;
  readonly startedAt: string;
  readonly gitCommit: string | null;
  readonly value: number;
}

/** A cell over all runs, oldest first, and where it has changed for good. */
export interface HistorySeries {
  readonly cell: string;
  /** Operations of a round in all its passes: presets differ in them, and runs that do are not in one series. */
  readonly operations: number | null;
  readonly passes: number | null;
  /** "ratio": to the baseline engine of the same run; "ops/s": as measured. */
  readonly measure: "ratio" | "ops/s";
  readonly points: readonly HistoryPoint[];
  readonly steps: readonly Step[];
}

/** What series are of, and when a change counts as a step. */
export interface HistoryOptions extends StepOptions {
  /** The engine to take ratios to; each run's own baseline by default. */
  readonly baseline?: string;
  readonly signal?: AbortSignal;
}

/**
 * Reads all runs in a folder (documents, and folders that hold one), oldest first. Files of other kinds are passed
 * over. Throws RunDocumentError for a run that can't be read: a history without it would not show that it is one short.
 */
export async function readRuns(folder: string, signal?: AbortSignal): Promise<RunDocument[]> {
  const runs: RunDocument[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    signal?.throwIfAborted();
    if (!entry.isDirectory() && !entry.name.endsWith(".json")) continue;
    try {
      runs.push(await readRun(join(folder, entry.name)));
    } catch (error) {
      if (!isNoRun(error)) throw error;
    }
  }
  return runs.sort((a, b) => (a.run.startedAt < b.run.startedAt ? -1 : 1));
}

function isNoRun(error: unknown): boolean {
  if (error instanceof RunDocumentError) return !error.isRun;
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** A cell's points; a point without a ratio is in `rates` only. */
interface Gathered {
  readonly cell: CellRow;
  readonly rates: HistoryPoint[];
  readonly ratios: HistoryPoint[];
}

/**
 * The series of all cells that occur in at least one run, with their steps. Runs must be in order of time. Rounds of
 * another length are another series: inserting 1,000 records is not what inserting 5,000 is.
 */
export function historyOf(runs: readonly RunDocument[], options: HistoryOptions = {}): HistorySeries[] {
  const series = new Map<string, Gathered>();
  for (const run of runs) {
    const facts = {
      run: run.run.id,
      startedAt: run.run.startedAt,
      gitCommit: run.environment.espalier.gitCommit,
    };
    const ratios = new Map(ratiosTo(run, options.baseline).map(({ cell, ratio }) => [cell.id, ratio.median]));
    for (const cell of run.cells) {
      if (cell.opsPerSecond === null) continue;
      const key = `${cell.id} ${cell.operations} ${cell.passes ?? null}`;
      const gathered = series.get(key) ?? { cell, rates: [], ratios: [] };
      series.set(key, gathered);
      gathered.rates.push({ ...facts, value: cell.opsPerSecond.median });
      const ratio = ratios.get(cell.id);
      if (ratio !== undefined) gathered.ratios.push({ ...facts, value: ratio });
    }
  }
  return Array.from(series.values(), (gathered) => seriesOf(gathered, options));
}

function seriesOf({ cell, rates, ratios }: Gathered, options: HistoryOptions): HistorySeries {
  // A ratio in every run tells more than a rate; in some runs only, it would leave the others out.
  const measure = ratios.length === rates.length ? "ratio" : "ops/s";
  const points = measure === "ratio" ? ratios : rates;
  const values = points.map(({ value }) => value);
  const steps = findSteps(values, options);
  return {
    cell: cell.id,
    operations: cell.operations,
    passes: cell.passes ?? null,
    measure,
    points,
    steps,
  };
}
