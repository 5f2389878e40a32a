/** The hot paths allocate nothing once they are compiled. Measured in a process of its own. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compiled } from "../support/compiled.js";

const child = fileURLToPath(new URL("allocation-child.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "espalier-allocation-"));
/** What the profiler itself and a late compilation take. */
const NOTHING_BYTES = 1;

let found: Record<string, Record<string, number>>;

beforeAll(() => {
  found = JSON.parse(execFileSync(process.execPath, [child, compiled(), folder], { encoding: "utf8" }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(["binary", "utf8"])("heap bytes a call, %s keys", (keys) => {
  it.each(["has", "getInto", "overwrite", "delete and insert"])("%s: none", (kind) => {
    expect(found[keys]?.[kind]).toBeLessThan(NOTHING_BYTES);
  });

  it("get: its copy only", () => {
    expect(found[keys]?.["get"]).toBeGreaterThan(32);
    // What the objects around the copy take differs: 203 bytes with Node 20, 219 with Node 24.
    expect(found[keys]?.["get"]).toBeLessThan(265);
  });
});
