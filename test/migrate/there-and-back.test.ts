/** Every fixture, by each strategy, there and back again. */

import { describe, expect, test } from "vitest";
import { open } from "../../src/index.js";
import { fixtures } from "./legacy/fixtures.js";
import { bytes, fixtureInMemory, survey } from "./legacy/support.js";
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

/** Empty files are alike in all generations. */
test.each(["in-place", "rewrite"] as const)(
  "a file that was empty, and has records now, needs to be told its generation, %s",
  async (strategy) => {
    const vfs = fixtureInMemory("gen1/empty.db");
    expect(await convert(vfs)).toMatchObject({ status: "converted", from: null });
    const store = open<Uint8Array, Uint8Array>(FILE, { vfs });
    store.put(bytes("key"), bytes("value"));
    const { digest } = store.verify();
    store.close();
    const refused = await rollBack(vfs, { strategy });
    expect(refused).toMatchObject({ status: "refused", reason: expect.stringContaining("--to") });
    expect(verified(vfs).digest).toBe(digest);
    expect(await rollBack(vfs, { strategy, to: "gen1" })).toMatchObject({ status: "rolled-back" });
    const after = survey(vfs);
    expect(after).toMatchObject({ generation: "gen1", problems: [] });
    expect(after.trees[0]!.content?.digest).toBe(digest);
  },
);
