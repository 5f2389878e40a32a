/**
 * A migrator's report and its progress events, as docs/migration-report.schema.json has them. The schema is
 * checked before a document gets here; what the fields mean is said there.
 */

export const REPORT_SCHEMA = "espalier-migration-report";
export const REPORT_VERSION = 1;

export const FILE_STATUSES = [
  "converted",
  "rolled-back",
  "rehearsed",
  "unchanged",
  "running",
  "pending",
  "interrupted",
  "locked",
  "refused",
  "corrupt",
  "failed",
] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

/** Statuses that mean: this file is where it was to be. */
export const ENDED_WELL: ReadonlySet<FileStatus> = new Set<FileStatus>([
  "converted",
  "rolled-back",
  "rehearsed",
  "unchanged",
]);

/** Statuses that mean: this file is not, and something must be done. */
export const ENDED_BADLY: ReadonlySet<FileStatus> = new Set<FileStatus>([
  "locked",
  "refused",
  "corrupt",
  "failed",
  "interrupted",
]);

export interface MigratedFile {
  readonly path: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly status: FileStatus;
  readonly reason: string | null;
  readonly code: string | null;
  readonly recognisedBy: string | null;
  readonly records: number | null;
  readonly digest: { readonly before: string | null; readonly after: string | null };
  readonly pages: { readonly before: number | null; readonly after: number | null };
  readonly bytes: { readonly before: number | null; readonly after: number | null };
  readonly extraBytes: number | null;
  readonly logFrames: number | null;
  readonly ms: number | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly healed: readonly string[];
  readonly resumed: boolean;
}

export interface ProgressPoint {
  readonly at: string;
  readonly filesDone: number;
  readonly filesFailed: number;
  readonly bytesDone: number;
  readonly recordsDone: number;
}

export interface MigrationRun {
  readonly id: string;
  readonly action: "run" | "rollback" | "rehearse";
  readonly strategy: "in-place" | "rewrite";
  readonly verify: "full" | "sample" | "none";
  readonly jobs: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly durationMs: number;
  readonly complete: boolean;
  readonly interrupted: string | null;
  readonly command: string;
  readonly label?: string | null;
}

/** A run of the migrator, as far as charts read it: docs/migration-report.schema.json. */
export interface MigrationReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly version: typeof REPORT_VERSION;
  readonly run: MigrationRun;
  readonly environment: {
    readonly espalier: string;
    readonly runtime: string;
    readonly platform: string;
    readonly fileSystem?: string | null;
  };
  readonly files: readonly MigratedFile[];
  readonly progress: readonly ProgressPoint[];
}

/** One line of `espalier migrate run --json`. */
export type MigrationEvent =
  | {
      readonly event: "run-started";
      readonly at: string;
      readonly run: MigrationRun;
      readonly environment: MigrationReport["environment"];
      readonly files: readonly { readonly path: string; readonly bytes: number | null }[];
    }
  | {
      readonly event: "file-started";
      readonly at: string;
      readonly path: string;
      readonly from: string | null;
      readonly to: string | null;
    }
  | {
      readonly event: "progress";
      readonly at: string;
      readonly path: string;
      readonly phase: string;
      readonly recordsDone: number;
      readonly total: ProgressPoint;
    }
  | {
      readonly event: "file-finished";
      readonly at: string;
      readonly file: MigratedFile;
      readonly total: ProgressPoint;
    }
  | { readonly event: "report"; readonly at: string; readonly report: MigrationReport };
