/** Flat rows of migration reports: their files, and their course over time. */

import {
  ENDED_BADLY,
  ENDED_WELL,
  type MigratedFile,
  type MigrationReport,
} from "../documents/migration-report.js";
import type { Row } from "./cells.js";

/** As much of a digest as a reader compares by eye; the report has it whole. */
const DIGEST_CHARACTERS = 16;

/** One row a file of a report. `digests` says whether content before and after was compared, and how that went. */
export function fileRows(reports: readonly MigrationReport[]): Row[] {
  return reports.flatMap((report) =>
    report.files.map((file) => ({
      migration: report.run.id,
      action: report.run.action,
      strategy: report.run.strategy,
      espalier: report.environment.espalier,
      path: file.path,
      from: file.from ?? "unknown",
      to: file.to ?? "unknown",
      status: file.status,
      state: stateOf(file),
      reason: file.reason,
      code: file.code,
      records: file.records,
      bytesBefore: file.bytes.before,
      bytesAfter: file.bytes.after,
      pagesBefore: file.pages.before,
      pagesAfter: file.pages.after,
      seconds: file.ms === null ? null : file.ms / 1000,
      megabytesPerSecond:
        file.ms === null || file.ms === 0 || file.bytes.before === null
          ? null
          : file.bytes.before / 1000 / file.ms,
      digests: digestsOf(file),
      digest: (file.digest.after ?? file.digest.before)?.slice(0, DIGEST_CHARACTERS) ?? null,
      healed: file.healed.length === 0 ? null : file.healed.join("; "),
      resumed: file.resumed ? "yes" : "no",
      logFrames: file.logFrames,
    })),
  );
}

/** ended well, ended badly, or still on its way. */
function stateOf({ status }: MigratedFile): string {
  return ENDED_WELL.has(status) ? "well" : ENDED_BADLY.has(status) ? "badly" : "going on";
}

export function digestsOf({ digest }: MigratedFile): "equal" | "DIFFERENT" | "not compared" {
  if (digest.before === null || digest.after === null) return "not compared";
  return digest.before === digest.after ? "equal" : "DIFFERENT";
}

/** One row a progress point and measure: bytes, records and files done, and the rate of bytes since the point before. */
export function progressRows(reports: readonly MigrationReport[]): Row[] {
  return reports.flatMap((report) =>
    report.progress.flatMap((point, i): Row[] => {
      const earlier = report.progress[i - 1];
      const facts = { migration: report.run.id, at: point.at, seconds: secondsSince(report, point.at) };
      const rows: Row[] = [
        { ...facts, measure: "bytes converted", value: point.bytesDone },
        { ...facts, measure: "records converted", value: point.recordsDone },
        { ...facts, measure: "files done", value: point.filesDone },
      ];
      const elapsed = earlier === undefined ? 0 : secondsBetween(earlier.at, point.at);
      if (earlier !== undefined && elapsed > 0) {
        rows.push({
          ...facts,
          measure: "bytes a second",
          value: (point.bytesDone - earlier.bytesDone) / elapsed,
        });
      }
      return rows;
    }),
  );
}

function secondsSince(report: MigrationReport, at: string): number {
  return secondsBetween(report.run.startedAt, at);
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
