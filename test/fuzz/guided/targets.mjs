/**
 * What is fuzzed: everything that takes bytes from a disk. A target has inputs to begin with, and runs an input
 * with its checksums made right, so that what stands behind them gets it. It returns where the input was
 * refused with an error of espalier's own, or was sound; anything else that is thrown is a finding.
 *
 * `load` imports a compiled module of the project.
 */

import { readFileSync } from "node:fs";
import { journalTarget, legacyTarget } from "./migrator-targets.mjs";
import { loadProject } from "./project.mjs";
import { logTarget, storeTarget } from "./store-targets.mjs";

export async function makeTargets(load, fixtures) {
  const project = await loadProject(load);
  const legacyFile = (name) => new Uint8Array(readFileSync(new URL(name, fixtures)));
  return [
    storeTarget(project, "store-512", 512),
    storeTarget(project, "store-4096", 4096),
    logTarget(project, "log-512", 512),
    logTarget(project, "log-4096", 4096),
    legacyTarget(project, "legacy-gen1", legacyFile("gen1/u64-wal.db")),
    legacyTarget(project, "legacy-gen2", legacyFile("gen2/u64-wal.db")),
    legacyTarget(project, "legacy-gen3", legacyFile("gen3/u64-seq-1k.db")),
    journalTarget(project, legacyFile("gen3/u64-seq-1k.db")),
  ];
}
