/**
 * The answer on top of the page: the gates that the run was judged by, as its document holds them, and one
 * for the migrations, where there are any. A run that was not judged is no GO: missing evidence is no pass.
 */

import type { GateResult } from "../documents/matrix-run.js";
import {
  ENDED_BADLY,
  type FileStatus,
  type MigratedFile,
  type MigrationReport,
} from "../documents/migration-report.js";
import { digestsOf } from "./migrations.js";
import type { DashboardData } from "./model.js";

/** The answer on top of the page. */
export interface Verdict {
  readonly answer: "GO" | "NO-GO" | "NOT JUDGED";
  readonly gates: readonly GateResult[];
  /** Where the gates came from; null where the run was not judged. */
  readonly gatesFile: string | null;
  /** What a reader must know before trusting the answer. */
  readonly cautions: readonly string[];
}

/** Statuses of files that were written anew, so that their content has to be compared. */
const REWRITTEN: ReadonlySet<FileStatus> = new Set<FileStatus>(["converted", "rolled-back", "rehearsed"]);

/** The answer that the newest run and all migrations give. "NOT JUDGED" is no GO: missing evidence is no pass. */
export function verdictOf(data: DashboardData): Verdict {
  const judged = data.run?.verdict ?? null;
  const gates = [...(judged?.gates ?? []), ...migrationGates(data.migrations)];
  const cautions = cautionsOf(data);
  if (data.run !== null && judged === null) {
    cautions.unshift(
      "The run was not judged: it has not ended, or no gate is about its engines (espalier matrix gate RESULTS --gates FILE judges by others).",
    );
  }
  const failed = gates.some(({ pass }) => !pass) || judged?.verdict === "NO-GO";
  const complete = data.run === null ? gates.length > 0 : judged !== null;
  const answer = failed ? "NO-GO" : complete ? "GO" : "NOT JUDGED";
  return { answer, gates, gatesFile: judged?.gatesFile ?? null, cautions };
}

function migrationGates(reports: readonly MigrationReport[]): GateResult[] {
  const files = reports.flatMap((report) => report.files);
  if (reports.length === 0) return [];
  const open = files.filter(
    ({ status }) => ENDED_BADLY.has(status) || status === "running" || status === "pending",
  );
  return [
    countGate("migration-files", "Every file of the migrations ended well", open, files.length),
    countGate(
      "migration-digests",
      "No file's content digest changed",
      files.flatMap(digestProblem),
      files.length,
    ),
  ];
}

/** A file that was converted with `--verify sample` or `none` has no digest to compare: missing evidence is no pass. */
function digestProblem(file: MigratedFile): { path: string; reason: string }[] {
  const found = digestsOf(file);
  if (found === "DIFFERENT")
    return [{ path: file.path, reason: "the digest after differs from that before" }];
  if (found === "equal" || !REWRITTEN.has(file.status)) return [];
  return [{ path: file.path, reason: "its content was not compared; espalier verify tells its digest" }];
}

function countGate(
  id: string,
  title: string,
  offending: readonly { readonly path: string; readonly reason: string | null }[],
  tried: number,
): GateResult {
  const [first] = offending;
  const told = `${tried} files`;
  return {
    id,
    title,
    pass: tried > 0 && offending.length === 0,
    figure: tried === 0 ? null : offending.length,
    comparison: "at-most",
    limit: 0,
    margin: tried === 0 ? null : 0 - offending.length,
    unit: "files",
    cell: null,
    cells: tried,
    detail: first === undefined ? told : `${told}; ${first.path}: ${first.reason ?? "no reason given"}`,
  };
}

function cautionsOf({ run, before }: DashboardData): string[] {
  if (run === null) return ["No matrix run was given: only migrations are shown."];
  const cautions: string[] = [];
  if (!run.run.complete) {
    const least = Math.min(...run.cells.flatMap(({ opsPerSecond }) => opsPerSecond?.n ?? []));
    const rounds = Number.isFinite(least)
      ? ` The cell with the fewest rounds has ${least} of ${run.settings.rounds}.`
      : "";
    cautions.push(`The run is not complete: ${run.run.interrupted ?? "rounds are missing"}.${rounds}`);
  }
  if (run.noise.verdict !== "quiet") {
    cautions.push(
      `The run was ${run.noise.verdict === "noisy" ? "noisy" : "not checked for noise"}${reasons(run.noise.reasons)}.`,
    );
  }
  if (run.environment.espalier.gitDirty === true)
    cautions.push("The code had changes that were not committed.");
  const absent = run.engines.filter(({ present }) => !present);
  for (const { id, reason, install } of absent) {
    cautions.push(
      `${id} was not measured: ${reason ?? "not present"}${install === null ? "" : ` (${install})`}.`,
    );
  }
  if (before !== null && before.environment.cpu.model !== run.environment.cpu.model) {
    cautions.push(`The run before was on another processor: ${before.environment.cpu.model}.`);
  }
  return cautions;
}

function reasons(list: readonly string[]): string {
  return list.length === 0 ? "" : `: ${list.join("; ")}`;
}
