/**
 * Turns the event lines of a migration into a report: the one that the last line holds, or, for a run that
 * is still going or was killed, the state that its events so far add up to. Pure.
 */

import {
  type MigratedFile,
  type MigrationEvent,
  type MigrationReport,
  type ProgressPoint,
  REPORT_SCHEMA,
  REPORT_VERSION,
} from "./migration-report.js";

/** The report that events give. Null when they do not begin with `run-started` and hold no report. */
export function reportFromEvents(events: readonly MigrationEvent[]): MigrationReport | null {
  const last = events.at(-1);
  if (last?.event === "report") return last.report;
  const [first] = events;
  if (first?.event !== "run-started" || last === undefined) return null;
  const files = new Map<string, MigratedFile>(
    first.files.map(({ path, bytes }) => [path, pendingFile(path, bytes)]),
  );
  const progress: ProgressPoint[] = [startPoint(first.at)];
  for (const event of events) {
    if (event.event === "file-started") {
      const held = files.get(event.path) ?? pendingFile(event.path, null);
      const { from, to, at } = event;
      files.set(event.path, { ...held, status: "running", from, to, startedAt: at });
    } else if (event.event === "progress") {
      const held = files.get(event.path) ?? pendingFile(event.path, null);
      files.set(event.path, { ...held, status: "running", reason: `in phase ${event.phase}` });
      progress.push(event.total);
    } else if (event.event === "file-finished") {
      files.set(event.file.path, event.file);
      progress.push(event.total);
    }
  }
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    run: { ...first.run, complete: false, durationMs: Date.parse(last.at) - Date.parse(first.at) },
    environment: first.environment,
    files: [...files.values()],
    progress,
  };
}

function startPoint(at: string): ProgressPoint {
  return { at, filesDone: 0, filesFailed: 0, bytesDone: 0, recordsDone: 0 };
}

function pendingFile(path: string, bytes: number | null): MigratedFile {
  return {
    path,
    from: null,
    to: null,
    status: "pending",
    reason: null,
    code: null,
    recognisedBy: null,
    records: null,
    digest: { before: null, after: null },
    pages: { before: null, after: null },
    bytes: { before: bytes, after: null },
    extraBytes: null,
    logFrames: null,
    ms: null,
    startedAt: null,
    finishedAt: null,
    healed: [],
    resumed: false,
  };
}
