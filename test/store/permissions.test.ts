/** What lies beside a store, or takes its place, lets in nobody whom the store keeps out. On real files. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { open } from "../../src/index.js";

const GROUP = 4242;

let folder: string;
let path: string;
let umask: number;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "espalier-permissions-"));
  path = join(folder, "db");
  umask = process.umask(0o022);
});
afterEach(() => {
  process.umask(umask);
  fs.rmSync(folder, { recursive: true });
});

function modeOf(name: string): string {
  return (fs.statSync(join(folder, name)).mode & 0o777).toString(8);
}

it.each([0o600, 0o640, 0o660, 0o644])(
  "the log and a backup of a store of mode %i have its mode",
  async (mode) => {
    open(path).close();
    fs.chmodSync(path, mode);
    using store = open<string, number>(path);
    store.put("key", 7);
    await store.backup(join(folder, "copy"));
    const wanted = mode.toString(8);
    expect(["db-log1", "db-log2", "copy"].map(modeOf)).toEqual([wanted, wanted, wanted]);
  },
);

it("a store in the place of an empty file has its mode", () => {
  fs.writeFileSync(path, "", { mode: 0o600 });
  open(path).close();
  expect(modeOf("db")).toBe("600");
});

it.skipIf(process.getuid?.() !== 0)("what root makes beside another's store is that one's", () => {
  open(path).close();
  fs.chownSync(path, GROUP, GROUP);
  fs.chmodSync(path, 0o660);
  using store = open<string, number>(path);
  store.put("key", 7);
  const { uid, gid } = fs.statSync(`${path}-log1`);
  expect({ uid, gid, mode: modeOf("db-log1") }).toEqual({ uid: GROUP, gid: GROUP, mode: "660" });
});

it("a backup of a store whose file was renamed meanwhile is shut to all others", async () => {
  open(path).close();
  fs.chmodSync(path, 0o600);
  using store = open<string, number>(path);
  store.put("key", 7);
  fs.renameSync(path, join(folder, "moved"));
  await store.backup(join(folder, "copy"));
  expect(modeOf("copy")).toBe("600");
});

/** The second: the store's group is kept out of what all others may read. */
it.skipIf(process.getuid?.() !== 0).each([
  [0o660, "600"],
  [0o604, "600"],
  [0o664, "604"],
])("a group that the file can't be given to is no reason to let another in: %i", (mode, wanted) => {
  open(path).close();
  fs.chownSync(path, GROUP, GROUP);
  fs.chmodSync(path, mode);
  fs.chownSync(folder, GROUP, GROUP);
  // The owner, who is not in the file's group.
  process.setegid!(GROUP + 1);
  process.seteuid!(GROUP);
  try {
    using store = open<string, number>(path);
    store.put("key", 7);
    expect(modeOf("db-log1")).toBe(wanted);
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
  }
});
