/**
 * The real legacy files that tests run on, with what is known of each. ESPALIER_LEGACY_FIXTURES names
 * another folder with a manifest.json to run the same tests on.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeVfs } from "../../../src/vfs/node-vfs.js";
import type { Vfs } from "../../../src/vfs/vfs.js";

export interface FixtureEntry {
  readonly file: string;
  readonly generation: "gen1" | "gen2" | "gen3" | "gen3-late";
  readonly pageSize: number;
  readonly recordCount: number;
  readonly sha256: string;
  readonly rootPage: number;
  readonly walFrames: number;
  readonly maxKeyLen: number;
  readonly maxValueLen: number;
  readonly metaRootField: string | null;
  readonly quirk?: string;
  readonly leavesLeftOfReachableHead?: number;
}

export const fixtureFolder: string =
  process.env.ESPALIER_LEGACY_FIXTURES ?? fileURLToPath(new URL("../../fixtures/legacy", import.meta.url));

export const fixtures: readonly FixtureEntry[] = JSON.parse(
  readFileSync(`${fixtureFolder}/manifest.json`, "utf8"),
) as FixtureEntry[];

export const fixtureVfs: Vfs = nodeVfs;

export function fixturePath(file: string): string {
  return `${fixtureFolder}/${file}`;
}

export function fixture(file: string): FixtureEntry {
  const entry = fixtures.find((each) => each.file === file);
  if (entry === undefined) throw new Error(`no fixture ${file}`);
  return entry;
}
