/** Every fixture, by each strategy, there and back again. */

import { describe, expect, test } from "vitest";
import { fixtures } from "./legacy/fixtures.js";
import { fixtureInMemory, survey } from "./legacy/support.js";
import { convert, FILE, names, rollBack, verified } from "./support.js";

/** Folders can't be renamed in memory: files with a log in a folder go there in place in real-files.test.ts. */
function casesOf(strategy: "in-place" | "rewrite"): (readonly [string, (typeof fixtures)[number]])[] {
  const inMemory = fixtures.filter(
    ({ file }) => strategy === "rewrite" || fixtureInMemory(file).stat(`${FILE}-wal`)?.kind !== "folder",
  );
  return inMemory.map((entry) => [entry.file, entry] as const);
}

describe.each(["in-place", "rewrite"] as const)("%s", (strategy) => {
  test.each(casesOf(strategy))("%s", async (file, entry) => {
    const vfs = fixtureInMemory(file);
    const before = survey(vfs);
    const result = await convert(vfs, { strategy });
    expect(result).toMatchObject({ status: "converted", reason: null, records: entry.recordCount });
    expect(result.digest).toEqual({ before: entry.sha256, after: entry.sha256 });
    const report = verified(vfs);
    expect(report.problems).toEqual([]);
    expect(report.digest).toBe(entry.sha256);
    expect(report.freePages).toBe(0);
    expect(vfs.stat(FILE)?.size).toBe(result.bytes.after);
    expect(names(vfs)).toEqual(["file.db"]);

    const back = await rollBack(vfs);
    expect(back).toMatchObject({ status: "rolled-back", reason: null, records: entry.recordCount });
    const after = survey(vfs);
    expect(after.problems).toEqual([]);
    expect(after.generation).toBe(entry.recordCount === 0 ? before.generation : entry.generation.slice(0, 4));
    expect(after.trees.map((tree) => tree.root)).toEqual(before.trees.map((tree) => tree.root));
    expect(after.trees.map((tree) => tree.content?.digest)).toEqual([entry.sha256]);
    expect(after.trees.map((tree) => tree.healed)).toEqual([[]]);
    expect(names(vfs)).toEqual(["file.db"]);
  });
});
