/**
 * One round, measured in this process: what it reports, and that an engine whose content or reads are not
 * what the stream says is refused, however fast it was.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sortedBtree } from "../../../matrix/engines/sorted-btree.js";
import { counterAt, counterDelta } from "../../../matrix/results/counters.js";
import type { WorkloadName } from "../../../matrix/results/document.js";
import { measureRound, WrongContentError } from "../../../matrix/runner/measure.js";
import type { RoundRequest } from "../../../matrix/runner/round.js";
import type { Expectation } from "../../../matrix/streams/content.js";
import { ensureStreamFile } from "../../../matrix/streams/stream-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-measure-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function request(workload: WorkloadName, change: Partial<RoundRequest> = {}): RoundRequest {
  const spec = { workload, shape: "u64", order: "random", records: 200, operations: 200, seed: 3 } as const;
  return {
    engine: "espalier",
    workload,
    streamFile: ensureStreamFile(folder, spec),
    commitEvery: 50,
    passes: 2,
    warmOperations: 100,
    folder: join(folder, "stores"),
    profile: false,
    cpuProfile: null,
    resultFile: join(folder, "result.json"),
    ...change,
  };
}

const honest = sortedBtree.open;

/** Makes a stream file expect something else than its operations come to. */
function tamper(path: string, change: Partial<Expectation>): void {
  const bytes = readFileSync(path);
  const end = bytes.indexOf(10);
  const header = JSON.parse(bytes.toString("utf8", 0, end)) as { expectation: Expectation };
  header.expectation = { ...header.expectation, ...change };
  const line = JSON.stringify(header);
  const padding = " ".repeat((4 - ((line.length + 1) % 4)) % 4);
  writeFileSync(path, Buffer.concat([Buffer.from(`${line}${padding}\n`), bytes.subarray(end + 1)]));
}

describe("a round of writes", () => {
  it("reports the operations of all passes, a sample a transaction, and the counters of the last pass", async () => {
    const result = await measureRound(request("inserts"));
    expect(result).toMatchObject({ operations: 400, passes: 2, opsPerIteration: 50, logicalBytes: 400 * 16 });
    expect(result.samplesUs).toHaveLength(8);
    expect(result.contentBytes).toBe(200 * 16);
    expect(result.seconds).toBeCloseTo(result.samplesUs.reduce((sum, sample) => sum + sample, 0) / 1e6, 9);
    const delta = counterDelta(result.counters?.before ?? {}, result.counters?.after ?? {});
    expect(counterAt(delta, "log.commits")).toBe(4);
    expect(counterAt(delta, "allocator.tail_fits")).toBe(200);
    expect(result.fileBytes).toBeGreaterThan(4096);
  });

  it("leaves nothing in its folder", async () => {
    await measureRound(request("delete-churn"));
    expect(existsSync(join(folder, "stores"))).toBe(false);
  });

  it("counts bytes written, where the system tells", async () => {
    const { passedToWrite } = await measureRound(request("inserts"));
    if (existsSync("/proc/self/io")) expect(passedToWrite).toBeGreaterThan(400 * 16);
    else expect(passedToWrite).toBeNull();
  });
});

describe("a round of openings", () => {
  it("times the openings and nothing around them", async () => {
    const result = await measureRound(request("recover", { passes: 1 }));
    expect(result).toMatchObject({ operations: 5, opsPerIteration: 1, passedToWrite: null, cpuUs: null });
  });
});

describe("a wrong engine", () => {
  it("is refused when the content is not what the stream leaves", async () => {
    const asked = request("mixed");
    tamper(asked.streamFile, { hash: "00" });
    await expect(measureRound(asked)).rejects.toThrow(WrongContentError);
    await expect(measureRound(asked)).rejects.toThrow(/content hashes to [0-9a-f]{64}, not 00/);
  });

  it("is refused when a scan sees too few records", async () => {
    const asked = request("scan", {
      streamFile: ensureStreamFile(folder, {
        workload: "scan",
        shape: "u64",
        order: "sequential",
        records: 200,
        operations: 400,
        seed: 3,
      }),
    });
    tamper(asked.streamFile, { records: 201 });
    await expect(measureRound(asked)).rejects.toThrow(/a scan saw 200 records, not 201/);
  });

  it("is refused when its gets find other values, as many as they may be", async () => {
    const spy = vi.spyOn(sortedBtree, "open").mockImplementation(async (opened) => {
      const store = await honest(opened);
      const other = Buffer.alloc(8, 7);
      return { ...store, get: (key) => (store.get(key) === undefined ? undefined : other) };
    });
    await expect(measureRound(request("reads", { engine: "sorted-btree" }))).rejects.toThrow(
      /200 gets found another value than was put/,
    );
    spy.mockRestore();
    await measureRound(request("reads", { engine: "sorted-btree" }));
  });

  it("is refused when what it recovers is something else", async () => {
    const asked = request("recover", { passes: 1 });
    tamper(asked.streamFile, { hash: "00" });
    await expect(measureRound(asked)).rejects.toThrow(/opened again has another content/);
  });
});
