/**
 * The suite that abstract-level ships for every database of its ecosystem, whole: run by tape in a process of
 * its own, its report read here.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { compiled } from "../support/compiled.js";
import { openLevel } from "./support/databases.js";

/** What memory-level, abstract-level's own reference, passes in the same release. */
const ASSERTIONS_LEAST = 5120;

/** One test of the suite for each optional part of the manifest; all run again in a sublevel. */
const OPTIONAL_PARTS: Record<string, string> = {
  createIfMissing: "open() with createIfMissing: false",
  errorIfExists: "open() with errorIfExists: true",
  has: "simple hasMany()",
  getSync: "simple getSync()",
  implicitSnapshots: "add key after snapshotting that sorts first",
  explicitSnapshots: "snapshot is closed on database close",
  seek: ".seek() ",
  signals: "iterator().next() with signal yields error when aborted",
  deferredOpen: "deferred open()",
};

const PROGRAM = `
  const [sources, tape, suite] = process.argv.slice(1);
  const { existsSync, mkdtempSync, rmSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { EspalierLevel } = await import(sources + "/src/level/index.js");
  const { default: test } = await import(tape);
  const { default: run } = await import(suite);
  // Hundreds of databases, one after another: where there are files in memory, they are the faster ones.
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "espalier-conformance-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  let databases = 0;
  // Making the cache of 128 MiB takes most of a database's life here, and the suite holds the options against its own.
  class SmallCache extends EspalierLevel {
    _open(options) {
      return super._open({ cacheBytes: 1024 * 1024, ...options });
    }
  }
  run({ test, factory: (options) => new SmallCache(join(folder, String(databases++)), options) });`;

interface TapReport {
  readonly exitCode: number;
  /** As the last line but some says: "1..5168". */
  readonly planned: number;
  readonly passed: number;
  readonly failures: string[];
  readonly skipped: string[];
  readonly titles: string[];
}

async function runSuite(): Promise<TapReport> {
  const require = createRequire(import.meta.url);
  const tape = pathToFileURL(require.resolve("tape")).href;
  const suite = pathToFileURL(require.resolve("abstract-level/test/index.js")).href;
  const words = ["--input-type=module", "-e", PROGRAM, pathToFileURL(compiled()).href, tape, suite];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const [exitCode] = (await once(child, "close")) as [number];
  return readTap(exitCode, text);
}

function readTap(exitCode: number, text: string): TapReport {
  const lines = text.split("\n");
  return {
    exitCode,
    planned: Number(lines.find((line) => /^1\.\.\d+$/.test(line))?.slice(3) ?? 0),
    passed: lines.filter((line) => line.startsWith("ok ")).length,
    failures: lines.flatMap((line, at) =>
      line.startsWith("not ok ") ? [lines.slice(at, at + 12).join("\n")] : [],
    ),
    skipped: lines.filter((line) => /# (skip|todo)/i.test(line)),
    titles: lines.filter((line) => line.startsWith("# ")).map((line) => line.slice(2)),
  };
}

describe("abstract-level's suite", () => {
  it("passes whole, with nothing skipped", { timeout: 600_000 }, async () => {
    const report = await runSuite();
    expect(report.failures).toEqual([]);
    expect(report.skipped).toEqual([]);
    expect(report.exitCode).toBe(0);
    expect(report.passed).toBe(report.planned);
    expect(report.passed).toBeGreaterThanOrEqual(ASSERTIONS_LEAST);
    for (const [part, title] of Object.entries(OPTIONAL_PARTS)) {
      const times = report.titles.filter((each) => each.includes(title)).length;
      // Sublevels neither make nor find files.
      const least = part === "createIfMissing" || part === "errorIfExists" ? 1 : 2;
      expect(times, `tests of ${part}: "${title}"`).toBeGreaterThanOrEqual(least);
    }
  });

  it("is told of everything that there is to support", async () => {
    const { supports } = await openLevel();
    for (const [name, supported] of Object.entries(supports)) {
      // Streams and statuses are of the interfaces before abstract-level.
      if (name !== "streams" && name !== "status") expect(supported, name).toBeTruthy();
    }
    expect(supports.signals).toEqual({ iterators: true });
    expect(supports.encodings).toMatchObject({ utf8: true, json: true, buffer: true, view: true });
    expect(supports.additionalMethods).toEqual({ approximateSize: true, compactRange: true });
  });

  it("has its report read right", () => {
    const tap =
      "TAP version 13\n# one\nok 1 a\nnot ok 2 b\n  ---\nok 3 c # SKIP why\n\n1..3\n# tests 3\n# pass  2\n";
    const report = readTap(1, tap);
    expect(report).toMatchObject({ exitCode: 1, planned: 3, passed: 2, skipped: ["ok 3 c # SKIP why"] });
    expect(report.failures[0]).toContain("not ok 2 b");
    expect(report.titles).toContain("one");
  });
});
