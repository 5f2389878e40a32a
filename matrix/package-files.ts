/**
 * Finds the files that ship beside the code (docs/, package.json), from the sources as from dist/.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let root: string | null = null;

/** The folder that holds espalier's package.json. Throws when the installation has none above this file. */
export function packageRoot(): string {
  if (root !== null) return root;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && manifestOf(manifest).name === "espalier") {
      root = folder;
      return folder;
    }
    if (dirname(folder) === folder)
      throw new Error("espalier's own package.json was not found above the code");
  }
}

/** The version in espalier's package.json. */
export function packageVersion(): string {
  return manifestOf(join(packageRoot(), "package.json")).version ?? "unknown";
}

/** Reads and parses a JSON file that ships with the package, named from the package's root. */
export function shippedJson(path: string): unknown {
  return JSON.parse(readFileSync(join(packageRoot(), path), "utf8"));
}

function manifestOf(path: string): { name?: string; version?: string } {
  return JSON.parse(readFileSync(path, "utf8")) as { name?: string; version?: string };
}
