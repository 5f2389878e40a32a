/** What a dashboard is made from: the run that is judged, the runs before it, and the migrations. */

import type { CellRow, EngineRow, RunDocument } from "../documents/matrix-run.js";
import type { MigrationReport } from "../documents/migration-report.js";
import type { Inputs } from "../documents/read.js";
import { engineOrder } from "./engines.js";

/** What all charts are made from. */
export interface DashboardData {
  /** The run that is judged: the newest. Null where only migrations are shown. */
  readonly run: RunDocument | null;
  /** All runs in order of time, `run` and `before` among them. */
  readonly runs: readonly RunDocument[];
  /** The run that `run` is compared with; null where there is no other. */
  readonly before: RunDocument | null;
  readonly migrations: readonly MigrationReport[];
  /** The engine that ratios are taken to until a reader chooses another. */
  readonly baselineEngine: string;
  /** Ids of all engines of all runs, in the order in which everything lists them. */
  readonly engines: readonly string[];
}

/** A given run is the one to compare with; without it the one before the newest is. */
export function dashboardData(inputs: Inputs, baseline: RunDocument | null = null): DashboardData {
  const others = inputs.runs.filter(({ run }) => run.id !== baseline?.run.id);
  const run = others.at(-1) ?? baseline;
  const before = baseline ?? others.at(-2) ?? null;
  const runs = [...others, ...(baseline === null ? [] : [baseline])].sort((a, b) =>
    a.run.startedAt < b.run.startedAt ? -1 : 1,
  );
  const ids = new Set(runs.flatMap(({ engines }) => engines.map(({ id }) => id)));
  return {
    run,
    runs,
    before: before === run ? null : before,
    migrations: inputs.migrations,
    baselineEngine: baselineOf(run),
    engines: [...ids].sort((a, b) => engineOrder(a) - engineOrder(b) || (a < b ? -1 : 1)),
  };
}

/** The run's own baseline, or, where that was not measured (a peer that is not installed), rebuild or any that was. */
function baselineOf(run: RunDocument | null): string {
  if (run === null) return "espalier";
  const measured = new Set(run.cells.filter(({ status }) => status === "ok").map(({ engine }) => engine));
  const wanted = [run.settings.baseline, "rebuild", ...measured];
  return wanted.find((id) => measured.has(id)) ?? run.settings.baseline;
}

/** The engine's row of a cell. Runs that pass their schema may still lack it: then what the cell says must do. */
export function engineOf(run: RunDocument, cell: CellRow): EngineRow {
  const found = run.engines.find(({ id }) => id === cell.engine);
  if (found !== undefined) return found;
  const { engine, durability, settings } = cell;
  const unknown = { version: null, present: cell.status === "ok", reason: null, install: null };
  return { id: engine, title: engine, family: "peer", durability, settings, ...unknown };
}
