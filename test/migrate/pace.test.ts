/** What keeps a run back: a pause file that is there from the beginning, and the time that it has. */

import { setTimeout } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { Pace, type PaceOptions } from "../../migrate/control.js";
import { convertSteps, rollbackSteps, runFile } from "../../migrate/file-job.js";
import type { FileResult } from "../../migrate/results.js";
import { runFiles } from "../../migrate/run-files.js";
import { OptionError } from "../../src/base/errors.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { bytesOf } from "../support/damage.js";
import { fixtureInMemory, type PlainRecord, put } from "./legacy/support.js";
import { scatteredFile } from "./scattered.js";
import { convert, FILE, names } from "./support.js";

const PAUSE = "/pause";

afterEach(() => vi.restoreAllMocks());

function convertAt(vfs: MemoryVfs, pace: PaceOptions): Promise<FileResult> {
  return runFile(
    FILE,
    (result) => convertSteps(vfs, FILE, { assumeClosed: true }, result),
    new Pace(vfs, pace),
    () => undefined,
  );
}

/** Story: a thread has a clock of its own, and did not look for the file in the first moments. */
test("a pause file that is there is heeded in the first moments of a thread", async () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  put(vfs, PAUSE, new Uint8Array(0));
  const before = { names: names(vfs), bytes: bytesOf(vfs, FILE) };
  vi.spyOn(performance, "now").mockReturnValue(1);
  const stop = new AbortController();
  const [result] = await Promise.all([
    convertAt(vfs, { pauseFile: PAUSE, signal: stop.signal }),
    setTimeout(50).then(() => stop.abort()),
  ]);
  expect(result).toMatchObject({ status: "interrupted", from: null });
  expect({ names: names(vfs), bytes: bytesOf(vfs, FILE) }).toEqual(before);
});

/** Story: what the rate asked for was slept to its end, minutes or hours behind the time. */
test("a rate does not keep a run that has no more time", { timeout: 20_000 }, async () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  const result = await convertAt(vfs, { maxMbPerSec: 0.001, maxDurationMs: 20 });
  expect(result).toMatchObject({ status: "interrupted", reason: expect.stringContaining("time was up") });
});

test("nor a run that is paused", { timeout: 20_000 }, async () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  put(vfs, PAUSE, new Uint8Array(0));
  const result = await convertAt(vfs, { pauseFile: PAUSE, maxDurationMs: 20 });
  expect(result).toMatchObject({ status: "interrupted", reason: expect.stringContaining("time was up") });
});

/** Story: of files that no thread took up it was said that they are pending, and nothing was thrown. */
test("how many files at a time is a number, and a whole one in the report", async () => {
  const missing = ["/missing/a.db", "/missing/b.db"];
  await expect(runFiles("run", missing, { jobs: Number.NaN })).rejects.toThrow(OptionError);
  const { run, files } = await runFiles("run", missing, { jobs: 1.5 });
  expect(run.jobs).toBe(1);
  expect(files.map(({ status }) => status)).toEqual(["failed", "failed"]);
});

/** Story: with one file at a time an error that nobody had foreseen ended the run; with two it was that file's. */
test("a file on which the migrator itself fails is told, and the others go on", async () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  put(vfs, "/broken.db", bytesOf(vfs, FILE));
  const open = vfs.open.bind(vfs);
  vfs.open = (path, mode) => {
    if (path === "/broken.db") throw new TypeError("no such thing");
    return open(path, mode);
  };
  const { files } = await runFiles("run", ["/broken.db", FILE], { vfs, assumeClosed: true });
  expect(files.map(({ status, reason, code }) => ({ status, reason, code }))).toEqual([
    { status: "failed", reason: "TypeError: no such thing", code: null },
    { status: "converted", reason: null, code: null },
  ]);
});

test("what the function that is told of events throws ends the run", async () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  const onEvent = ({ event }: { event: string }): void => {
    if (event === "progress") throw new TypeError("of the caller");
  };
  await expect(runFiles("run", [FILE], { vfs, assumeClosed: true, onEvent })).rejects.toThrow(
    "of the caller",
  );
});

/**
 * Story: before it went back, a store was verified in one piece. Of one of 5 GB nothing was told for 50 seconds, and neither
 * Ctrl-C nor a rate, a pause file or an end of the time was heeded; nor where a rewritten file was read back.
 */
test.each([
  // Once by the store itself, once to find out what the legacy file takes.
  ["rolled back", "check", 2],
  ["rewritten", "verify", 1],
])("a file that is %s is read in steps, which count", async (how, phase, times) => {
  const records = Array.from({ length: 15_000 }, (_, i): PlainRecord => {
    const key = Buffer.alloc(8);
    key.writeBigUInt64BE(BigInt(i));
    return { key, value: key };
  });
  const { vfs } = scatteredFile({ generation: "gen3", pageSize: 512, records, seed: 1 });
  const back = how === "rolled back";
  if (back) expect((await convert(vfs, { assumeClosed: true })).status).toBe("converted");
  const storeBytes = back ? (vfs.stat(FILE)?.size ?? 0) : 0;
  const options = { assumeClosed: true, allowGrowth: true, strategy: back ? "in-place" : "rewrite" } as const;
  const moved: number[] = [];
  const { reason } = await runFile(
    FILE,
    (result) => (back ? rollbackSteps : convertSteps)(vfs, FILE, options, result),
    new Pace(vfs, {}),
    (_, step) => {
      if (step.phase === phase) moved.push(step.bytesMoved);
    },
  );
  expect(reason).toBeNull();
  const bytes = back ? storeBytes : (vfs.stat(FILE)?.size ?? 0);
  expect(moved.reduce((sum, each) => sum + each, 0)).toBeGreaterThan((times - 0.5) * bytes);
  expect(Math.max(...moved)).toBeLessThan(bytes / 2);
});
