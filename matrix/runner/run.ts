/**
 * Runs the matrix: plans the cells, runs every round in a child process with the engines of a group in
 * seeded order, controls drift in between, and writes the run's document as it goes.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import type { Lock } from "../../src/vfs/lock.js";
import type { Engine, Presence } from "../engines/engine.js";
import { engineById } from "../engines/registry.js";
import { type CellGroup, cellId, type PlannedGroup, planGroups, sizeRound } from "../plan/cells.js";
import { type GatesDocument, gateRun, isJudgedBy, readGates } from "../reports/gate.js";
import { assembleCell } from "../results/assemble.js";
import type { CellRow, EngineRow, RunDocument } from "../results/document.js";
import { NOT_YET, RUN_SCHEMA, RUN_VERSION } from "../results/document.js";
import { RUN_FILE, writeRun } from "../results/validate.js";
import { seededRandom, shuffle } from "../stats/random.js";
import { median } from "../stats/summary.js";
import { ensureStreamFile } from "../streams/stream-file.js";
import { workloadByName } from "../workloads/registry.js";
import { ROUND_FLAGS, runChild } from "./child.js";
import { assertSameEnvironment, captureEnvironment } from "./environment.js";
import { javascriptLoopMs, measureLimits, overwriteLoop, summariseLimits } from "./limits.js";
import { judgeNoise, summariseDrift } from "./noise.js";
import { type MatrixOptions, planOf, type RunTerms, refuseNewSettings, reproduceCommand } from "./options.js";
import { RunState, type SavedPlan, type SideFigures } from "./state.js";

/** Children between two points of the drift control. */
const DRIFT_EVERY = 20;
const DRIFT_SYNCS = 40;
/** The document is written while a run goes on: so often, and at most for this part of the time. */
const DOCUMENT_EVERY_MS = 2_000;
const DOCUMENT_SHARE = 0.02;

/** One child to run. */
interface Job {
  readonly kind: "round" | "profile";
  readonly group: CellGroup;
  readonly engine: string;
  readonly round: number;
}

/**
 * Runs the matrix and returns its document, which is also in `out`. Stops early, with what is done, when
 * the budget is used up or the signal aborts. Throws RangeError for options that make no sense or that a
 * resumed run has its own of, and Error when `out` holds a run and `resume` was not asked for (or the other way
 * round), when a new run would remove what lies there, or when the run was begun on another machine or with other
 * versions; LockedError while another process works on it.
 */
export async function runMatrix(options: MatrixOptions): Promise<RunDocument> {
  const run = await MatrixRun.open(options);
  try {
    try {
      await run.work();
    } catch (error) {
      await run.finish();
      throw error;
    }
    return await run.finish();
  } finally {
    run.release();
  }
}

class MatrixRun {
  readonly #options: MatrixOptions;
  readonly #out: string;
  /** This start's own: a child of one that was killed may live on for a while, and writes and removes where it was told. */
  readonly #work: string;
  readonly #state: RunState;
  readonly #lock: Lock;
  readonly #plan: SavedPlan;
  readonly #terms: RunTerms;
  readonly #side: SideFigures;
  readonly #groups: readonly PlannedGroup[];
  readonly #presence: ReadonlyMap<string, Presence>;
  readonly #gates: GatesDocument;
  readonly #rows: Map<string, CellRow> = new Map();
  readonly #startedMs: number = performance.now();
  readonly #durations: number[] = [];
  #interrupted: "signal" | "budget" | null = null;
  #jobsLeft = 0;
  #running = true;
  #documentDueMs = 0;

  static async open(options: MatrixOptions): Promise<MatrixRun> {
    const out = resolve(options.out);
    const state = new RunState(out);
    if (options.resume !== true && (state.exists() || existsSync(join(out, RUN_FILE)))) {
      throw new Error(`${out} holds a run already: resume it, or choose another folder`);
    }
    if (options.resume === true && !state.exists()) throw new Error(`${out} holds no run to resume`);
    if (options.resume !== true) assertNothingInTheWay(out);
    if (options.resume === true) refuseNewSettings(options);
    const fresh = options.resume === true ? null : planOf(options);
    const engines = fresh?.settings.engines ?? state.readPlan().settings.engines;
    const presence = new Map<string, Presence>();
    for (const id of engines) presence.set(id, await engineById(id).probe());
    const gates = await readGates();
    const lock = state.lock();
    try {
      const environment = captureEnvironment(out, peerVersions(presence), ROUND_FLAGS);
      if (fresh === null) assertSameEnvironment(out, state.readPlan().environment, environment);
      else {
        const startedAt = new Date().toISOString();
        state.savePlan({ version: 1, id: runId(startedAt), startedAt, ...fresh, environment });
      }
      return new MatrixRun(options, out, state, lock, presence, gates);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(
    options: MatrixOptions,
    out: string,
    state: RunState,
    lock: Lock,
    presence: ReadonlyMap<string, Presence>,
    gates: GatesDocument,
  ) {
    this.#lock = lock;
    this.#gates = gates;
    this.#options = options;
    this.#out = out;
    this.#state = state;
    this.#presence = presence;
    this.#plan = state.readPlan();
    const { preset, seed, settings } = this.#plan;
    this.#terms = { preset, seed, rounds: settings.rounds };
    this.#side = state.readSide();
    this.#groups = planGroups(this.#plan.sections);
    // Not synced: a machine that died may have left a part of one, which every round of its cells would fail of.
    rmSync(streamFolder(out), { recursive: true, force: true });
    rmSync(workFolder(out), { recursive: true, force: true });
    mkdirSync(workFolder(out), { recursive: true });
    this.#work = mkdtempSync(join(workFolder(out), "start-"));
    for (const { group, engines } of this.#groups) {
      for (const engine of engines) this.#refresh(group, engine);
    }
  }

  /** Runs what is not done yet. */
  async work(): Promise<void> {
    const finished = this.#state.finished();
    const all = this.#jobs();
    const jobs = all.filter((job) => !finished.has(jobKey(job)));
    this.#jobsLeft = jobs.length;
    if (jobs.length > 0) this.#driftPoint(0);
    let round = 0;
    for (const [index, job] of jobs.entries()) {
      if (job.round !== round) this.#measureLimits();
      round = job.round;
      if (this.#mustStop()) return;
      await this.#runJob(job, all.length);
      if (this.#interrupted !== null) return;
      if ((index + 1) % DRIFT_EVERY === 0 || index === jobs.length - 1) this.#driftPoint(round);
    }
  }

  /** Lets go of the folder. */
  release(): void {
    this.#lock.release();
  }

  /** Writes the document and removes what only a running run needs. */
  async finish(): Promise<RunDocument> {
    rmSync(workFolder(this.#out), { recursive: true, force: true });
    this.#running = false;
    this.#saveSide();
    if (this.#jobsLeft === 0) rmSync(streamFolder(this.#out), { recursive: true, force: true });
    const document = this.#document();
    await writeRun(join(this.#out, RUN_FILE), document);
    return document;
  }

  #document(): RunDocument {
    const { settings, environment, id, preset, seed, startedAt, command, label } = this.#plan;
    const cells = this.#groups.flatMap(({ group, engines }) =>
      engines.map((engine) => this.#rows.get(cellId(group, engine)) as CellRow),
    );
    const drift = summariseDrift(this.#side.drift);
    const document: RunDocument = {
      schema: RUN_SCHEMA,
      version: RUN_VERSION,
      run: {
        id,
        preset,
        seed,
        startedAt,
        finishedAt: new Date().toISOString(),
        durationMs: Math.round(this.#spentMs()),
        complete: this.#jobsLeft === 0,
        interrupted: this.#interrupted,
        command,
        label,
      },
      environment: { ...environment, loadAtEnd: loadavg() },
      settings,
      engines: settings.engines.map((engine) => this.#engineRow(engineById(engine))),
      cells,
      limits: summariseLimits(this.#side.limits),
      drift,
      noise: judgeNoise(drift, cells, environment),
      verdict: null,
    };
    // Gates judge at a run's end, and engines that they name: a run of others alone has no verdict. Neither
    // has one that a profiler looked at, whose figures are no results.
    const present = document.engines.filter((engine) => engine.present).map((engine) => engine.id);
    const judged = !this.#running && !this.#plan.cpuProfiles && isJudgedBy(this.#gates, present);
    return judged ? { ...document, verdict: gateRun(document, this.#gates) } : document;
  }

  /** Rounds outermost, so that an early end leaves every cell with as many rounds as the others. */
  #jobs(): Job[] {
    const jobs: Job[] = [];
    for (let round = 1; round <= this.#plan.settings.rounds; round++) {
      for (const { group, engines } of this.#groups) {
        const runnable = engines.filter((engine) => this.#canRun(group, engine));
        const random = seededRandom(this.#plan.seed, `order ${round} ${group.workload} ${group.commitEvery}`);
        for (const engine of shuffle([...runnable], random))
          jobs.push({ kind: "round", group, engine, round });
      }
      if (round === 1 && this.#plan.settings.profiledPass) jobs.push(...this.#profileJobs());
    }
    return jobs;
  }

  /** Only workloads that edit leaves have timings to tell. */
  #profileJobs(): Job[] {
    const editing = this.#groups.filter(({ group }) => workloadByName(group.workload).writes);
    return editing.flatMap(({ group, engines }) =>
      engines
        .filter((engine) => this.#canRun(group, engine) && hasCounters(engineById(engine)))
        .map((engine): Job => ({ kind: "profile", group, engine, round: 1 })),
    );
  }

  #canRun(group: CellGroup, engine: string): boolean {
    const present = this.#presence.get(engine)?.present === true;
    return present && engineById(engine).unsupported(group.workload, group.shape) === null;
  }

  #mustStop(): boolean {
    if (this.#options.signal?.aborted === true) this.#interrupted = "signal";
    const budget =
      this.#options.budgetMs === undefined ? this.#plan.settings.budgetMs : this.#options.budgetMs;
    const next = this.#durations.length > 0 ? median(this.#durations) : 0;
    const used = performance.now() - this.#startedMs + next;
    if (this.#interrupted === null && budget !== null && used > budget) this.#interrupted = "budget";
    return this.#interrupted !== null;
  }

  async #runJob(job: Job, total: number): Promise<void> {
    const { group, engine, round, kind } = job;
    const { operations, passes } = sizeRound(group, this.#plan.effort);
    const { workload, shape, records, order } = group;
    const startedAt = new Date().toISOString();
    const startedMs = performance.now();
    const streamFile = ensureStreamFile(streamFolder(this.#out), {
      workload,
      shape,
      order,
      records,
      operations,
      seed: this.#plan.seed,
    });
    const outcome = await runChild(
      {
        engine,
        workload,
        streamFile,
        commitEvery: group.commitEvery ?? 1,
        passes: kind === "profile" ? 1 : passes,
        warmOperations: this.#plan.effort.warmOperations,
        folder: join(this.#work, "store"),
        profile: kind === "profile",
        cpuProfile: this.#cpuProfile(job),
      },
      {
        timeLimitMs: this.#plan.settings.timeLimitMs,
        scratch: this.#work,
        signal: this.#options.signal,
        entry: this.#options.childEntry,
      },
    );
    if (outcome.status === "aborted") {
      this.#interrupted = "signal";
      return;
    }
    const cell = cellId(group, engine);
    if (kind === "profile") this.#state.saveProfile(cell, outcome);
    else this.#state.saveRound(cell, { round, startedAt, outcome });
    this.#refresh(group, engine);
    this.#durations.push(performance.now() - startedMs);
    this.#jobsLeft--;
    await this.#report(
      job,
      total,
      outcome.status,
      outcome.status === "ok" ? outcome.result.operations / outcome.result.seconds : null,
    );
  }

  #cpuProfile({ kind, group, engine, round }: Job): string | null {
    if (kind === "profile" || !this.#plan.cpuProfiles) return null;
    return RunState.cpuProfilePrefix(this.#out, cellId(group, engine), round);
  }

  async #report(
    job: Job,
    total: number,
    status: "ok" | "failed" | "timeout",
    rate: number | null,
  ): Promise<void> {
    const elapsedMs = performance.now() - this.#startedMs;
    const perJob = this.#durations.reduce((sum, duration) => sum + duration, 0) / this.#durations.length;
    this.#options.onProgress?.({
      done: total - this.#jobsLeft,
      total,
      cell: `${cellId(job.group, job.engine)}${job.kind === "profile" ? " (profiled)" : ""}`,
      round: job.round,
      status,
      opsPerSecond: rate,
      elapsedMs,
      remainingMs: perJob * this.#jobsLeft,
    });
    if (elapsedMs >= this.#documentDueMs) await this.#writeDocument();
  }

  /** For who watches: complete is false in it, and a cell whose turn has not come is skipped. */
  async #writeDocument(): Promise<void> {
    const startedMs = performance.now();
    this.#saveSide();
    await writeRun(join(this.#out, RUN_FILE), this.#document());
    const tookMs = performance.now() - startedMs;
    const pauseMs = Math.max(DOCUMENT_EVERY_MS, tookMs / DOCUMENT_SHARE);
    this.#documentDueMs = performance.now() - this.#startedMs + pauseMs;
  }

  /** Time spent in this start of the run and in the ones before. */
  #spentMs(): number {
    return this.#side.spentMs + performance.now() - this.#startedMs;
  }

  #saveSide(): void {
    this.#state.saveSide({ ...this.#side, spentMs: this.#spentMs() });
  }

  #refresh(group: CellGroup, engineId: string): void {
    const engine = engineById(engineId);
    const cell = cellId(group, engineId);
    const row = assembleCell({
      group,
      engine,
      presence: this.#presence.get(engineId) as Presence,
      rounds: this.#state.rounds(cell),
      profile: this.#state.profile(cell),
      reproduce: reproduceCommand(this.#terms, group, engineId),
      notRun: NOT_YET,
      keepSamples: this.#plan.keepSamples,
    });
    this.#rows.set(cell, row);
  }

  #engineRow(engine: Engine): EngineRow {
    const { id, title, family, durability, settings } = engine;
    const { present, version, reason, install } = this.#presence.get(id) as Presence;
    return {
      id,
      title,
      family,
      package: engine.package,
      version,
      durability,
      settings,
      present,
      reason,
      install,
    };
  }

  #driftPoint(afterRound: number): void {
    const { samplesUs } = overwriteLoop(this.#work, DRIFT_SYNCS, false);
    this.#side.drift.push({
      at: new Date().toISOString(),
      afterRound,
      javascriptMs: javascriptLoopMs(),
      syncUs: median(samplesUs),
    });
  }

  #measureLimits(): void {
    this.#side.limits.push(...measureLimits(this.#work, this.#plan.effort.limits));
  }
}

/** Holds what only a running run needs: stores, requests, the files of the limits. */
function workFolder(out: string): string {
  return join(out, "work");
}

/** The operations of the cells, for the children to read. */
function streamFolder(out: string): string {
  return join(out, "streams");
}

/** A run removes these two when it begins and ends: where there is no run yet, they are somebody's. */
function assertNothingInTheWay(out: string): void {
  for (const path of [workFolder(out), streamFolder(out)]) {
    if (existsSync(path)) throw new Error(`${path} is there already, and is no run's; choose another folder`);
  }
}

function jobKey(job: Job): string {
  const cell = cellId(job.group, job.engine);
  return job.kind === "profile" ? RunState.profileKey(cell) : RunState.roundKey(cell, job.round);
}

/** Engines of this project count what they do; a profiled pass tells nothing about the others. */
function hasCounters(engine: Engine): boolean {
  return engine.family === "espalier" || engine.family === "legacy";
}

function peerVersions(presence: ReadonlyMap<string, Presence>): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const [id, { version }] of presence) {
    const name = engineById(id).package;
    if (name !== null && version !== null) versions[name] = version;
  }
  return versions;
}

/** Sorts by time, and is fit for a file name. To the millisecond: of runs with one id, readers count one. */
function runId(startedAt: string): string {
  return startedAt.replaceAll(/[-:.]/g, "");
}
