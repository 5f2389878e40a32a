/**
 * What lies around a file: its other names, logs of another time, processes that come and go while it is read,
 * backups of an earlier state, folders with files of all sorts.
 */

import {
  appendFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Pace } from "../../migrate/control.js";
import { convertSteps, runFile } from "../../migrate/file-job.js";
import { findFiles, planMigration, rollbackMigration, runMigration } from "../../migrate/index.js";
import { patchMeta } from "../../migrate/legacy/meta.js";
import type { FileResult } from "../../migrate/results.js";
import { salvageLegacyFile } from "../../migrate/salvage.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { readExactly, writeFully } from "../../src/vfs/whole-io.js";
import { fixture, fixtureFolder } from "./legacy/fixtures.js";
import { fixtureInMemory, forgedVfs, put, record, survey } from "./legacy/support.js";
import { convert, FILE, verified } from "./support.js";

const WITH_LOG = "gen1/u64-wal.db";
const PLAIN = "gen3/u64-range-delete.db";
const STRATEGIES = ["in-place", "rewrite"] as const;

let folder: string;
let path: string;
let log: Buffer;
/** The log as it was one commit before. */
let earlier: Buffer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-surroundings-"));
  path = join(folder, "file.db");
  cpSync(join(fixtureFolder, WITH_LOG), path);
  cpSync(join(fixtureFolder, `${WITH_LOG}-wal`), `${path}-wal`);
  log = readFileSync(`${path}-wal`);
  earlier = withoutLastCommit(log);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The frames of a commit have one LSN, which they begin with. */
function withoutLastCommit(bytes: Buffer): Buffer {
  const frame = 32 + 8192;
  const lsnAt = (at: number): bigint => bytes.readBigUInt64BE(at);
  let end = bytes.length;
  while (end > 32 && lsnAt(end - frame) === lsnAt(bytes.length - frame)) end -= frame;
  return bytes.subarray(0, end);
}

function contentOf(file: string): Record<string, string> {
  const names = [file, `${file}-wal`, `${file}-wal-migration`].filter((name) => existsSync(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(name).toString("base64")]));
}

function headOf(vfs: Vfs): Uint8Array {
  const file = vfs.open(FILE, "read");
  try {
    const page = new Uint8Array(8192);
    readExactly(file, page, 0, page.length, 0);
    return page;
  } finally {
    file.close();
  }
}

function digestOf(file: string): string | undefined {
  return survey(nodeVfs, file).trees[0]!.content?.digest;
}

describe("a file with two names", () => {
  test.each(STRATEGIES)("is refused, %s: its log may lie by the other one", async (strategy) => {
    const other = join(folder, "other.db");
    linkSync(path, other);
    const before = contentOf(path);
    const [plan] = await planMigration([other], { strategy });
    expect(plan).toMatchObject({ possible: false });
    expect(plan!.reasons.join()).toMatch(/2 names/);
    const report = await runMigration([path, other], { strategy });
    for (const file of report.files) {
      expect(file.status).toBe("refused");
      expect(file.reason).toMatch(/2 names/);
    }
    expect(contentOf(path)).toEqual(before);
    unlinkSync(other);
    expect((await runMigration([path], { strategy })).files[0]!.digest.after).toBe(fixture(WITH_LOG).sha256);
  });

  test("is refused on the way back too", async () => {
    await runMigration([path]);
    linkSync(path, join(folder, "other.db"));
    const before = contentOf(path);
    expect((await rollbackMigration([path])).files[0]).toMatchObject({ status: "refused" });
    expect(contentOf(path)).toEqual(before);
  });
});

describe("two logs", () => {
  test.each(STRATEGIES)(
    "of which one was set aside once: none takes the other's place, %s",
    async (strategy) => {
      writeFileSync(`${path}-wal-migration`, earlier);
      const before = contentOf(path);
      expect((await planMigration([path]))[0]!.reasons.join()).toMatch(/two logs/);
      for (const action of [runMigration, rollbackMigration]) {
        const report = await action([path], { strategy });
        expect(report.files[0]!.status).toBe("refused");
        expect(report.files[0]!.reason).toMatch(/two logs/);
        expect(contentOf(path)).toEqual(before);
      }
      unlinkSync(`${path}-wal-migration`);
      expect((await runMigration([path], { strategy })).files[0]!.digest.after).toBe(
        fixture(WITH_LOG).sha256,
      );
    },
  );
});

describe("what would be the log of a file that goes back", () => {
  test.each(STRATEGIES)("and is none of its own is not removed, %s", async (strategy) => {
    const before = digestOf(path);
    await runMigration([path]);
    for (const make of [
      (name: string) => cpSync(join(fixtureFolder, PLAIN), name),
      (name: string) => writeFileSync(name, "a diary"),
      (name: string) => cpSync(join(fixtureFolder, "gen2/u64-wal.db-wal"), name),
      (name: string) => mkdirSync(join(name, "photos"), { recursive: true }),
    ]) {
      make(`${path}-wal`);
      const refused = await rollbackMigration([path], { strategy });
      expect(refused.files[0]).toMatchObject({ status: "refused" });
      expect(refused.files[0]!.reason).toMatch(/move it away/);
      expect(existsSync(`${path}-wal`)).toBe(true);
      rmSync(`${path}-wal`, { recursive: true });
    }
    writeFileSync(`${path}-wal`, log);
    expect((await rollbackMigration([path], { strategy })).files[0]!.reason).toBe(null);
    expect(readdirSync(folder)).toEqual(["file.db"]);
    expect(digestOf(path)).toBe(before);
  });
});

test.each(STRATEGIES)("a folder in the place of the log is not taken for one, %s", async (strategy) => {
  unlinkSync(`${path}-wal`);
  mkdirSync(join(`${path}-wal`, "photos"), { recursive: true });
  const report = await runMigration([path], { strategy });
  expect(report.files[0]).toMatchObject({ status: "corrupt", reason: expect.stringContaining("no log") });
  expect(existsSync(join(`${path}-wal`, "photos"))).toBe(true);
});

describe("somebody who comes and goes while the file is read", () => {
  /** Runs a conversion; `change` happens when the file is checked, before anything is written to it. */
  function convertWith(strategy: "in-place" | "rewrite", change: () => void): Promise<FileResult> {
    return runFile(
      path,
      (result) => convertSteps(nodeVfs, path, { strategy }, result, change),
      new Pace(nodeVfs, {}),
      () => undefined,
    );
  }

  test.each(STRATEGIES)("has committed something: the next run has it, %s", async (strategy) => {
    writeFileSync(`${path}-wal`, earlier);
    const result = await convertWith(strategy, () =>
      appendFileSync(`${path}-wal`, log.subarray(earlier.length)),
    );
    expect(result.reason).toMatch(/changed by somebody/);
    expect(result.status).toBe("locked");
    expect(readdirSync(folder).sort()).toEqual(["file.db", "file.db-wal"]);
    expect(digestOf(path)).toBe(fixture(WITH_LOG).sha256);
    expect((await runMigration([path], { strategy })).files[0]!.digest.after).toBe(fixture(WITH_LOG).sha256);
  });

  test.each(STRATEGIES)("has written into the file, %s", async (strategy) => {
    const before = contentOf(path);
    const later = readFileSync(path);
    const result = await convertWith(strategy, () => {
      later[later.length - 1]! ^= 1;
      writeFileSync(path, later);
    });
    expect(result).toMatchObject({ status: "locked" });
    expect(contentOf(path)).toEqual({ ...before, [path]: later.toString("base64") });
  });

  test.each([1, 2])("commits at sync %i of the file, beside the journal or the fence", async (sync) => {
    const disk = fixtureInMemory(WITH_LOG);
    const bytes = disk.stat(FILE)!.size;
    put(disk, `${FILE}-wal`, earlier);
    const vfs = new FaultyVfs({ disk, seed: 1 });
    let syncs = 0;
    vfs.onCall = ({ operation, path: of }) => {
      if (of === FILE && operation === "sync" && ++syncs === sync) put(vfs, `${FILE}-wal`, log);
    };
    const result = await convert(vfs);
    vfs.onCall = undefined;
    expect(result).toMatchObject({ status: "locked" });
    expect(vfs.stat(FILE)!.size).toBe(bytes);
    expect(vfs.list("/").sort()).toEqual(["file.db", "file.db-wal"]);
    expect((await convert(vfs)).digest.after).toBe(fixture(WITH_LOG).sha256);
    expect(verified(vfs).digest).toBe(fixture(WITH_LOG).sha256);
  });

  test("commits just before the rewritten file takes its place", async () => {
    const disk = fixtureInMemory(WITH_LOG);
    put(disk, `${FILE}-wal`, earlier);
    const { identity } = disk.stat(FILE)!;
    const vfs = new FaultyVfs({ disk, seed: 1 });
    vfs.onCall = ({ operation }) => {
      if (operation === "rename") put(vfs, `${FILE}-wal`, log);
    };
    expect(await convert(vfs, { strategy: "rewrite" })).toMatchObject({ status: "locked" });
    vfs.onCall = undefined;
    expect(vfs.stat(FILE)!.identity).toBe(identity);
    expect(vfs.list("/").sort()).toEqual(["file.db", "file.db-wal"]);
    const { digest } = await convert(vfs, { strategy: "rewrite" });
    expect(digest.after).toBe(fixture(WITH_LOG).sha256);
    expect(vfs.list("/")).toEqual(["file.db"]);
  });

  test("is not the migrator itself, killed while a rewritten file took its place", async () => {
    linkSync(path, `${path}-migration-replaced`);
    const plan = (await planMigration([path]))[0]!;
    expect(plan).toMatchObject({ possible: true, reasons: [] });
    expect((await runMigration([path])).files[0]).toMatchObject({ status: "converted", reason: null });
    expect(readdirSync(folder)).toEqual(["file.db"]);
  });

  test("is nobody where a file is shorter than what is compared of it", async () => {
    const vfs = forgedVfs({ pages: [{ page: 1, records: [record("key", "value")] }] });
    expect(vfs.stat(FILE)!.size).toBe(1024);
    expect(await convert(vfs)).toMatchObject({ status: "converted", reason: null, records: 1 });
  });

  test("makes a checkpoint beside the journal: its first page stays", async () => {
    const vfs = new FaultyVfs({ disk: fixtureInMemory(PLAIN), seed: 1 });
    const theirs = patchMeta(headOf(vfs), { nextPage: 4711, freeListHead: 0 });
    let done = false;
    vfs.onCall = ({ operation, path: of }) => {
      if (done || of !== FILE || operation !== "sync") return;
      done = true;
      const file = vfs.open(FILE, "write");
      writeFully(file, theirs, 0, theirs.length, 0);
      file.close();
    };
    expect(await convert(vfs)).toMatchObject({ status: "locked" });
    expect(Buffer.compare(headOf(vfs), theirs)).toBe(0);
  });
});

describe("a backup", () => {
  test("of a file that is named by a link has the log of the file", async () => {
    mkdirSync(join(folder, "links"));
    const link = join(folder, "links/link.db");
    symlinkSync(path, link);
    const backup = join(folder, "kept/copy.db");
    const report = await runMigration([link], { backup });
    expect(report.files[0]!.digest.after).toBe(fixture(WITH_LOG).sha256);
    expect(digestOf(backup)).toBe(fixture(WITH_LOG).sha256);
  });

  test("with an earlier log is not taken for one of the file as it is now", async () => {
    const backup = join(folder, "copy.db");
    cpSync(path, backup);
    writeFileSync(`${backup}-wal`, earlier);
    const before = contentOf(path);
    const refused = await runMigration([path], { backup });
    expect(refused.files[0]).toMatchObject({ status: "refused" });
    expect(refused.files[0]!.reason).toMatch(/exists already/);
    expect(contentOf(path)).toEqual(before);
    expect(readFileSync(`${backup}-wal`).equals(earlier)).toBe(true);
    writeFileSync(`${backup}-wal`, log);
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({ status: "converted" });
    expect(digestOf(backup)).toBe(fixture(WITH_LOG).sha256);
  });

  test.each(["", "file.db", "links/back.db"])("that would be the file itself is none: %j", async (name) => {
    mkdirSync(join(folder, "links"));
    symlinkSync(path, join(folder, "links/back.db"));
    const before = contentOf(path);
    const report = await runMigration([path], { backup: join(folder, name) });
    expect(report.files[0]).toMatchObject({ status: "refused", reason: expect.stringContaining("itself") });
    expect(contentOf(path)).toEqual(before);
  });

  test("whose log would be the file itself is none", async () => {
    const odd = join(folder, "odd-wal");
    cpSync(join(fixtureFolder, PLAIN), odd);
    const before = contentOf(odd);
    const report = await runMigration([odd], { backup: join(folder, "odd") });
    expect(report.files[0]).toMatchObject({ status: "refused", reason: expect.stringContaining("itself") });
    expect(contentOf(odd)).toEqual(before);
  });

  test("in a place that can't be looked at fails, and the other files go on", async () => {
    const other = join(folder, "other.db");
    cpSync(join(fixtureFolder, PLAIN), other);
    symlinkSync("loop", join(folder, "loop"));
    const report = await runMigration([path, other], { backup: join(folder, "loop") });
    expect(report.files.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(report.files[1]!.code).toBe("ERR_ESPALIER_IO");
  });

  test("with one changed byte anywhere is not taken for one of the file", async () => {
    const backup = join(folder, "copy.db");
    const bytes = readFileSync(path);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(backup, bytes);
    writeFileSync(`${backup}-wal`, log);
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({ status: "refused" });
  });
});

describe("a folder", () => {
  test("with the backups in it: the next run leaves them alone", () => {
    const backups = join(folder, "old");
    mkdirSync(backups);
    cpSync(path, join(backups, "file.db"));
    cpSync(path, join(folder, "older.db"));
    expect(findFiles([folder], ["legacy"], backups)).toEqual([path, join(folder, "older.db")]);
    expect(findFiles([join(folder, "**/*.db")], ["legacy"], backups)).toEqual([
      path,
      join(folder, "older.db"),
    ]);
    expect(findFiles([folder], ["legacy"], join(backups, "file.db"))).toHaveLength(2);
    expect(findFiles([folder], ["legacy"], folder)).toHaveLength(3);
    expect(findFiles([backups, join(backups, "*.db")], ["legacy"], folder)).toHaveLength(1);
    const named = join(backups, "file.db");
    expect(findFiles([named], ["legacy"], backups)).toEqual([named]);
  });

  test("with names that other files end in: all tree files are found", () => {
    rmSync(path);
    rmSync(`${path}-wal`);
    const names = [
      "customers-new",
      "file-partial",
      "pad-lock",
      "the-log1",
      "the-migration",
      "the-wal/file.db",
    ];
    mkdirSync(join(folder, "the-wal"));
    for (const name of names) cpSync(join(fixtureFolder, PLAIN), join(folder, name));
    expect(findFiles([folder], ["legacy"])).toEqual(names.map((name) => join(folder, name)));
  });

  test("with a name that is no text, or too deep: it is told", async () => {
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "b")), Buffer.of(0xff)]), readFileSync(path));
    const deep = join(folder, ...Array.from({ length: 34 }, () => "d"));
    mkdirSync(deep, { recursive: true });
    const files = findFiles([folder], ["legacy"]);
    expect(files.map((file) => file.slice(folder.length + 1))).toEqual([
      "b\ufffd",
      Array.from({ length: 33 }, () => "d").join("/"),
      "file.db",
    ]);
    const plans = await planMigration(files);
    expect(plans.map((plan) => plan.possible)).toEqual([false, false, true]);
  });

  test("and names that lead to one file: it is taken once", () => {
    symlinkSync(path, join(folder, "link.db"));
    const names = [path, join(folder, "./x/../file.db"), join(folder, "link.db"), folder];
    expect(findFiles(names, ["legacy"])).toEqual([path]);
  });
});

test("what was salvaged survives a power cut", () => {
  const vfs = new FaultyVfs({ disk: fixtureInMemory(PLAIN), seed: 1 });
  const { records } = salvageLegacyFile(FILE, "/out.esp", { vfs });
  expect(records).toBe(fixture(PLAIN).recordCount);
  expect(verified(vfs.powerCut("dropped", 1), "/out.esp").digest).toBe(fixture(PLAIN).sha256);
});
