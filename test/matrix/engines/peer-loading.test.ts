/** What is said of a peer that can't be used: that it is not there, or that its native part was not built. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { probePeer } from "../../../matrix/engines/peer-loading.js";

const began = process.cwd();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-peers-"));
  mkdirSync(join(folder, "node_modules", "unbuilt-peer"), { recursive: true });
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(began);
  rmSync(folder, { recursive: true, force: true });
});

/** A package whose main file is `source`. */
function install(source: string): void {
  writeFileSync(
    join(folder, "node_modules", "unbuilt-peer", "package.json"),
    '{ "name": "unbuilt-peer", "version": "1.2.3" }',
  );
  writeFileSync(join(folder, "node_modules", "unbuilt-peer", "index.js"), source);
}

it("says how to install a peer that is not there", () => {
  expect(probePeer("absent-peer")).toEqual({
    present: false,
    version: null,
    reason: "absent-peer is not installed",
    install: "npm install --no-save absent-peer",
  });
});

it("counts as missing a peer that loads its native part with the first database, and says how to build it", () => {
  install('module.exports = class { constructor() { throw new Error("no bindings file. Tried:\\n a"); } };');
  const open = (module: unknown) => void new (module as new (path: string) => unknown)(":memory:");
  expect(probePeer("unbuilt-peer")).toMatchObject({ present: true, version: "1.2.3" });
  expect(probePeer("unbuilt-peer", open)).toEqual({
    present: false,
    version: null,
    reason: "unbuilt-peer does not load: no bindings file. Tried:",
    install: "npm rebuild unbuilt-peer",
  });
});
