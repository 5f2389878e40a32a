/**
 * Files that go by several names, and what lies beside them: logs beside a link, hard links, names that look
 * like those of helpers, backups and logs of another moment. Nothing is left out of a conversion unsaid.
 */

import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  findFiles,
  planMigration,
  rehearse,
  rollbackMigration,
  runMigration,
  salvageLegacyFile,
} from "../../migrate/index.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { buildMigrator } from "./built.js";
import { fixture, fixtureFolder } from "./legacy/fixtures.js";
import { survey } from "./legacy/support.js";
import { verified } from "./support.js";

const PLAIN = "gen3/u64-range-delete.db";
const WITH_LOG = "gen1/u64-wal.db";
const WITH_FOLDER = "gen3-late/u64-wal.db";
const LARGER = "gen1/u64-rand-20k.db";
const STRATEGIES = ["in-place", "rewrite"] as const;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-names-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function take(name: string, as = "file.db"): string {
  const path = join(folder, as);
  cpSync(join(fixtureFolder, name), path);
  if (existsSync(join(fixtureFolder, `${name}-wal`)))
    cpSync(join(fixtureFolder, `${name}-wal`), `${path}-wal`, { recursive: true });
  return path;
}

describe("a symbolic link", () => {
  test.each(STRATEGIES)("with the log beside it, %s: refused, and the way out", async (strategy) => {
    const path = take(WITH_LOG);
    const link = join(folder, "current.db");
    symlinkSync(path, link);
    renameSync(`${path}-wal`, `${link}-wal`);
    const before = [path, `${link}-wal`].map((name) => readFileSync(name));
    for (const result of [await runMigration([link], { strategy }), await rehearse([link], { strategy })])
      expect(result.files[0]).toMatchObject({
        status: "refused",
        reason: expect.stringContaining(`${link}-wal`),
      });
    const [plan] = await planMigration([link], { strategy });
    expect(plan).toMatchObject({ possible: false, reasons: [expect.stringContaining(`${link}-wal`)] });
    expect([path, `${link}-wal`].map((name) => readFileSync(name))).toEqual(before);
    renameSync(`${link}-wal`, `${path}-wal`);
    expect((await runMigration([link], { strategy })).files[0]).toMatchObject({ status: "converted" });
    expect(verified(nodeVfs, path).digest).toBe(fixture(WITH_LOG).sha256);
  });

  /** Stories: a folder's files were taken by their own names, and links to links went by the log of the one between. */
  test("in a folder with its file, or on the way from another link: a log beside it is not passed over", async () => {
    const path = take(WITH_LOG, "v1.db");
    const link = join(folder, "current.db");
    symlinkSync("v1.db", link);
    const top = join(folder, "top.db");
    symlinkSync("current.db", top);
    expect(findFiles([folder], ["legacy"])).toEqual([path]);
    renameSync(`${path}-wal`, `${link}-wal`);
    for (const names of [[folder], [path, link], [link, path]])
      expect(findFiles(names, ["legacy"])).toEqual([link]);
    expect((await runMigration([top])).files[0]).toMatchObject({
      status: "refused",
      reason: expect.stringContaining(`${link}-wal`),
    });
    salvageLegacyFile(top, join(folder, "rescued.esp"));
    expect(verified(nodeVfs, join(folder, "rescued.esp")).digest).toBe(fixture(WITH_LOG).sha256);
  });

  test("whose log is a link that leads nowhere: refused, and told by salvage", async () => {
    const path = take(WITH_LOG);
    const link = join(folder, "current.db");
    symlinkSync(path, link);
    renameSync(`${path}-wal`, join(folder, "away"));
    symlinkSync(join(folder, "fast"), `${link}-wal`);
    const nowhere = `${link}-wal, is a link that leads nowhere`;
    expect((await planMigration([link]))[0]!.reasons.join()).toContain(nowhere);
    for (const { files } of [await rehearse([link]), await runMigration([link])])
      expect(files[0]).toMatchObject({ status: "refused", reason: expect.stringContaining(nowhere) });
    // Of the names that it has in a folder it goes by that one.
    expect(findFiles([folder], ["legacy"])).toEqual([link]);
    const { lost } = salvageLegacyFile(link, join(folder, "rescued.esp"));
    expect(lost.map(({ reason }) => reason)).toEqual([`the log ${link}-wal is a link that leads nowhere`]);
  });

  test("whose log is a link as well is converted", async () => {
    const path = take(WITH_LOG);
    const link = join(folder, "current.db");
    symlinkSync(path, link);
    symlinkSync(`${path}-wal`, `${link}-wal`);
    expect((await runMigration([link])).files[0]).toMatchObject({ status: "converted", reason: null });
    expect(verified(nodeVfs, path).digest).toBe(fixture(WITH_LOG).sha256);
  });
});

describe("a log that is a link to another disk", () => {
  const takeLinked = (name: string): { path: string; place: string } => {
    const path = take(name);
    const place = join(folder, "fast");
    renameSync(`${path}-wal`, place);
    symlinkSync(place, `${path}-wal`);
    return { path, place };
  };
  const contentOf = (path: string): unknown[] =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name)).toString("base64")]);

  /** Story: the rehearsal's clone had a link to the same folder as its log, which went with it. */
  test("stays as it is when a conversion is rehearsed", async () => {
    const { path, place } = takeLinked(WITH_FOLDER);
    const before = contentOf(place);
    expect((await rehearse([path])).files[0]).toMatchObject({ status: "rehearsed", reason: null });
    expect(contentOf(place)).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(["fast", "file.db", "file.db-wal"]);
  });

  test.each(
    STRATEGIES.flatMap((strategy) => [WITH_LOG, WITH_FOLDER].map((name) => [name, strategy] as const)),
  )("%s, %s: the link goes, and the backup needs nothing of what it led to", async (name, strategy) => {
    const { path, place } = takeLinked(name);
    const backup = join(folder, "kept/");
    const { files } = await runMigration([path], { strategy, backup });
    expect(files[0]).toMatchObject({ status: "converted", reason: null });
    expect(verified(nodeVfs, path).digest).toBe(fixture(name).sha256);
    expect(readdirSync(folder).sort()).toEqual(["fast", "file.db", "kept"]);
    rmSync(place, { recursive: true });
    expect(survey(nodeVfs, join(backup, "file.db")).trees[0]?.content?.digest).toBe(fixture(name).sha256);
  });

  /** Story: a file was converted without its newest commits, and where only old segments were, the log stayed. */
  test("in part, and that is not there: refused where it holds commits, and gone with the log elsewhere", async () => {
    const path = take(WITH_FOLDER);
    const active = `${path}-wal/active`;
    renameSync(active, join(folder, "away"));
    symlinkSync(join(folder, "fast"), active);
    for (const { files } of [await rehearse([path]), await runMigration([path])])
      expect(files[0]).toMatchObject({ status: "refused", reason: expect.stringContaining(active) });
    rmSync(active);
    renameSync(join(folder, "away"), active);
    symlinkSync(join(folder, "fast"), `${path}-wal/recycle`);
    expect((await runMigration([path])).files[0]).toMatchObject({ status: "converted", reason: null });
    expect(verified(nodeVfs, path).digest).toBe(fixture(WITH_FOLDER).sha256);
    expect(readdirSync(folder)).toEqual(["file.db"]);
  });

  /** Story: newer Nodes copied links in the folder as links. */
  test("in part: the backup needs nothing of what its links led to", async () => {
    const path = take(WITH_FOLDER);
    const place = join(folder, "fast");
    renameSync(`${path}-wal/active`, place);
    symlinkSync(place, `${path}-wal/active`);
    const backup = join(folder, "kept/");
    const { files } = await runMigration([path], { backup });
    expect(files[0]).toMatchObject({ status: "converted", reason: null });
    rmSync(place, { recursive: true });
    const kept = survey(nodeVfs, join(backup, "file.db"));
    expect(kept.trees[0]?.content?.digest).toBe(fixture(WITH_FOLDER).sha256);
  });

  /** Story: the disk was not mounted, and the file was converted without its newest commits. */
  test("that is not there: refused, and told by salvage", async () => {
    const { path, place } = takeLinked(WITH_LOG);
    renameSync(place, `${place}-away`);
    const nowhere = /leads nowhere/;
    expect((await planMigration([path]))[0]!.reasons.join()).toMatch(nowhere);
    for (const { files } of [
      await rehearse([path]),
      await runMigration([path]),
      await rollbackMigration([path]),
    ])
      expect(files[0]).toMatchObject({ status: "refused", reason: expect.stringMatching(nowhere) });
    const { lost } = salvageLegacyFile(path, join(folder, "rescued.esp"));
    expect(lost.map(({ reason }) => reason).join()).toMatch(nowhere);
    renameSync(`${place}-away`, place);
    expect((await runMigration([path])).files[0]).toMatchObject({ status: "converted" });
    expect(verified(nodeVfs, path).digest).toBe(fixture(WITH_LOG).sha256);
  });
});

describe("several names of one file in one run", () => {
  /** In a process of its own, with threads. */
  function runWithThreads(paths: readonly string[]): string[] {
    const built = join(folder, "built");
    mkdirSync(built);
    buildMigrator(built);
    const script = `import { runMigration } from ${JSON.stringify(pathToFileURL(join(built, "migrate/index.js")).href)};
      const { files } = await runMigration(${JSON.stringify(paths)}, { jobs: ${paths.length} });
      console.log(JSON.stringify(files.map(({ status }) => status)));`;
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    return JSON.parse(out) as string[];
  }

  test("are worked on one after the other, however many threads there are", () => {
    const path = take(LARGER);
    const links = [1, 2].map((number) => join(folder, `link ${number}.db`));
    for (const link of links) symlinkSync(path, link);
    expect(runWithThreads([path, ...links])).toEqual(["converted", "unchanged", "unchanged"]);
    expect(verified(nodeVfs, path).digest).toBe(fixture(LARGER).sha256);
  });
});

describe("names in a folder", () => {
  test("that end like those of helpers are found like all others", () => {
    const names = ["orders-log2", "orders-log1", "b.db-wal", "a-lock"];
    for (const name of names) take(PLAIN, name);
    expect(findFiles([folder], ["legacy"])).toEqual([...names].sort().map((name) => join(folder, name)));
    take(PLAIN, "orders");
    expect(findFiles([folder], ["legacy"])).toEqual(
      [...names, "orders"].sort().map((name) => join(folder, name)),
    );
  });

  test("with spaces, quotes and line ends are converted; one that is no UTF-8 is told", async () => {
    const names = ["a b.db", "it's.db", 'say "x".db', "two\nlines.db", "täst.db"];
    for (const name of names) take(PLAIN, name);
    const path = take(PLAIN, "misnamed");
    renameSync(
      path,
      Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff, 0xfe]), Buffer.from(".db")]),
    );
    const found = findFiles([folder], ["legacy"]);
    expect(found).toHaveLength(names.length + 1);
    const { files } = await runMigration(found);
    for (const name of names) {
      const file = files.find((each) => each.path === join(folder, name));
      expect(file, name).toMatchObject({ status: "converted", reason: null });
    }
    expect(files.filter(({ status }) => status !== "converted")).toHaveLength(1);
  });

  test("that can't be looked at do not keep the others from their conversion", async () => {
    const path = take(PLAIN);
    const long = join(folder, "x".repeat(300));
    const { files } = await runMigration(findFiles([long, path], ["legacy"]));
    expect(files.map(({ status }) => status)).toEqual(["failed", "converted"]);
  });
});

describe("a backup that is there already", () => {
  test.each(["the log", "the file behind its first pages"])(
    "of a moment when %s was another",
    async (what) => {
      const path = take(WITH_LOG);
      const backup = join(folder, "backup.db");
      cpSync(path, backup);
      cpSync(`${path}-wal`, `${backup}-wal`);
      if (what === "the log") writeFileSync(`${backup}-wal`, readFileSync(`${path}-wal`).subarray(0, 64));
      else {
        const bytes = readFileSync(backup);
        bytes[bytes.length - 1]! ^= 1;
        writeFileSync(backup, bytes);
      }
      const { files } = await runMigration([path], { backup });
      expect(files[0]).toMatchObject({
        status: "refused",
        reason: expect.stringContaining("exists already"),
      });
    },
  );

  test("of this very moment stays", async () => {
    const path = take(WITH_LOG);
    const backup = join(folder, "backup.db");
    cpSync(path, backup);
    cpSync(`${path}-wal`, `${backup}-wal`);
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({ status: "converted" });
  });

  test("half, with a log of another moment: the log goes", async () => {
    const path = take(PLAIN);
    const backup = join(folder, "backup.db");
    writeFileSync(`${backup}-migration-partial`, "");
    mkdirSync(`${backup}-wal/active`, { recursive: true });
    writeFileSync(`${backup}-wal/active/1`, "old");
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({ status: "converted" });
    expect(existsSync(`${backup}-wal`)).toBe(false);
  });

  test("as nothing but a log: refused", async () => {
    const path = take(PLAIN);
    const backup = join(folder, "backup.db");
    writeFileSync(`${backup}-wal`, "somebody's");
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({ status: "refused" });
    expect(readFileSync(`${backup}-wal`, "utf8")).toBe("somebody's");
  });
});

test("a log that an earlier conversion left does not take the place of the file's own", async () => {
  const path = take(WITH_LOG);
  writeFileSync(`${path}-wal-migration`, readFileSync(`${path}-wal`).subarray(0, 64));
  const before = readFileSync(`${path}-wal`);
  const { files } = await runMigration([path]);
  expect(files[0]).toMatchObject({ status: "refused", reason: expect.stringContaining("two logs") });
  expect(readFileSync(`${path}-wal`).equals(before)).toBe(true);
  rmSync(`${path}-wal-migration`);
  appendFileSync(`${path}-wal`, "");
  expect((await runMigration([path])).files[0]).toMatchObject({ status: "converted" });
  expect(verified(nodeVfs, path).digest).toBe(fixture(WITH_LOG).sha256);
});
