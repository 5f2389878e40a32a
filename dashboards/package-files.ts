/**
 * Finds files that ship with the package or with its dependencies, from the sources as from dist/.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** Reads a JSON file of this package, named from the package's root. Throws when the installation lacks it. */
export function shippedJson(path: string): unknown {
  return JSON.parse(readFileSync(join(packageRoot(), path), "utf8"));
}

/** The version in espalier's package.json. */
export function packageVersion(): string {
  return (shippedJson("package.json") as { version?: string }).version ?? "unknown";
}

function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && nameIn(manifest) === "espalier") return folder;
    if (dirname(folder) === folder)
      throw new Error("espalier's own package.json was not found above the code");
  }
}

function nameIn(manifest: string): string | undefined {
  return (JSON.parse(readFileSync(manifest, "utf8")) as { name?: string }).name;
}

/** The minified browser bundle of a dependency, as text: `build/<name>.min.js` beside its entry. */
export function minifiedBundle(name: "vega" | "vega-lite" | "vega-embed"): string {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    const bundle = join(folder, "build", `${name}.min.js`);
    if (existsSync(bundle)) return readFileSync(bundle, "utf8");
    if (dirname(folder) === folder)
      throw new Error(`the installed package ${name} has no build/${name}.min.js`);
  }
}
