/** Finds what ships beside the code, from the sources as from dist/. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

/** The folder with espalier's package.json. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path) && read(path).name === "espalier") return folder;
    if (dirname(folder) === folder) throw new Error("espalier's package.json was not found above its code");
  }
}

export function packageVersion(): string {
  return read(join(packageRoot(), "package.json")).version ?? "unknown";
}

function read(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}
