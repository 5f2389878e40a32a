/**
 * A conversion in place, a rewrite and a rollback survive a crash at every call, and a second one after it; and so
 * they do where the crash makes somebody think again, and go the other way.
 */

import { describe, expect, test } from "vitest";
import type { LegacyGeneration } from "../../migrate/legacy/layout.js";
import { BLOCK_BYTES, POWER_CUTS, type PowerCut } from "../../src/vfs/crash-image.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { crashEverywhere } from "./crashes.js";
import { survey } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, names, rollBack, verified } from "./support.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);

interface Shape {
  readonly generation: LegacyGeneration;
  readonly pageSize: number;
  readonly targetPageSize?: number;
  readonly records: number;
  readonly valueMax: number;
  readonly freePages: number;
  readonly inLog: number;
}

const shapes: readonly Shape[] = [
  { generation: "gen1", pageSize: 512, records: 300, valueMax: 60, freePages: 5, inLog: 0 },
  { generation: "gen2", pageSize: 1024, records: 150, valueMax: 600, freePages: 0, inLog: 4 },
  { generation: "gen3", pageSize: 4096, records: 700, valueMax: 100, freePages: 2, inLog: 9 },
  { generation: "gen3", pageSize: 8192, records: 900, valueMax: 200, freePages: 0, inLog: 0 },
  {
    generation: "gen3",
    pageSize: 2048,
    targetPageSize: 4096,
    records: 400,
    valueMax: 90,
    freePages: 3,
    inLog: 0,
  },
];

/** In place, pages that share a block are written one without the other: that rests on the drive's sectors. */
function cutsInPlace({ pageSize }: Shape): readonly PowerCut[] {
  return pageSize < BLOCK_BYTES ? POWER_CUTS.filter((policy) => policy !== "garbage-blocks") : POWER_CUTS;
}

function isStoreWith(digest: string): (vfs: Vfs) => void {
  return (vfs) => {
    const report = verified(vfs);
    expect(report.problems).toEqual([]);
    expect(report.digest).toBe(digest);
    expect(names(vfs)).toEqual(["file.db"]);
  };
}

function isLegacyWith(digest: string, root: number): (vfs: Vfs) => void {
  return (vfs) => {
    const found = survey(vfs);
    expect(found.problems).toEqual([]);
    expect(found.trees.map((tree) => [tree.root, tree.content?.digest])).toEqual([[root, digest]]);
    expect(names(vfs)).toEqual(["file.db"]);
    expect(vfs.stat(FILE)?.size).toBe(found.meta.nextPage * found.pageSize);
  };
}

/** As isLegacyWith, or as it was before anything was begun, with its log. */
function isLegacyAgain(digest: string, root: number): (vfs: Vfs) => void {
  return (vfs) => {
    const found = survey(vfs);
    expect(found.problems).toEqual([]);
    expect(found.trees.map((tree) => [tree.root, tree.content?.digest])).toEqual([[root, digest]]);
    expect(["file.db", "file.db-wal"]).toEqual(expect.arrayContaining(names(vfs)));
  };
}

describe.each(shapes)(
  "$generation, $pageSize bytes a page, log of every $inLog. page (ESPALIER_SEED=1 replays)",
  (shape) => {
    const file = scatteredFile({
      ...shape,
      records: variedRecords(shape.records, shape.valueMax, SEED),
      seed: SEED,
    });
    const options = shape.targetPageSize === undefined ? {} : { pageSize: shape.targetPageSize };

    /** A disk with the file as a store. */
    async function converted(): Promise<typeof file.vfs> {
      const disk = file.vfs.clone();
      expect((await convert(disk, options)).status).toBe("converted");
      return disk;
    }

    test("there in place", async () => {
      const count = await crashEverywhere({
        cuts: cutsInPlace(shape),
        disk: file.vfs,
        action: (vfs) => convert(vfs, options),
        check: isStoreWith(file.digest),
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(40);
      expect(count.resumed).toBeGreaterThan(3);
      expect(count.crashedTwice).toBeGreaterThan(10);
    });

    test("there in place, but back again after the crash", async () => {
      const count = await crashEverywhere({
        cuts: cutsInPlace(shape),
        disk: file.vfs,
        action: (vfs) => convert(vfs, options),
        check: isStoreWith(file.digest),
        afterwards: { action: (vfs) => rollBack(vfs), check: isLegacyAgain(file.digest, file.root) },
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(40);
      expect(count.crashedTwice).toBeGreaterThan(10);
    });

    test("back in place, but there again after the crash", async () => {
      const count = await crashEverywhere({
        cuts: cutsInPlace(shape),
        disk: await converted(),
        action: (vfs) => rollBack(vfs),
        check: isLegacyWith(file.digest, file.root),
        afterwards: { action: (vfs) => convert(vfs, options), check: isStoreWith(file.digest) },
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(40);
      expect(count.crashedTwice).toBeGreaterThan(10);
    });

    test("there by rewriting", async () => {
      const count = await crashEverywhere({
        disk: file.vfs,
        action: (vfs) => convert(vfs, { ...options, strategy: "rewrite" }),
        check: isStoreWith(file.digest),
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(10);
    });

    test("there by rewriting, but back again after the crash", async () => {
      const count = await crashEverywhere({
        cuts: cutsInPlace(shape),
        disk: file.vfs,
        action: (vfs) => convert(vfs, { ...options, strategy: "rewrite" }),
        check: isStoreWith(file.digest),
        afterwards: { action: (vfs) => rollBack(vfs), check: isLegacyAgain(file.digest, file.root) },
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(10);
    });

    test("back in place", async () => {
      const count = await crashEverywhere({
        cuts: cutsInPlace(shape),
        disk: await converted(),
        action: (vfs) => rollBack(vfs),
        check: isLegacyWith(file.digest, file.root),
        seed: SEED,
      });
      expect(count.images).toBeGreaterThan(40);
      expect(count.crashedTwice).toBeGreaterThan(10);
    });
  },
);

// Its work on the copy is that of a rollback in place, whose calls are all above.
test("back by rewriting", async () => {
  const shape = shapes.at(-1)!;
  const file = scatteredFile({
    ...shape,
    records: variedRecords(shape.records, shape.valueMax, SEED),
    seed: SEED,
  });
  const disk = file.vfs.clone();
  expect((await convert(disk, { strategy: "rewrite" })).status).toBe("converted");
  const count = await crashEverywhere({
    disk,
    action: (vfs) => rollBack(vfs, { strategy: "rewrite" }),
    check: isLegacyWith(file.digest, file.root),
    seed: SEED,
  });
  expect(count.images).toBeGreaterThan(20);
});
