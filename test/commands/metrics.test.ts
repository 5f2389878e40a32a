/** metrics show, serve and list, over a snapshot that a store published. */

import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { METRICS } from "../../src/metrics/index.js";
import { cli, cliEntry, output, temporaryFolder } from "./support.js";

function published(): string {
  const folder = temporaryFolder();
  const path = join(folder, "data.metrics.json");
  using store = open(join(folder, "data.esp"), { metricsFile: path });
  store.put("a", 1);
  return path;
}

describe("metrics", () => {
  it("shows a snapshot as a scrape would see it, with its time", () => {
    const path = published();
    const text = output(["metrics", "show", path]);
    expect(text).toMatch(/^espalier_records\{store="[^"]+data\.esp"\} 1$/m);
    expect(text).toMatch(/^espalier_published_timestamp_seconds\{store="[^"]+"\} \d{10}\.?\d*$/m);
    expect(JSON.parse(output(["metrics", "show", path, "--json"]))).toEqual([
      expect.objectContaining({ version: 1, open: false }),
    ]);
    expect(cli(["metrics", "show", `${path}x`]).code).toBe(3);
  });

  it("shows each store once, by its latest snapshot, with its path as the text format has it", () => {
    const path = published();
    const snapshot = JSON.parse(readFileSync(path, "utf8")) as { at: number; stats: Record<string, unknown> };
    snapshot.stats["path"] = '/data/a\t"b"\\c.esp';
    const earlier = JSON.stringify({ ...snapshot, at: snapshot.at - 5000 });
    writeFileSync(path, JSON.stringify(snapshot));
    writeFileSync(`${path}-earlier`, earlier.replace('"records":1', '"records":0'));
    const text = output(["metrics", "show", `${path}-earlier`, path, path]);
    const label = '{store="/data/a\t\\"b\\"\\\\c.esp"}';
    const lines = text
      .split("\n")
      .filter((line) => /^espalier_(records|published_timestamp_seconds)\{/.test(line));
    expect(lines).toEqual([
      `espalier_records${label} 1`,
      `espalier_published_timestamp_seconds${label} ${snapshot.at / 1000}`,
    ]);
  });

  it("tells a snapshot that lacks a metric, and goes on serving when it meets one", async () => {
    const path = published();
    const whole = readFileSync(path, "utf8");
    const snapshot = JSON.parse(whole) as { metrics: Record<string, unknown> };
    delete snapshot.metrics["leaf"];
    const lacking = JSON.stringify(snapshot);
    writeFileSync(path, lacking);
    const { code, stderr } = cli(["metrics", "show", path]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("it lacks espalier_leaf_rebuilds_total")]);
    writeFileSync(path, whole);
    const server = spawn(process.execPath, [cliEntry(), "metrics", "serve", path, "--port", "0"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      const line = await new Promise<string>((resolve) =>
        server.stderr.setEncoding("utf8").once("data", resolve),
      );
      const url = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(line)![0];
      writeFileSync(path, lacking);
      expect((await fetch(url)).status).toBe(503);
      writeFileSync(path, whole);
      expect((await fetch(url)).status).toBe(200);
    } finally {
      server.kill("SIGKILL");
    }
  });

  it("names a snapshot that holds something else", () => {
    const path = published();
    const whole = JSON.parse(readFileSync(path, "utf8")) as { stats: object; metrics: object };
    const { stats, metrics } = whole;
    for (const other of [
      { ...whole, stats: { ...stats, path: null } },
      { ...whole, metrics: { ...metrics, slot_extent: { builds: 1, slots: 1, ns: "x" } } },
    ]) {
      writeFileSync(path, JSON.stringify(other));
      const { code, stderr } = cli(["metrics", "show", path]);
      expect([code, stderr], JSON.stringify(other)).toEqual([
        3,
        expect.stringContaining(`espalier: read ${path} failed: it`),
      ]);
    }
  });

  it("lists every name", () => {
    const names = (JSON.parse(output(["metrics", "list", "--json"])) as { name: string }[]).map(
      ({ name }) => name,
    );
    expect(names).toEqual(METRICS.map(({ name }) => name));
    const table = output(["metrics", "list"]);
    for (const name of names) expect(table).toContain(name);
  });

  it("serves on this machine only, and ends well at Ctrl-C", async () => {
    const path = published();
    const server = spawn(process.execPath, [cliEntry(), "metrics", "serve", path, "--port", "0"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
    const line = await new Promise<string>((resolve) =>
      server.stderr.setEncoding("utf8").once("data", resolve),
    );
    const url = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(line)![0];
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await response.text()).toBe(output(["metrics", "show", path]));
    expect((await fetch(url.replace("metrics", "other"))).status).toBe(404);
    server.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  /** Story: it was told to end by who read that it serves, before it listened for that. */
  it("ends well where it is told to in the very moment that it says that it serves", () => {
    const preload = `data:text/javascript,const { write } = process.stderr;
      process.stderr.write = (...words) => {
        write.apply(process.stderr, words);
        process.kill(process.pid, "SIGTERM");
      }`;
    const words = ["--import", preload, cliEntry(), "metrics", "serve", published(), "--port", "0"];
    const { status, signal, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    expect(stderr).toContain("serving");
  });
});
