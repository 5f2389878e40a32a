/**
 * Measures one round of one cell. Runs inside a child process of its own: loads the stream, warms up on a
 * scratch store, times the passes with tinybench, then closes, opens again and hashes the content.
 */

import { rmSync } from "node:fs";
import { setImmediate as eventLoopTurn } from "node:timers/promises";
import { contentHash } from "../engines/content-hash.js";
import type { EngineStore } from "../engines/engine.js";
import type { Pass } from "../workloads/workload.js";
import { Bed } from "./bed.js";
import { CpuProfiler } from "./cpu-profile.js";
import { cpuMicroseconds, peakResidentBytes, resetPeak, writtenBytes } from "./process-figures.js";
import type { RoundRequest, RoundResult } from "./round.js";
import { collectYoung, timePass } from "./timing.js";

/** How the fresh process is warmed up before anything counts. */
const WARM = { coldOperations: 10_000, coldCommits: 200, milliseconds: 2_000 };

/** The content or the reads of a cell were wrong. */
export class WrongContentError extends Error {
  override name = "WrongContentError";
}

/** Measures a round. Throws WrongContentError when the engine got anything wrong. */
export async function measureRound(request: RoundRequest): Promise<RoundResult> {
  rmSync(request.folder, { recursive: true, force: true });
  try {
    const bed = await Bed.make(request);
    const warm = await warmUp(bed);
    return await measurePasses(bed, warm);
  } finally {
    rmSync(request.folder, { recursive: true, force: true });
  }
}

interface Warmth {
  readonly coldOpsPerSecond: number;
  readonly sawPromise: boolean;
}

/** Runs the workload on scratch stores until the compiler has seen it; tells the first operations' rate. */
async function warmUp(bed: Bed): Promise<Warmth> {
  const { commitEvery, warmOperations } = bed.request;
  const total = bed.shared.stream.kinds.length;
  const started = performance.now();
  let done = 0;
  let coldOpsPerSecond = 0;
  let sawPromise = false;
  for (let turn = 0; ; turn++) {
    await eventLoopTurn();
    const cold = Math.min(total, warmOperations, WARM.coldOperations, WARM.coldCommits * commitEvery);
    const operations = turn === 0 ? cold : Math.min(total, warmOperations);
    const store = await bed.acquire("scratch");
    const pass = bed.prepare(store, operations, turn === 0 ? commitEvery : Math.max(commitEvery, 1000));
    const plain = await runPlainly(pass);
    await bed.release(store, pass);
    if (turn === 0) coldOpsPerSecond = pass.operations / plain.seconds;
    sawPromise ||= plain.sawPromise;
    done += pass.operations;
    const enough = done >= warmOperations || performance.now() - started > WARM.milliseconds;
    if (enough || pass.before !== undefined) return { coldOpsPerSecond, sawPromise };
  }
}

async function runPlainly(pass: Pass): Promise<{ seconds: number; sawPromise: boolean }> {
  let seconds = 0;
  let sawPromise = false;
  for (let i = 0; i < pass.iterations; i++) {
    await pass.before?.();
    const started = performance.now();
    const pending = pass.run();
    if (pending instanceof Promise) {
      sawPromise = true;
      await pending;
    }
    seconds += (performance.now() - started) / 1000;
    await pass.after?.();
  }
  return { seconds, sawPromise };
}

/** Sums of what the passes cost. */
interface Totals {
  operations: number;
  seconds: number;
  user: number;
  system: number;
  passedToWrite: number | null;
  reachedStorage: number | null;
  samplesUs: number[];
}

async function measurePasses(bed: Bed, warm: Warmth): Promise<RoundResult> {
  const { request, shared } = bed;
  const totals: Totals = {
    operations: 0,
    seconds: 0,
    user: 0,
    system: 0,
    passedToWrite: 0,
    reachedStorage: 0,
    samplesUs: [],
  };
  const profiler = request.cpuProfile === null ? null : new CpuProfiler(request.cpuProfile);
  for (let turn = 1; ; turn++) {
    // Synchronous engines never let the event loop turn, which would tell that the runner is gone.
    await eventLoopTurn();
    const store = await bed.acquire("measured");
    collectYoung();
    if (turn === 1) resetPeak();
    const pass = bed.prepare(store, shared.stream.kinds.length, request.commitEvery);
    const before = store.counters();
    await profiler?.start();
    await measurePass(bed, store, pass, warm.sawPromise, totals, () => profiler?.stop(turn));
    const problem = pass.problem();
    if (problem !== null) throw new WrongContentError(problem);
    if (turn < request.passes) {
      await bed.discard();
      continue;
    }
    const after = bed.lastCounters;
    const peakBytes = peakResidentBytes();
    const fileBytes = bed.fileBytes();
    const hash = await hashAgain(bed);
    return {
      operations: totals.operations,
      passes: request.passes,
      opsPerIteration: pass.opsPerIteration,
      seconds: totals.seconds,
      coldOpsPerSecond: warm.coldOpsPerSecond,
      samplesUs: totals.samplesUs,
      passedToWrite: totals.passedToWrite,
      reachedStorage: totals.reachedStorage,
      logicalBytes: shared.expectation.writtenBytes * request.passes,
      cpuUs: pass.before === undefined ? { user: totals.user, system: totals.system } : null,
      peakBytes,
      baseBytes: bed.baseBytes,
      fileBytes,
      contentBytes: shared.expectation.contentBytes,
      counters: before === null || after === null ? null : { before, after },
      census: bed.lastCensus,
      contentHash: hash,
    };
  }
}

/**
 * Times one pass; the store is closed at the end, and what closing writes counts as written. `timed` runs
 * between the two.
 */
async function measurePass(
  bed: Bed,
  store: EngineStore,
  pass: Pass,
  sawPromise: boolean,
  totals: Totals,
  timed: () => Promise<void> | undefined,
): Promise<void> {
  const written = writtenBytes();
  const cpu = cpuMicroseconds();
  const samplesMs = await timePass(pass, sawPromise);
  const cpuAfter = cpuMicroseconds();
  await timed();
  await bed.finish(store, pass);
  const writtenAfter = writtenBytes();
  totals.operations += pass.operations;
  for (const sample of samplesMs) {
    totals.seconds += sample / 1000;
    totals.samplesUs.push(sample * 1000);
  }
  totals.user += cpuAfter.user - cpu.user;
  totals.system += cpuAfter.system - cpu.system;
  if (written === null || writtenAfter === null || pass.before !== undefined) {
    totals.passedToWrite = null;
    totals.reachedStorage = null;
  } else {
    totals.passedToWrite = (totals.passedToWrite ?? 0) + writtenAfter.passedToWrite - written.passedToWrite;
    totals.reachedStorage =
      (totals.reachedStorage ?? 0) + writtenAfter.reachedStorage - written.reachedStorage;
  }
}

/**
 * Opens the measured store again and compares its content with what the stream must have left. Gets, which a timed pass
 * only counts, are asked for their values here.
 */
async function hashAgain(bed: Bed): Promise<string> {
  const store = await bed.openAgain();
  const hash = await contentHash(store);
  const wrongGets = await bed.wrongGets(store);
  await store.close();
  if (wrongGets > 0) throw new WrongContentError(`${wrongGets} gets found another value than was put`);
  const expected = bed.shared.expectation;
  if (hash !== expected.hash) {
    throw new WrongContentError(
      `content hashes to ${hash}, not ${expected.hash} (${expected.records} records)`,
    );
  }
  return hash;
}
