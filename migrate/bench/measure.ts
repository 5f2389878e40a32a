/**
 * How long a migration takes beside copying the same file with fsync, and how much memory and disk it uses:
 *
 *   node dist/migrate/bench/measure.js [--mib 1024] [--value 100] [--page 8192] [--dir <folder>]
 *
 * Makes a gen3 file of random-looking records with the legacy writer, then copies it, converts it in place and by
 * rewriting, each on a copy of its own and in a process of its own (for its peak memory), and prints the ratios.
 */

import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
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

/** Copies with the buffer of cp and an fsync; milliseconds. */
function copySynced(from: string, to: string): number {
  const start = performance.now();
  const buffer = Buffer.alloc(MIB);
  const source = openSync(from, "r");
  const target = openSync(to, "w");
  for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
    writeSync(target, buffer, 0, length);
  }
  fsyncSync(target);
  closeSync(source);
  closeSync(target);
  return performance.now() - start;
}

interface Measured {
  readonly ms: number;
  readonly rssBytes: number;
  readonly extraBytes: number;
  readonly status: string;
}

function measure(file: string, strategy: Strategy): Measured {
  const entry = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [entry, "--child", file, "--strategy", strategy], {
    encoding: "utf8",
  });
  if (child.status !== 0) throw new Error(`the measured process failed: ${child.stderr}`);
  return JSON.parse(child.stdout) as Measured;
}

async function runChild(file: string, strategy: Strategy): Promise<void> {
  const start = performance.now();
  const report = await runMigration([file], { strategy, assumeClosed: true });
  const ms = performance.now() - start;
  const [result] = report.files;
  const measured: Measured = {
    ms,
    rssBytes: process.resourceUsage().maxRSS * 1024,
    extraBytes: result?.extraBytes ?? 0,
    status: result?.status ?? "",
  };
  process.stdout.write(JSON.stringify(measured));
}

function compare(folder: string, mib: number, valueBytes: number, pageSize: number): void {
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
  const copies = [0, 1, 2].map(() => copySynced(original, copy)).sort((a, b) => a - b);
  const base = copies[1]!;
  process.stdout.write(
    `copy with fsync  ${base.toFixed(0)} ms (of ${copies.map((ms) => ms.toFixed(0)).join(", ")})\n`,
  );
  for (const strategy of ["in-place", "rewrite"] as const) {
    copyFileSync(original, copy);
    const { ms, rssBytes, extraBytes, status } = measure(copy, strategy);
    process.stdout.write(
      `${strategy.padEnd(16)} ${ms.toFixed(0)} ms, ${(ms / base).toFixed(2)} times the copy; peak memory ${(rssBytes / MIB).toFixed(0)} MiB, extra disk ${(extraBytes / MIB).toFixed(1)} MiB (${status})\n`,
    );
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mib: { type: "string", default: "1024" },
      value: { type: "string", multiple: true, default: ["100", "8"] },
      page: { type: "string", default: "8192" },
      dir: { type: "string", default: tmpdir() },
      child: { type: "string" },
      strategy: { type: "string", default: "in-place" },
    },
  });
  if (values.child !== undefined) return runChild(values.child, values.strategy as Strategy);
  const folder = mkdtempSync(join(values.dir, "espalier-migrate-"));
  try {
    for (const value of values.value) {
      compare(folder, Number(values.mib), Number(value), Number(values.page));
      rmSync(join(folder, "original.db"));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
