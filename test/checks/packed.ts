/** The package as a user gets it: packed, and installed into an empty project. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/base/package-files.js";

export interface Project {
  readonly folder: string;
  /** Runs a program in the project; returns what it printed. */
  run(program: string, ...words: readonly string[]): string;
}

/** Packs the project (which builds it) and installs the tarball into a new one. Takes some ten seconds. */
export function installedProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), "espalier-packed-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const tarballs = join(folder, "tarballs");
  mkdirSync(tarballs);
  npm(packageRoot(), "pack", "--silent", "--pack-destination", tarballs);
  const [tarball] = readdirSync(tarballs);
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  writeFileSync(join(folder, "package.json"), '{ "name": "a-user", "private": true, "type": "module" }\n');
  npm(
    folder,
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    join(tarballs, tarball),
    "@types/node@20",
  );
  const run = (program: string, ...words: readonly string[]): string =>
    execFileSync(program, words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return { folder, run };
}

function npm(cwd: string, ...words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("npm", words, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${words.join(" ")} ended with ${status}:\n${stdout}\n${stderr}`);
}
