/** The document of one run (docs/migration-report.schema.json) and the events on the way to it. */

import { packageVersion } from "../src/base/package-files.js";
import type { MigrationPhase } from "./control.js";
import type { VerifyMode } from "./in-place/program.js";
import type { Strategy } from "./options.js";
import { endedWell, type FileFormat, type FileResult } from "./results.js";

export const REPORT_SCHEMA = "espalier-migration-report";
export const REPORT_VERSION = 1;

/** What a run does with its files. */
export type MigrationAction = "run" | "rollback" | "rehearse";

/** The run as a whole; times are ISO 8601. */
export interface RunInfo {
  /** Sorts by the time of the start. */
  id: string;
  action: MigrationAction;
  strategy: Strategy;
  verify: VerifyMode;
  jobs: number;
  startedAt: string;
  finishedAt: string | null;
  durationMs: number;
  /** Every file was tried. */
  complete: boolean;
  /** Why it is not complete. */
  interrupted: null | "signal" | "duration" | "disk";
  command: string;
  label: string | null;
}

/** Where the run took place. */
export interface RunEnvironment {
  /** Its version. */
  readonly espalier: string;
  readonly runtime: string;
  readonly platform: string;
  readonly fileSystem: string | null;
}

/** How far a run was at one moment, all files together. */
export interface ProgressPoint {
  readonly at: string;
  /** That ended well. */
  readonly filesDone: number;
  /** That ended otherwise. */
  readonly filesFailed: number;
  readonly bytesDone: number;
  readonly recordsDone: number;
}

/** The document of one run: docs/migration-report.schema.json. */
export interface MigrationReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly version: typeof REPORT_VERSION;
  readonly run: RunInfo;
  readonly environment: RunEnvironment;
  readonly files: FileResult[];
  readonly progress: ProgressPoint[];
}

/** What happens in a run, as `espalier migrate run --json` prints it, a line each; sizes in bytes, times ISO 8601. */
export type MigrationEvent =
  | {
      readonly event: "run-started";
      readonly at: string;
      readonly schema: typeof REPORT_SCHEMA;
      readonly version: typeof REPORT_VERSION;
      readonly run: RunInfo;
      readonly environment: RunEnvironment;
      readonly files: readonly { readonly path: string; readonly bytes: number | null }[];
    }
  | {
      readonly event: "file-started";
      readonly at: string;
      readonly path: string;
      readonly from: FileFormat | null;
      readonly to: FileFormat | null;
    }
  | {
      readonly event: "progress";
      readonly at: string;
      readonly path: string;
      readonly phase: MigrationPhase;
      readonly bytesDone: number;
      readonly bytesTotal: number | null;
      readonly recordsDone: number;
      readonly total: ProgressPoint;
    }
  | {
      readonly event: "file-finished";
      readonly at: string;
      readonly file: FileResult;
      readonly total: ProgressPoint;
    }
  | { readonly event: "report"; readonly at: string; readonly report: MigrationReport };

export function environmentHere(): RunEnvironment {
  return {
    espalier: packageVersion(),
    runtime: `node ${process.versions.node}`,
    platform: `${process.platform} ${process.arch}`,
    fileSystem: null,
  };
}

export function newRunId(): string {
  const random = Math.floor(Math.random() * 0x1000000)
    .toString(16)
    .padStart(6, "0");
  return `${new Date().toISOString().replace(/[-:.]/g, "")}-${random}`;
}

/** More points than this are thinned out. */
const POINTS_MAX = 2000;

/** The course of a run over all files. */
export class RunProgress {
  readonly points: ProgressPoint[] = [];
  #filesDone = 0;
  #filesFailed = 0;
  #bytes = 0;
  #records = 0;
  readonly #underWay: Map<string, { bytes: number; records: number }> = new Map();

  constructor() {
    this.mark();
  }

  /** How far a file has come, as bytes of the source that are converted. */
  advance(path: string, bytes: number, records: number): void {
    this.#underWay.set(path, { bytes, records });
  }

  finish(result: FileResult): void {
    this.#underWay.delete(result.path);
    if (endedWell(result)) {
      this.#filesDone++;
      this.#bytes += result.bytes.before ?? 0;
      this.#records += result.records ?? 0;
    } else this.#filesFailed++;
    this.mark();
  }

  now(): ProgressPoint {
    let bytesDone = this.#bytes;
    let recordsDone = this.#records;
    for (const { bytes, records } of this.#underWay.values()) {
      bytesDone += bytes;
      recordsDone += records;
    }
    return {
      at: new Date().toISOString(),
      filesDone: this.#filesDone,
      filesFailed: this.#filesFailed,
      bytesDone,
      recordsDone,
    };
  }

  /** Adds a point to the course; every other one goes where there are too many. */
  mark(): ProgressPoint {
    const point = this.now();
    this.points.push(point);
    if (this.points.length > POINTS_MAX) {
      const kept = this.points.filter((_, index) => index % 2 === 0 || index === this.points.length - 1);
      this.points.splice(0, this.points.length, ...kept);
    }
    return point;
  }
}
