/** What only the real file system has: links, devices, permissions, limits and other threads. */

import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DiskFullError, IoError } from "../../src/base/errors.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { compiled } from "../support/compiled.js";

let folder: string;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "espalier-node-")));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const modes = ["read", "write", "write-through", "create"] as const;

it.each(modes)("refuses what is no regular file and does not wait for it, mode %s", (mode) => {
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  for (const path of [fifo, "/dev/zero", folder]) {
    const expected = mode === "create" ? "EEXIST" : path === folder ? "EISDIR" : "ENXIO";
    expect(() => nodeVfs.open(path, mode)).toThrow(expected);
  }
  expect(nodeVfs.stat(fifo)?.kind).toBe("other");
  expect(nodeVfs.stat("/dev/zero")?.kind).toBe("other");
});

it("resolves links of files, of folders, and links to what is not there yet", () => {
  fs.mkdirSync(join(folder, "real"));
  fs.writeFileSync(join(folder, "real/a"), "");
  fs.symlinkSync("real", join(folder, "by-link"));
  fs.symlinkSync("by-link/a", join(folder, "a-link"));
  fs.symlinkSync("by-link/not-yet", join(folder, "dangling"));
  fs.symlinkSync("loop", join(folder, "loop"));
  expect(nodeVfs.canonical(join(folder, "a-link"))).toBe(join(folder, "real/a"));
  expect(nodeVfs.canonical(join(folder, "by-link/new"))).toBe(join(folder, "real/new"));
  expect(nodeVfs.canonical(join(folder, "dangling"))).toBe(join(folder, "real/not-yet"));
  expect(() => nodeVfs.canonical(join(folder, "loop"))).toThrow("ELOOP");
  expect(() => nodeVfs.canonical(join(folder, "missing/a"))).toThrow("ENOENT");
  expect(nodeVfs.stat(join(folder, "a-link"))?.identity).toBe(nodeVfs.stat(join(folder, "real/a"))?.identity);
});

it("says so where the folder that a relative name starts from is gone", () => {
  const before = process.cwd();
  fs.mkdirSync(join(folder, "gone"));
  process.chdir(join(folder, "gone"));
  try {
    fs.rmdirSync(join(folder, "gone"));
    expect(() => nodeVfs.canonical("a")).toThrow(IoError);
  } finally {
    process.chdir(before);
  }
});

it("maps a full device to DiskFullError and keeps the cause", () => {
  // /dev/full is no regular file, so the limit on the size of a file stands for it.
  const program = `
    import { nodeVfs } from ${JSON.stringify(join(compiled(), "src/vfs/node-vfs.js"))};
    const file = nodeVfs.open(process.argv[1], "create");
    process.on("SIGXFSZ", () => {});
    try {
      const bytes = new Uint8Array(8192);
      for (let at = 0; ; at += file.write(bytes, 0, bytes.length, at));
    } catch (error) {
      console.log(error.code, error.cause.code, file.size());
    }`;
  const command = `ulimit -f 64; exec "$0" --input-type=module -e "$1" "$2"`;
  const run = spawnSync("bash", ["-c", command, process.execPath, program, join(folder, "big")], {
    encoding: "utf8",
  });
  expect(run.stdout.trim()).toBe(`ERR_ESPALIER_DISK_FULL EFBIG ${64 * 1024}`);
});

it("has one class for a disk that is full", () => {
  expect(new DiskFullError("x")).not.toBeInstanceOf(IoError);
});

it("syncs through the file's own descriptor, also while it is being closed", async () => {
  const file = nodeVfs.open(join(folder, "a"), "create");
  expect(fs.fstatSync(file.descriptor).isFile()).toBe(true);
  const descriptor = file.descriptor;
  const syncs = [file.syncAsync(), file.syncAsync(), file.syncAsync()];
  file.close();
  // Still open below: the number can't be given to another file while a sync may use it.
  expect(fs.fstatSync(descriptor).isFile()).toBe(true);
  await Promise.all(syncs);
  expect(() => fs.fstatSync(descriptor)).toThrow("EBADF");
});

it("leaves no descriptor open when opening fails", () => {
  const before = fs.readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 20; round++) {
    expect(() => nodeVfs.open(folder, "read")).toThrow(IoError);
    expect(() => nodeVfs.syncFolderOf(join(folder, "none/x"))).toThrow(IoError);
  }
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});

it("writes through with O_DSYNC", () => {
  fs.writeFileSync(join(folder, "a"), "");
  const file = nodeVfs.open(join(folder, "a"), "write-through");
  const flags = Number.parseInt(
    /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${file.descriptor}`, "utf8"))?.[1] ?? "0",
    8,
  );
  file.close();
  expect(flags & fs.constants.O_DSYNC).toBe(fs.constants.O_DSYNC);
});

it("says what a path with a NUL byte is", () => {
  expect(() => nodeVfs.open("a\0b", "create")).toThrow("EINVAL");
});
