/** Peers that are there and don't load: each is a row with the reason, and none a row of failed rounds. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { probePeer } from "../../../matrix/engines/peer-loading.js";
import { ENGINES } from "../../../matrix/engines/registry.js";
import { packageRoot } from "../../../src/base/package-files.js";

afterEach(() => vi.restoreAllMocks());

const NATIVE = ["better-sqlite3", "lmdb", "classic-level", "@nxtedition/rocksdb"];
const installed = (name: string): boolean => existsSync(join(packageRoot(), "node_modules", name));

describe("native parts that were built for another Node", () => {
  /** As Node says it, with its line breaks. */
  const SAID = `The module '/x/y.node'
was compiled against a different Node.js version using
NODE_MODULE_VERSION 115. This version of Node.js requires
NODE_MODULE_VERSION 137. Please try re-compiling or re-installing
the module (for instance, using \`npm rebuild\` or \`npm install\`).`;

  it.each(ENGINES.filter(({ package: name }) => name !== null && NATIVE.includes(name) && installed(name)))(
    "$id: says so before it is measured",
    async (engine) => {
      // Where the program runs there is none: what is said is of the one that was found.
      vi.spyOn(process, "cwd").mockReturnValue(tmpdir());
      vi.spyOn(process, "dlopen").mockImplementation(() => {
        throw new Error(SAID);
      });
      const { present, reason, install } = await engine.probe();
      expect(present).toBe(false);
      expect(reason).toMatch(
        /does not load: The module '.+' was compiled against a different Node.js version using NODE_MODULE_VERSION 115$/,
      );
      expect(install).toBe(`npm rebuild ${engine.package}`);
    },
  );
});

it("a peer of the program's own that does not load is not said to be missing", () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-peers-"));
  try {
    mkdirSync(join(folder, "node_modules", "some-peer"), { recursive: true });
    writeFileSync(join(folder, "node_modules", "some-peer", "index.js"), 'throw new Error("no such luck");');
    vi.spyOn(process, "cwd").mockReturnValue(folder);
    expect(probePeer("some-peer")).toMatchObject({
      present: false,
      reason: "some-peer does not load: no such luck",
      install: "npm rebuild some-peer",
    });
    expect(probePeer("no-peer")).toMatchObject({
      reason: "no-peer is not installed",
      install: "npm install --no-save no-peer",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
