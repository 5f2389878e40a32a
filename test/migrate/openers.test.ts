/** Other processes that have a file open (M1): looked for before the fence and after it, by file, log and lock. */

import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { convertSteps } from "../../migrate/file-job.js";
import { begin, planInPlace } from "../../migrate/in-place-steps.js";
import { rollbackMigration, runMigration } from "../../migrate/index.js";
import { assertNobodyElse, findOpeners, removeEmptyLock } from "../../migrate/openers.js";
import { newResult } from "../../migrate/results.js";
import { IoError, LockedError } from "../../src/base/errors.js";
import { open as openStore } from "../../src/index.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { fixtureFolder } from "./legacy/fixtures.js";
import { verified } from "./support.js";

/** Whether other processes' open files can't be listed, as for a user without rights. */
const hidden = vi.hoisted(() => ({ processes: false }));

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const readdirSync = (name: string, ...more: []): unknown => {
    if (hidden.processes && /^\/proc\/\d+\/fd$/.test(name))
      throw Object.assign(new Error("no permission"), { code: "EACCES" });
    return real.readdirSync(name, ...more);
  };
  return { ...real, readdirSync };
});

let folder: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "espalier-openers-"));
  path = join(folder, "file.db");
  fs.cpSync(join(fixtureFolder, "gen3/u64-range-delete.db"), path);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
  }
  fs.rmSync(folder, { recursive: true });
});

function endOf(steps: Generator): void {
  while (steps.next().done !== true);
}

/** Another process opens the file and keeps it open. */
async function openElsewhere(name: string): Promise<number> {
  const script = `require("fs").openSync(${JSON.stringify(name)}, "r"); console.log("open"); setTimeout(() => {}, 60000)`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child.pid as number;
}

test("nobody has the file open, and nothing else counts", async () => {
  fs.writeFileSync(join(folder, "file.db-notes"), "");
  await openElsewhere(join(folder, "file.db-notes"));
  expect(findOpeners(nodeVfs, path).pids).toEqual([]);
});

test.each(["", "-wal", "-wal-migration", "-lock"])(
  "a process that has file.db%s open is found",
  async (suffix) => {
    fs.appendFileSync(`${path}${suffix}`, "");
    const pid = await openElsewhere(`${path}${suffix}`);
    expect(findOpeners(nodeVfs, path).pids).toEqual([pid]);
    expect(() => assertNobodyElse(nodeVfs, path, false)).toThrow(`locked by pid ${pid}`);
    assertNobodyElse(nodeVfs, path, true);
  },
);

test("a segment of a log that is a folder counts", async () => {
  fs.mkdirSync(`${path}-wal/active`, { recursive: true });
  fs.writeFileSync(`${path}-wal/active/1.log`, "");
  const pid = await openElsewhere(`${path}-wal/active/1.log`);
  expect(findOpeners(nodeVfs, path).pids).toEqual([pid]);
});

describe("somebody who comes in", () => {
  /** The file system, on which another process opens the file at the first call that `when` names. */
  const withVisitor = (
    when: (path: string, mode: string) => boolean,
  ): { vfs: Vfs; ready: () => Promise<void> } => {
    const fifo = join(folder, "go");
    const opened = join(folder, "opened");
    const script = `const fs = require("fs"); console.log("ready"); const wait = () => fs.existsSync(${JSON.stringify(fifo)}) ? (fs.openSync(${JSON.stringify(path)}, "r"), fs.writeFileSync(${JSON.stringify(opened)}, "")) : setTimeout(wait, 5); wait(); setTimeout(() => {}, 60000)`;
    let come = false;
    const vfs = Object.assign(Object.create(nodeVfs), {
      open: (name: string, mode: Parameters<Vfs["open"]>[1]) => {
        if (!come && when(name, mode)) {
          come = true;
          fs.writeFileSync(fifo, "");
          while (!fs.existsSync(opened)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        }
        return nodeVfs.open(name, mode);
      },
    }) as Vfs;
    const ready = async (): Promise<void> => {
      const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
    };
    return { vfs, ready };
  };

  test("before the fence is up is told, and the fence is taken down", async () => {
    const before = fs.readFileSync(path);
    const steps = planInPlace(nodeVfs, path, {}, newResult(path));
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    // The note beside the file is the first that is made.
    const { vfs, ready } = withVisitor((name, mode) => name.endsWith("-migration") && mode === "create");
    await ready();
    const file = nodeVfs.open(path, "write");
    try {
      const planned = step.value;
      expect(() => begin(vfs, path, file, planned, {})).toThrow(LockedError);
    } finally {
      file.close();
    }
    expect(Buffer.compare(fs.readFileSync(path), before)).toBe(0);
  });

  /** The fence takes the second copy of the header with it, which is the newer one after every other header. */
  test.each([0, 1, 2])(
    "before a store has its fence leaves it whole, after %i sessions",
    async (sessions) => {
      expect((await runMigration([path])).files[0]).toMatchObject({ status: "converted" });
      for (let session = 0; session < sessions; session++) {
        const store = openStore<Uint8Array, Uint8Array>(path);
        store.put(Uint8Array.of(session), Uint8Array.of(1));
        store.close();
      }
      const before = verified(nodeVfs, path);
      const { vfs, ready } = withVisitor((name, mode) => name.endsWith("-migration") && mode === "create");
      await ready();
      const report = await rollbackMigration([path], { vfs });
      expect(report.files[0]).toMatchObject({ status: "locked" });
      expect(fs.readdirSync(folder).sort()).toEqual(["file.db", "go", "opened"]);
      expect(verified(nodeVfs, path)).toEqual(before);
    },
  );

  test("while a file is rewritten keeps it from being replaced", async () => {
    const before = fs.readFileSync(path);
    const { vfs, ready } = withVisitor((name, mode) => name.endsWith("-migration-new") && mode === "create");
    await ready();
    const { convertByRewrite } = await import("../../migrate/rewrite-steps.js");
    const steps = convertByRewrite(vfs, path, { strategy: "rewrite" }, newResult(path), () => undefined);
    expect(() => endOf(steps)).toThrow(LockedError);
    expect(Buffer.compare(fs.readFileSync(path), before)).toBe(0);
  });
});

test("where some processes can't be looked into the caller must say that none has it open", () => {
  hidden.processes = true;
  try {
    expect(findOpeners(nodeVfs, path)).toEqual({ pids: [], complete: false });
    expect(() => assertNobodyElse(nodeVfs, path, false)).toThrow("--assume-closed");
    assertNobodyElse(nodeVfs, path, true);
  } finally {
    hidden.processes = false;
  }
  expect(findOpeners(nodeVfs, path).pids).toEqual([]);
});

test("of lock files only an empty one is the legacy engine's", () => {
  const lock = `${path}-lock`;
  fs.writeFileSync(lock, "");
  removeEmptyLock(nodeVfs, path);
  expect(fs.existsSync(lock)).toBe(false);
  fs.writeFileSync(lock, "somebody");
  removeEmptyLock(nodeVfs, path);
  expect(fs.existsSync(lock)).toBe(true);
});

test("a file that is open elsewhere is not touched, and nothing is made beside it", async () => {
  await openElsewhere(path);
  const touched: string[] = [];
  const vfs = Object.assign(Object.create(nodeVfs), {
    open: (name: string, mode: Parameters<Vfs["open"]>[1]) => {
      if (mode !== "read") touched.push(`${mode} ${name}`);
      return nodeVfs.open(name, mode);
    },
  }) as Vfs;
  expect(() => endOf(convertSteps(vfs, path, {}, newResult(path)))).toThrow(LockedError);
  expect(touched).toEqual([]);
  expect(fs.readdirSync(folder)).toEqual(["file.db"]);
});

/** Story: an overlay file system renames no folder of a lower layer; the fence stood, and no run got by it. */
test("a file whose log cannot be set aside is as it was", () => {
  const from = join(fixtureFolder, "gen3-late", "u64-wal.db");
  fs.copyFileSync(from, path);
  fs.cpSync(`${from}-wal`, `${path}-wal`, { recursive: true });
  const before = fs.readFileSync(path);
  const vfs = Object.assign(Object.create(nodeVfs), {
    rename: (name: string, to: string) => {
      if (name === `${path}-wal`) throw new IoError(name, "rename", "EXDEV");
      nodeVfs.rename(name, to);
    },
  }) as Vfs;
  expect(() => endOf(convertSteps(vfs, path, {}, newResult(path)))).toThrow("EXDEV");
  expect(fs.readFileSync(path).equals(before)).toBe(true);
  expect(fs.readdirSync(folder).sort()).toEqual(["file.db", "file.db-wal"]);
  const result = newResult(path);
  endOf(convertSteps(vfs, path, { strategy: "rewrite" }, result));
  expect(result.status).toBe("converted");
});

test("a whole run tells of them as locked", async () => {
  const pid = await openElsewhere(path);
  const report = await runMigration([path]);
  expect(report.files[0]).toMatchObject({ status: "locked" });
  expect(report.files[0]?.reason).toContain(String(pid));
});
