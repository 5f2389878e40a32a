/**
 * Loads the native peers. They are optional dependencies of the private workspace matrix/peers: looked for
 * there first, then wherever the project that runs the matrix keeps its own packages. One that is not there
 * is a row that says how to install it.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../package-files.js";
import type { Presence } from "./engine.js";

function resolvers(): NodeJS.Require[] {
  return [join(packageRoot(), "matrix", "peers", "package.json"), join(process.cwd(), "package.json")]
    .filter((manifest) => existsSync(dirname(manifest)))
    .map((manifest) => createRequire(manifest));
}

/** Loads a peer's module. Throws the last resolver's error when none finds it or it does not load. */
export function loadPeer(name: string): unknown {
  let problem: unknown;
  for (const require of resolvers()) {
    try {
      return require(name);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/**
 * Whether a peer can be used here: a package whose native part was not built counts as missing, with the reason. `use`
 * does what first needs that part, of a package that loads without it.
 */
export function probePeer(name: string, use?: (module: unknown) => void): Presence {
  try {
    const module = loadPeer(name);
    use?.(module);
    return { present: true, version: peerVersion(name), reason: null, install: null };
  } catch (error) {
    const text = error instanceof Error ? (error.message.split("\n")[0] as string) : String(error);
    const missing = /cannot find module/i.test(text);
    return {
      present: false,
      version: null,
      reason: missing ? `${name} is not installed` : `${name} does not load: ${text}`,
      install: missing ? `npm install --no-save ${name}` : `npm rebuild ${name}`,
    };
  }
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
