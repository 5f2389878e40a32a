/** Wrong uses of the migrator as a library: told before a file is touched. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  findFiles,
  planMigration,
  rehearse,
  rollbackMigration,
  runMigration,
  salvageLegacyFile,
} from "../../migrate/index.js";
import { open } from "../../src/index.js";
import { bytesOf } from "../support/damage.js";
import { fixtureInMemory } from "./legacy/support.js";
import { FILE } from "./support.js";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-check-options-"));
  file = join(folder, "a.db");
  writeFileSync(file, bytesOf(fixtureInMemory("gen1/u64-seq-1k.db"), FILE));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** By option: what is refused for it. */
const REFUSED = {
  backp: { backp: "kept/" },
  strategy: { strategy: "Rewrite" },
  verify: { verify: "ful" },
  assume: { assume: "gen4" },
  assumeClosed: { assumeClosed: "false" },
  allowGrowth: { allowGrowth: 1 },
  backup: { backup: 5 },
  root: { root: "7" },
  jobs: { jobs: "2" },
  maxMbPerSec: { maxMbPerSec: 0 },
  maxDurationMs: { maxDurationMs: "30m" },
  pauseFile: { pauseFile: true },
  signal: { signal: new AbortController() },
  onEvent: { onEvent: "log" },
};

describe("options that are none", () => {
  it.each(Object.entries(REFUSED))("of a run are refused: %s", async (option, options) => {
    const before = readFileSync(file);
    for (const action of [runMigration, rehearse, rollbackMigration])
      await expect(action([file], options as never)).rejects.toMatchObject({
        code: "ERR_ESPALIER_OPTION",
        option,
      });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("never make a rollback write another generation", async () => {
    await runMigration([file]);
    await expect(rollbackMigration([file], { to: "gen9" as never })).rejects.toMatchObject({ option: "to" });
    open(file, { createIfMissing: false, keyEncoding: "binary", valueEncoding: "binary" }).close();
  });

  it("of a plan and of a salvage are refused", async () => {
    await expect(planMigration([file], { pagesize: 4096 } as never)).rejects.toThrow(/option pagesize/);
    const out = join(folder, "out.esp");
    expect(() => salvageLegacyFile(file, out, { asume: "gen1" } as never)).toThrow(/option asume/);
  });
});

it("A single name is no list of files: each of its letters would be one", async () => {
  await expect(runMigration(file as never)).rejects.toMatchObject({ option: "paths" });
  await expect(planMigration(file as never)).rejects.toMatchObject({ option: "paths" });
  expect(() => findFiles(folder as never, ["legacy"])).toThrow(/option paths/);
  expect(() => findFiles([folder], undefined as never)).toThrow(/option kinds/);
  expect(() => findFiles([folder], ["legcay"] as never)).toThrow(/option kinds/);
});
