/**
 * Child processes run compiled code: this compiles the sources once, into a folder that resolves packages
 * as the sources do, and says where the entry of a round's child process is.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/package-files.js";

/** Compiles the sources and returns the path of the child's entry. */
export function compiledChildEntry(): string {
  const root = packageRoot();
  const out = join(root, "node_modules", ".cache", `espalier-matrix-tests-${process.pid}`);
  mkdirSync(out, { recursive: true });
  process.once("exit", () => rmSync(out, { recursive: true, force: true }));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const arguments_ = [compiler, "-p", "tsconfig.build.json", "--outDir", out, "--declaration", "false"];
  const { stdout } = spawnSync(process.execPath, arguments_, { cwd: root, encoding: "utf8" });
  const entry = join(out, "matrix", "runner", "child-main.js");
  if (!existsSync(entry)) throw new Error(`the sources do not compile:\n${stdout}`);
  return entry;
}
