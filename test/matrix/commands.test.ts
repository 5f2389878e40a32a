/** The command line: what it prints, its exit codes, and what it refuses. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import yargs from "yargs";
import { matrixCommand, parseThreshold } from "../../matrix/commands.js";
import type { RunDocument } from "../../matrix/results/document.js";
import { writeRun } from "../../matrix/results/validate.js";
import { cell, run, unmeasured } from "./support/documents.js";

let folder: string;
let output: string;
let told: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-commands-"));
  output = "";
  told = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    told += String(text);
    return true;
  });
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command as the front door would; returns its exit code. */
async function espalier(...args: string[]): Promise<number> {
  process.exitCode = 0;
  await yargs(args).command(matrixCommand).strict().exitProcess(false).fail(false).parseAsync();
  const code = process.exitCode;
  return typeof code === "number" ? code : 0;
}

async function saved(name: string, document: RunDocument): Promise<string> {
  const path = join(folder, name, "run.json");
  await writeRun(path, document);
  return path;
}

/** The folder of a run that was begun, by its plan. */
function stopped(): string {
  mkdirSync(join(folder, "stopped", "state"), { recursive: true });
  writeFileSync(join(folder, "stopped", "state", "plan.json"), "{}");
  return join(folder, "stopped");
}

const slow = run([cell("espalier", [100, 101, 99]), cell("better-sqlite3", [50, 51, 49])]);
const fast = run(
  [cell("espalier", [200, 201, 199]), cell("better-sqlite3", [50, 51, 49])],
  "20260102T000000Z",
);

describe("matrix compare", () => {
  it("exits with 1 when a cell is worse, else with 0", async () => {
    const [a, b] = [await saved("a", slow), await saved("b", fast)];
    expect(await espalier("matrix", "compare", a, b)).toBe(0);
    expect(output).toMatch(/better/);
    expect(await espalier("matrix", "compare", b, a)).toBe(1);
    expect(await espalier("matrix", "compare", b, a, "--threshold", "60%")).toBe(1);
    expect(await espalier("matrix", "compare", b, a, "--threshold", "110%")).toBe(0);
  });

  // Story: a later run that had lost the cells in question passed as one in which nothing was worse.
  it("exits with 1 when a cell that had a figure is gone, and with 0 when there are new ones", async () => {
    const whole = await saved("a", slow);
    const one = await saved("b", run([cell("better-sqlite3", [50, 51, 49])]));
    expect(await espalier("matrix", "compare", whole, one)).toBe(1);
    expect(output).toMatch(/espalier +only-before .*not in the later run\n1 same, 1 only-before\n/);
    expect(await espalier("matrix", "compare", one, whole)).toBe(0);
    const skipped = unmeasured("espalier", "skipped", "its turn has not come");
    const begun = await saved("c", run([skipped, cell("better-sqlite3", [50, 51, 49])]));
    expect(await espalier("matrix", "compare", whole, begun)).toBe(1);
    expect(await espalier("matrix", "compare", begun, one)).toBe(0);
  });

  it("prints JSON that programs can read", async () => {
    const path = await saved("a", slow);
    await espalier("matrix", "compare", path, path, "--json");
    expect(JSON.parse(output)).toMatchObject({ counts: { same: 2, worse: 0 } });
  });
});

describe("matrix gate", () => {
  it("exits with 1 for NO-GO and with 0 for GO", async () => {
    const path = await saved("a", slow);
    expect(await espalier("matrix", "gate", path)).toBe(1);
    expect(output).toMatch(/NO-GO/);
    const gates = join(folder, "gates.json");
    const gate = {
      id: "ahead",
      title: "Ahead",
      kind: "ratio",
      baseline: "better-sqlite3",
      scope: { engines: ["espalier"] },
      limit: 1.5,
    };
    writeFileSync(gates, JSON.stringify({ schema: "espalier-matrix-gates", version: 1, gates: [gate] }));
    expect(await espalier("matrix", "gate", path, "--gates", gates)).toBe(0);
    expect(told).toBe("");
    // A GO of a run that was stopped after a round, on a noisy machine, was told as any other.
    const early = run([cell("espalier", [100]), cell("better-sqlite3", [50, 51])]);
    const stoppedEarly: RunDocument = {
      ...early,
      run: { ...early.run, complete: false, interrupted: "budget" },
      noise: { ...early.noise, verdict: "noisy", reasons: ["load 6 on 2 cores"] },
    };
    expect(await espalier("matrix", "gate", await saved("c", stoppedEarly), "--gates", gates)).toBe(0);
    expect(told).toBe(
      "warning: the run is not complete (budget): its cells have 1 to 2 of 3 rounds\n" +
        "warning: the run was noisy (load 6 on 2 cores)\n",
    );
  });
});

describe("the other commands", () => {
  it("show, explain, history, census and csv print what they are asked for", async () => {
    const path = await saved("a", slow);
    await saved("b", fast);
    await espalier("matrix", "show", path);
    expect(output).toMatch(/geometric mean against better-sqlite3/);
    await espalier("matrix", "explain", "ce100/espalier", path);
    expect(output).toMatch(/reproduce/);
    output = "";
    await espalier("matrix", "explain", "scan/text/500/zipfian/ce-/lmdb");
    expect(output).toMatch(
      /reproduce +espalier matrix run --preset quick --workloads scan --engines lmdb --docs 500 --shapes text --orders zipfian /,
    );
    await espalier("matrix", "history", folder);
    expect(output).toMatch(/espalier {2}2\.00x 4\.00x/);
    await espalier("matrix", "census", path);
    expect(output).toMatch(/no cell of a legacy engine/);
    const csv = join(folder, "cells.csv");
    await espalier("matrix", "csv", path, "--out", csv);
    expect(readFileSync(csv, "utf8").split("\n")[0]).toMatch(/^run,cell/);
  });

  it("show and explain print the run's own JSON with --json", async () => {
    const path = await saved("a", slow);
    output = "";
    await espalier("matrix", "show", path, "--json");
    expect(JSON.parse(output)).toEqual(JSON.parse(readFileSync(path, "utf8")));
    output = "";
    await espalier("matrix", "explain", "ce100/espalier", path, "--json");
    expect(JSON.parse(output)).toMatchObject({ engine: "espalier", commitEvery: 100 });
    output = "";
    await espalier("matrix", "explain", "scan/text/500/zipfian/ce-/lmdb", "--json");
    expect(JSON.parse(output)).toMatchObject({
      durability: "durable",
      reproduce: expect.stringContaining("--workloads scan"),
    });
  });

  // Story: a table without a single ratio, and nothing that said why.
  it("refuse a baseline that is no engine of the results", async () => {
    const path = await saved("a", slow);
    const wrong = ["--baseline", "nonsense"];
    const told = "--baseline nonsense: no engine of the results; choose from espalier, better-sqlite3";
    for (const words of [
      ["show", path],
      ["show", path, "--json"],
      ["history", folder],
    ])
      await expect(espalier("matrix", ...words, ...wrong)).rejects.toThrow(new RangeError(told));
    await expect(espalier("matrix", "run", "--engines", "espalier", "--baseline", "lmdb")).rejects.toThrow(
      new RangeError("--baseline lmdb: it is none of the engines espalier"),
    );
  });

  it("refuse names and numbers that make no sense", async () => {
    await expect(espalier("matrix", "run", "--workloads", "dance")).rejects.toThrow(/choose from reads/);
    await expect(espalier("matrix", "run", "--commit-every", "0")).rejects.toThrow(/whole number/);
    await expect(espalier("matrix", "run", "--budget", "soon")).rejects.toThrow(/--budget soon: write 90s/);
    await expect(espalier("matrix", "run", "--resume")).rejects.toThrow(/--resume needs --out/);
    const resume = ["matrix", "run", "--resume", "--out", stopped()];
    await expect(espalier(...resume, "--rounds", "3", "--no-profile")).rejects.toThrow(
      /leave out --rounds, --profile$/,
    );
    await expect(espalier("matrix", "explain", "scan/text/500/zipfian/ce-")).rejects.toThrow(/no engine/);
    await expect(espalier("matrix", "hot", folder)).rejects.toThrow(/no CPU profile/);
    await expect(espalier("matrix", "explain", "x", await saved("a", slow))).rejects.toThrow(/no cell/);
    await expect(espalier("matrix")).rejects.toThrow();
  });
});

describe("thresholds", () => {
  it("are percentages or fractions", () => {
    expect(["5%", "0.05", "12.5%"].map(parseThreshold)).toEqual([0.05, 0.05, 0.125]);
    expect(() => parseThreshold("-5%")).toThrow(RangeError);
  });
});
