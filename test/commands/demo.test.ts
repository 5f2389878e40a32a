/** The demo, as far as it can be tested without a minute of benchmarks: its gates, its files, its manners. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGates } from "../../matrix/index.js";
import { packageRoot } from "../../src/base/package-files.js";
import { cli, temporaryFolder } from "./support.js";

describe("the demo", () => {
  it("judges by gates that the matrix reads, and by nothing that its short run does not hold", async () => {
    const { gates } = await readGates(join(packageRoot(), "docs/matrix-gates-demo.json"));
    expect(gates.length).toBeGreaterThan(3);
    for (const { id, scope } of gates) {
      expect(scope.engines, id).toEqual(["espalier"]);
      expect(["inserts", "overwrite-grow", "reads"], id).toEqual(
        expect.arrayContaining([...(scope.workloads ?? [])]),
      );
      expect([100, 10_000], id).toEqual(expect.arrayContaining([...(scope.commitEvery ?? [])]));
    }
  });

  it("replaces nothing that it did not make", () => {
    const folder = join(temporaryFolder(), "precious");
    mkdirSync(folder);
    writeFileSync(join(folder, "data.db"), "precious");
    const { code, stderr } = cli(["demo", "--out", folder]);
    expect(code).toBe(2);
    expect(stderr).toContain("was not made by the demo");
    expect(existsSync(join(folder, "data.db"))).toBe(true);
  });

  it.each(["notes.txt", "files/mine.db", "matrix/notes.md", "dashboards/notes.md"])(
    "replaces nothing that came into its folder later: %s",
    (name) => {
      const folder = join(temporaryFolder(), "demo");
      const mine = join(folder, name);
      mkdirSync(join(mine, ".."), { recursive: true });
      for (const path of [join(folder, ".made-by-espalier-demo"), mine, join(folder, "gates.json")])
        writeFileSync(path, "precious");
      const { code, stderr } = cli(["demo", "--out", folder]);
      expect(code).toBe(2);
      expect(stderr).toContain(`did not make ${mine}`);
      expect(readFileSync(mine, "utf8")).toBe("precious");
      expect(existsSync(join(folder, "gates.json"))).toBe(true);
    },
  );
});
