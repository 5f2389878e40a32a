/** Migrations on the real file system: folders of files, logs that are folders, other openers, backups, reports. */

import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import {
  exitCode,
  findFiles,
  type MigrationEvent,
  type MigrationReport,
  planMigration,
  rehearse,
  rollbackMigration,
  runMigration,
  salvageLegacyFile,
  statusOf,
} from "../../migrate/index.js";
import { open } from "../../src/index.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { fixture, fixtureFolder, fixtures } from "./legacy/fixtures.js";
import { survey } from "./legacy/support.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-migrate-test-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function take(name: string): string {
  const path = join(folder, name.replaceAll("/", "-"));
  cpSync(join(fixtureFolder, name), path);
  if (statSync(join(fixtureFolder, `${name}-wal`), { throwIfNoEntry: false }) !== undefined)
    cpSync(join(fixtureFolder, `${name}-wal`), `${path}-wal`, { recursive: true });
  return path;
}

function statOf(path: string): { kind: string; mode: number } {
  return { kind: inspectFile(nodeVfs, path).kind, mode: statSync(path).mode & 0o777 };
}

const WITH_FOLDER_LOG = "gen3-late/u64-wal.db";
const PLAIN = "gen3/u64-range-delete.db";

describe("one file", () => {
  test.each(["in-place", "rewrite"] as const)(
    "with a log in a folder, %s, there and back",
    async (strategy) => {
      const path = take(WITH_FOLDER_LOG);
      const entry = fixture(WITH_FOLDER_LOG);
      const inode = statSync(path).ino;
      const report = await runMigration([path], { strategy });
      expect(report.files[0]).toMatchObject({
        status: "converted",
        reason: null,
        records: entry.recordCount,
      });
      expect(readdirSync(folder)).toEqual([path.slice(folder.length + 1)]);
      if (strategy === "in-place") expect(statSync(path).ino).toBe(inode);
      const store = open(path, { keyEncoding: "binary", valueEncoding: "binary" });
      expect(store.verify().digest).toBe(entry.sha256);
      store.close();

      const back = await rollbackMigration([path]);
      expect(back.files[0]).toMatchObject({ status: "rolled-back", reason: null });
      const found = survey(nodeVfs, path);
      expect(found.problems).toEqual([]);
      expect(found.trees[0]).toMatchObject({ root: entry.rootPage, content: { digest: entry.sha256 } });
    },
  );

  test("what was written after the migration goes back with the rest", async () => {
    const path = take(PLAIN);
    const before = survey(nodeVfs, path);
    await runMigration([path]);
    const store = open<Uint8Array, Uint8Array>(path, { keyEncoding: "binary", valueEncoding: "binary" });
    store.putMany(
      Array.from({ length: 5000 }, (_, i) => [Buffer.from(`new ${i}`), Buffer.from(`value ${i}`)]),
    );
    const [first] = [...store.keys()];
    store.delete(first!);
    const expected = store.verify();
    store.close();
    const back = await rollbackMigration([path]);
    expect(back.files[0]).toMatchObject({ status: "rolled-back", records: expected.records });
    const found = survey(nodeVfs, path);
    expect(found.problems).toEqual([]);
    expect(found.trees[0]).toMatchObject({
      root: before.trees[0]!.root,
      content: { digest: expected.digest },
    });
    expect(found.meta.salt).toBe(before.meta.salt);
  });

  test.each([
    [
      "a value that no legacy leaf holds",
      (store: ReturnType<typeof openBinary>) => {
        store.put(Buffer.from("big"), Buffer.alloc(20_000));
      },
      /does not fit a leaf/,
    ],
    [
      "a second tree",
      (store: ReturnType<typeof openBinary>) => {
        store.tree("more").put("a", 1);
      },
      /made by espalier/,
    ],
  ] as const)(
    "%s makes a rollback impossible, and the store stays as it is",
    async (_what, change, reason) => {
      const path = take(PLAIN);
      await runMigration([path]);
      const store = openBinary(path);
      change(store);
      store.close();
      const before = readFileSync(path);
      const back = await rollbackMigration([path]);
      expect(back.files[0]!.status).toBe("refused");
      expect(back.files[0]!.reason).toMatch(reason);
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );

  test("an unknown file is refused, untouched and left without a lock file", async () => {
    const path = join(folder, "letter.txt");
    writeFileSync(path, "Dear tree");
    const report = await runMigration([path]);
    expect(report.files[0]!.status).toBe("refused");
    expect(readFileSync(path, "utf8")).toBe("Dear tree");
    expect(readdirSync(folder)).toEqual(["letter.txt"]);
  });

  test("a damaged file stays as it was, byte for byte; salvage gets the rest", async () => {
    const path = take(PLAIN);
    const bytes = readFileSync(path);
    bytes[8192 * 3 + 700]! ^= 0x10;
    writeFileSync(path, bytes);
    const report = await runMigration([path]);
    expect(report.files[0]).toMatchObject({ status: "corrupt", code: "ERR_ESPALIER_CORRUPTION" });
    expect(report.files[0]!.reason).toMatch(/page 3/);
    expect(exitCode(report.files)).toBe(4);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const out = join(folder, "rescued.esp");
    const salvaged = salvageLegacyFile(path, out);
    expect(salvaged.lost.length).toBeGreaterThan(0);
    expect(salvaged.records).toBeGreaterThan(0);
    const store = openBinary(out);
    expect(store.verify()).toMatchObject({ ok: true, records: salvaged.records });
    store.close();
  });
});

function openBinary(path: string): ReturnType<typeof open<Uint8Array, Uint8Array>> {
  return open<Uint8Array, Uint8Array>(path, { keyEncoding: "binary", valueEncoding: "binary" });
}

describe("others", () => {
  test("a file that another process has open is locked by its pid", async () => {
    const path = take(PLAIN);
    const script = `require("fs").openSync(${JSON.stringify(path)}, "r"); console.log("open"); setTimeout(() => {}, 60000)`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      const report = await runMigration([path]);
      expect(report.files[0]!.status).toBe("locked");
      expect(report.files[0]!.reason).toContain(`locked by pid ${child.pid}`);
      expect(exitCode(report.files)).toBe(5);
      const [plan] = await planMigration([path]);
      expect(plan!.possible).toBe(false);
    } finally {
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    expect((await runMigration([path])).files[0]!.status).toBe("converted");
  });

  test("the empty lock file of the legacy engine is no hindrance", async () => {
    const path = take(PLAIN);
    writeFileSync(`${path}-lock`, "");
    expect((await runMigration([path])).files[0]!.status).toBe("converted");
    expect(readdirSync(folder)).toHaveLength(1);
  });
});

describe("many files", () => {
  test("a folder run goes on past a failed file, and its events and report match their schema", async () => {
    const names = ["gen1/u64-wal.db", "gen2/u64-seq-1k.db", "gen3/empty.db", "gen3-late/near-max-keys.db"];
    for (const name of names) take(name);
    const broken = readFileSync(join(folder, "gen2-u64-seq-1k.db"));
    broken.fill(0xaa, 8192, 9000);
    writeFileSync(join(folder, "gen2-u64-seq-1k.db"), broken);
    const events: MigrationEvent[] = [];
    const files = findFiles([folder], ["legacy", "migrating"]);
    expect(files).toHaveLength(4);
    const report = await runMigration(files, { onEvent: (event) => events.push(structuredClone(event)) });
    expect(report.files.map((file) => file.status)).toEqual([
      "converted",
      "corrupt",
      "converted",
      "converted",
    ]);
    expect(exitCode(report.files)).toBe(1);
    const schema = JSON.parse(
      readFileSync(new URL("../../docs/migration-report.schema.json", import.meta.url), "utf8"),
    ) as object;
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(schema);
    const checkReport = ajv.getSchema("espalier-migration-report-1")!;
    const checkEvent = ajv.getSchema("espalier-migration-report-1#/$defs/event")!;
    expect([checkReport(report), checkReport.errors]).toEqual([true, null]);
    for (const event of events) expect([checkEvent(event), checkEvent.errors]).toEqual([true, null]);
    expect(events[0]!.event).toBe("run-started");
    expect(events.at(-1)!.event).toBe("report");
  });

  /** Converts a file until it is half done. */
  async function interrupted(
    path: string,
    options: { readonly backup?: string } = {},
  ): Promise<MigrationReport> {
    const stop = new AbortController();
    return runMigration([path], {
      ...options,
      signal: stop.signal,
      maxMbPerSec: 1,
      onEvent: (event) => {
        if (event.event === "progress" && event.phase === "convert") stop.abort();
      },
    });
  }

  test("an abort stops cleanly, and the next run goes on", async () => {
    const path = take("gen3/u64-rand-20k.db");
    const first = await interrupted(path);
    expect(first.files[0]!.status).toBe("interrupted");
    expect(first.run).toMatchObject({ complete: false, interrupted: "signal" });
    expect(exitCode(first.files)).toBe(130);
    expect(statusOf(path).state).toBe("converting");
    expect(() => open(path)).toThrow(/half converted/);
    const second = await runMigration([path]);
    expect(second.files[0]).toMatchObject({ status: "converted", resumed: true });
    expect(second.files[0]!.digest.after).toBe(fixture("gen3/u64-rand-20k.db").sha256);
  });

  /** Story: it went on, made no copy, and said nothing of it. */
  test.each([
    ["run", runMigration],
    ["rollback", rollbackMigration],
  ] as const)("no copy can be made of a half-converted file, by %s", async (_, run) => {
    const path = take("gen3/u64-rand-20k.db");
    const backup = join(folder, "kept.db");
    await interrupted(path);
    const refused = await run([path], { backup });
    expect(refused.files[0]).toMatchObject({ status: "refused" });
    expect(refused.files[0]!.reason).toMatch(/half converted, and the run that began it made no copy/);
    expect(existsSync(backup)).toBe(false);
    const { files } = await run([path]);
    expect(["converted", "rolled-back"]).toContain(files[0]!.status);
  });

  test("a half-converted file is gone on with as it was begun, and not as something else", async () => {
    const path = take("gen3/u64-rand-20k.db");
    await interrupted(path);
    const refused = await runMigration([path], { pageSize: 4096 });
    const plans = await Promise.all([4096, 8192].map((pageSize) => planMigration([path], { pageSize })));
    expect(plans.map(([plan]) => plan!.possible)).toEqual([false, true]);
    expect(refused.files[0]).toMatchObject({ status: "refused" });
    expect(refused.files[0]!.reason).toMatch(/half converted to pages of 8192 bytes, not 4096/);
    expect((await runMigration([path], { pageSize: 8192 })).files[0]!.status).toBe("converted");
    const stop = new AbortController();
    const onEvent = (event: MigrationEvent): void => {
      if (event.event === "progress" && event.phase === "convert") stop.abort();
    };
    await rollbackMigration([path], { to: "gen2", signal: stop.signal, maxMbPerSec: 1, onEvent });
    expect(statusOf(path).state).toBe("rolling-back");
    const other = await rollbackMigration([path], { to: "gen1" });
    expect(other.files[0]!.reason).toMatch(/half turned back to gen2, not gen1/);
    expect((await rollbackMigration([path], { to: "gen2" })).files[0]!.status).toBe("rolled-back");
    expect(survey(nodeVfs, path)).toMatchObject({ generation: "gen2", problems: [] });
  });

  test("a run with a backup that was interrupted is gone on with, and keeps its copy", async () => {
    const path = take("gen3/u64-rand-20k.db");
    const before = readFileSync(path);
    const backup = join(folder, "kept.db");
    expect((await interrupted(path, { backup })).files[0]!.status).toBe("interrupted");
    expect((await runMigration([path], { backup })).files[0]).toMatchObject({
      status: "converted",
      resumed: true,
    });
    expect(readFileSync(backup).equals(before)).toBe(true);
  });

  test("a backup keeps the original and its log, a rehearsal changes nothing", async () => {
    const path = take("gen1/u64-wal.db");
    const before = readFileSync(path);
    const rehearsed = await rehearse([path]);
    expect(rehearsed.files[0]).toMatchObject({ status: "rehearsed", reason: null });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["gen1-u64-wal.db", "gen1-u64-wal.db-wal"]);
    await runMigration([path], { backup: join(folder, "kept/original.db") });
    const kept = survey(nodeVfs, join(folder, "kept/original.db"));
    expect(kept.trees[0]!.content?.digest).toBe(fixture("gen1/u64-wal.db").sha256);
  });

  test("no backup is made of a file that can't be converted", async () => {
    const path = take(PLAIN);
    const bytes = readFileSync(path);
    for (let at = 8192 + 200; at < bytes.length; at += 8192) bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    const backup = join(folder, "kept.db");
    const report = await runMigration([path], { backup });
    expect(report.files[0]).toMatchObject({ status: "corrupt" });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).not.toContain("kept.db");
  });

  test("backups of files of one name in two folders do not clash", async () => {
    const paths = ["a", "b"].map((name) => {
      mkdirSync(join(folder, name));
      cpSync(join(fixtureFolder, PLAIN), join(folder, name, "data.db"));
      return join(folder, name, "data.db");
    });
    const report = await runMigration(paths, { backup: join(folder, "kept") });
    expect(report.files.map((file) => file.reason)).toEqual([null, null]);
    for (const name of ["a", "b"])
      expect(statOf(join(folder, "kept", name, "data.db"))).toMatchObject({ kind: "legacy" });
  });

  test("a backup goes into a folder that exists or is written as one, file after file", async () => {
    const [first, second] = ["first.db", "second.db"].map((name) => {
      cpSync(join(fixtureFolder, PLAIN), join(folder, name));
      return join(folder, name);
    }) as [string, string];
    await runMigration([first], { backup: join(folder, "kept/") });
    const report = await runMigration([second], { backup: join(folder, "kept") });
    expect(report.files[0]).toMatchObject({ status: "converted", reason: null });
    expect(readdirSync(join(folder, "kept"))).toEqual(["first.db", "second.db"]);
  });

  test("a file where a folder is needed for backups is told before anything is touched", async () => {
    const paths = [take(PLAIN), take("gen3/u64-seq-1k.db")];
    writeFileSync(join(folder, "kept"), "notes");
    for (const [files, backup] of [
      [paths, join(folder, "kept")],
      [paths.slice(1), join(folder, "kept/")],
    ] as const)
      await expect(runMigration(files, { backup })).rejects.toThrow(/kept is a file; a folder is needed/);
    const report = await runMigration(paths.slice(1), { backup: join(folder, "kept") });
    expect(report.files[0]).toMatchObject({ status: "refused" });
    expect(report.files[0]!.reason).toContain("exists already and is no copy of the file as it is");
    expect(paths.map((path) => statusOf(path).state)).toEqual(["legacy", "legacy"]);
  });

  test("an old backup is not taken for one of the file as it is now, be it the last page or the log", async () => {
    const path = take("gen1/u64-wal.db");
    const backup = join(folder, "kept.db");
    const attempt = async (): Promise<string | null> =>
      (await runMigration([path], { backup })).files[0]!.reason;
    const [bytes, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
    cpSync(`${path}-wal`, `${backup}-wal`);
    writeFileSync(backup, Uint8Array.from(bytes).with(bytes.length - 1, bytes.at(-1)! ^ 1));
    expect(await attempt()).toContain("is no copy of the file");
    cpSync(path, backup);
    writeFileSync(`${backup}-wal`, log.subarray(0, log.length - 1));
    expect(await attempt()).toContain("is no copy of the file");
    expect(statusOf(path).state).toBe("legacy");
    writeFileSync(`${backup}-wal`, log);
    expect(await attempt()).toBeNull();
  });

  test("a file that is rewritten keeps its permissions, there and back, and its backup comes first", async () => {
    const path = take(PLAIN);
    chmodSync(path, 0o640);
    const backup = join(folder, "kept.db");
    await runMigration([path], { strategy: "rewrite", backup });
    expect(statOf(path)).toEqual({ kind: "store", mode: 0o640 });
    expect(statOf(backup)).toMatchObject({ kind: "legacy" });
    const back = await rollbackMigration([path], { strategy: "rewrite" });
    expect(back.files[0]).toMatchObject({ status: "rolled-back", reason: null });
    expect(statOf(path)).toEqual({ kind: "legacy", mode: 0o640 });
    expect(survey(nodeVfs, path).trees[0]!.content?.digest).toBe(fixture(PLAIN).sha256);
    expect(readdirSync(folder).sort()).toEqual(["gen3-u64-range-delete.db", "kept.db"]);
  });

  test("a store that never was a legacy file goes to a generation that is named, and to none without", async () => {
    const path = join(folder, "new.db");
    const store = open(path, { keyEncoding: "utf8", valueEncoding: "utf8" });
    for (let i = 0; i < 500; i++) store.put(`key ${i}`, `value ${i}`);
    const { digest } = store.verify();
    store.close();
    const refused = await rollbackMigration([path]);
    expect(refused.files[0]).toMatchObject({ status: "refused" });
    expect(refused.files[0]!.reason).toMatch(/--to/);
    const back = await rollbackMigration([path], { to: "gen2" });
    expect(back.files[0]).toMatchObject({ status: "rolled-back", reason: null });
    const found = survey(nodeVfs, path);
    expect(found).toMatchObject({ generation: "gen2", problems: [] });
    expect(found.trees.map((tree) => tree.content?.digest)).toEqual([digest]);
  });

  test("what is missing in the command is told before the store is read whole, be it damaged", async () => {
    const path = join(folder, "new.db");
    const store = open(path);
    store.putMany(Array.from({ length: 5000 }, (_, i) => [`key ${i}`, i] as const));
    store.close();
    const bytes = readFileSync(path);
    bytes[Math.floor(bytes.length / 4096 / 2) * 4096 + 2000]! ^= 1;
    writeFileSync(path, bytes);
    const reason = async (to?: "gen3"): Promise<string | null> =>
      (await rollbackMigration([path], to === undefined ? {} : { to })).files[0]!.reason;
    expect(await reason()).toMatch(/name one with --to/);
    expect(await reason("gen3")).toMatch(/damaged/);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("a rollback to another generation", async () => {
    const path = take(PLAIN);
    await runMigration([path]);
    await rollbackMigration([path], { to: "gen1" });
    const found = survey(nodeVfs, path);
    expect(found).toMatchObject({ generation: "gen1", problems: [] });
    expect(found.trees[0]!.content?.digest).toBe(fixture(PLAIN).sha256);
  });
});

test.each(["in-place", "rewrite"] as const)(
  "a store made %s can be compacted to what is in it",
  async (strategy) => {
    const path = take("gen3/u64-rand-20k.db");
    await runMigration([path], { strategy });
    const before = statSync(path).size;
    const store = open<Uint8Array, Uint8Array>(path);
    store.clear();
    await store.compact();
    expect(store.verify().problems).toEqual([]);
    store.close();
    expect(statSync(path).size).toBeLessThan(before / 8);
  },
);

test("what the migrator leaves beside a file when it is killed is no file of a folder run", () => {
  const path = take(PLAIN);
  for (const suffix of [
    "-migration-new",
    "-migration-replaced",
    "-migration-rehearsal",
    "-migration-partial",
  ])
    cpSync(path, path + suffix);
  expect(findFiles([folder], ["legacy"])).toEqual([path]);
});

test("every fixture can be planned, and a plan changes nothing", async () => {
  for (const entry of fixtures) take(entry.file);
  const files = findFiles([folder], ["legacy"]);
  const before = files.map((path) => readFileSync(path));
  const plans = await planMigration(files);
  expect(plans.map((plan) => plan.reasons)).toEqual(plans.map(() => []));
  expect(plans.reduce((sum, plan) => sum + plan.records!, 0)).toBe(
    fixtures.reduce((sum, entry) => sum + entry.recordCount, 0),
  );
  files.forEach((path, index) => {
    expect(readFileSync(path).equals(before[index]!)).toBe(true);
  });
});
