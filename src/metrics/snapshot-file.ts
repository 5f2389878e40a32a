/**
 * The metrics snapshot file: counters live in the process that has the store open, and this is how another
 * process (`espalier metrics serve`) gets to see them. Written beside and renamed, so that a reader finds a
 * whole document. What is there under its name and is none, a store for one, is not replaced.
 */

import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
// Not the global ones: a test's false clearInterval leaves a timer going that is not its own.
import { clearInterval, setInterval } from "node:timers";
import { ExistsError, IoError } from "../base/errors.js";
import { assertOptions, wholeNumber } from "../store/call-options.js";
import { nodeVfs, systemError } from "../vfs/node-vfs.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { MetricsSource } from "./definitions.js";
import type { MeasuredStore } from "./measured-store.js";

export const SNAPSHOT_VERSION = 1;
const INTERVAL_MS_DEFAULT = 5000;
const PUBLISH_OPTIONS: ReadonlySet<string> = new Set(["intervalMs"]);
/** How the document begins, in every version; others begin with a version, too. */
const BEGINNING = /^\{"version":\d+,"at":[^,]+,"pid":\d+,"open":/;
const BEGINNING_BYTES = 128;
/** What the files are called that are written beside. */
const SCRATCH = "metrics";

/** The document in the file. */
export interface MetricsSnapshot extends MetricsSource {
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pid: number;
  /** False in the last one, written when the store was closed. */
  readonly open: boolean;
}

/** How often a snapshot is written. */
export interface PublishOptions {
  /** Milliseconds between two snapshots; 5000 by default. */
  readonly intervalMs?: number;
}

/**
 * Publishes a store's metrics to a file: now, then at the interval, and once more when the returned
 * function is called (before the store is closed). A loop that never yields delays the snapshots. A file
 * that can't be written is a process warning, once, and never a failure of the store.
 */
export function publishMetrics(store: MeasuredStore, path: string, options: PublishOptions = {}): () => void {
  assertOptions(options, PUBLISH_OPTIONS);
  const interval = wholeNumber("intervalMs", options.intervalMs ?? INTERVAL_MS_DEFAULT, 1, 0x7fff_ffff);
  let warned = false;
  let file: string | undefined;
  let place: string | undefined;
  const publish = (open: boolean): void => {
    try {
      // Since the program may go to another folder.
      file ??= resolve(path);
      place ??= placeOf(file);
      writeSnapshot(store, place, open);
    } catch (error) {
      if (!warned)
        process.emitWarning(`espalier cannot write metrics to ${path}: ${(error as Error).message}`);
      warned = true;
    }
  };
  publish(true);
  const timer = setInterval(() => publish(true), interval);
  timer.unref();
  return () => {
    clearInterval(timer);
    publish(false);
  };
}

/** Where a link leads to, which stays one; without what killed ones have left there. */
function placeOf(path: string): string {
  const file = nodeVfs.canonical(path);
  removeScratch(nodeVfs, file, SCRATCH);
  return file;
}

function writeSnapshot(store: MeasuredStore, path: string, open: boolean): void {
  const at = Date.now();
  const snapshot: MetricsSnapshot = {
    version: SNAPSHOT_VERSION,
    at,
    pid: process.pid,
    open,
    metrics: store.metrics(),
    stats: store.stats(),
  };
  assertReplaceable(path);
  const temporary = scratchName(path, SCRATCH);
  try {
    writeFileSync(temporary, `${JSON.stringify(snapshot)}\n`, { flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was not made.
    }
    throw error;
  }
}

/** Throws ExistsError where something is that no snapshot may take the place of. */
function assertReplaceable(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || (stat.isFile() && (stat.size === 0 || beginsLikeOne(path)))) return;
  throw new ExistsError(path, "what is there is no metrics snapshot, and is left alone");
}

function beginsLikeOne(path: string): boolean {
  const bytes = Buffer.alloc(BEGINNING_BYTES);
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, 0, bytes.length, 0);
    return BEGINNING.test(bytes.toString("latin1"));
  } finally {
    closeSync(file);
  }
}

/** Throws IoError where there is no readable snapshot of a version that this code knows. */
export function readSnapshot(path: string): MetricsSnapshot {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw systemError(path, "read", error);
  }
  const snapshot = parse(text);
  if (snapshot === undefined) throw new IoError(path, "read", "it is no metrics snapshot of this version");
  return snapshot;
}

function parse(text: string): MetricsSnapshot | undefined {
  try {
    const value = JSON.parse(text) as Partial<MetricsSnapshot> | null;
    const known = value?.version === SNAPSHOT_VERSION && typeof value.at === "number";
    return known && value.metrics !== undefined && typeof value.stats?.path === "string"
      ? (value as MetricsSnapshot)
      : undefined;
  } catch {
    return undefined;
  }
}
