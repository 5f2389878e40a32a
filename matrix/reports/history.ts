/**
 * The history of a folder of runs: one series a cell, in order of time, with its steps. Where a run has the
 * baseline engine beside the cell, the series is of ratios to it, which a change of machine does not move.
 */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunDocument } from "../results/document.js";
import { RunDocumentError, readRun } from "../results/validate.js";
import { findSteps, type Step, type StepOptions } from "../stats/steps.js";
import { ratiosTo } from "./ratios.js";

export interface HistoryPoint {
  readonly run: string;
  readonly startedAt: string;
  readonly gitCommit: string | null;
  readonly value: number;
}

export interface HistorySeries {
  readonly cell: string;
  /** "ratio": to the baseline engine of the same run; "ops/s": as measured. */
  readonly measure: "ratio" | "ops/s";
  readonly points: readonly HistoryPoint[];
  readonly steps: readonly Step[];
}

export interface HistoryOptions extends StepOptions {
  /** The engine to take ratios to; each run's own baseline by default. */
  readonly baseline?: string;
  readonly signal?: AbortSignal;
}

/** Reads all runs in a folder (documents, and folders that hold one), oldest first. Files of other kinds are passed over. */
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
  if (error instanceof RunDocumentError) return true;
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** The series of all cells that occur in at least one run, with their steps. Runs must be in order of time. */
export function historyOf(runs: readonly RunDocument[], options: HistoryOptions = {}): HistorySeries[] {
  const ratios = new Map<string, HistoryPoint[]>();
  const rates = new Map<string, HistoryPoint[]>();
  for (const run of runs) {
    const facts = {
      run: run.run.id,
      startedAt: run.run.startedAt,
      gitCommit: run.environment.espalier.gitCommit,
    };
    for (const { cell, ratio } of ratiosTo(run, options.baseline))
      append(ratios, cell.id, { ...facts, value: ratio.median });
    for (const cell of run.cells) {
      if (cell.opsPerSecond !== null) append(rates, cell.id, { ...facts, value: cell.opsPerSecond.median });
    }
  }
  return Array.from(rates, ([cell, measured]) => {
    const relative = ratios.get(cell) ?? [];
    // A ratio in every run tells more than a rate; in some runs only, it would leave the others out.
    const measure = relative.length === measured.length ? "ratio" : "ops/s";
    const points = measure === "ratio" ? relative : measured;
    return {
      cell,
      measure,
      points,
      steps: findSteps(
        points.map(({ value }) => value),
        options,
      ),
    };
  });
}

function append(series: Map<string, HistoryPoint[]>, cell: string, point: HistoryPoint): void {
  const points = series.get(cell);
  if (points === undefined) series.set(cell, [point]);
  else points.push(point);
}
