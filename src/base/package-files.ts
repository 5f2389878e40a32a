/** Finds what ships beside the code (package.json, docs, test fixtures), from the sources as from dist/. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

let root: string | undefined;

/** The folder with espalier's package.json. Throws Error where there is none above its code, as in a bundle. */
export function packageRoot(): string {
  root ??= findRoot(dirname(fileURLToPath(import.meta.url)));
  return root;
}

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path) && (readJson(path) as Manifest).name === "espalier") return folder;
    if (dirname(folder) === folder) throw new Error("espalier's package.json was not found above its code");
  }
}

/** The version in espalier's package.json. Throws as packageRoot does. */
export function packageVersion(): string {
  return (shippedJson("package.json") as Manifest).version ?? "unknown";
}

/** A JSON file of the package, named from its root. Throws as packageRoot does, and where the file is not there. */
export function shippedJson(path: string): unknown {
  return readJson(join(packageRoot(), path));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
