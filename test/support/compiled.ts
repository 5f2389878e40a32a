/**
 * The sources as JavaScript that child processes can run, compiled as for the package. A run of the tests compiles
 * them once, where the first file needs them (`one-build.ts` says where, and removes them); a script of its own
 * compiles them for itself.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The variable with the folder of a run's build. */
export const BUILD_VARIABLE = "ESPALIER_TEST_BUILD";

/** The folder for the build of a process: inside the project, so that its packages are found. */
export function buildFolder(pid: number | ""): string {
  return join(ROOT, "node_modules", ".cache", `espalier-tests-${pid}`);
}

let found: string | undefined;

/** The folder that holds cli.js, src/index.js, migrate/index.js and all else. Takes some seconds the first time. */
export function compiled(): string {
  found ??= process.env[BUILD_VARIABLE] ?? ownFolder();
  if (!existsSync(found)) compileInto(found);
  return found;
}

function ownFolder(): string {
  const folder = buildFolder(process.pid);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  remove(); // Of a process that was killed, and had this one's number.
  process.once("exit", remove);
  return folder;
}

/** The folder gets its name when it is whole: another file's process may compile meanwhile, and be first. */
function compileInto(folder: string): void {
  const made = `${folder}-of-${process.pid}`;
  mkdirSync(made, { recursive: true });
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const plain = ["--noCheck", "--declaration", "false", "--isolatedDeclarations", "false"];
  const words = [compiler, "-p", "tsconfig.build.json", "--outDir", made, ...plain];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) {
    rmSync(made, { recursive: true });
    throw new Error(`the sources do not compile:\n${stdout}`);
  }
  writeFileSync(join(made, "package.json"), '{ "type": "module" }');
  try {
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}
