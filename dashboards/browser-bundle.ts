/** The libraries that a page draws its charts with, as they come with their packages. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** The minified bundle of a package, as text: `build/<name>.min.js` beside its entry. Throws Error where it has none. */
export function minifiedBundle(name: "vega" | "vega-lite" | "vega-embed"): string {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    const bundle = join(folder, "build", `${name}.min.js`);
    if (existsSync(bundle)) return readFileSync(bundle, "utf8");
    if (dirname(folder) === folder)
      throw new Error(`the installed package ${name} has no build/${name}.min.js`);
  }
}
