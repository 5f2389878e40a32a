import { expect, test } from "vitest";
import { openLegacy } from "../../migrate/legacy/legacy-file.js";
import { legacyRecordOf, storeTreeName } from "../../migrate/legacy-record.js";
import { writeStoreFile } from "../../migrate/store-file.js";
import { open } from "../../src/index.js";
import { fixtures } from "./legacy/fixtures.js";
import { fixtureInMemory } from "./legacy/support.js";

test.each(fixtures.map((entry) => [entry.file, entry] as const))(
  "%s becomes a sound packed store",
  (file, entry) => {
    const vfs = fixtureInMemory(file);
    const source = openLegacy(vfs, "/file.db");
    const survey = source.inspect();
    const trees = survey.trees.map((tree, index) => ({
      name: storeTreeName(survey, index),
      batches: source.batches(survey, tree),
    }));
    const steps = writeStoreFile(vfs, "/new.db", {
      pageSize: entry.pageSize,
      trees,
      legacy: legacyRecordOf(survey),
    });
    for (let step = steps.next(); step.done !== true; step = steps.next());
    source.close();
    const store = open("/new.db", { vfs });
    const report = store.verify();
    store.close();
    expect(report.problems).toEqual([]);
    expect(report.records).toBe(entry.recordCount);
    expect(report.digest).toBe(entry.sha256);
  },
);
