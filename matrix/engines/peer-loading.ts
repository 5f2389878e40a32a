/**
 * Loads the native peers. They are optional dependencies of the private workspace matrix/peers: looked for
 * there first, then wherever the project that runs the matrix keeps its own packages. One that is not there
 * is a row that says how to install it.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../../src/base/package-files.js";
import type { Presence } from "./engine.js";

function resolvers(): NodeJS.Require[] {
  return [join(packageRoot(), "matrix", "peers", "package.json"), join(process.cwd(), "package.json")]
    .filter((manifest) => existsSync(dirname(manifest)))
    .map((manifest) => createRequire(manifest));
}

/** Loads a peer's module. Throws the error of the first that does not load; where there is none, that it is not found. */
export function loadPeer(name: string): unknown {
  let problem: unknown;
  for (const require of resolvers()) {
    try {
      return require(name);
    } catch (error) {
      if (problem === undefined || isNotFound(problem)) problem = error;
    }
  }
  throw problem;
}

/**
 * Whether a peer loads here: a package whose native part was not built, or was built for another Node, counts as
 * missing, with the reason. `use` does what loads the native part of a package that does not load it by itself.
 */
export function probePeer(name: string, use: (module: unknown) => void = () => {}): Presence {
  try {
    use(loadPeer(name));
    return { present: true, version: peerVersion(name), reason: null, install: null };
  } catch (error) {
    const [reason, install] = isNotFound(error)
      ? [`${name} is not installed`, `npm install --no-save ${name}`]
      : [`${name} does not load: ${firstSentence(error)}`, `npm rebuild ${name}`];
    return { present: false, version: null, reason, install };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && /cannot find module/i.test(error.message);
}

/** Node breaks the lines of what it says of a native part that was built for another Node. */
function firstSentence(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
  return /^(.*?)\.(?: |$)/.exec(text)?.[1] ?? text;
}

/** Reads the version out of the package's manifest, which `exports` may hide from require. */
function peerVersion(name: string): string | null {
  for (const require of resolvers()) {
    try {
      for (
        let folder = dirname(require.resolve(name));
        dirname(folder) !== folder;
        folder = dirname(folder)
      ) {
        const manifest = join(folder, "package.json");
        if (!existsSync(manifest)) continue;
        const parsed = JSON.parse(readFileSync(manifest, "utf8")) as { name?: string; version?: string };
        if (parsed.name === name) return parsed.version ?? null;
      }
    } catch {
      // The next resolver may find it.
    }
  }
  return null;
}
