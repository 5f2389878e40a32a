/** What the migrator says of a file and of a run; docs/migration-report.schema.json describes the same. */

import {
  CorruptionError,
  DiskFullError,
  EspalierError,
  IoError,
  LockedError,
  NotFoundError,
} from "../src/base/errors.js";
import {
  EXIT_CORRUPTION,
  EXIT_FINDINGS,
  EXIT_INTERRUPTED,
  EXIT_IO,
  EXIT_LOCKED,
} from "../src/commands/support/exit-codes.js";
import { InterruptedError } from "./control.js";

/** What a file is: of a legacy generation, a store, or on the way from one to the other. */
export type FileFormat = "gen1" | "gen2" | "gen3" | "espalier" | "migrating";

/** Where the work on a file stands, or how it ended. "unchanged": it was what it was to become. */
export type FileStatus =
  | "pending"
  | "running"
  | "converted"
  | "rolled-back"
  | "rehearsed"
  | "unchanged"
  | "refused"
  | "locked"
  | "corrupt"
  | "failed"
  | "interrupted";

/** The same figure of the file as it was, and as it is afterwards; null where it is not known. */
export interface BeforeAfter<T> {
  before: T | null;
  after: T | null;
}

/** What became of one file. */
export interface FileResult {
  path: string;
  /** What it was; null where it was not recognised. */
  from: FileFormat | null;
  /** What it was to become. */
  to: FileFormat | null;
  status: FileStatus;
  /** Why it is not what it was to become, with the option that would make it possible; null where it is. */
  reason: string | null;
  /** The `code` of the error, where it was one of espalier. */
  code: string | null;
  /** How its generation was told. */
  recognisedBy: string | null;
  records: number | null;
  /** SHA-256 of the whole content, in hexadecimal; the same twice where nothing was lost. */
  digest: BeforeAfter<string>;
  pages: BeforeAfter<number>;
  /** Size of the data file. */
  bytes: BeforeAfter<number>;
  /** Most disk space used beyond the file's own size. */
  extraBytes: number | null;
  /** Frames applied from the legacy log. */
  logFrames: number | null;
  /** Milliseconds spent on it in this run. */
  ms: number | null;
  /** ISO 8601, as finishedAt is. */
  startedAt: string | null;
  finishedAt: string | null;
  /** What was wrong with the tree and is not any more, a line each. */
  healed: string[];
  /** An earlier run had begun it. */
  resumed: boolean;
}

export function newResult(path: string): FileResult {
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
    bytes: { before: null, after: null },
    extraBytes: null,
    logFrames: null,
    ms: null,
    startedAt: null,
    finishedAt: null,
    healed: [],
    resumed: false,
  };
}

/** A file that cannot be converted with these options; nothing was changed. */
export class RefusedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "RefusedError";
  }
}

/** Puts what went wrong into a result: of a defect of this program, its kind too, and the other files go on. */
export function putFailure(result: FileResult, error: unknown): void {
  result.status = statusOfError(error);
  result.reason = isForeseen(error) ? error.message : String(error);
  result.code = error instanceof EspalierError ? error.code : null;
}

function statusOfError(error: unknown): FileStatus {
  if (error instanceof InterruptedError) return "interrupted";
  if (error instanceof LockedError) return "locked";
  if (error instanceof CorruptionError) return "corrupt";
  if ([IoError, DiskFullError, NotFoundError].some((kind) => error instanceof kind)) return "failed";
  return isForeseen(error) ? "refused" : "failed";
}

function isForeseen(error: unknown): error is Error {
  return [EspalierError, InterruptedError, RefusedError].some((kind) => error instanceof kind);
}

const ENDED_WELL: ReadonlySet<FileStatus> = new Set(["converted", "rolled-back", "rehearsed", "unchanged"]);

export function endedWell({ status }: FileResult): boolean {
  return ENDED_WELL.has(status);
}

/**
 * The exit code for the results of a run: 1 where some files failed and others did not, else that of the
 * failure they share. A run that was interrupted says so before anything else.
 */
export function exitCode(results: readonly FileResult[]): number {
  const codes = new Set<number>();
  for (const { status } of results) {
    if (status === "interrupted") return EXIT_INTERRUPTED;
    if (status === "failed") codes.add(EXIT_IO);
    else if (status === "corrupt") codes.add(EXIT_CORRUPTION);
    else if (status === "locked") codes.add(EXIT_LOCKED);
    else if (status === "refused" || status === "pending" || status === "running") codes.add(EXIT_FINDINGS);
  }
  if (codes.size === 0) return 0;
  const everyFileFailed = !results.some(endedWell);
  return codes.size === 1 && everyFileFailed ? [...codes][0]! : EXIT_FINDINGS;
}
