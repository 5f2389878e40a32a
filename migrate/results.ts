/** What the migrator says of a file and of a run; docs/migration-report.schema.json describes the same. */

import {
  CorruptionError,
  DiskFullError,
  EspalierError,
  IoError,
  LockedError,
  NotFoundError,
} from "../src/base/errors.js";
import { InterruptedError } from "./control.js";

/** What a file is: of a legacy generation, a store, or on the way from one to the other. */
export type FileFormat = "gen1" | "gen2" | "gen3" | "espalier" | "migrating";

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

export interface BeforeAfter<T> {
  before: T | null;
  after: T | null;
}

export interface FileResult {
  path: string;
  from: FileFormat | null;
  to: FileFormat | null;
  status: FileStatus;
  reason: string | null;
  code: string | null;
  recognisedBy: string | null;
  records: number | null;
  digest: BeforeAfter<string>;
  pages: BeforeAfter<number>;
  bytes: BeforeAfter<number>;
  extraBytes: number | null;
  logFrames: number | null;
  ms: number | null;
  startedAt: string | null;
  finishedAt: string | null;
  healed: string[];
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

export const EXIT_DONE = 0;
export const EXIT_SOME_FAILED = 1;
export const EXIT_IO = 3;
export const EXIT_CORRUPT = 4;
export const EXIT_LOCKED = 5;
export const EXIT_INTERRUPTED = 130;

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
    else if (status === "corrupt") codes.add(EXIT_CORRUPT);
    else if (status === "locked") codes.add(EXIT_LOCKED);
    else if (status === "refused" || status === "pending" || status === "running")
      codes.add(EXIT_SOME_FAILED);
  }
  if (codes.size === 0) return EXIT_DONE;
  const everyFileFailed = !results.some(endedWell);
  return codes.size === 1 && everyFileFailed ? [...codes][0]! : EXIT_SOME_FAILED;
}
