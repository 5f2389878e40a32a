/** Which files a command is about: those that are named, and what folders and globs hold of the kinds asked for. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findFiles } from "../../migrate/index.js";
import { LEGACY_MAGIC, STORE_MAGIC } from "../../src/base/magic.js";

let folder: string;
const LEGACY = ["a.db", "b.db", "b1.db", "sub/c.db", "sub/deep/d.db", "x[1].db", "y(1).db"];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-find-"));
  mkdirSync(join(folder, "sub/deep"), { recursive: true });
  for (const name of LEGACY) writeFileSync(join(folder, name), `${LEGACY_MAGIC} and more`);
  writeFileSync(join(folder, "store.db"), `${STORE_MAGIC} and more`);
  writeFileSync(join(folder, "notes.db"), "notes");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function found(...names: readonly string[]): string[] {
  const files = findFiles(
    names.map((name) => join(folder, name)),
    ["legacy"],
  );
  return files.map((file) => file.slice(folder.length + 1)).sort();
}

it.each([
  ["", LEGACY],
  ["sub", ["sub/c.db", "sub/deep/d.db"]],
  ["*.db", ["a.db", "b.db", "b1.db", "x[1].db", "y(1).db"]],
  ["b*.db", ["b.db", "b1.db"]],
  ["?.db", ["a.db", "b.db"]],
  ["*/*.db", ["sub/c.db"]],
  ["**/*.db", LEGACY],
  ["**/?.db", ["a.db", "b.db", "sub/c.db", "sub/deep/d.db"]],
  ["sub/**", ["sub/c.db", "sub/deep/d.db"]],
  ["x[1]*.db", ["x[1].db"]],
  ["y(?).db", ["y(1).db"]],
  ["*.xdb", []],
])("%j", (name, files) => {
  expect(found(name)).toEqual(files);
});

it("takes what is named, of whatever kind, and each file once", () => {
  expect(found("notes.db", "store.db", "a.db", "*.db", "./a.db")).toEqual(
    ["notes.db", "store.db", "a.db", "b.db", "b1.db", "x[1].db", "y(1).db"].sort(),
  );
});

/** Brackets and braces are no globs here; names with them that are not there were passed over in silence. */
it.each(["missing.db", "x[2].db", "{a,b}.db"])(
  "keeps the name %s, which is not there, so that it is told",
  (name) => {
    expect(found("a.db", name)).toEqual(["a.db", name].sort());
  },
);
