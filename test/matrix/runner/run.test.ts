/**
 * Runs of the matrix with real child processes: what is measured, what is recorded when a child crashes,
 * hangs or lies, and how a run that was stopped goes on.
 */

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hotFunctions, readProfiles } from "../../../matrix/reports/hot.js";
import type { Environment, RunDocument } from "../../../matrix/results/document.js";
import { readRun, runDocumentProblems } from "../../../matrix/results/validate.js";
import type { MatrixOptions } from "../../../matrix/runner/options.js";
import { runMatrix } from "../../../matrix/runner/run.js";
import { ensureStreamFile } from "../../../matrix/streams/stream-file.js";
import { LockedError } from "../../../src/base/errors.js";
import { compiled } from "../../support/compiled.js";

let childEntry: string;
let folder: string;
beforeAll(() => {
  childEntry = join(compiled(), "matrix/runner/child-main.js");
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A small run; `change` says what is special about it. */
function options(change: Partial<MatrixOptions> = {}): MatrixOptions {
  return {
    out: join(folder, "run"),
    preset: "smoke",
    engines: ["espalier"],
    workloads: ["inserts", "reads"],
    records: [300],
    rounds: 1,
    profiledPass: false,
    childEntry,
    ...change,
  };
}

/** A child entry that behaves as the script says; `result` and `request` are at hand. */
function misbehaving(script: string): string {
  const path = join(folder, "child.mjs");
  writeFileSync(
    path,
    `import { readFileSync, writeFileSync } from "node:fs";
     const request = JSON.parse(readFileSync(process.argv[2], "utf8"));
     ${script}`,
  );
  return path;
}

/** A run of two cells that was stopped behind the first. */
async function stoppedRun(change: Partial<MatrixOptions> = {}): Promise<void> {
  const controller = new AbortController();
  const run = await runMatrix(
    options({ ...change, signal: controller.signal, onProgress: () => controller.abort() }),
  );
  expect(run.run).toMatchObject({ complete: false, interrupted: "signal" });
}

function resumed(change: Partial<MatrixOptions> = {}): Promise<RunDocument> {
  return runMatrix({ out: join(folder, "run"), resume: true, childEntry, ...change });
}

/** The request of a child that is at work. */
function requestIn(work: string): string | undefined {
  const names = existsSync(work) ? readdirSync(work, { recursive: true, encoding: "utf8" }) : [];
  const found = names.find((name) => basename(name) === "request.json");
  return found === undefined ? undefined : join(work, found);
}

const statuses = (run: RunDocument): string[] => run.cells.map(({ status }) => status);

describe("a run", () => {
  it("measures every cell, checks its content, and leaves only document and state behind", async () => {
    const seen: string[] = [];
    const run = await runMatrix(
      options({ rounds: 2, onProgress: ({ cell, round }) => seen.push(`${cell} ${round}`) }),
    );
    expect(statuses(run)).toEqual(["ok", "ok"]);
    expect(run.run).toMatchObject({ complete: true, interrupted: null });
    // Two runs that began within a second had one id, and dashboards showed one of them.
    expect(run.run.id).toBe(run.run.startedAt.replaceAll(/\W/g, ""));
    expect(run.run.id).toMatch(/^\d{8}T\d{9}Z$/);
    for (const { contentHash, opsPerSecond, latencyUs, rounds } of run.cells) {
      expect(contentHash).toMatch(/^[0-9a-f]{64}$/);
      expect(opsPerSecond?.n).toBe(2);
      expect(rounds.map(({ round }) => round)).toEqual([1, 2]);
      expect(latencyUs?.samples).toBeGreaterThan(0);
    }
    expect(seen).toHaveLength(4);
    expect(run.limits.find(({ id }) => id === "overwrite-sync")?.values).toHaveLength(2);
    expect(run.drift.points.length).toBeGreaterThanOrEqual(2);
    expect(readdirSync(join(folder, "run")).sort()).toEqual(["run.json", "state"]);
    expect(await readRun(join(folder, "run"))).toMatchObject({ run: { id: run.run.id } });
  });

  it("gives the same content hash to the same seed and another to another", async () => {
    const hash = async (seed: number, out: string): Promise<string | null | undefined> => {
      const run = await runMatrix(options({ workloads: ["inserts"], seed, out: join(folder, out) }));
      return run.cells[0]?.contentHash;
    };
    const first = await hash(1, "a");
    expect(await hash(1, "b")).toBe(first);
    expect(await hash(2, "c")).not.toBe(first);
  });

  it("refuses a folder that holds a run, and to resume where there is none", async () => {
    await expect(resumed()).rejects.toThrow(/no run to resume/);
    await runMatrix(options({ workloads: ["reads"] }));
    await expect(runMatrix(options())).rejects.toThrow(/holds a run already/);
    // The document was kept without the state, and was replaced.
    rmSync(join(folder, "run", "state"), { recursive: true });
    await expect(runMatrix(options())).rejects.toThrow(/holds a run already/);
  });

  it.each(["work", "streams"])("leaves a folder alone that is called %s, and no run's", async (name) => {
    const mine = join(folder, "run", name, "mine.txt");
    mkdirSync(dirname(mine), { recursive: true });
    writeFileSync(mine, "kept");
    await expect(runMatrix(options())).rejects.toThrow(/is there already, and is no run's/);
    expect(readFileSync(mine, "utf8")).toBe("kept");
    expect(readdirSync(join(folder, "run"))).toEqual([name]);
  });

  it("has its folder for itself while it goes on", async () => {
    const controller = new AbortController();
    const entry = misbehaving(`setInterval(() => {}, 1000);`);
    const first = runMatrix(options({ childEntry: entry, signal: controller.signal, timeLimitMs: 60_000 }));
    const request = await vi.waitUntil(() => requestIn(join(folder, "run", "work")), { timeout: 20_000 });
    await expect(resumed()).rejects.toThrow(LockedError);
    expect(existsSync(request)).toBe(true);
    controller.abort();
    expect((await first).run.interrupted).toBe("signal");
    expect((await resumed()).run.complete).toBe(true);
  });

  it("refuses engines, numbers and lists that make no sense, before it makes a folder", async () => {
    await expect(runMatrix(options({ engines: ["oracle"] }))).rejects.toThrow(/no engine is called oracle/);
    await expect(runMatrix(options({ rounds: 0 }))).rejects.toThrow(RangeError);
    await expect(runMatrix(options({ records: [] }))).rejects.toThrow("--docs names nothing");
    for (const seed of [Number.NaN, 1.5]) {
      await expect(runMatrix(options({ seed }))).rejects.toThrow(/the seed must be a whole number/);
    }
    // A timer that is asked for more than it can count ends at once.
    for (const timeLimitMs of [Number.NaN, 0, 2 ** 31]) {
      await expect(runMatrix(options({ timeLimitMs }))).rejects.toThrow(/the time limit must be/);
    }
    expect(existsSync(join(folder, "run"))).toBe(false);
  });
});

describe("a run that goes on", () => {
  it("has its document written, marked as not complete and not judged, for who watches", async () => {
    const seen: RunDocument[] = [];
    const onProgress = (): void => {
      if (existsSync(join(folder, "run", "run.json"))) {
        seen.push(JSON.parse(readFileSync(join(folder, "run", "run.json"), "utf8")) as RunDocument);
      }
    };
    const run = await runMatrix(options({ rounds: 2, onProgress }));
    const first = seen[0] as RunDocument;
    expect(runDocumentProblems(first)).toEqual([]);
    expect(first).toMatchObject({ run: { complete: false, interrupted: null }, verdict: null });
    expect(first.run.durationMs).toBeGreaterThan(0);
    expect(statuses(first).sort()).toEqual(["ok", "skipped"]);
    expect(run).toMatchObject({ run: { complete: true }, verdict: { verdict: "NO-GO" } });
  });

  it("writes CPU profiles of the timed passes where it is asked to, and they say where the time went", async () => {
    const out = join(folder, "run");
    const run = await runMatrix(options({ workloads: ["inserts"], records: [2000], cpuProfiles: true }));
    expect(run.run.command).toMatch(/--cpu-prof$/);
    const files = readdirSync(join(out, "cpu-profiles"));
    expect(files).toEqual(["inserts~u64~2000~random~ce100~espalier.r1.p1.cpuprofile"]);
    const profiles = await readProfiles(out, "inserts/u64/2000");
    const functions = hotFunctions(profiles);
    expect(functions.some(({ place }) => /src\/.*\.js:\d+$/.test(place))).toBe(true);
    expect(functions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    await expect(readProfiles(out, "reads")).rejects.toThrow(/holds no CPU profile of reads/);
  });
});

describe("a child that misbehaves", () => {
  it("by crashing is a failed row with what it said", async () => {
    const entry = misbehaving(`process.stderr.write("out of luck"); process.exit(3);`);
    const run = await runMatrix(options({ childEntry: entry }));
    expect(statuses(run)).toEqual(["failed", "failed"]);
    expect(run.cells[0]?.reason).toBe("round 1: exit code 3: out of luck");
    expect(run.run.complete).toBe(true);
  });

  it("by dying of a signal is a failed row", async () => {
    const run = await runMatrix(
      options({
        childEntry: misbehaving(`process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1000);`),
      }),
    );
    expect(run.cells[0]?.reason).toMatch(/killed by SIGSEGV/);
  });

  it("by hanging is stopped at the time limit", async () => {
    const entry = misbehaving(`setInterval(() => {}, 1000);`);
    const run = await runMatrix(options({ childEntry: entry, workloads: ["reads"], timeLimitMs: 300 }));
    expect(run.cells[0]).toMatchObject({ status: "timeout", reason: "round 1: stopped after 0.3 s" });
  });

  it("by holding wrong content fails, however fast it was", async () => {
    const entry = misbehaving(`process.stderr.write("content hashes to 00, not 11"); process.exit(2);`);
    const run = await runMatrix(options({ childEntry: entry }));
    expect(run.cells[0]).toMatchObject({
      status: "failed",
      reason: "round 1: content hashes to 00, not 11",
      opsPerSecond: null,
    });
  });
});

describe("a run that is stopped", () => {
  it("keeps what is done, says so, and goes on when resumed", async () => {
    const controller = new AbortController();
    const stopped = await runMatrix(
      options({ rounds: 2, signal: controller.signal, onProgress: () => controller.abort() }),
    );
    expect(stopped.run).toMatchObject({ complete: false, interrupted: "signal" });
    expect(statuses(stopped).sort()).toEqual(["ok", "skipped"]);
    expect(stopped.cells.find(({ status }) => status === "skipped")?.reason).toMatch(/turn had not come/);

    const rounds: string[] = [];
    const whole = await runMatrix({
      out: join(folder, "run"),
      resume: true,
      childEntry,
      onProgress: ({ cell, round }) => rounds.push(`${cell} ${round}`),
    });
    expect(rounds).toHaveLength(3);
    expect(whole.run).toMatchObject({ id: stopped.run.id, complete: true, interrupted: null });
    expect(statuses(whole)).toEqual(["ok", "ok"]);
    for (const { opsPerSecond } of whole.cells) expect(opsPerSecond?.n).toBe(2);
  });

  it("goes on in another folder than a child of the first start that is still alive", async () => {
    const told = join(folder, "told");
    const entry = misbehaving(
      `writeFileSync(${JSON.stringify(told)}, request.folder + " " + request.resultFile + "\\n", { flag: "a" });
       process.exit(3);`,
    );
    await stoppedRun({ childEntry: entry });
    await resumed({ childEntry: entry });
    const [first = "", second = ""] = readFileSync(told, "utf8").split("\n");
    expect(first).toMatch(/run.work.+result\.json$/);
    const folders = (line: string): string[] => line.split(" ").map(dirname);
    expect(folders(second)).not.toContain(folders(first)[0]);
    expect(folders(second)).not.toContain(folders(first)[1]);
  });

  it.runIf(process.platform === "linux")("leaves no child at work when it was killed", async () => {
    const work = join(folder, "work");
    const streamFile = ensureStreamFile(folder, {
      workload: "inserts",
      shape: "u64",
      order: "random",
      records: 100,
      operations: 100,
      seed: 1,
    });
    const request = {
      engine: "espalier",
      workload: "inserts",
      streamFile,
      commitEvery: 100,
      passes: 1_000_000,
      warmOperations: 0,
      folder: join(work, "store"),
      profile: false,
      cpuProfile: null,
    };
    const limits = { timeLimitMs: 60_000, scratch: work };
    const runner = spawn(process.execPath, [
      "--input-type=module",
      "--eval",
      `import { runChild } from ${JSON.stringify(join(dirname(childEntry), "child.js"))};
       await runChild(${JSON.stringify(request)}, ${JSON.stringify(limits)});`,
    ]);
    const measured = join(work, "store", "measured");
    await vi.waitUntil(() => existsSync(measured), { timeout: 20_000 });
    const child = readFileSync(`/proc/${runner.pid}/task/${runner.pid}/children`, "utf8").trim();
    expect(existsSync(`/proc/${child}`)).toBe(true);
    runner.kill("SIGKILL");
    await vi.waitUntil(() => !existsSync(`/proc/${child}`), { timeout: 20_000 });
  });

  it("records the flags that rounds run under, which are not those of the run itself", async () => {
    vi.stubEnv("NODE_OPTIONS", "--max-semi-space-size=16  --stack-trace-limit=20");
    const told = join(folder, "flags.json");
    const childEntry = misbehaving(`writeFileSync(${JSON.stringify(told)}, JSON.stringify([
      ...process.execArgv, ...process.env.NODE_OPTIONS.split(/ +/)])); process.exit(1);`);
    const run = await runMatrix(options({ childEntry, workloads: ["inserts"] }));
    vi.unstubAllEnvs();
    expect(run.environment.runtime.flags).toEqual(JSON.parse(readFileSync(told, "utf8")));
    expect(run.environment.runtime.flags).toContain("--max-semi-space-size=16");
  });

  it("goes on on the same machine with the same versions only", async () => {
    await stoppedRun();
    const path = join(folder, "run", "state", "plan.json");
    const plan = JSON.parse(readFileSync(path, "utf8")) as { environment: Environment };
    const { environment } = plan;
    const others: [RegExp, Partial<Environment>][] = [
      [/node was v1\.2\.3 and is v/, { runtime: { ...environment.runtime, version: "v1.2.3" } }],
      [
        /its flags was --jitless and is --expose-gc/,
        { runtime: { ...environment.runtime, flags: ["--jitless"] } },
      ],
      [/espalier was 0\.0\.0 and is/, { espalier: { ...environment.espalier, version: "0.0.0" } }],
      [/its commit was abc and is/, { espalier: { ...environment.espalier, gitCommit: "abc" } }],
      [/the processor was abacus and is/, { cpu: { ...environment.cpu, model: "abacus" } }],
      [/the kernel was 2\.4 and is/, { os: { ...environment.os, kernel: "2.4" } }],
      [/the file system was drum and is/, { disk: { ...environment.disk, fileSystem: "drum" } }],
      [/its device was drum0 and is/, { disk: { ...environment.disk, device: "drum0" } }],
    ];
    for (const [message, change] of others) {
      writeFileSync(path, JSON.stringify({ ...plan, environment: { ...environment, ...change } }));
      await expect(resumed()).rejects.toThrow(message);
    }
    writeFileSync(path, JSON.stringify(plan));
    expect((await resumed()).run.complete).toBe(true);
  });

  it("names the file of its state that is damaged, as a machine that died leaves it", async () => {
    await stoppedRun();
    const state = join(folder, "run", "state");
    const round = join("rounds", readdirSync(join(state, "rounds"))[0] as string);
    for (const [name, help] of [
      [round, /remove it, and what it held is measured again/],
      ["side.json", /remove it/],
      ["plan.json", /start another run/],
    ] as const) {
      const held = readFileSync(join(state, name));
      for (const damaged of ["", held.subarray(0, 20), "null"]) {
        writeFileSync(join(state, name), damaged);
        await expect(resumed()).rejects.toThrow(help);
        await expect(resumed()).rejects.toThrow(name);
      }
      writeFileSync(join(state, name), held);
    }
    rmSync(join(state, round));
    expect((await resumed()).run.complete).toBe(true);
  });

  it("makes its operations anew, of which a machine that died leaves a part", async () => {
    await stoppedRun({ workloads: ["inserts"], rounds: 2 });
    const streams = join(folder, "run", "streams");
    for (const name of readdirSync(streams)) truncateSync(join(streams, name), 10);
    const run = await resumed();
    expect(run.cells[0]?.rounds.map(({ status }) => status)).toEqual(["ok", "ok"]);
  });

  it("goes on by its own settings only", async () => {
    await stoppedRun();
    await expect(resumed({ rounds: 2, engines: ["lmdb"], cpuProfiles: false })).rejects.toThrow(
      "a run is resumed by the settings that it was begun with: leave out --engines, --rounds, --cpu-prof",
    );
    expect((await resumed({ budgetMs: 600_000 })).run.complete).toBe(true);
  });

  it("takes from its plan whether it is looked at by a profiler, and is not judged then", async () => {
    const profiles = join(folder, "run", "cpu-profiles");
    await stoppedRun();
    expect((await resumed()).verdict).toMatchObject({ verdict: "NO-GO" });
    expect(existsSync(profiles)).toBe(false);
    rmSync(join(folder, "run"), { recursive: true });
    await stoppedRun({ cpuProfiles: true });
    expect(readdirSync(profiles)).toHaveLength(1);
    expect(await resumed()).toMatchObject({ run: { complete: true }, verdict: null });
    expect(readdirSync(profiles)).toHaveLength(2);
  });

  it("in the middle of a child does not count that child", async () => {
    const controller = new AbortController();
    const started = join(folder, "started");
    const entry = misbehaving(`writeFileSync(${JSON.stringify(started)}, ""); setInterval(() => {}, 1000);`);
    const running = runMatrix(options({ childEntry: entry, signal: controller.signal, timeLimitMs: 60_000 }));
    await vi.waitUntil(() => existsSync(started), { timeout: 60_000 });
    controller.abort();
    const run = await running;
    expect(run.run.interrupted).toBe("signal");
    expect(statuses(run)).toEqual(["skipped", "skipped"]);
    expect(existsSync(join(folder, "run", "work"))).toBe(false);
  });

  it("by its budget has measured some cells and names the reason", async () => {
    const run = await runMatrix(options({ budgetMs: 1, rounds: 3 }));
    expect(run.run).toMatchObject({ complete: false, interrupted: "budget" });
  });
});
