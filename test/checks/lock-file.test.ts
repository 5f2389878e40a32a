/**
 * package-lock.json says of this package what package.json says: `npm ci` takes it, and `npm install` leaves it. And
 * the package admits no Node on which its dependencies do not install.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";

const FIELDS = [
  ...["name", "version", "license", "engines", "workspaces", "dependencies", "devDependencies"],
  ...["peerDependencies", "peerDependenciesMeta"],
];

type Manifest = Readonly<Record<string, unknown>>;

function read(path: string): Manifest {
  return JSON.parse(readFileSync(join(packageRoot(), path), "utf8")) as Manifest;
}

test.each([
  ["", "package.json", FIELDS],
  ["matrix/peers", "matrix/peers/package.json", ["name", "optionalDependencies"]],
] as const)('the lock of "%s" is that of %s', (name, path, fields) => {
  const locked = (read("package-lock.json")["packages"] as Record<string, Manifest>)[name]!;
  const manifest = read(path);
  for (const field of fields) expect(locked[field], field).toEqual(manifest[field]);
});

test("the package admits the Nodes that yargs does, the narrowest range of all that is installed with it", () => {
  const packages = read("package-lock.json")["packages"] as Record<string, Manifest>;
  expect(packages["node_modules/yargs"]!["engines"]).toEqual(read("package.json")["engines"]);
});
