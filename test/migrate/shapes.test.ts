/** Files that are not plain: several trees, disorder, ambiguity, flipped bits. */

import { describe, expect, test } from "vitest";
import { reasonsAgainst } from "../../migrate/check-file.js";
import { planMigration } from "../../migrate/index.js";
import { encodeMeta, META_ROOT_FIELDS, patchMeta } from "../../migrate/legacy/meta.js";
import { PageSeal } from "../../migrate/legacy/page-check.js";
import { batchesOf } from "../../migrate/legacy/record-batch.js";
import { BulkWriter } from "../../migrate/legacy/writer-bulk.js";
import { planBulk } from "../../migrate/legacy/writer-plan.js";
import { exitCode } from "../../migrate/results.js";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { headerOf, withPage } from "../support/forge.js";
import { digestOf, LOG_SALT, type PlainRecord, put, record, SALT, survey } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, rollBack, verified } from "./support.js";

const PAGE = 1024;

/** A graph file: trees named in the meta page. */
function graphFile(trees: Record<string, readonly PlainRecord[]>): MemoryVfs {
  const seal = new PageSeal(PAGE, SALT);
  const pages: Uint8Array[] = [new Uint8Array(PAGE)];
  const roots: { offset: number; page: number }[] = [];
  for (const [name, records] of Object.entries(trees)) {
    const plan = planBulk("gen3", PAGE, batchesOf(records));
    const starts: number[] = [];
    let next = pages.length;
    for (const level of plan.levels) {
      starts.push(next);
      next += level.length;
    }
    const writer = new BulkWriter(
      plan,
      seal,
      (level, index) => starts[level]! + index,
      (page, image) => {
        pages[page] = image.slice();
      },
    );
    for (const batch of batchesOf(records)) writer.add(batch);
    writer.finish();
    const field = META_ROOT_FIELDS.find((each) => each.name === name)!;
    roots.push({ offset: field.offset, page: writer.root });
  }
  const meta = encodeMeta({ pageSize: PAGE, salt: SALT, logSalt: LOG_SALT });
  pages[0] = patchMeta(meta, { nextPage: pages.length, freeListHead: 0, roots });
  const vfs = new MemoryVfs();
  put(vfs, FILE, new Uint8Array(Buffer.concat(pages)));
  return vfs;
}

/** Puts pages of kind 5 and 6, to which values refer, behind the others and in the place of free ones. */
function withOtherPages(vfs: MemoryVfs, count: number): Map<number, Uint8Array> {
  const bytes = contentOf(vfs);
  const found = survey(vfs);
  const seal = new PageSeal(found.pageSize, SALT);
  const pages = new Map<number, Uint8Array>();
  const next = found.meta.nextPage;
  const longer = new Uint8Array((next + count) * found.pageSize);
  longer.set(bytes);
  longer.set(patchMeta(longer.slice(0, found.pageSize), { nextPage: next + count, freeListHead: 0 }));
  for (let i = 0; i < count; i++) {
    const page = new Uint8Array(found.pageSize).fill(i + 1, 32, found.pageSize - (i % 3) * 100);
    seal.seal(page, next + i, 5 + (i % 2));
    longer.set(page, (next + i) * found.pageSize);
    pages.set(next + i, page);
  }
  vfs.unlink(FILE);
  put(vfs, FILE, longer);
  return pages;
}

function contentOf(vfs: Vfs): Uint8Array {
  const file = vfs.open(FILE, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

describe.each(["in-place", "rewrite"] as const)("pages that are no tree pages, %s", (strategy) => {
  test.each([{}, { pageSize: 4096 }])("are kept, and go back to their places: %j", async (options) => {
    const { vfs, digest, root } = scatteredFile({
      generation: "gen3",
      pageSize: PAGE,
      records: variedRecords(400, 90, 7),
      seed: 7,
      freePages: 3,
    });
    const pages = withOtherPages(vfs, 20);
    expect(survey(vfs).carried.length).toBe(20);
    expect(await convert(vfs, { strategy, ...options })).toMatchObject({ status: "converted", reason: null });
    expect(verified(vfs)).toMatchObject({ problems: [], digest });
    expect(await rollBack(vfs, { strategy })).toMatchObject({ status: "rolled-back", reason: null });
    const after = survey(vfs);
    expect(after.problems).toEqual([]);
    expect(after.trees.map((tree) => [tree.root, tree.content?.digest])).toEqual([[root, digest]]);
    const bytes = contentOf(vfs);
    for (const [page, image] of pages) {
      expect(bytes.subarray(page * PAGE, (page + 1) * PAGE)).toEqual(image);
      expect(after.isFree(page)).toBe(false);
    }
  });
});

describe.each(["in-place", "rewrite"] as const)("several trees, %s", (strategy) => {
  test("become named trees, and go back to their meta fields and roots", async () => {
    const trees = {
      nodes: variedRecords(200, 60, 1),
      edges: variedRecords(30, 300, 2),
      degree: [],
      label_index: [record("only")],
    };
    const vfs = graphFile(trees);
    const before = survey(vfs);
    expect(before.problems).toEqual([]);
    const result = await convert(vfs, { strategy });
    expect(result).toMatchObject({ status: "converted", records: 231 });
    expect(result.digest.after).toBe(result.digest.before);
    const report = verified(vfs);
    expect(report.problems).toEqual([]);
    for (const [name, records] of Object.entries(trees)) {
      expect(report.trees[name]?.digest).toBe(digestOf(records));
    }
    expect(report.trees[""]?.records).toBe(0);
    expect((await rollBack(vfs)).reason).toBe(null);
    const after = survey(vfs);
    expect(after.problems).toEqual([]);
    const shape = (found: typeof after): unknown =>
      found.trees.map((tree) => [tree.name, tree.root, tree.field?.offset, tree.content?.digest]);
    expect(shape(after)).toEqual(shape(before));
    expect(after.meta.image.subarray(32 + 40, 32 + 192)).toEqual(
      before.meta.image.subarray(32 + 40, 32 + 192),
    );
  });
});

test("a record in the unnamed tree of a file of several trees makes a rollback impossible", async () => {
  const vfs = graphFile({ nodes: [record("a")], edges: [record("b")] });
  await convert(vfs);
  const store = open<Uint8Array, Uint8Array>(FILE, { vfs, keyEncoding: "binary", valueEncoding: "binary" });
  store.put(Buffer.from("x"), Buffer.from("y"));
  store.close();
  expect((await rollBack(vfs)).reason).toMatch(/the unnamed tree was made by espalier/);
});

test("a tree that was dropped since makes a rollback impossible, and nothing is changed", async () => {
  const vfs = graphFile({ nodes: [record("a")], edges: [record("b")] });
  await convert(vfs);
  const store = open<Uint8Array, Uint8Array>(FILE, { vfs, keyEncoding: "binary", valueEncoding: "binary" });
  store.dropTree("edges");
  store.close();
  const before = contentOf(vfs);
  expect((await rollBack(vfs)).reason).toMatch(/the tree "edges" was dropped/);
  expect(Buffer.compare(contentOf(vfs), before)).toBe(0);
});

test("a root that is a leaf by itself goes back to its old page, wherever that was", async () => {
  const names = ["nodes", "edges", "degree"] as const;
  const vfs = graphFile({
    nodes: variedRecords(150, 60, 1),
    edges: [record("b")],
    degree: [record("c")],
  });
  const roots = (): (number | undefined)[] =>
    names.map((name) => survey(vfs).trees.find((tree) => tree.name === name)?.root);
  const before = roots();
  await convert(vfs);
  const store = open<Uint8Array, Uint8Array>(FILE, { vfs, keyEncoding: "binary", valueEncoding: "binary" });
  const encodings = { keyEncoding: "binary", valueEncoding: "binary" } as const;
  const nodes = store.tree<Uint8Array, Uint8Array>("nodes", encodings);
  for (let i = 0; i < 300; i++) nodes.put(Buffer.from(`more ${i}`), Buffer.alloc(40));
  store.close();
  expect((await rollBack(vfs)).reason).toBe(null);
  expect(roots()).toEqual(before);
});

/** It was called refused, and ended with the exit code of a refusal. */
test("a store that does not verify is not rolled back, and said to be corrupt", async () => {
  const vfs = graphFile({ nodes: [record("a")], edges: [record("b")] });
  await convert(vfs);
  const bytes = contentOf(vfs);
  const { pageSize, pageCount } = headerOf(bytes);
  // A tree that counts its records wrong: nothing that a rollback reads would tell.
  let spoiled: Uint8Array | undefined;
  for (let page = 8192 / pageSize; page < pageCount && spoiled === undefined; page++) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + page * pageSize, pageSize);
    if (view.getUint32(24, true) !== 1 || view.getUint16(10, true) !== 1) continue;
    spoiled = withPage(bytes, page, (changed) => changed.setUint32(24, 5, true));
  }
  put(vfs, FILE, spoiled as Uint8Array);
  const result = await rollBack(vfs);
  expect(result).toMatchObject({ status: "corrupt", code: "ERR_ESPALIER_CORRUPTION" });
  expect(result.reason).toMatch(/^\/file\.db: page \d+ is damaged: .*\(B5\)$/);
  expect(exitCode([result])).toBe(4);
  expect(Buffer.compare(contentOf(vfs), spoiled as Uint8Array)).toBe(0);
});

test("more pages of kind 5 and 6 than can be carried along are a reason against a conversion", () => {
  const found = survey(graphFile({ nodes: [record("a")] }));
  expect(reasonsAgainst(found)).toEqual([]);
  const image = new Uint8Array(PAGE);
  expect(reasonsAgainst({ ...found, carried: Uint32Array.of(7), carriedImages: [image] })).toEqual([]);
  expect(reasonsAgainst({ ...found, carried: Uint32Array.of(7, 8), carriedImages: [image] })[0]).toMatch(
    /kind 5 or 6/,
  );
});

test.each([224, 1000, 65567])(
  "a file with pages of %i bytes needs --page-size, and converts with it",
  async (pageSize) => {
    const records = variedRecords(400, 20, 3);
    const file = scatteredFile({ generation: "gen2", pageSize, records, seed: 3, freePages: 4 });
    expect((await convert(file.vfs)).reason).toMatch(/--page-size/);
    for (const strategy of ["in-place", "rewrite"] as const) {
      const vfs = file.vfs.clone();
      const result = await convert(vfs, { strategy, pageSize: 4096 });
      expect(result).toMatchObject({ status: "converted", reason: null });
      expect(verified(vfs)).toMatchObject({ ok: true, digest: file.digest });
      expect(await rollBack(vfs)).toMatchObject({ status: "rolled-back", reason: null });
      const back = survey(vfs);
      expect(back).toMatchObject({ pageSize, problems: [] });
      expect(back.trees[0]).toMatchObject({ root: file.root, content: { digest: file.digest } });
    }
  },
);

test("keys that are too long for the page size are refused with the size that would do", async () => {
  const records = Array.from({ length: 12 }, (_, i) =>
    record(`${"k".repeat(300)}${String(i).padStart(2, "0")}`, "v"),
  );
  const file = scatteredFile({ generation: "gen3", pageSize: 1024 + 512, records, seed: 1 });
  const result = await convert(file.vfs, { pageSize: 1024 });
  expect(result.status).toBe("refused");
  expect(result.reason).toMatch(/--page-size 2048/);
  expect(await convert(file.vfs, { pageSize: 2048 })).toMatchObject({ status: "converted" });
  expect(verified(file.vfs).digest).toBe(file.digest);
});

test("a key that no store has room for is refused, and no page size advised", async () => {
  const records = [record("k".repeat(8001), "v")];
  const file = scatteredFile({ generation: "gen3", pageSize: 65536, records, seed: 1 });
  const { reason } = await convert(file.vfs, { pageSize: 32768 });
  expect(reason).toMatch(/no page size has room for a key of 8001 bytes/);
  expect(reason).not.toMatch(/--page-size/);
});

test("bits flipped anywhere: refused with the file as it was, or converted to the same content", async () => {
  const file = scatteredFile({
    generation: "gen3",
    pageSize: 1024,
    records: variedRecords(60, 100, 4),
    seed: 4,
    freePages: 2,
  });
  const original = read(file.vfs);
  const prng = new Prng(4);
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    const bytes = original.slice();
    const at = prng.below(bytes.length);
    bytes[at]! ^= 1 << prng.below(8);
    const vfs = new MemoryVfs();
    put(vfs, FILE, bytes);
    const result = await convert(vfs);
    if (result.status === "converted") {
      expect(verified(vfs), `byte ${at}`).toMatchObject({ ok: true, digest: file.digest });
    } else {
      refused++;
      expect(Buffer.compare(read(vfs), bytes), `byte ${at}`).toBe(0);
    }
  }
  expect(refused).toBeGreaterThan(300);
});

function read(vfs: Vfs): Uint8Array {
  const file = vfs.open(FILE, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

test("a plan names the page size with which long values need no overflow pages", async () => {
  const { vfs } = scatteredFile({
    generation: "gen2",
    pageSize: 1024,
    records: variedRecords(60, 700, 3),
    seed: 3,
  });
  const [plan] = await planMigration([FILE], { vfs });
  expect(plan!.possible).toBe(true);
  expect(plan!.notes.join()).toMatch(/overflow pages; --page-size 4096 needs fewer/);
  const [larger] = await planMigration([FILE], { vfs, pageSize: 4096 });
  expect(larger!.notes.join()).not.toMatch(/overflow/);
  expect(larger!.bytes.after).toBeLessThan(plan!.bytes.after!);
});
