/** What a run over many files is asked to do, as a whole and with one of them. */

import type { PaceOptions } from "./control.js";
import type { FileOptions } from "./options.js";
import type { MigrationAction, MigrationEvent } from "./report.js";

/** How a run goes about its files. */
export interface RunOptions extends FileOptions, PaceOptions {
  /** Files in parallel, each in a thread of its own. Default 1: in this thread, as always on another file system. */
  readonly jobs?: number;
  /** Told of each event as it happens; the last one is the report. */
  readonly onEvent?: (event: MigrationEvent) => void;
  /** What was asked for, for the report. */
  readonly command?: string;
  /** A name for the run, for the report. */
  readonly label?: string;
}

export interface FileTask {
  readonly action: MigrationAction;
  readonly path: string;
  /** Where a copy of the original goes. */
  readonly backup?: string;
}
