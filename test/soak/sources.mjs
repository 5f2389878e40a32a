/** The sources as JavaScript, compiled into a temporary folder that goes when the process ends. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const OPTIONS =
  "--target es2022 --lib es2023,es2024.string,esnext.disposable --module nodenext --types node --rootDir . --skipLibCheck --ignoreConfig";

/** What src/index.ts exports. */
export async function importSources() {
  return import(pathToFileURL(join(compileSources("src/index.ts"), "src/index.js")).href);
}

/** The folder that holds this file as JavaScript, and what it imports. */
export function compileSources(entry) {
  const folder = mkdtempSync(join(tmpdir(), "espalier-sources-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const words = [compiler, entry, ...OPTIONS.split(" "), "--outDir", folder];
  execFileSync(process.execPath, words, { cwd: ROOT, stdio: "inherit" });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}
