/** Which files a command is about: those that are named, and what folders and globs hold of the kinds asked for. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { convertInPlace } from "../../migrate/in-place-steps.js";
import { findFiles, statusOf } from "../../migrate/index.js";
import { newResult } from "../../migrate/results.js";
import { LEGACY_MAGIC, STORE_MAGIC } from "../../src/base/magic.js";
import { bytesOf } from "../support/damage.js";
import { fixtureInMemory } from "./legacy/support.js";
import { FILE } from "./support.js";

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

/** They were passed over in silence: a fleet of links to legacy files was all converted, by `migrate status`. */
describe("symbolic links", () => {
  const link = (target: string, path: string): void => symlinkSync(target, join(folder, path));

  it("lead to files, which are taken once, by their own names where these are found, too", () => {
    mkdirSync(join(folder, "links"));
    link("../sub/c.db", "links/c.db");
    link("../store.db", "links/store.db");
    link("nowhere.db", "links/gone.db");
    expect(found("links")).toEqual(["links/c.db"]);
    expect(found("links/*.db")).toEqual(["links/c.db"]);
    expect(found("")).toEqual(LEGACY);
  });

  it("that lead in a circle lead nowhere, and where they are named it is told of them alone", () => {
    mkdirSync(join(folder, "circle"));
    link("loop.db", "circle/loop.db");
    link("../a.db", "circle/a.db");
    expect(found("circle")).toEqual(["circle/a.db"]);
    expect(statusOf(join(folder, "circle/loop.db"))).toMatchObject({
      state: "unknown",
      bytes: null,
      advice: expect.stringContaining("ELOOP"),
    });
  });

  it("to folders elsewhere are told, and those within the folder passed over", () => {
    mkdirSync(join(folder, "fleet/own"), { recursive: true });
    link("../sub", "fleet/sub");
    link("own", "fleet/current");
    expect(found("fleet")).toEqual(["fleet/sub"]);
    expect(statusOf(join(folder, "fleet/sub")).advice).toMatch(
      /it is a folder; what is in it was not looked at$/,
    );
    expect(found("fleet/sub")).toEqual(["fleet/sub/c.db", "fleet/sub/deep/d.db"]);
  });
});

/** Of a run that was killed at its very end the log stayed, or the whole old file, for whoever named the folder alone. */
it.each(["-wal", "-wal-migration", "-migration-replaced"])(
  "takes a store with %s beside it for one whose conversion is to be ended",
  (rest) => {
    const wanted = (): string[] => findFiles([join(folder, "fleet")], ["legacy", "migrating"]);
    mkdirSync(join(folder, "fleet"));
    const path = join(folder, "fleet/store.db");
    writeFileSync(path, `${STORE_MAGIC} and more`);
    expect(wanted()).toEqual([]);
    writeFileSync(`${path}${rest}`, "");
    expect(wanted()).toEqual([path]);
    expect(findFiles([join(folder, "fleet")], ["legacy"])).toEqual([]);
  },
);

/** By its first bytes it was no file of ours, and nobody went on with it: a run said that nothing was left to do. */
it("takes a half-converted file whose first sector a power cut has torn", () => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  const options = { verify: "none", assumeClosed: true } as const;
  const steps = convertInPlace(vfs, FILE, options, newResult(FILE), () => undefined);
  for (let step = steps.next(); !step.done && step.value.phase === "check"; step = steps.next());
  const torn = bytesOf(vfs, FILE).slice();
  steps.return(undefined);
  torn.fill(0xee, 0, 512);
  writeFileSync(join(folder, "torn.db"), torn);
  expect(findFiles([folder], ["migrating"])).toEqual([join(folder, "torn.db")]);
});
