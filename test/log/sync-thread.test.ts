/** The sync thread: however the process was started, and even if no thread answers, a sync comes to its end. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ThreadSync } from "../../src/log/sync-thread.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { compiled } from "../support/compiled.js";

/** A thread that never does anything. */
vi.mock("node:worker_threads", async (original) => ({
  ...(await original<typeof import("node:worker_threads")>()),
  Worker: class {
    unref(): void {}
    on(): void {}
  },
}));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-sync-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fileThat(sync: () => void): VfsFile {
  return { path: "/s.esp", descriptor: 99, sync } as VfsFile;
}

it("syncs in the caller what the thread does not take up", () => {
  const background = new ThreadSync();
  const sync = vi.fn();
  background.start(fileThat(sync));
  expect(background.poll()).toBe(false);
  expect(sync).not.toHaveBeenCalled();
  background.wait();
  expect(sync).toHaveBeenCalledTimes(1);
  expect(background.poll()).toBe(true);
  background.close();
  expect(sync).toHaveBeenCalledTimes(1);
});

it("throws then what the sync throws, once", () => {
  const background = new ThreadSync();
  background.start(
    fileThat(() => {
      throw new Error("disk on fire");
    }),
  );
  expect(() => background.wait()).toThrow("disk on fire");
  background.wait();
  background.close();
});

it("works in a process whose options make all source text a module", () => {
  const program = `
    const [sources, path] = process.argv.slice(1);
    const { open } = await import(sources + "/src/index.js");
    const store = open(path);
    for (let i = 0; i < 100; i++) store.put("key" + i, i, { sync: false });
    store.checkpoint();
    store.close();
    console.log("closed");`;
  const words = ["--input-type=module", "-e", program, pathToFileURL(compiled()).href, join(folder, "s.esp")];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "closed\n", stderr: "" });
});
