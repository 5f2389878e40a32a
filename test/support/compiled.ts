/**
 * The sources as JavaScript that child processes can run: compiled once into a temporary folder that
 * goes when the test process ends.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root: string = fileURLToPath(new URL("../..", import.meta.url));
let folder: string | undefined;

/** The folder that holds src/index.js, src/level/index.js, src/vfs/lock.js and what they import. */
export function compiled(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), "espalier-compiled-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  const entries = ["src/index.ts", "src/level/index.ts", "src/vfs/lock.ts"];
  const options =
    "--target es2022 --lib es2023,es2024.string,esnext.disposable --module nodenext --types node --rootDir . --skipLibCheck --ignoreConfig".split(
      " ",
    );
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler, ...entries, ...options, "--outDir", made], { cwd: root });
  writeFileSync(join(made, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(made, "node_modules"));
  folder = made;
  return made;
}
