/** What a plan says of a file that its user may not write, or in whose folder nothing may be made. On real files. */

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planMigration, runMigration } from "../../migrate/index.js";
import type { FilePlan } from "../../migrate/plan-steps.js";
import { cliEntry } from "../commands/support.js";
import { fixtureFolder } from "./legacy/fixtures.js";

/** Root may do anything; it plans as somebody else here. */
const SOMEBODY = 65534;
const IS_ROOT: boolean = process.getuid?.() === 0;

const FILE = ["this user may not write to it (EACCES)"];
const FOLDER = ["this user may make no files in its folder (EACCES)"];

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-may-write-"));
  path = join(folder, "a.db");
  cpSync(join(fixtureFolder, "gen2/bytes-churn-inplace-1k.db"), path);
  if (IS_ROOT) for (const name of [path, folder]) chownSync(name, SOMEBODY, SOMEBODY);
});

afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

function planned(strategy: string): FilePlan {
  const words = ["migrate", "plan", path, "--assume-closed", "--strategy", strategy, "--json"];
  const somebody = IS_ROOT ? { uid: SOMEBODY, gid: SOMEBODY } : {};
  const { stdout } = spawnSync(process.execPath, [cliEntry(), ...words], { encoding: "utf8", ...somebody });
  return (JSON.parse(stdout) as FilePlan[])[0]!;
}

test.skipIf(process.platform === "win32")(
  "a plan tells that a run could not write, before it is tried",
  () => {
    expect(planned("in-place")).toMatchObject({ possible: true, reasons: [] });
    chmodSync(path, 0o444);
    expect(planned("in-place")).toMatchObject({ possible: false, reasons: FILE });
    expect(planned("rewrite")).toMatchObject({ possible: true, reasons: [] });
    chmodSync(folder, 0o555);
    expect(planned("rewrite")).toMatchObject({ possible: false, reasons: FOLDER });
  },
);

/** Story: a file of 217 bytes' name could be converted, said the plan; the run could not lock it. */
test.skipIf(process.platform === "win32").each(["in-place", "rewrite"] as const)(
  "a plan tells that a name is too long, as a run does: %s",
  async (strategy) => {
    for (const [bytes, possible] of [
      [217, false],
      [216, true],
    ] as const) {
      const long = join(folder, "n".repeat(bytes));
      renameSync(path, long);
      path = long;
      const options = { strategy, assumeClosed: true };
      const [plan] = await planMigration([long], options);
      expect(plan?.possible).toBe(possible);
      expect(plan?.reasons).toEqual(possible ? [] : [expect.stringMatching(/too long/)]);
      const { files } = await runMigration([long], options);
      expect(files[0]?.status).toBe(possible ? "converted" : "failed");
    }
  },
);
