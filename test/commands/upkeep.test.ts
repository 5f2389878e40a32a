/** stats, verify, compact, backup and unlock on real files. */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { cli, cliEntry, output, temporaryFolder } from "./support.js";

function filled(path: string, records = 2000): void {
  using store = open(path);
  store.tree("other").put("a", 1);
  store.putMany(
    Array.from({ length: records }, (_, i) => [`k${String(i).padStart(6, "0")}`, "x".repeat(100)] as const),
  );
}

describe("stats and verify", () => {
  it("say what is in the file", () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file);
    const stats = JSON.parse(output(["stats", file, "--json"]));
    expect(stats).toMatchObject({ records: 2000, pageSize: 4096, readOnly: true });
    expect(stats.trees).toEqual([
      expect.objectContaining({ name: "", records: 2000, keyEncoding: "utf8", valueEncoding: "json" }),
      expect.objectContaining({ name: "other", records: 1 }),
    ]);
    expect(output(["stats", file])).toMatch(/\(unnamed\)\s+2,000\s+utf8\s+json/);
    const verified = JSON.parse(output(["verify", file, "--json"]));
    expect(verified).toMatchObject({ ok: true, records: 2001 });
    expect(output(["verify", file])).toContain(verified.digest);
  });
});

describe("compact", () => {
  it("gives space back and keeps the content", () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file, 20_000);
    const before = statSync(file).size;
    output(["delete", file, "--gte", "k001000"]);
    const digest = JSON.parse(output(["verify", file, "--json"])).digest;
    const report = JSON.parse(output(["compact", file, "--json"]));
    expect(report.bytesAfter).toBe(statSync(file).size);
    expect(statSync(file).size).toBeLessThan(before / 4);
    expect(JSON.parse(output(["verify", file, "--json"]))).toMatchObject({ ok: true, digest });
  });
});

describe("backup", () => {
  it("makes a verified copy, and never over a file that exists", () => {
    const folder = temporaryFolder();
    const [file, copy] = [join(folder, "data.esp"), join(folder, "copy.esp")];
    filled(file);
    const report = JSON.parse(output(["backup", file, copy, "--json"]));
    expect(report).toMatchObject({ ok: true, records: 2001, bytes: statSync(copy).size });
    expect(JSON.parse(output(["verify", copy, "--json"])).digest).toBe(
      JSON.parse(output(["verify", file, "--json"])).digest,
    );
    expect(cli(["backup", file, copy]).code).toBe(3);
  });
});

describe("unlock", () => {
  it("does nothing where nothing is locked, and knows no store where there is none", () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file, 1);
    expect(cli(["unlock", file]).stderr).toContain("not locked");
    expect(cli(["unlock", `${file}x`]).code).toBe(3);
  });

  it("refuses a running holder, names it, and obeys --force", () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file, 1);
    using _store = open(file);
    const refused = cli(["unlock", file]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain(`process ${process.pid}`);
    expect(existsSync(`${file}-lock`)).toBe(true);
    const forced = JSON.parse(output(["unlock", file, "--force", "--json"]));
    expect(forced).toMatchObject({ state: "alive", removed: true, holder: { pid: process.pid } });
    expect(existsSync(`${file}-lock`)).toBe(false);
  });

  /** Story: the help said that --force is for a holder on another machine. Nobody sees it run: the bare command does it. */
  it("removes the lock of a holder that it can't see, and its help warns of that", () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file, 1);
    const lock = `${file}-lock`;
    let text: string;
    {
      using _store = open(file);
      text = readFileSync(lock, "utf8");
    }
    const elsewhere = { ...JSON.parse(text), host: "elsewhere", machine: "another", boot: "another" };
    writeFileSync(lock, JSON.stringify(elsewhere));
    expect(cli(["get", file, "a"]).code).toBe(5);
    expect(output(["unlock", "--help"]).replaceAll(/\s+/g, " ")).toContain("is removed without --force");
    expect(JSON.parse(output(["unlock", file, "--json"]))).toMatchObject({ state: "unknown", removed: true });
    expect(existsSync(lock)).toBe(false);
  });

  it("removes what a killed holder left", async () => {
    const file = join(temporaryFolder(), "data.esp");
    filled(file, 1);
    const holder = spawn(process.execPath, [cliEntry(), "load", file], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    holder.stdin.write('{"key":"a","value":1}\n'.repeat(2));
    while (!existsSync(`${file}-lock`)) await new Promise((resolve) => setTimeout(resolve, 20));
    const gone = new Promise((resolve) => holder.once("exit", resolve));
    holder.kill("SIGKILL");
    await gone;
    expect(existsSync(`${file}-lock`)).toBe(true);
    expect(JSON.parse(output(["unlock", file, "--json"]))).toMatchObject({ state: "dead", removed: true });
    expect(existsSync(`${file}-lock`)).toBe(false);
  });
});
