/**
 * Standard output that ends early or takes nothing: a command that only prints stops there, one that changes files
 * or gives a verdict goes on to its end, and output that was lost for want of room is told.
 */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { open } from "../../src/index.js";
import { cli, cliEntry, output, temporaryFolder } from "./support.js";

const LEGACY = join(packageRoot(), "test/fixtures/legacy/gen3/u64-rand-20k.db");

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs a shell's command line with `espalier` in it; the exit code is that of the first command in the pipe. */
function shell(line: string, cwd: string): Ended {
  const script = `espalier() { "$NODE" "$CLI" "$@"; }\n${line}\nexit "\${PIPESTATUS[0]}"`;
  const env = { ...process.env, NODE: process.execPath, CLI: cliEntry() };
  const ended: SpawnSyncReturns<string> = spawnSync("bash", ["-c", script], { cwd, env, encoding: "utf8" });
  return { code: ended.status, stderr: ended.stderr };
}

function makeStore(path: string, records: number): void {
  using store = open(path);
  store.putMany(Array.from({ length: records }, (_, i) => [`key ${String(i).padStart(9, "0")}`, i] as const));
}

/** Changes a byte of a leaf in the middle of the file. */
function damage(path: string): void {
  const page = Math.floor(readFileSync(path).length / 4096 / 2);
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Uint8Array.of(0xee), 0, 1, page * 4096 + 2000);
  closeSync(descriptor);
}

describe("a reader that has gone away", () => {
  it.each([
    "scan big.esp",
    "dump big.esp",
    "scan big.esp --keys --json",
    "get big.esp 'key 000000007' --raw",
  ])("ends %s without a word", (words) => {
    const folder = temporaryFolder();
    makeStore(join(folder, "big.esp"), 50_000);
    expect(shell(`espalier ${words} | head -c 1 > out`, folder)).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(join(folder, "out"))).toHaveLength(1);
    expect(shell(`espalier ${words} | true`, folder)).toEqual({ code: 0, stderr: "" });
  });

  it("leaves a migration, its rehearsal and its rollback to go on to their end", () => {
    const folder = temporaryFolder();
    copyFileSync(LEGACY, join(folder, "a.db"));
    const before = readFileSync(join(folder, "a.db"));
    expect(shell("espalier migrate rehearse a.db | true", folder)).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(["a.db"]);
    expect(readFileSync(join(folder, "a.db")).equals(before)).toBe(true);
    expect(shell("espalier migrate run a.db | true", folder)).toEqual({ code: 0, stderr: "" });
    expect(output(["migrate", "status", "a.db"], { cwd: folder })).toContain("converted");
    expect(shell("espalier migrate rollback a.db | true", folder)).toEqual({ code: 0, stderr: "" });
    expect(output(["migrate", "status", "a.db"], { cwd: folder })).toContain("legacy");
  });

  it("changes no exit code: of a migration that fails, of a damaged store, of a missing key", () => {
    const folder = temporaryFolder();
    makeStore(join(folder, "data.esp"), 5000);
    expect(shell("espalier get data.esp nothing --json | true", folder).code).toBe(1);
    expect(shell("espalier verify data.esp | true", folder).code).toBe(0);
    damage(join(folder, "data.esp"));
    const verdict = cli(["verify", "data.esp"], { cwd: folder }).code;
    expect(verdict).toBe(4);
    expect(shell("espalier verify data.esp | true", folder).code).toBe(verdict);
    expect(shell("espalier inspect data.esp | true", folder).code).toBe(4);
    copyFileSync(LEGACY, join(folder, "a.db"));
    expect(shell("espalier migrate run a.db --page-size 1000 | true", folder).code).not.toBe(0);
  });

  it("takes nothing from what is loaded, backed up and compacted", () => {
    const folder = temporaryFolder();
    makeStore(join(folder, "data.esp"), 5000);
    for (const line of [
      "espalier dump data.esp > data.jsonl",
      "espalier load copy.esp data.jsonl --json | true",
      "espalier backup copy.esp backup.esp --json | true",
      "espalier compact copy.esp --json | true",
    ])
      expect(shell(line, folder).code, line).toBe(0);
    expect(output(["scan", "backup.esp", "--count"], { cwd: folder })).toBe("5000\n");
  });

  it("of both streams is borne, too", () => {
    const folder = temporaryFolder();
    copyFileSync(LEGACY, join(folder, "a.db"));
    expect(shell("espalier migrate run a.db nothing.db 2>&1 | true", folder).code).not.toBe(0);
    expect(output(["migrate", "status", "a.db"], { cwd: folder })).toContain("converted");
  });
});

describe.runIf(existsSync("/dev/full"))("a full disk behind standard output", () => {
  const NO_ROOM = "espalier: write to standard output failed: no room (ENOSPC)\n";

  it.each(["scan data.esp", "scan data.esp --count", "dump data.esp", "stats data.esp", "get data.esp k"])(
    "is told in a line, with exit code 3, by %s",
    (words) => {
      const folder = temporaryFolder();
      makeStore(join(folder, "data.esp"), 5000);
      output(["put", "data.esp", "k", "1"], { cwd: folder });
      expect(shell(`espalier ${words} > /dev/full`, folder)).toEqual({ code: 3, stderr: NO_ROOM });
    },
  );

  it("is told as JSON with --json", () => {
    const folder = temporaryFolder();
    makeStore(join(folder, "data.esp"), 10);
    const { code, stderr } = shell("espalier scan data.esp --json > /dev/full", folder);
    expect(code).toBe(3);
    expect(JSON.parse(stderr).error.code).toBe("ERR_ESPALIER_DISK_FULL");
  });

  it("lets a migration end, and is told then", () => {
    const folder = temporaryFolder();
    copyFileSync(LEGACY, join(folder, "a.db"));
    expect(shell("espalier migrate run a.db > /dev/full", folder)).toEqual({ code: 3, stderr: NO_ROOM });
    expect(output(["migrate", "status", "a.db"], { cwd: folder })).toContain("converted");
  });

  it("leaves verify its verdict", () => {
    const folder = temporaryFolder();
    makeStore(join(folder, "data.esp"), 5000);
    damage(join(folder, "data.esp"));
    const { code, stderr } = shell("espalier verify data.esp > /dev/full", folder);
    expect(code).toBe(4);
    expect(stderr).toContain(NO_ROOM);
  });
});
