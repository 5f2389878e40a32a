/**
 * The migrator as a library.
 *
 *   import { planMigration, runMigration, rollbackMigration } from "espalier/migrate";
 *
 *   const [plan] = await planMigration(["data.db"]);
 *   const report = await runMigration(["data.db"], { onEvent: console.log });
 *   report.files[0].status                                    // "converted", or a reason
 *
 * Failures of files are in the results and never thrown; what is thrown is a wrong use, an OptionError.
 */

import { nodeVfs } from "../src/vfs/node-vfs.js";
import { assertPaths, assertPlanOptions } from "./check-options.js";
import { drive, Pace, type PaceOptions } from "./control.js";
import type { FileOptions } from "./options.js";
import { type FilePlan, newPlan, planSteps } from "./plan-steps.js";
import type { MigrationReport } from "./report.js";
import { runFiles } from "./run-files.js";
import type { RunOptions } from "./run-options.js";

export type { MigrationPhase, PaceOptions } from "./control.js";
export { type FileKind, findFiles } from "./find-files.js";
export type { VerifyMode } from "./in-place/program.js";
export type { LegacyGeneration } from "./legacy/layout.js";
export type { FileOptions, Strategy } from "./options.js";
export type { FilePlan, SizeSpan } from "./plan-steps.js";
export type {
  MigrationAction,
  MigrationEvent,
  MigrationReport,
  ProgressPoint,
  RunEnvironment,
  RunInfo,
} from "./report.js";
export { exitCode, type FileFormat, type FileResult, type FileStatus } from "./results.js";
export type { RunOptions } from "./run-options.js";
export { type SalvageReport, salvageLegacyFile } from "./salvage.js";
export { type FileStanding, statusOf } from "./status.js";

/** What is planned, and how fast. */
export interface PlanOptions extends FileOptions, PaceOptions {
  /** Told of each plan as it is ready. */
  readonly onPlan?: (plan: FilePlan) => void;
}

/** What a run would do with each file, and every reason why it could not. Changes nothing. */
export async function planMigration(
  paths: readonly string[],
  options: PlanOptions = {},
): Promise<FilePlan[]> {
  assertPaths(paths);
  assertPlanOptions(options);
  const vfs = options.vfs ?? nodeVfs;
  const pace = new Pace(vfs, options);
  const plans: FilePlan[] = [];
  for (const path of paths) {
    const plan = newPlan(path);
    await drive(planSteps(vfs, path, options, plan), pace, () => undefined);
    plans.push(plan);
    options.onPlan?.(plan);
  }
  return plans;
}

/** Converts each file, going on with what an earlier run has begun. */
export function runMigration(paths: readonly string[], options: RunOptions = {}): Promise<MigrationReport> {
  return runFiles("run", paths, options);
}

/** Turns each file back into a legacy one, whether it is converted or half-way. */
export function rollbackMigration(
  paths: readonly string[],
  options: RunOptions = {},
): Promise<MigrationReport> {
  return runFiles("rollback", paths, options);
}

/** The whole run on a clone of each file, which is removed. Only on the real file system. */
export function rehearse(paths: readonly string[], options: RunOptions = {}): Promise<MigrationReport> {
  return runFiles("rehearse", paths, options);
}
