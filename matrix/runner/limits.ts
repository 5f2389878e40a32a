/**
 * What the machine itself can do, measured in the same run: overwrite-and-sync loops, sequential writing
 * and reading, and a plain JavaScript loop. The loops also run between rounds as a control of drift.
 */

import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { LimitRow } from "../results/document.js";
import { median, quantileSorted, sorted } from "../stats/summary.js";

const BLOCK = 4096;
/** The file that the loops overwrite: preallocated with real zeros. */
const PREALLOCATED_BLOCKS = 256;
const CHUNK = 2 ** 20;
/** Turns of the JavaScript loop; about 40 ms on a machine of 2020. */
const LOOP_TURNS = 20_000_000;

/** One measurement of one limit. */
export interface LimitSample {
  readonly id: LimitRow["id"];
  /** In the limit's unit; null where the platform cannot do it. */
  readonly value: number | null;
  /** Per operation, for those that are loops of operations. */
  readonly samplesUs: readonly number[];
}

const FACTS: Record<LimitRow["id"], Pick<LimitRow, "title" | "unit">> = {
  "overwrite-sync": { title: "overwrite 4 KiB of a preallocated file, fdatasync", unit: "operations/s" },
  "overwrite-dsync": {
    title: "overwrite 4 KiB of a preallocated file opened with O_DSYNC",
    unit: "operations/s",
  },
  "sequential-write": { title: "write a file in 1 MiB calls, one fsync", unit: "bytes/s" },
  "sequential-read": { title: "read the same file in 1 MiB calls, from the page cache", unit: "bytes/s" },
  "javascript-loop": { title: "turns of a plain JavaScript loop", unit: "operations/s" },
};

/** How long the loops are. */
export interface LimitEffort {
  readonly syncs: number;
  /** Whole MiB. */
  readonly sequentialBytes: number;
}

/** Measures all limits once, with files in `folder`. */
export function measureLimits(folder: string, { syncs, sequentialBytes }: LimitEffort): LimitSample[] {
  const sequential = measureSequential(folder, sequentialBytes);
  return [
    overwriteLoop(folder, syncs, false),
    overwriteLoop(folder, syncs, true),
    { id: "sequential-write", value: sequential.write, samplesUs: [] },
    { id: "sequential-read", value: sequential.read, samplesUs: [] },
    { id: "javascript-loop", value: LOOP_TURNS / (javascriptLoopMs() / 1000), samplesUs: [] },
  ];
}

/** Puts the samples of several rounds together. */
export function summariseLimits(samples: readonly LimitSample[]): LimitRow[] {
  return (Object.keys(FACTS) as LimitRow["id"][]).map((id) => {
    const own = samples.filter((sample) => sample.id === id);
    const values = own.flatMap(({ value }) => (value === null ? [] : [value]));
    const operations = sorted(own.flatMap(({ samplesUs }) => [...samplesUs]));
    return {
      id,
      ...FACTS[id],
      median: values.length > 0 ? median(values) : null,
      p50Us: operations.length > 0 ? quantileSorted(operations, 0.5) : null,
      p99Us: operations.length > 0 ? quantileSorted(operations, 0.99) : null,
      values,
    };
  });
}

/** Milliseconds that the control loop takes: integer arithmetic that the compiler cannot drop. */
export function javascriptLoopMs(turns: number = LOOP_TURNS): number {
  const started = performance.now();
  let x = 1;
  for (let i = 0; i < turns; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  const taken = performance.now() - started;
  if (x === 0.5) throw new Error("unreachable: keeps the loop's result alive");
  return taken;
}

/** Overwrites one block after the other of a preallocated file and syncs each. */
export function overwriteLoop(folder: string, syncs: number, dsync: boolean): LimitSample {
  const id = dsync ? "overwrite-dsync" : "overwrite-sync";
  if (dsync && constants.O_DSYNC === undefined) return { id, value: null, samplesUs: [] };
  const path = preallocated(folder);
  const file = openSync(path, constants.O_WRONLY | (dsync ? constants.O_DSYNC : 0));
  const block = Buffer.alloc(BLOCK, 1);
  const samplesUs: number[] = [];
  try {
    for (let i = 0; i < syncs; i++) {
      const started = performance.now();
      writeSync(file, block, 0, BLOCK, (i % PREALLOCATED_BLOCKS) * BLOCK);
      if (!dsync) fdatasyncSync(file);
      samplesUs.push((performance.now() - started) * 1000);
    }
  } finally {
    closeSync(file);
  }
  const total = samplesUs.reduce((sum, sample) => sum + sample, 0);
  return { id, value: syncs / (total / 1e6), samplesUs };
}

function preallocated(folder: string): string {
  const path = join(folder, "limits-overwrite.bin");
  if (existsSync(path)) return path;
  const file = openSync(path, "w");
  try {
    const zeros = Buffer.alloc(CHUNK);
    for (let i = 0; i < (PREALLOCATED_BLOCKS * BLOCK) / CHUNK; i++) writeSync(file, zeros);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}

function measureSequential(folder: string, bytes: number): { write: number; read: number } {
  const path = join(folder, "limits-sequential.bin");
  const chunk = Buffer.alloc(CHUNK, 7);
  const chunks = bytes / CHUNK;
  let file = openSync(path, "w");
  const writeStarted = performance.now();
  for (let i = 0; i < chunks; i++) writeSync(file, chunk);
  fsyncSync(file);
  const writeMs = performance.now() - writeStarted;
  closeSync(file);
  file = openSync(path, "r");
  const readStarted = performance.now();
  for (let i = 0; i < chunks; i++) readSync(file, chunk);
  const readMs = performance.now() - readStarted;
  closeSync(file);
  rmSync(path);
  return { write: bytes / (writeMs / 1000), read: bytes / (readMs / 1000) };
}
