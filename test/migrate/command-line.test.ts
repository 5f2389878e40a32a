/** `espalier migrate` as a user meets it: what options mean, what is said, and with which exit code. */

import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/commands/support/package-root.js";
import { type CliResult, cli, output, temporaryFolder } from "../commands/support.js";

const LEGACY = join(packageRoot(), "test/fixtures/legacy/gen3/u64-seq-1k.db");

/** A folder with a folder of legacy files in it. */
function fleet(...names: readonly string[]): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "fleet"));
  for (const name of names) copyFileSync(LEGACY, join(folder, "fleet", name));
  return folder;
}

function migrate(cwd: string, ...words: readonly string[]): CliResult {
  return cli(["migrate", ...words], { cwd });
}

describe("--backup", () => {
  it("is a folder for a folder of files, even where one file is left in it", () => {
    const folder = fleet("a.db");
    expect(migrate(folder, "run", "fleet", "--backup", "old").code).toBe(0);
    expect(readdirSync(join(folder, "old"))).toEqual(["a.db"]);
    copyFileSync(LEGACY, join(folder, "fleet", "b.db"));
    expect(migrate(folder, "run", "fleet/b.db", "--backup", "old").code).toBe(0);
    expect(readdirSync(join(folder, "old"))).toEqual(["a.db", "b.db"]);
  });

  it("that needs a folder and is a file is a wrong use, told before anything is touched", () => {
    const folder = fleet("a.db");
    writeFileSync(join(folder, "old"), "notes");
    const { code, stderr } = migrate(folder, "run", "fleet", "--backup", "old");
    expect(code).toBe(2);
    expect(stderr).toContain("option backup: old is a file; a folder is needed");
    expect(output(["migrate", "status", "fleet"], { cwd: folder })).toContain("legacy");
  });
});
