/** The samples of docs/level.md compile as TypeScript, strictly. What they do is tested beside this. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { blocksOf } from "../checks/markdown.js";

it("the samples of docs/level.md compile", () => {
  const root = packageRoot();
  const samples = blocksOf(readFileSync(join(root, "docs/level.md"), "utf8"), "ts");
  expect(samples.length).toBeGreaterThan(1);
  // Inside of the project, so that its packages are found.
  const folder = mkdtempSync(join(root, "test/level/samples-"));
  try {
    const files = samples.map((sample, i) => {
      const file = join(folder, `sample-${i}.ts`);
      writeFileSync(file, sample.replaceAll('"espalier/level"', '"../../../src/level/index.js"'));
      return file;
    });
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const target = [
      "--target",
      "es2022",
      "--lib",
      "es2023,es2024.string,esnext.disposable",
      "--module",
      "nodenext",
    ];
    const words = [
      compiler,
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--types",
      "node",
      ...target,
    ];
    const { stdout, status } = spawnSync(process.execPath, [...words, ...files], {
      cwd: root,
      encoding: "utf8",
    });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
