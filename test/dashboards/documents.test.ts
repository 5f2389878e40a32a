/** Reading results: from files, folders and event lines; what does not fit is refused by name. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dashboardData } from "../../dashboards/data/model.js";
import { reportFromEvents } from "../../dashboards/documents/event-log.js";
import type { MigrationEvent, MigrationReport } from "../../dashboards/documents/migration-report.js";
import { DashboardInputError, readInputs } from "../../dashboards/documents/read.js";
import { runDocumentProblems } from "../../matrix/results/validate.js";
import { migrationReport, runDocument } from "./support/documents.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "espalier-dashboards-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

function eventsOf(report: MigrationReport): MigrationEvent[] {
  const [first, ...others] = report.files;
  const [start, ...points] = report.progress;
  if (first === undefined || start === undefined)
    throw new Error("the report has neither files nor progress");
  const point = points[0] ?? start;
  const { run, environment } = report;
  const files = report.files.map(({ path, bytes }) => ({ path, bytes: bytes.before }));
  const at = run.startedAt;
  return [
    { event: "run-started", at, schema: report.schema, version: report.version, run, environment, files },
    { event: "file-started", at, path: first.path, from: "gen2", to: "espalier" },
    {
      event: "progress",
      at: point.at,
      path: first.path,
      phase: "convert",
      bytesDone: 1,
      bytesTotal: 2,
      recordsDone: 1,
      total: point,
    },
    { event: "file-finished", at: point.at, file: first, total: point },
    { event: "file-started", at: point.at, path: others[0]?.path ?? "", from: "gen2", to: "espalier" },
  ] as MigrationEvent[];
}

const lines = (events: readonly unknown[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join("");

test("the documents of these tests are what the matrix itself takes for documents", () => {
  expect(runDocumentProblems(runDocument())).toEqual([]);
});

test("a folder is searched; other files in it are passed over, documents are put in order of time", async () => {
  await mkdir(join(folder, "late", "state"), { recursive: true });
  await written("late/run.json", runDocument({ id: "late", startedAt: "2026-02-01T00:00:00.000Z" }));
  await written("early.json", runDocument({ id: "early", startedAt: "2026-01-01T00:00:00.000Z" }));
  await written("late/state/plan.json", { schema: "espalier-matrix-run", version: 99 });
  await written("gates.json", { schema: "espalier-matrix-gates" });
  await written("broken.json", "{");
  await written("report.json", migrationReport());
  const inputs = await readInputs([folder]);
  expect(inputs.runs.map(({ run }) => run.id)).toEqual(["early", "late"]);
  expect(inputs.migrations).toHaveLength(1);
  expect(inputs.files).toHaveLength(3);
});

test("another version is refused by name, in a folder too", async () => {
  await written("run.json", { ...runDocument(), version: 2 });
  await expect(readInputs([folder])).rejects.toThrow(/version 2 of this document can't be drawn here/);
});

test("a document that breaks its schema is refused with the place", async () => {
  const path = await written("run.json", { ...runDocument(), cells: [{ id: "half" }] });
  await expect(readInputs([path])).rejects.toThrow(/\/cells\/0/);
});

test("a named file that is no document is refused", async () => {
  const path = await written("other.json", { hello: 1 });
  await expect(readInputs([path])).rejects.toThrow(DashboardInputError);
});

test("the same run met twice counts once", async () => {
  await written("a.json", runDocument());
  await written("b.json", runDocument());
  expect((await readInputs([folder])).runs).toHaveLength(1);
});

test("events end in a report", async () => {
  const report = migrationReport();
  const events = [...eventsOf(report), { event: "report", at: report.run.startedAt, report }];
  const path = await written("run.jsonl", lines(events));
  expect((await readInputs([path])).migrations).toEqual([report]);
});

test("migrations that were appended to one file are all there, the one that failed too", async () => {
  const [first, second] = ["first", "second"].map((id) => {
    const report = migrationReport();
    return { ...report, run: { ...report.run, id } };
  }) as [MigrationReport, MigrationReport];
  const ended = { event: "report", at: second.run.startedAt, report: second };
  const path = await written("all.jsonl", lines([...eventsOf(first), ...eventsOf(second), ended]));
  const { migrations } = await readInputs([path]);
  expect(migrations.map(({ run }) => [run.id, run.complete])).toEqual([
    ["first", false],
    ["second", true],
  ]);
});

test("a line between events that is none is refused, not passed over with the migration", async () => {
  const [start, ...others] = eventsOf(migrationReport());
  const path = await written("wave.jsonl", `${lines([start])}warning: of standard error\n${lines(others)}`);
  await expect(readInputs([folder])).rejects.toThrow(`${path}: line 2 is no event of a migration`);
  await written("wave.jsonl", `> npm run migrate\n${lines([start, ...others])}`);
  await expect(readInputs([folder])).rejects.toThrow("line 1 is no event");
  await written("wave.jsonl", "other lines\nof other things\n");
  expect((await readInputs([folder])).files).toEqual([]);
});

test("a run's document that is no JSON is refused, not passed over", async () => {
  await mkdir(join(folder, "late"));
  await written("early.json", runDocument());
  await written("late/run.json", JSON.stringify(runDocument()).slice(0, 500));
  await expect(readInputs([folder])).rejects.toThrow(/late.run\.json: not JSON/);
});

test("events of a run that goes on give its state so far, a cut last line and all", async () => {
  const events = eventsOf(migrationReport());
  const path = await written("run.ndjson", `${lines(events)}{"event":"progr`);
  const [report] = (await readInputs([path])).migrations;
  expect(report?.files.map(({ status }) => status)).toEqual([
    "converted",
    "running",
    "pending",
    "pending",
    "pending",
  ]);
  expect(report?.progress.at(-1)?.bytesDone).toBe(3_000_000);
  expect(report?.run.complete).toBe(false);
});

test("events add up to what each file does, the course so far and its time", () => {
  const whole = migrationReport();
  const events = eventsOf(whole);
  const point = whole.progress[1];
  const begun = { ...whole.progress[0], filesDone: 0, filesFailed: 0, bytesDone: 0, recordsDone: 0 };

  const started = reportFromEvents(events.slice(0, 2));
  expect(started?.files[0]).toMatchObject({ status: "running", from: "gen2", to: "espalier", reason: null });
  expect(started?.progress).toEqual([begun]);
  expect(started?.run).toMatchObject({ complete: false, durationMs: 0 });

  const under = reportFromEvents(events.slice(0, 3));
  expect(under?.files[0]).toMatchObject({ status: "running", reason: "in phase convert", from: "gen2" });
  expect(under?.progress).toEqual([begun, point]);
  expect(under?.run.durationMs).toBe(3000);

  const finished = reportFromEvents(events);
  expect(finished?.files[0]).toEqual(whole.files[0]);
  expect(finished?.progress).toEqual([begun, point, point]);
});

test("events that do not begin with the start are no report", () => {
  expect(reportFromEvents(eventsOf(migrationReport()).slice(1))).toBeNull();
});

test("an event that breaks its schema is refused with its line", async () => {
  const events = [...eventsOf(migrationReport()), { event: "progress", at: "now" }];
  const path = await written("run.jsonl", lines([...events, events[1]]));
  await expect(readInputs([path])).rejects.toThrow(/line 6/);
});

test("the newest run is judged; the one before it, or the one that is named, is what it is compared with", () => {
  const runs = ["a", "b", "c"].map((id, i) =>
    runDocument({ id, startedAt: `2026-01-0${i + 1}T00:00:00.000Z` }),
  );
  const inputs = { runs, migrations: [], files: [] };
  expect(dashboardData(inputs).run?.run.id).toBe("c");
  expect(dashboardData(inputs).before?.run.id).toBe("b");
  expect(dashboardData(inputs, runs[0]).before?.run.id).toBe("a");
  expect(dashboardData(inputs, runs[0]).run?.run.id).toBe("c");
  expect(dashboardData({ ...inputs, runs: runs.slice(2) }, runs[0]).runs.map(({ run }) => run.id)).toEqual([
    "a",
    "c",
  ]);
  expect(dashboardData({ ...inputs, runs: runs.slice(0, 1) }, runs[0]).before).toBeNull();
});
