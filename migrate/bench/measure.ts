/**
 * How long a migration takes beside copying the same file with fsync, and how much memory and disk it uses:
 *
 *   node dist/migrate/bench/measure.js [--mib 1024] [--value 100] [--page 8192] [--rounds 3] [--dir <folder>]
 *
 * Makes a gen3 file of random-looking records with the legacy writer. Then, round by round, copies it, converts it
 * in place and by rewriting, each on a synced copy of its own and in a process of its own (for its peak memory and
 * its processor time), and prints medians and the ratio of each to the copy of the same round.
 */

import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { runMigration, type Strategy } from "../index.js";
import type { RecordBatch } from "../legacy/leaf.js";
import { BatchBuilder } from "../legacy/record-batch.js";
import { writeLegacyFile } from "../legacy/writer.js";

const MIB = 1024 * 1024;
const KEY_BYTES = 8;

/** Keys ascend with random steps; values are bytes of a generator that no file system compresses away. */
function* batches(records: number, valueBytes: number): Generator<RecordBatch> {
  const out = new BatchBuilder();
  const key = Buffer.alloc(KEY_BYTES);
  const value = Buffer.alloc(valueBytes);
  let state = 1;
  let current = 0;
  for (let i = 0; i < records; i++) {
    if (out.isFull) yield out.take();
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    current += 1 + (state >>> 20);
    key.writeBigUInt64BE(BigInt(current));
    for (let at = 0; at + 4 <= valueBytes; at += 4) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      value.writeUInt32LE(state, at);
    }
    out.push(key, 0, KEY_BYTES, value, 0, valueBytes);
  }
  if (out.count > 0) yield out.take();
}

/** Copies with the buffer of cp and an fsync. */
function copySynced(from: string, to: string): void {
  const buffer = Buffer.alloc(MIB);
  const source = openSync(from, "r");
  const target = openSync(to, "w");
  for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
    writeSync(target, buffer, 0, length);
  }
  fsyncSync(target);
  closeSync(source);
  closeSync(target);
}

interface Measured {
  readonly ms: number;
  /** Processor time, user and system, of all threads. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly extraBytes: number;
  readonly status: string;
}

type Work = "copy" | Strategy;

function measure(file: string, work: Work): Measured {
  const entry = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [entry, "--child", file, "--work", work], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(`the measured process failed: ${child.stderr}`);
  return JSON.parse(child.stdout) as Measured;
}

async function runChild(file: string, work: Work): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let done = { status: "copied", extraBytes: 0 as number | null };
  if (work === "copy") copySynced(file, `${file}.copied`);
  else {
    const report = await runMigration([file], { strategy: work, assumeClosed: true });
    done = report.files[0]!;
  }
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const measured: Measured = {
    ms,
    cpuMs: (user + system) / 1000,
    rssBytes: process.resourceUsage().maxRSS * 1024,
    extraBytes: done.extraBytes ?? 0,
    status: done.status,
  };
  process.stdout.write(JSON.stringify(measured));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function compare(folder: string, mib: number, valueBytes: number, pageSize: number, rounds: number): void {
  const records = Math.floor((mib * MIB) / (valueBytes + KEY_BYTES + 2 + 4) / 0.985);
  const original = join(folder, "original.db");
  writeLegacyFile(nodeVfs, original, {
    generation: "gen3",
    pageSize,
    batches: () => batches(records, valueBytes),
  });
  const bytes = statSync(original).size;
  process.stdout.write(
    `${records} records of ${KEY_BYTES} + ${valueBytes} bytes, ${(bytes / MIB).toFixed(0)} MiB, pages of ${pageSize}\n`,
  );
  const copy = join(folder, "copy.db");
  const all: Record<Work, Measured[]> = { copy: [], "in-place": [], rewrite: [] };
  for (let round = 0; round < rounds; round++) {
    for (const work of ["copy", "in-place", "rewrite"] as const) {
      copySynced(original, copy);
      all[work].push(measure(copy, work));
      rmSync(`${copy}.copied`, { force: true });
    }
  }
  for (const work of ["copy", "in-place", "rewrite"] as const) print(work, all[work], all.copy);
}

function print(work: Work, runs: readonly Measured[], copies: readonly Measured[]): void {
  const ratios = runs.map(({ ms }, round) => ms / copies[round]!.ms);
  const listed = runs.map(({ ms }) => ms.toFixed(0)).join(", ");
  const parts = [
    `${median(runs.map(({ ms }) => ms)).toFixed(0)} ms (of ${listed})`,
    `processor ${median(runs.map(({ cpuMs }) => cpuMs)).toFixed(0)} ms`,
  ];
  if (work !== "copy") {
    parts.push(
      `${median(ratios).toFixed(2)} times the copy`,
      `peak memory ${(Math.max(...runs.map(({ rssBytes }) => rssBytes)) / MIB).toFixed(0)} MiB`,
      `extra disk ${(Math.max(...runs.map(({ extraBytes }) => extraBytes)) / MIB).toFixed(1)} MiB`,
      runs.map(({ status }) => status).join(" "),
    );
  }
  process.stdout.write(`${work.padEnd(9)} ${parts.join("; ")}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mib: { type: "string", default: "1024" },
      value: { type: "string", multiple: true, default: ["100", "8"] },
      page: { type: "string", default: "8192" },
      dir: { type: "string", default: tmpdir() },
      child: { type: "string" },
      rounds: { type: "string", default: "3" },
      work: { type: "string", default: "copy" },
    },
  });
  if (values.child !== undefined) return runChild(values.child, values.work as Work);
  const folder = mkdtempSync(join(values.dir, "espalier-migrate-"));
  try {
    for (const value of values.value) {
      compare(folder, Number(values.mib), Number(value), Number(values.page), Number(values.rounds));
      rmSync(join(folder, "original.db"));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
