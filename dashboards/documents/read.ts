/**
 * Reads what dashboards are built from: matrix runs and migration reports, from files or from folders that
 * hold them. Every document is checked against its schema in docs/; one of another version is refused by
 * name, because drawing half-understood figures is worse than drawing none.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { shippedJson } from "../../src/base/package-files.js";
import { reportFromEvents } from "./event-log.js";
import { RUN_FILE, RUN_SCHEMA, RUN_VERSION, type RunDocument } from "./matrix-run.js";
import {
  type MigrationEvent,
  type MigrationReport,
  REPORT_SCHEMA,
  REPORT_VERSION,
} from "./migration-report.js";

/** Folders inside a given folder are searched this deep. */
const DEPTH_MAX = 3;

/** Where a matrix keeps the rounds of a run that is going on: many small files, none of them a document. */
const PASSED_OVER: ReadonlySet<string> = new Set(["node_modules", "state", "streams", "work"]);

/** A file holds no document that can be drawn. */
export class DashboardInputError extends Error {
  readonly code: string = "ERR_ESPALIER_DASHBOARD_INPUT";
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = "DashboardInputError";
    this.path = path;
  }
}

/** What was found in the given places. Runs are in order of time, as are reports. */
export interface Inputs {
  readonly runs: readonly RunDocument[];
  readonly migrations: readonly MigrationReport[];
  /** The files that the documents came from. */
  readonly files: readonly string[];
}

type Document = { readonly run: RunDocument } | { readonly migrations: readonly MigrationReport[] };

/**
 * Reads files and folders. In a folder, files of other kinds are passed over; a file that is named must be
 * a document, or the call fails with a DashboardInputError. Duplicates (the same run id) count once.
 */
export async function readInputs(paths: readonly string[]): Promise<Inputs> {
  const runs = new Map<string, RunDocument>();
  const migrations = new Map<string, MigrationReport>();
  const files: string[] = [];
  for (const path of paths) {
    const folder = (await stat(path)).isDirectory();
    for (const file of await resultFiles(path)) {
      const document = await readDocument(file, folder);
      if (document === null) continue;
      files.push(file);
      if ("run" in document) runs.set(document.run.run.id, document.run);
      else for (const migration of document.migrations) migrations.set(migration.run.id, migration);
    }
  }
  return {
    runs: [...runs.values()].sort((a, b) => compareText(a.run.startedAt, b.run.startedAt)),
    migrations: [...migrations.values()].sort((a, b) => compareText(a.run.startedAt, b.run.startedAt)),
    files,
  };
}

/** The files that readInputs would look into. Throws what the file system throws. */
export async function resultFiles(path: string): Promise<string[]> {
  return (await stat(path)).isDirectory() ? candidatesIn(path, DEPTH_MAX) : [path];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function candidatesIn(folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (depth > 0 && !PASSED_OVER.has(entry.name) && !entry.name.startsWith(".")) {
        found.push(...(await candidatesIn(path, depth - 1)));
      }
    } else if (/\.(json|jsonl|ndjson)$/.test(entry.name) && !entry.name.endsWith(".vl.json")) {
      found.push(path);
    }
  }
  return found;
}

/** Null: a file of another kind, met while searching a folder. */
async function readDocument(path: string, searching: boolean): Promise<Document | null> {
  const text = await readFile(path, "utf8");
  const value = parse(path, text);
  const schema =
    typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (Array.isArray(value)) return { migrations: migrationsOf(path, value) };
  if (schema === RUN_SCHEMA) return { run: checked<RunDocument>(path, value, RUN_VERSION, runValidator()) };
  if (schema === REPORT_SCHEMA) {
    return { migrations: [checked<MigrationReport>(path, value, REPORT_VERSION, reportValidator())] };
  }
  if (searching) return null;
  throw new DashboardInputError(path, `neither a "${RUN_SCHEMA}" nor a "${REPORT_SCHEMA}" document`);
}

/** A JSON value; an array of events where the file holds a line for each; undefined where it holds neither. */
function parse(path: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isEvent(value) ? [value] : Array.isArray(value) ? undefined : value;
  } catch (error) {
    if (!path.endsWith(".json")) return eventLines(path, text);
    // By its name it is a run: without it the one before would be judged, and nothing said.
    if (basename(path) === RUN_FILE) throw new DashboardInputError(path, `not JSON: ${String(error)}`);
    return undefined;
  }
}

/**
 * Event lines; the last one may be cut short, because somebody is still writing it. Undefined where no migration
 * starts in them; of one that does, another line that is no event may hide how it ended.
 */
function eventLines(path: string, text: string): unknown[] | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const values = lines.map(parsedLine);
  if (values.length > 1 && values.at(-1) === undefined) values.pop();
  const wrong = values.findIndex((value) => !isEvent(value));
  if (wrong < 0) return values.length > 0 ? values : undefined;
  if (!values.some((value) => isEvent(value) && value.event === "run-started")) return undefined;
  throw new DashboardInputError(path, `line ${wrong + 1} is no event of a migration`);
}

/** Undefined: no JSON. */
function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isEvent(value: unknown): value is { readonly event: unknown } {
  return typeof value === "object" && value !== null && "event" in value;
}

/** A file to which several migrations were appended holds them all. */
function migrationsOf(path: string, events: readonly unknown[]): MigrationReport[] {
  const first = events[0] as { version?: unknown; event?: unknown };
  if (first.event === "run-started") refuseOtherVersion(path, first.version, REPORT_VERSION);
  const validate = eventValidator();
  for (const [i, event] of events.entries()) {
    if (!validate(event)) throw new DashboardInputError(path, `line ${i + 1}: ${problemsOf(validate)}`);
  }
  return migrationsIn(events as MigrationEvent[]).map((own) => {
    const report = reportFromEvents(own);
    if (report === null) throw new DashboardInputError(path, "the events do not begin with run-started");
    return report;
  });
}

function migrationsIn(events: readonly MigrationEvent[]): MigrationEvent[][] {
  const parts: MigrationEvent[][] = [];
  for (const event of events) {
    if (event.event === "run-started" || parts.length === 0) parts.push([]);
    parts.at(-1)?.push(event);
  }
  return parts;
}

function checked<T>(path: string, value: unknown, version: number, validate: ValidateFunction): T {
  refuseOtherVersion(path, (value as { version?: unknown }).version, version);
  if (!validate(value)) throw new DashboardInputError(path, problemsOf(validate));
  return value as T;
}

function refuseOtherVersion(path: string, version: unknown, wanted: number): void {
  if (version === wanted) return;
  throw new DashboardInputError(
    path,
    `version ${JSON.stringify(version)} of this document can't be drawn here; this is for version ${wanted}`,
  );
}

function problemsOf(validate: ValidateFunction): string {
  const problems = (validate.errors ?? []).map(
    (error) => `${error.instancePath || "/"} ${error.message ?? "is wrong"}`,
  );
  return `does not fit its schema: ${problems.slice(0, 3).join("; ")}`;
}

const validators = new Map<string, ValidateFunction>();

function validator(key: string, make: () => ValidateFunction): ValidateFunction {
  const held = validators.get(key) ?? make();
  validators.set(key, held);
  return held;
}

function compiler(): Ajv2020 {
  return new Ajv2020({ allErrors: false, allowUnionTypes: true });
}

function runValidator(): ValidateFunction {
  return validator("run", () => compiler().compile(shippedJson("docs/matrix-run.schema.json") as object));
}

function reportValidator(): ValidateFunction {
  return validator("report", () =>
    compiler().compile(shippedJson("docs/migration-report.schema.json") as object),
  );
}

function eventValidator(): ValidateFunction {
  return validator("event", () => {
    const ajv = compiler();
    ajv.addSchema(shippedJson("docs/migration-report.schema.json") as object);
    return ajv.compile({ $ref: "espalier-migration-report-1#/$defs/event" });
  });
}
