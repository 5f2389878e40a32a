/** What a benchmark that was killed leaves behind is removed by the next one; what a live one uses is not. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeRunFolder } from "../../../matrix/bench/run-folder.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "espalier-run-folder-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** The folder of a run whose process is no more: no pid is above 2^22. */
function killed(): string {
  const { folder, remove } = makeRunFolder(parent);
  const [lock = ""] = readdirSync(folder);
  const text = readFileSync(join(folder, lock), "utf8");
  remove();
  mkdirSync(join(folder, "loaded"), { recursive: true });
  writeFileSync(join(folder, "loaded", "data"), "gigabytes");
  writeFileSync(join(folder, lock), JSON.stringify({ ...JSON.parse(text), pid: 2 ** 22 + 1 }));
  return folder;
}

it("removes what a killed run left, and nothing else", () => {
  const live = makeRunFolder(parent);
  const dead = killed();
  const foreign = join(parent, "espalier-bench-of-somebody");
  mkdirSync(foreign);
  const { folder, remove } = makeRunFolder(parent);
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(live.folder)).toBe(true);
  expect(existsSync(foreign)).toBe(true);
  remove();
  live.remove();
  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(parent)).toEqual(["espalier-bench-of-somebody"]);
});
