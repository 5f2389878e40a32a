/** What an interrupted run has left behind a legacy file is none of the file, for whoever looks at it next. */

import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { notePath } from "../../migrate/beside.js";
import { inspectFile } from "../../migrate/file-state.js";
import { writeNote } from "../../migrate/in-place/fence.js";
import { planMigration, rehearse, salvageLegacyFile } from "../../migrate/index.js";
import { decodeMeta, patchMeta } from "../../migrate/legacy/meta.js";
import { PageSeal } from "../../migrate/legacy/page-check.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { readFully, writeFully } from "../../src/vfs/whole-io.js";
import { bytesOf } from "../support/damage.js";
import { fixture, fixtureFolder } from "./legacy/fixtures.js";
import { put } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, leaveClaim, names, rollBack, verified } from "./support.js";

const file = scatteredFile({
  generation: "gen3",
  pageSize: 1024,
  records: variedRecords(100, 100, 1),
  seed: 1,
  inLog: 5,
});

/** Without a log. */
const plain = scatteredFile({
  generation: "gen3",
  pageSize: 1024,
  records: variedRecords(100, 100, 1),
  seed: 1,
});

describe.each(["there", "back"] as const)("on the way %s", (way) => {
  test("a plan and salvage see the file alone, whenever it was interrupted", async () => {
    const disk = file.vfs.clone();
    if (way === "back") await convert(disk);
    const act = way === "there" ? convert : rollBack;
    const dry = new FaultyVfs({ disk });
    await act(dry);
    let longer = 0;
    for (let at = 1; at <= dry.calls; at++) {
      const vfs = new FaultyVfs({ disk });
      vfs.crashAt = at;
      await expect(act(vfs)).rejects.toThrow(CrashSignal);
      const left = vfs.processKill(at);
      if (inspectFile(left, FILE).kind !== "legacy") continue;
      const [plan] = await planMigration([FILE], { vfs: left });
      expect(plan, `call ${at}`).toMatchObject({ possible: true, reasons: [], digest: file.digest });
      if (plan!.bytes.before! < left.stat(FILE)!.size) longer++;
      expect(salvageLegacyFile(FILE, "/out.esp", { vfs: left }).lost, `call ${at}`).toEqual([]);
      expect(verified(left, "/out.esp").digest).toBe(file.digest);
    }
    expect(longer).toBeGreaterThan(0);
  });
});

describe.each(["there", "back"] as const)("on the way %s, and its program used the file since", (way) => {
  /**
   * A checkpoint of the legacy engine, which may have made new pages; its replay loses how many there are. Returns where
   * they end.
   */
  function use(vfs: FaultyVfs, pages: number, replayed: boolean): number {
    const open = vfs.open(FILE, "write");
    const page = new Uint8Array(1024);
    readFully(open, page, 0, page.length, 0);
    const { nextPage, salt } = decodeMeta(page, FILE);
    const end = nextPage + pages;
    const changes = { nextPage: replayed ? nextPage : end, freeListHead: 0, lastCheckpointLsn: 2 };
    writeFully(open, patchMeta(page, changes), 0, page.length, 0);
    for (let number = nextPage; number < end; number++) {
      const other = new Uint8Array(1024).fill(number, 32);
      new PageSeal(1024, salt).seal(other, number, 5);
      writeFully(open, other, 0, other.length, number * 1024);
    }
    open.close();
    return end * 1024;
  }

  test.each([0, 1, 9, 40])("it ends behind its own pages, %i of them new", async (pages) => {
    const disk = plain.vfs.clone();
    if (way === "back") await convert(disk);
    const act = way === "there" ? convert : rollBack;
    const vfs = new FaultyVfs({ disk });
    const images: { left: FaultyVfs; at: number }[] = [];
    vfs.onCall = ({ call, changes }) => {
      if (changes) images.push({ left: vfs.processKill(call), at: call });
    };
    await act(vfs);
    let longer = 0;
    for (const { left, at } of images) {
      if (inspectFile(left, FILE).kind !== "legacy") continue;
      const end = use(left, pages, at % 2 === 0);
      const { size } = left.stat(FILE)!;
      const [plan] = await planMigration([FILE], { vfs: left });
      expect(plan, `call ${at}`).toMatchObject({ possible: true, reasons: [], digest: plain.digest });
      expect(plan!.bytes.before, `call ${at}`).toBe(end);
      if (end < size) longer++;
      expect(salvageLegacyFile(FILE, "/out.esp", { vfs: left }).lost, `call ${at}`).toEqual([]);
      expect(await convert(left), `call ${at}`).toMatchObject({ status: "converted", reason: null });
      expect(verified(left).digest).toBe(plain.digest);
    }
    expect(longer > 0).toBe(pages < 40);
  });
});

test("a rehearsal does without it, too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-leftover-"));
  try {
    const path = join(folder, "file.db");
    cpSync(join(fixtureFolder, "gen3/u64-range-delete.db"), path);
    const open = nodeVfs.open(path, "write");
    writeNote(nodeVfs, path, open);
    open.close();
    appendFileSync(path, Buffer.alloc(20_000, 7));
    const { files } = await rehearse([path]);
    expect(files[0]).toMatchObject({ status: "rehearsed", reason: null });
    expect(files[0]!.digest.after).toBe(fixture("gen3/u64-range-delete.db").sha256);
    expect(readdirSync(folder).sort()).toEqual(["file.db", "file.db-migration"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a rehearsal has the log that an interrupted run has set aside, as a plan and a run have, and refuses two", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-leftover-"));
  try {
    const path = join(folder, "file.db");
    cpSync(join(fixtureFolder, "gen3/u64-wal-only.db"), path);
    cpSync(join(fixtureFolder, "gen3/u64-wal-only.db-wal"), `${path}-wal-migration`);
    const { files } = await rehearse([path]);
    expect(files[0]).toMatchObject({ status: "rehearsed", reason: null });
    expect(files[0]!.digest.after).toBe(fixture("gen3/u64-wal-only.db").sha256);
    cpSync(`${path}-wal-migration`, `${path}-wal`);
    const [refused] = (await rehearse([path])).files;
    expect(refused).toMatchObject({ status: "refused", reason: expect.stringContaining("two logs") });
    expect(readdirSync(folder).sort()).toEqual(["file.db", "file.db-wal", "file.db-wal-migration"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a rollback by rewriting takes the note of one in place with it that came to no fence", async () => {
  const disk = file.vfs.clone();
  await convert(disk);
  const dry = new FaultyVfs({ disk });
  await rollBack(dry);
  let noted = 0;
  for (let at = 1; at <= dry.calls; at++) {
    const vfs = new FaultyVfs({ disk });
    vfs.crashAt = at;
    await expect(rollBack(vfs)).rejects.toThrow(CrashSignal);
    const left = vfs.processKill(at);
    if (left.stat(notePath(FILE)) === undefined || inspectFile(left, FILE).kind !== "store") continue;
    noted++;
    expect(await rollBack(left, { strategy: "rewrite" })).toMatchObject({ status: "rolled-back" });
    expect(names(left)).toEqual(["file.db"]);
  }
  expect(noted).toBeGreaterThan(0);
});

test("what a rewrite has left that was killed while it was verified goes with the next run, its lock, too", async () => {
  const disk = plain.vfs.clone();
  put(disk, `${FILE}-migration-new`, Buffer.alloc(8192));
  put(disk, `${FILE}-migration-new-lock`, Buffer.alloc(0));
  expect(await convert(disk)).toMatchObject({ status: "converted" });
  expect(names(disk)).toEqual(["file.db"]);
  const folder = mkdtempSync(join(tmpdir(), "espalier-leftover-"));
  try {
    const path = join(folder, "file.db");
    cpSync(join(fixtureFolder, "gen3/u64-range-delete.db"), path);
    leaveClaim(path);
    appendFileSync(`${path}-migration-rehearsal-migration-new-lock`, "{}");
    expect((await rehearse([path])).files[0]).toMatchObject({ status: "rehearsed" });
    expect(readdirSync(folder)).toEqual(["file.db"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("a file of another kind under the name of a leftover", () => {
  const TEXT = Buffer.from("What is to be done when the orders are migrated.\n");
  const NAMES = ["-migration", "-migration-new", "-migration-new-lock", "-migration-replaced"];

  test.each(NAMES)("stays, and a run, a plan and a rollback are refused: %s", async (name) => {
    const disk = plain.vfs.clone();
    put(disk, FILE + name, TEXT);
    for (const strategy of ["in-place", "rewrite"] as const) {
      const refused = {
        status: "refused",
        reason: expect.stringContaining(`${FILE}${name} is not the migrator's`),
      };
      expect(await convert(disk, { strategy })).toMatchObject(refused);
      expect(await rollBack(disk, { strategy })).toMatchObject(refused);
    }
    const [plan] = await planMigration([FILE], { vfs: disk });
    expect(plan).toMatchObject({ possible: false, reasons: [expect.stringContaining(FILE + name)] });
    expect(Buffer.from(bytesOf(disk, FILE + name))).toEqual(TEXT);
  });

  test.each(NAMES)("stays beside a store: %s", async (name) => {
    const disk = plain.vfs.clone();
    await convert(disk);
    put(disk, FILE + name, TEXT);
    expect(await convert(disk)).toMatchObject({ status: "unchanged" });
    expect(Buffer.from(bytesOf(disk, FILE + name))).toEqual(TEXT);
  });

  test("stays where it is longer than any note", async () => {
    const disk = plain.vfs.clone();
    put(disk, `${FILE}-migration`, Buffer.alloc(4096, 1));
    expect(await convert(disk)).toMatchObject({ status: "refused" });
    expect(bytesOf(disk, `${FILE}-migration`).length).toBe(4096);
  });
});
