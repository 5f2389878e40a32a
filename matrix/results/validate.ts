/**
 * Reads and writes run documents. Each is checked against docs/matrix-run.schema.json on the way in and on
 * the way out; another kind of document or another version is refused by name before the schema is asked.
 */

import { mkdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { shippedJson } from "../../src/base/package-files.js";
import { replaceFile } from "../../src/commands/support/replace-file.js";
import { median } from "../stats/summary.js";
import { type CellRow, RUN_SCHEMA, RUN_VERSION, type RunDocument } from "./document.js";

/** The name of a run's document inside its folder. */
export const RUN_FILE = "run.json";

/** A file is not a run document that this version can read. */
export class RunDocumentError extends Error {
  /** Where the document came from, when it came from a file. */
  readonly path: string | null;
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  /** Whether it says of itself, or by its name, that it is a run document, and so is a damaged one or one of another version. */
  readonly isRun: boolean;

  constructor(path: string | null, problems: readonly string[], isRun = false) {
    super(`${path ?? "run document"}: ${problems.slice(0, 5).join("; ")}`);
    this.name = "RunDocumentError";
    this.path = path;
    this.problems = problems;
    this.isRun = isRun;
  }
}

let validator: ValidateFunction | null = null;

/** What is wrong with a value as a run document; empty when nothing is. */
export function runDocumentProblems(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return ["not a JSON object"];
  const { schema, version } = value as { schema?: unknown; version?: unknown };
  if (schema !== RUN_SCHEMA) return [`schema is ${JSON.stringify(schema)}, not "${RUN_SCHEMA}"`];
  if (version !== RUN_VERSION) {
    return [`version ${JSON.stringify(version)} is not readable here: this is version ${RUN_VERSION}`];
  }
  validator ??= new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
    shippedJson("docs/matrix-run.schema.json") as object,
  );
  if (validator(value)) return contradictions(value as RunDocument);
  return (validator.errors ?? []).map(
    (error) => `${error.instancePath || "/"} ${error.message ?? "is wrong"}`,
  );
}

/** Of a median worked out again, for rounding. */
const TOLERANCE = 1e-9;

/** What no schema says: cells that stand there twice, and medians that are not those of their rounds. */
function contradictions({ cells }: RunDocument): string[] {
  const seen = new Set<string>();
  return cells.flatMap((cell, i) => {
    const problem = seen.has(cell.id) ? "stands there twice" : contradictionIn(cell);
    seen.add(cell.id);
    return problem === null ? [] : [`/cells/${i} (${cell.id}) ${problem}`];
  });
}

function contradictionIn({ id, group, engine, status, rounds, opsPerSecond }: CellRow): string | null {
  if (id !== `${group}/${engine}`) return `is not the cell of ${engine} in ${group}`;
  if (status !== "ok" || opsPerSecond === null) return null;
  const rates = rounds.flatMap((round) => round.opsPerSecond ?? []);
  if (rates.length === 0 || rates.some((rate) => !(rate > 0))) return "has no rounds with a rate above 0";
  if (rates.length !== opsPerSecond.n) return `has ${rates.length} rounds, and says ${opsPerSecond.n}`;
  const found = median(rates);
  const same = Math.abs(found - opsPerSecond.median) <= TOLERANCE * found;
  return same ? null : `has a median of ${found} ops/s, and says ${opsPerSecond.median}`;
}

/** Narrows a value to a run document. Throws RunDocumentError with everything that is wrong. */
export function assertRunDocument(value: unknown, path: string | null = null): asserts value is RunDocument {
  const problems = runDocumentProblems(value);
  if (problems.length > 0) throw new RunDocumentError(path, problems, saysItIsRun(value));
}

function saysItIsRun(value: unknown): boolean {
  return typeof value === "object" && value !== null && "schema" in value && value.schema === RUN_SCHEMA;
}

/** Reads a run from its document or from the folder that holds it. Throws RunDocumentError, or the file system's error. */
export async function readRun(path: string): Promise<RunDocument> {
  const file = (await stat(path)).isDirectory() ? join(path, RUN_FILE) : path;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RunDocumentError(file, [`not JSON: ${error.message}`], basename(file) === RUN_FILE);
    }
    throw error;
  }
  assertRunDocument(value, file);
  return value;
}

/** Checks a run and writes it so that a reader sees the old document or the new one, never a part. */
export async function writeRun(path: string, run: RunDocument): Promise<void> {
  assertRunDocument(run, path);
  await writeJson(path, run);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  replaceFile(path, `${JSON.stringify(value, null, 1)}\n`);
}
