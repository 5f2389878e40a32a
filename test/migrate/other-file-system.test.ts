/** A run on another file system than the real one: nothing of the real one is touched, whatever the options. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runMigration } from "../../migrate/index.js";
import { OptionError } from "../../src/base/errors.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { fixtureFolder } from "./legacy/fixtures.js";
import { put } from "./legacy/support.js";
import { verified } from "./support.js";

const NAMES = ["a.db", "b.db"];
const original = readFileSync(join(fixtureFolder, "gen3/u64-range-delete.db"));
let folder: string;
let vfs: MemoryVfs;
let paths: string[];

/** Files of the same paths on both. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-other-"));
  vfs = new MemoryVfs();
  paths = NAMES.map((name) => join(folder, name));
  const parts = folder.split("/");
  for (let depth = 2; depth <= parts.length; depth++) vfs.makeFolder(parts.slice(0, depth).join("/"));
  for (const path of paths) {
    cpSync(join(fixtureFolder, "gen3/u64-range-delete.db"), path);
    put(vfs, path, original);
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function expectUntouched(): void {
  expect(readdirSync(folder).sort()).toEqual(NAMES);
  for (const path of paths) expect(readFileSync(path).equals(original)).toBe(true);
}

/** Story: threads worked on the real files of these names. */
test("several files at a time are files of that file system", async () => {
  const { files, run } = await runMigration(paths, { vfs, jobs: 2 });
  expectUntouched();
  expect(files.map(({ status }) => status)).toEqual(["converted", "converted"]);
  expect(run.jobs).toBe(1);
  for (const path of paths) expect(verified(vfs, path).problems).toEqual([]);
});

/** Story: no copy was made, and nothing was said. */
test("a backup, which is kept on the real one, is a wrong use", async () => {
  const backup = join(folder, "kept/");
  await expect(runMigration(paths, { vfs, backup })).rejects.toThrow(OptionError);
  expectUntouched();
});
