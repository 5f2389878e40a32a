/** Self times out of CPU profiles with known samples. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hotFunctions, hotTable, readProfiles } from "../../../matrix/reports/hot.js";
import type { CpuProfile } from "../../../matrix/runner/cpu-profile.js";

function frame(functionName: string, url: string, lineNumber: number): CpuProfile["nodes"][0]["callFrame"] {
  return { functionName, url, lineNumber, scriptId: "1", columnNumber: 0 };
}

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("put", "file:///home/me/app/node_modules/espalier/dist/src/tree/tree.js", 9) },
    { id: 2, callFrame: frame("", "file:///home/me/app/bench.js", 0) },
    { id: 3, callFrame: frame("dispatch", "", -1) },
    { id: 4, callFrame: frame("(garbage collector)", "", -1) },
  ],
  startTime: 0,
  endTime: 20_000,
  samples: [3, 1, 2, 1, 4],
  timeDeltas: [10_000, 3000, 1000, 3000, 1000],
};

describe("hotFunctions", () => {
  it("adds the self time of each function up over all profiles, but for the profiler's own", () => {
    expect(hotFunctions([profile, profile])).toEqual([
      { name: "put", place: "espalier/dist/src/tree/tree.js:10", milliseconds: 12, share: 0.75 },
      { name: "(anonymous)", place: "me/app/bench.js:1", milliseconds: 2, share: 0.125 },
      { name: "(garbage collector)", place: "", milliseconds: 2, share: 0.125 },
    ]);
  });

  it("makes a table of the first rows, with the sum of all", () => {
    const lines = hotTable(hotFunctions([profile]), 1).split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^put +75\.0 % +6\.0 +espalier\/dist\/src\/tree\/tree\.js:10$/);
    expect(lines[2]).toBe("8 ms sampled");
  });
});

describe("readProfiles", () => {
  it("names a file that holds something else, or was cut off", async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-hot-"));
    const path = join(folder, "a.cpuprofile");
    const whole = JSON.stringify(profile);
    writeFileSync(path, whole);
    await expect(readProfiles(folder)).resolves.toEqual([profile]);
    for (const other of [
      ...["{}", "[]", "null", '"x"', "1", "", whole.slice(0, 40)],
      ...[
        { nodes: {} },
        { nodes: [null] },
        { nodes: [{ id: 1 }] },
        { samples: "x" },
        { timeDeltas: [null] },
      ].map((change) => JSON.stringify({ ...profile, ...change })),
    ]) {
      writeFileSync(path, other);
      await expect(readProfiles(folder), other).rejects.toThrow(`${path} holds no whole CPU profile`);
    }
    rmSync(folder, { recursive: true });
  });
});
