/**
 * The legacy ways of editing leaves as engines: `rebuild` decodes the leaf and writes a new compact image at
 * every edit, as the original did by default; `rebuild-on-miss` tries the old in-place edit first. Both run
 * on this store's tree, pager and log, at durability "sync".
 */

import { packageVersion } from "../../src/base/package-files.js";
import { LegacyTree, type LegacyWay } from "../rebuild/legacy-tree.js";
import type { Engine, EngineStore, OpenRequest } from "./engine.js";
import { openEspalier, readingSide } from "./espalier.js";

export const rebuild: Engine = adapter(
  "rebuild",
  "always",
  "rebuild (a new leaf image at every edit)",
  "every leaf edit decodes the leaf and writes a new compact image",
);

export const rebuildOnMiss: Engine = adapter(
  "rebuild-on-miss",
  "on-miss",
  "rebuild on a miss (in place behind guardrails)",
  "the old in-place insert and delete behind their guardrails, a new leaf image wherever one fires",
);

function adapter(id: string, way: LegacyWay, title: string, what: string): Engine {
  return {
    id,
    title,
    family: "legacy",
    package: null,
    durability: "durable",
    settings: `${what}; otherwise as espalier: 4096-byte pages, 128 MiB cache; a commit syncs the log`,
    readsOwnWrites: true,
    lockFiles: /lock/,
    keyForm: (shape) => (shape === "text" ? "text" : "bytes"),
    unsupported: () => null,
    probe: async () => ({ present: true, version: packageVersion(), reason: null, install: null }),
    open: async (request) => openLegacy(request, way),
  };
}

function openLegacy(request: OpenRequest, way: LegacyWay): EngineStore {
  const store = openEspalier(request, "sync");
  const tree = new LegacyTree(store, way);
  return {
    ...readingSide(store, request.shape),
    transaction(work) {
      store.transaction(work);
    },
    put: (key, value) => tree.put(key, value),
    delete: (key) => tree.delete(key),
    putMany(records) {
      for (const [key, value] of records) tree.put(key, value);
    },
    census: () => tree.census.report(store.metrics().leaf, way === "always"),
  };
}
