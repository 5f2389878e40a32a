/**
 * Files so large that threads help: one that hashes and one that reads leaves back while more are written. Both
 * strategies, pages that move and values in overflow runs included; and a thread that finds a fault.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RecordBatch } from "../../migrate/legacy/leaf.js";
import { BatchBuilder } from "../../migrate/legacy/record-batch.js";
import { ThreadHash } from "../../migrate/legacy/thread-hash.js";
import { writeLegacyFile } from "../../migrate/legacy/writer.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { buildMigrator } from "./built.js";
import { survey } from "./legacy/support.js";
import { verified } from "./support.js";

const MIB = 1024 * 1024;
let folder: string;
let original: string;
let digest: string;

/** A thread that has found a fault. */
const REFUSES = `import { parentPort, workerData } from "node:worker_threads";
Atomics.store(workerData.words, 0, 1);
parentPort.on("message", ({ kind }) => {
  if (kind !== "end") return;
  workerData.answers.postMessage(null);
  Atomics.store(workerData.words, 1, 1);
  Atomics.notify(workerData.words, 1);
});`;

/** About 36 MiB; each 50th value is too long to stay in a leaf of the store. */
function* batches(): Generator<RecordBatch> {
  const out = new BatchBuilder();
  const key = Buffer.alloc(8);
  const value = Buffer.alloc(3000);
  for (let i = 0; i < 120_000; i++) {
    if (out.isFull) yield out.take();
    key.writeBigUInt64BE(BigInt(i) * 977n);
    value.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, (i % 20) * 4);
    out.push(key, 0, 8, value, 0, i % 50 === 0 ? 3000 : 150 + (i % 90));
  }
  if (out.count > 0) yield out.take();
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-threads-"));
  buildMigrator(folder);
  original = join(folder, "original.db");
  writeLegacyFile(nodeVfs, original, { generation: "gen3", pageSize: 8192, batches });
  expect(statSync(original).size).toBeGreaterThan(32 * MIB);
  digest = survey(nodeVfs, original).trees[0]!.content!.digest;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Converts in a process of its own; returns the result and how often a follower gave its answer. */
function convertIn(path: string, options: object): { status: string; answers: number } {
  const library = (name: string): string => JSON.stringify(pathToFileURL(join(folder, name)).href);
  const script = join(folder, "convert.js");
  writeFileSync(
    script,
    `import { runMigration } from ${library("migrate/index.js")};
import { followed } from ${library("migrate/follower.js")};
const report = await runMigration([${JSON.stringify(path)}], ${JSON.stringify({ ...options, assumeClosed: true })});
console.log(JSON.stringify({ ...report.files[0], answers: followed.answers }));
`,
  );
  return JSON.parse(execFileSync(process.execPath, [script], { encoding: "utf8" })) as {
    status: string;
    answers: number;
  };
}

describe.each([{ strategy: "in-place" }, { strategy: "in-place", pageSize: 4096 }, { strategy: "rewrite" }])(
  "$strategy $pageSize",
  (options) => {
    test("is checked by the thread, and by the store afterwards", () => {
      const path = join(folder, "copy.db");
      copyFileSync(original, path);
      expect(convertIn(path, options)).toMatchObject({
        status: "converted",
        answers: 1,
        digest: { before: digest, after: digest },
      });
      const report = verified(nodeVfs, path);
      expect(report.problems).toEqual([]);
      expect(report.digest).toBe(digest);
      rmSync(path);
    });

    test.each(["throw new Error();", REFUSES])(
      "a thread that says nothing good leaves it to the migrator",
      (code) => {
        const path = join(folder, "copy.db");
        copyFileSync(original, path);
        const thread = join(folder, "migrate/verify-thread.js");
        renameSync(thread, `${thread}.kept`);
        writeFileSync(thread, code);
        try {
          expect(convertIn(path, options)).toMatchObject({
            status: "converted",
            answers: 0,
            digest: { before: digest, after: digest },
          });
        } finally {
          renameSync(`${thread}.kept`, thread);
        }
        expect(verified(nodeVfs, path).digest).toBe(digest);
        rmSync(path);
      },
    );
  },
);

describe("the thread that hashes", () => {
  test.each([0, 1, 300_000, 4 * MIB, 4 * MIB + 1, 9 * MIB])("%i bytes", (bytes) => {
    const content = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i += 7) content[i] = i;
    const hash = new ThreadHash(true);
    for (let at = 0; at < bytes; at += 260_000) hash.update(content.subarray(at, at + 260_000));
    expect(hash.digest()).toBe(createHash("sha256").update(content).digest("hex"));
    hash.close();
  });

  test("ends when it is let go of in the middle", async () => {
    await setImmediate(); // Of others that were made before, the event may still be due.
    // From the start: on a slow machine the thread may have ended before anything is awaited below.
    const ends: Promise<unknown>[] = [];
    const remember = (worker: Worker): void => void ends.push(once(worker, "exit"));
    process.on("worker", remember);
    const hash = new ThreadHash(true);
    for (let i = 0; i < 40; i++) hash.update(new Uint8Array(200_000));
    hash.close();
    hash.close();
    await setImmediate();
    process.off("worker", remember);
    expect(ends).toHaveLength(1);
    await ends[0];
  });
});
