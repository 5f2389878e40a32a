/**
 * Every legacy fixture gives back what its manifest says: generation, root, records, content digest. The
 * files are only read.
 */

import { describe, expect, test } from "vitest";
import { ContentTally } from "../../../migrate/legacy/content.js";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { fixturePath, fixtures, fixtureVfs } from "./fixtures.js";

describe.each(fixtures.map((entry) => [entry.file, entry] as const))("%s", (_name, entry) => {
  test("is recognised, and its tree has the content of the manifest", () => {
    const file = openLegacy(fixtureVfs, fixturePath(entry.file));
    try {
      const survey = file.inspect();
      expect(survey.problems).toEqual([]);
      expect(survey.pageSize).toBe(entry.pageSize);
      expect(survey.log.frames).toBe(entry.walFrames);
      expect(survey.trees).toHaveLength(1);
      const tree = survey.trees[0]!;
      expect(tree.root).toBe(entry.rootPage);
      expect(tree.field === undefined).toBe(entry.metaRootField === null);
      expect(tree.content).toMatchObject({
        records: entry.recordCount,
        digest: entry.sha256,
        keyBytes: { max: entry.maxKeyLen },
        valueBytes: { max: entry.maxValueLen },
      });
      const generation = entry.generation === "gen3-late" ? "gen3" : entry.generation;
      const nameless = entry.recordCount === 0 && entry.generation !== "gen3-late";
      expect(survey.generation).toBe(nameless ? "unknown" : generation);
      const disordered = (entry.leavesLeftOfReachableHead ?? 0) > 0;
      expect(tree.healed.length > 0).toBe(disordered);

      const tally = new ContentTally();
      for (const batch of file.batches(survey, tree)) tally.add(batch);
      expect(tally.finish()).toEqual(tree.content);
    } finally {
      file.close();
    }
  });
});
