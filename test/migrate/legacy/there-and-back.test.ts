/**
 * Each fixture read and written again in its own generation, with its meta page and its root where it was: the
 * content is the same, and so is every field that the application could know. Records at the size limit of
 * their page fit again.
 */

import { describe, expect, test } from "vitest";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { writeLegacyFile } from "../../../migrate/legacy/writer.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import { fixturePath, fixtures, fixtureVfs } from "./fixtures.js";
import { survey } from "./support.js";

describe.each(fixtures.map((entry) => [entry.file, entry] as const))("%s", (name, entry) => {
  test("comes back", () => {
    const file = openLegacy(fixtureVfs, fixturePath(name));
    const before = file.inspect();
    const tree = before.trees[0]!;
    const vfs = new MemoryVfs();
    const written = writeLegacyFile(vfs, "/file.db", {
      generation: before.generation === "unknown" ? "gen1" : before.generation,
      pageSize: before.pageSize,
      batches: () => file.batches(before, tree),
      root: tree.root,
      meta: before.meta.image,
      ...(tree.field === undefined ? {} : { rootField: tree.field.name }),
    });
    file.close();
    expect(written.root).toBe(entry.rootPage);
    const after = survey(vfs);
    expect(after.problems).toEqual([]);
    expect(after.notes).toEqual([]);
    expect(after.generation).toBe(before.generation);
    expect(after.trees[0]).toMatchObject({ name: tree.name, root: tree.root, healed: [] });
    expect(after.trees[0]!.content).toEqual(tree.content);
    expect(tree.content?.digest).toBe(entry.sha256);
    const { nextPage, freeListHead, image, ...kept } = before.meta;
    expect(after.meta).toMatchObject(kept);
  });
});
