/** The proof of a store's content: it must find a record that is missing, too many, or another one. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bed } from "../../../matrix/bench/bed.js";
import { Dataset, loadedContent } from "../../../matrix/bench/dataset.js";
import type { BedSpec } from "../../../matrix/bench/plan.js";
import { SECTIONS } from "../../../matrix/bench/sections/registry.js";
import { engineById } from "../../../matrix/engines/registry.js";
import type { Key } from "../../../matrix/streams/shapes.js";

const SPEC: BedSpec = { shape: "text", records: 100, valueBytes: 20, seed: 3 };
let folder: string;
let bed: Bed;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-bed-"));
  bed = new Bed(engineById("espalier"), SPEC, folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function change(work: (put: (rank: number, version: number) => void) => void): Promise<string> {
  const copy = await bed.copyOfLoaded();
  const store = await bed.open(copy);
  await store.transaction(() =>
    work((rank, version) => {
      const [key] = bed.keysOf(Uint32Array.of(rank)) as [Key];
      if (version === 0) store.delete(key);
      else store.put(key, bed.data.valueOf(rank, version));
    }),
  );
  await store.close();
  return copy;
}

describe("a bed", () => {
  it("has keys for all phases of the cells that insert", () => {
    const sizes = { records: [100_001], large: false, seed: 1 };
    const cells = SECTIONS.flatMap((section) => section.cells(sizes));
    const inserts = cells.filter(({ task, options }) => task === "writes" && options["kind"] === "insert");
    const beds = new Map(inserts.map((cell) => [cell.bed.shape, new Dataset(cell.bed)]));
    expect(beds.size).toBe(2);
    for (const { id, bed: spec, options } of inserts) {
      const { fresh, tail } = beds.get(spec.shape) as Dataset;
      const keys = options["order"] === "sequential" ? tail : fresh;
      const needed = 2 * Number(options["operations"]) + Number(options["sustained"] ?? 0);
      expect(keys.length, id).toBeGreaterThanOrEqual(needed);
    }
  });

  it("loads its records once, and copies hold them", async () => {
    const loaded = await bed.loadedFolder();
    expect(await bed.loadedFolder()).toBe(loaded);
    const hash = await bed.prove(await bed.copyOfLoaded(), loadedContent(bed.data));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("finds a record that is missing, one too many and another value", async () => {
    const content = loadedContent(bed.data);
    const loaded = bed.data.loaded[7] as number;
    const fresh = bed.data.fresh[0] as number;
    const missing = await change((put) => put(loaded, 0));
    const more = await change((put) => put(fresh, 1));
    const other = await change((put) => put(loaded, 2));
    const shorter = await change((put) => put(Math.max(...bed.data.loaded), 0));
    const longer = await change((put) => put(bed.data.tail[0] as number, 1));
    for (const store of [missing, more, other, shorter])
      await expect(bed.prove(store, content)).rejects.toThrow();
    await expect(bed.prove(longer, content)).rejects.toThrow(/more records/);
    content[loaded] = 2;
    await expect(bed.prove(other, content)).resolves.toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a dataset", () => {
  it("keeps what is loaded, what may come and what lies above apart", () => {
    const { loaded, fresh, tail, keyCount } = new Dataset(SPEC);
    expect(loaded).toHaveLength(100);
    expect(fresh.length).toBe(tail.length);
    expect(new Set([...loaded, ...fresh, ...tail]).size).toBe(keyCount);
    expect(Math.min(...tail)).toBeGreaterThan(Math.max(...loaded, ...fresh));
  });

  it("is the same for the same seed, with values that differ by version", () => {
    const [one, two] = [new Dataset(SPEC), new Dataset(SPEC)];
    expect(two.loaded).toEqual(one.loaded);
    expect(two.keysOf(one.loaded, "text")).toEqual(one.keysOf(one.loaded, "text"));
    expect(two.valueOf(5)).toEqual(one.valueOf(5));
    expect(one.valueOf(5, 2).equals(one.valueOf(5))).toBe(false);
  });
});
