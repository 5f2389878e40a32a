/**
 * Runs an action over many files, some at a time, and reports: events on the way, a document at the end. A
 * file that fails is told and the others go on.
 */

import { EspalierError, OptionError } from "../src/base/errors.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import type { Vfs, VfsStat } from "../src/vfs/vfs.js";
import { backupPlaces, copyWithLog } from "./backup.js";
import { assertPaths, assertRunOptions } from "./check-options.js";
import { Pace, type WorkStep } from "./control.js";
import { convertSteps, rollbackSteps, runFile } from "./file-job.js";
import { isHalfConverted } from "./file-state.js";
import type { FileOptions } from "./options.js";
import { rehearseSteps } from "./rehearse-steps.js";
import {
  environmentHere,
  type MigrationAction,
  type MigrationEvent,
  type MigrationReport,
  newRunId,
  REPORT_SCHEMA,
  REPORT_VERSION,
  type RunInfo,
  RunProgress,
} from "./report.js";
import { type FileResult, newResult, RefusedError } from "./results.js";
import type { FileTask, RunOptions } from "./run-options.js";
import { WorkerPool } from "./worker-pool.js";

/** Progress events of one file are at least so far apart. */
const EVENT_MS = 250;

export async function runFiles(
  action: MigrationAction,
  paths: readonly string[],
  options: RunOptions,
): Promise<MigrationReport> {
  assertPaths(paths);
  assertRunOptions(options);
  return new FileRun(action, paths, options).run();
}

class FileRun {
  readonly #action: MigrationAction;
  readonly #paths: readonly string[];
  readonly #options: RunOptions;
  readonly #vfs: Vfs;
  readonly #progress: RunProgress = new RunProgress();
  readonly #results: FileResult[];
  readonly #backups: readonly string[] | undefined;
  readonly #info: RunInfo;
  readonly #started: number = performance.now();
  readonly #told: Map<string, number> = new Map();
  /** By a file's identity: the end of the work on it under the name that was taken up last. */
  readonly #ends: Map<string, Promise<void>> = new Map();

  constructor(action: MigrationAction, paths: readonly string[], options: RunOptions) {
    this.#action = action;
    this.#paths = paths;
    this.#options = options;
    this.#vfs = options.vfs ?? nodeVfs;
    this.#results = paths.map((path) => newResult(path));
    if (options.backup !== undefined && this.#vfs !== nodeVfs)
      throw new OptionError("backup", "copies are kept on the real file system only");
    this.#backups = options.backup === undefined ? undefined : backupPlaces(options.backup, paths);
    this.#info = {
      id: newRunId(),
      action,
      strategy: options.strategy ?? "in-place",
      verify: options.verify ?? "full",
      jobs: this.#jobs,
      startedAt: new Date().toISOString(),
      finishedAt: null,
      durationMs: 0,
      complete: false,
      interrupted: null,
      command: options.command ?? "",
      label: options.label ?? null,
    };
  }

  get #jobs(): number {
    if (this.#vfs !== nodeVfs) return 1; // A thread knows the real one only.
    return Math.max(1, Math.min(Math.floor(this.#options.jobs ?? 1), this.#paths.length));
  }

  async run(): Promise<MigrationReport> {
    const environment = environmentHere();
    const files = this.#paths.map((path) => ({ path, bytes: statOf(this.#vfs, path)?.size ?? null }));
    const head = { schema: REPORT_SCHEMA, version: REPORT_VERSION, run: this.#info, environment } as const;
    this.#emit({ event: "run-started", at: this.#info.startedAt, ...head, run: { ...this.#info }, files });
    await this.#allFiles();
    this.#close();
    const report: MigrationReport = {
      ...head,
      files: this.#results,
      progress: this.#progress.points,
    };
    this.#emit({ event: "report", at: this.#info.finishedAt!, report });
    return report;
  }

  #close(): void {
    this.#progress.mark();
    this.#info.finishedAt = new Date().toISOString();
    this.#info.durationMs = Math.round(performance.now() - this.#started);
    this.#info.complete = this.#results.every(
      ({ status }) => status !== "pending" && status !== "interrupted",
    );
    if (this.#info.complete) return;
    if (this.#options.signal?.aborted === true) this.#info.interrupted = "signal";
    else if (this.#options.maxDurationMs !== undefined) this.#info.interrupted = "duration";
  }

  async #allFiles(): Promise<void> {
    const jobs = this.#jobs;
    const pool = jobs > 1 ? new WorkerPool({ ...this.#options, jobs }) : undefined;
    const pace = new Pace(this.#vfs, this.#options);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < this.#paths.length) {
        const index = next++;
        await this.#inTurn(this.#paths[index]!, () => this.#oneFile(index, pace, pool));
      }
    };
    try {
      await Promise.all(Array.from({ length: jobs }, worker));
    } finally {
      await pool?.close();
    }
  }

  /** Two names of one file, hard links or others, are worked on one after the other: no lock sees that they are one. */
  #inTurn(path: string, work: () => Promise<void>): Promise<void> {
    const identity = statOf(this.#vfs, path)?.identity ?? path;
    const end = (this.#ends.get(identity) ?? Promise.resolve()).then(work);
    this.#ends.set(identity, end);
    return end;
  }

  async #oneFile(index: number, pace: Pace, pool: WorkerPool | undefined): Promise<void> {
    const path = this.#paths[index]!;
    this.#emit({ event: "file-started", at: new Date().toISOString(), path, from: null, to: null });
    const onStep = (_result: FileResult, step: WorkStep): void => this.#step(path, step);
    const backup = this.#backups?.[index];
    const task = { action: this.#action, path, ...(backup !== undefined && { backup }) };
    const result =
      pool === undefined
        ? await runTask(this.#vfs, task, this.#options, pace, onStep)
        : await pool.run(task, (step) => this.#step(path, step));
    this.#results[index] = result;
    this.#progress.finish(result);
    this.#emit({
      event: "file-finished",
      at: new Date().toISOString(),
      file: result,
      total: this.#progress.now(),
    });
  }

  #step(path: string, step: WorkStep): void {
    if (step.phase === "convert") this.#progress.advance(path, step.bytesDone, step.recordsDone);
    const now = performance.now();
    if (now - (this.#told.get(path) ?? Number.NEGATIVE_INFINITY) < EVENT_MS) return;
    this.#told.set(path, now);
    const { phase, bytesDone, bytesTotal, recordsDone } = step;
    const total = this.#progress.mark();
    this.#emit({ event: "progress", at: total.at, path, phase, bytesDone, bytesTotal, recordsDone, total });
  }

  #emit(event: MigrationEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** undefined also where it can't be told: the work on the file will say why. */
function statOf(vfs: Vfs, path: string): VfsStat | undefined {
  try {
    return vfs.stat(path);
  } catch (error) {
    if (error instanceof EspalierError) return undefined;
    throw error;
  }
}

/** The work on one file, in whatever thread. */
export function runTask(
  vfs: Vfs,
  task: FileTask,
  options: FileOptions,
  pace: Pace,
  onStep: (result: FileResult, step: WorkStep) => void,
): Promise<FileResult> {
  return runFile(task.path, (result) => stepsOf(vfs, task, options, result), pace, onStep);
}

/** Throws RefusedError for a half-converted file of which the interrupted run made no copy: there is none to be made now. */
function assertCopied(vfs: Vfs, path: string, backup: string): void {
  if (!isHalfConverted(path, vfs) || vfs.stat(backup) !== undefined) return;
  throw new RefusedError(
    `it is half converted, and the run that began it made no copy: there is no ${backup}; go on without a backup, or turn it back first`,
  );
}

function* stepsOf(
  vfs: Vfs,
  task: FileTask,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, void> {
  const { action, path, backup } = task;
  const beforeFirstChange = (): void => {
    if (backup !== undefined) copyWithLog(vfs.canonical(path), backup);
  };
  if (action !== "rehearse" && backup !== undefined) assertCopied(vfs, path, backup);
  if (action === "rehearse") yield* rehearseSteps(path, options, result);
  else if (action === "rollback") yield* rollbackSteps(vfs, path, options, result, beforeFirstChange);
  else yield* convertSteps(vfs, path, options, result, beforeFirstChange);
}
