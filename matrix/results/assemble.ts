/** Builds a cell's row out of what its rounds came to. Pure: the same outcomes give the same row. */

import type { Engine, Presence } from "../engines/engine.js";
import { type CellGroup, cellId, groupId } from "../plan/cells.js";
import type { RoundOutcome } from "../runner/child.js";
import type { RoundResult } from "../runner/round.js";
import { bootstrapMedian } from "../stats/bootstrap.js";
import { histogram, median, outliers, summarise } from "../stats/summary.js";
import { counterAt, counterDelta } from "./counters.js";
import type { CellBytes, CellRow, CellStatus, Estimate, ProfiledPass, RoundRow } from "./document.js";

/** One round as it ended. Aborted ones are not kept: they are done again on resuming. */
export interface RoundRecord {
  readonly round: number;
  readonly startedAt: string;
  readonly outcome: RoundOutcome;
}

export interface CellInput {
  readonly group: CellGroup;
  readonly engine: Engine;
  readonly presence: Presence;
  readonly rounds: readonly RoundRecord[];
  readonly profile: RoundOutcome | null;
  /** The command that measures the cell again. */
  readonly reproduce: string;
  /** Why no round was run, when none was and nothing else explains it. */
  readonly notRun: string;
  readonly keepSamples: boolean;
}

/** A cell's row. */
export function assembleCell(input: CellInput): CellRow {
  const { group, engine, rounds } = input;
  const { status, reason } = judge(input);
  const results = rounds.flatMap(({ outcome }) => (outcome.status === "ok" ? [outcome.result] : []));
  const rows = roundRows(rounds);
  return {
    id: cellId(group, engine.id),
    group: groupId(group),
    workload: group.workload,
    engine: engine.id,
    commitEvery: group.commitEvery,
    order: group.order,
    shape: group.shape,
    records: group.records,
    durability: engine.durability,
    status,
    reason,
    settings: engine.settings,
    reproduce: input.reproduce,
    rounds: rows,
    ...(status === "ok" ? measured(results, rows, input) : nothing()),
  };
}

type Measured = Pick<
  CellRow,
  | "operations"
  | "opsPerIteration"
  | "passes"
  | "opsPerSecond"
  | "coldOpsPerSecond"
  | "latencyUs"
  | "latencyHistogram"
  | "samplesUs"
  | "bytes"
  | "syncs"
  | "fileBytes"
  | "memory"
  | "cpuUs"
  | "counters"
  | "profile"
  | "census"
  | "contentHash"
>;

function judge({ group, engine, presence, rounds, profile, notRun }: CellInput): {
  status: CellStatus;
  reason: string | null;
} {
  const unsupported = engine.unsupported(group.workload, group.shape);
  if (unsupported !== null) return { status: "skipped", reason: unsupported };
  if (!presence.present) return { status: "missing", reason: missingReason(presence) };
  for (const status of ["failed", "timeout"] as const) {
    const bad = rounds.find(({ outcome }) => outcome.status === status);
    if (bad !== undefined && bad.outcome.status !== "ok") {
      return { status, reason: `round ${bad.round}: ${bad.outcome.reason}` };
    }
  }
  if (profile?.status === "failed" || profile?.status === "timeout") {
    return { status: profile.status, reason: `profiled pass: ${profile.reason}` };
  }
  return rounds.length === 0 ? { status: "skipped", reason: notRun } : { status: "ok", reason: null };
}

function missingReason({ reason, install }: Presence): string {
  return install === null ? (reason ?? "not present") : `${reason}; install with: ${install}`;
}

function roundRows(rounds: readonly RoundRecord[]): RoundRow[] {
  const rates = rounds.flatMap(({ outcome }) => (outcome.status === "ok" ? [rate(outcome.result)] : []));
  const outside = new Set(outliers(rates).map((i) => rates[i]));
  return rounds.map(({ round, startedAt, outcome }) => {
    if (outcome.status !== "ok") {
      const status = outcome.status === "timeout" ? "timeout" : "failed";
      return {
        round,
        status,
        reason: outcome.reason,
        opsPerSecond: null,
        seconds: null,
        startedAt,
        outlier: false,
      };
    }
    const opsPerSecond = rate(outcome.result);
    const { seconds } = outcome.result;
    return {
      round,
      status: "ok",
      reason: null,
      opsPerSecond,
      seconds,
      startedAt,
      outlier: outside.has(opsPerSecond),
    };
  });
}

function rate({ operations, seconds }: RoundResult): number {
  return operations / seconds;
}

function measured(results: readonly RoundResult[], rows: readonly RoundRow[], input: CellInput): Measured {
  const middle = middleRound(results);
  const first = results[0] as RoundResult;
  const samples = results.flatMap(({ samplesUs }) => samplesUs);
  const counters = middle.result.counters;
  const delta = counters === null ? null : counterDelta(counters.before, counters.after);
  const fsyncs = delta === null ? null : counterAt(delta, "log.fsyncs");
  return {
    operations: first.operations,
    opsPerIteration: first.opsPerIteration,
    passes: first.passes,
    opsPerSecond: estimate(rows),
    coldOpsPerSecond: median(results.map(({ coldOpsPerSecond }) => coldOpsPerSecond)),
    latencyUs: summarise(samples),
    latencyHistogram: histogram(samples),
    samplesUs: input.keepSamples ? samples : null,
    bytes: cellBytes(results, delta === null ? null : counterAt(delta, "log.bytes")),
    syncs: fsyncs === null ? null : fsyncs * first.passes,
    fileBytes: medianOf(results, ({ fileBytes }) => fileBytes),
    memory: {
      peakBytes: medianOf(results, ({ peakBytes }) => peakBytes),
      baseBytes: medianOf(results, ({ baseBytes }) => baseBytes),
    },
    cpuUs: cpuTime(results),
    counters:
      counters === null || delta === null
        ? null
        : { round: rows[middle.index]?.round ?? 1, before: counters.before, after: counters.after, delta },
    profile: profiledPass(input.profile),
    census: middle.result.census,
    contentHash: first.contentHash,
  };
}

function nothing(): Measured {
  return {
    operations: null,
    opsPerIteration: null,
    passes: null,
    opsPerSecond: null,
    coldOpsPerSecond: null,
    latencyUs: null,
    latencyHistogram: null,
    samplesUs: null,
    bytes: null,
    syncs: null,
    fileBytes: null,
    memory: null,
    cpuUs: null,
    counters: null,
    profile: null,
    census: null,
    contentHash: null,
  };
}

/** The round whose rate is the median, the slower of two. */
function middleRound(results: readonly RoundResult[]): { result: RoundResult; index: number } {
  const order = results
    .map((_, index) => index)
    .sort((a, b) => rate(results[a] as RoundResult) - rate(results[b] as RoundResult));
  const index = order[(order.length - 1) >> 1] as number;
  return { result: results[index] as RoundResult, index };
}

function estimate(rows: readonly RoundRow[]): Estimate {
  const ok = rows.filter((row) => row.status === "ok");
  const interval = bootstrapMedian(ok.map(({ opsPerSecond }) => opsPerSecond as number));
  return {
    ...interval,
    n: ok.length,
    outliers: ok.filter(({ outlier }) => outlier).map(({ round }) => round),
  };
}

function medianOf(
  results: readonly RoundResult[],
  pick: (result: RoundResult) => number | null,
): number | null {
  const values = results.flatMap((result) => pick(result) ?? []);
  return values.length === 0 ? null : median(values);
}

function cpuTime(results: readonly RoundResult[]): CellRow["cpuUs"] {
  const user = medianOf(results, ({ cpuUs }) => cpuUs?.user ?? null);
  const system = medianOf(results, ({ cpuUs }) => cpuUs?.system ?? null);
  if (user === null || system === null) return null;
  return { user, system, perOperation: (user + system) / (results[0] as RoundResult).operations };
}

function cellBytes(results: readonly RoundResult[], logBytesOfPass: number | null): CellBytes {
  const { operations, passes, logicalBytes, contentBytes } = results[0] as RoundResult;
  const passedToWrite = medianOf(results, (result) => result.passedToWrite);
  const fileBytes = medianOf(results, (result) => result.fileBytes);
  return {
    logical: logicalBytes,
    passedToWrite,
    reachedStorage: medianOf(results, (result) => result.reachedStorage),
    logPerOperation: logBytesOfPass === null ? null : logBytesOfPass / (operations / passes),
    writtenPerOperation: passedToWrite === null ? null : passedToWrite / operations,
    writeAmplification: passedToWrite === null || logicalBytes === 0 ? null : passedToWrite / logicalBytes,
    spaceAmplification: fileBytes === null || contentBytes === 0 ? null : fileBytes / contentBytes,
  };
}

function profiledPass(outcome: RoundOutcome | null): ProfiledPass | null {
  if (outcome === null || outcome.status !== "ok" || outcome.result.counters === null) return null;
  const { counters, operations: all, passes, seconds } = outcome.result;
  const operations = all / passes;
  const delta = counterDelta(counters.before, counters.after);
  const builds = counterAt(delta, "slot_extent.builds") ?? 0;
  const slots = counterAt(delta, "slot_extent.slots") ?? 0;
  const ns = counterAt(delta, "slot_extent.ns") ?? 0;
  return {
    operations: Math.round(operations),
    opsPerSecond: all / seconds,
    slotExtent: {
      builds,
      slots,
      ns,
      nsPerBuild: builds === 0 ? null : ns / builds,
      nsPerSlot: slots === 0 ? null : ns / slots,
      nsPerOperation: ns / operations,
    },
    counters: delta,
  };
}
