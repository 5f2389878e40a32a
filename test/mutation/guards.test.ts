/**
 * The table of guards belongs to the source as it is: every text that a mutation replaces stands there, once.
 * (node test/mutation/run.mjs switches them off and runs their tests: minutes.)
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const script: string = fileURLToPath(new URL("run.mjs", import.meta.url));

it("every guard of the table stands where it says", () => {
  const { stdout, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(Number(stdout.split(" ")[0])).toBeGreaterThan(250);
});

it("a word that no guard has is an error, and the list names rules and tests", () => {
  const none = spawnSync(process.execPath, [script, "no such guard"], { encoding: "utf8" });
  expect(none.stderr).toContain("no guard has such a name");
  expect(none.status).not.toBe(0);
  const list = spawnSync(process.execPath, [script, "--list", "checksum of a frame"], { encoding: "utf8" });
  expect(list.stdout).toContain("test/log/damage.test.ts");
});
