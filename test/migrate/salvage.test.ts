/** What salvage takes for a legacy file's log and keys, whatever the file is named by and in whatever state they are. */

import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { convertInPlace } from "../../migrate/in-place-steps.js";
import { planMigration, salvageLegacyFile } from "../../migrate/index.js";
import { batchesOf } from "../../migrate/legacy/record-batch.js";
import { writeLegacyFile } from "../../migrate/legacy/writer.js";
import { asidePath, logPath } from "../../migrate/legacy-log.js";
import { newResult } from "../../migrate/results.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { cli } from "../commands/support.js";
import { fixture, fixtureFolder } from "./legacy/fixtures.js";
import { FILE, verified } from "./support.js";

const WITH_LOG = "gen1/u64-wal.db";
const OUT = "/out.esp";

describe("on a disk,", () => {
  let folder: string;
  let path: string;
  let out: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-salvage-"));
    path = join(folder, "file.db");
    out = join(folder, "out.esp");
    for (const suffix of ["", "-wal"]) cpSync(join(fixtureFolder, WITH_LOG + suffix), path + suffix);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test("the log of a file that is named by a link counts", () => {
    const link = join(folder, "link.db");
    symlinkSync(path, link);
    expect(salvageLegacyFile(link, out)).toMatchObject({ lost: [] });
    expect(verified(nodeVfs, out).digest).toBe(fixture(WITH_LOG).sha256);
  });

  test("a store that another salvage makes under the same name meanwhile stays", () => {
    const vfs: Vfs = Object.create(nodeVfs, {
      link: {
        value: (from: string, to: string): void => {
          writeFileSync(to, "the other's");
          nodeVfs.link(from, to);
        },
      },
    });
    expect(() => salvageLegacyFile(path, out, { vfs })).toThrow(
      expect.objectContaining({ code: "ERR_ESPALIER_EXISTS" }),
    );
    expect(readFileSync(out, "utf8")).toBe("the other's");
    expect(readdirSync(folder).sort()).toEqual(["file.db", "file.db-wal", "out.esp"]);
  });

  test("what a killed salvage has left is no store, and goes with the next", () => {
    writeFileSync(`${out}-salvage-0123456789abcdef01234567`, "half");
    salvageLegacyFile(path, out);
    expect(readdirSync(folder).sort()).toEqual(["file.db", "file.db-wal", "out.esp"]);
  });

  test("so does one beside the link, where no other is", () => {
    const link = join(folder, "link.db");
    symlinkSync(path, link);
    cpSync(logPath(path), logPath(link));
    rmSync(logPath(path));
    expect(salvageLegacyFile(link, out)).toMatchObject({ lost: [] });
    expect(verified(nodeVfs, out).digest).toBe(fixture(WITH_LOG).sha256);
  });

  test("what is saved of a file that others may not read, they may not read either", () => {
    chmodSync(path, 0o400);
    salvageLegacyFile(path, out);
    expect(statSync(out).mode & 0o777).toBe(0o400);
  });

  test("of two logs the one beside it counts, and the other is told", () => {
    writeFileSync(asidePath(path), readFileSync(logPath(path)).subarray(0, 32));
    const { lost } = salvageLegacyFile(path, out);
    expect(lost.map(({ reason }) => reason)).toEqual([
      `another log lies beside it and was not read: ${asidePath(path)}`,
    ]);
    expect(verified(nodeVfs, out).digest).toBe(fixture(WITH_LOG).sha256);
  });

  test("a log that is cut short is told, by salvage and by a plan", async () => {
    const log = readFileSync(logPath(path));
    writeFileSync(logPath(path), log.subarray(0, log.length - 100));
    const [plan] = await planMigration([path]);
    expect(`${plan?.notes} ${plan?.reasons}`).toMatch(/page 7|log is cut short/);
    const { lost } = salvageLegacyFile(path, out);
    expect(lost[0]?.reason).toMatch(/^the log is cut short: the frame at \d+ was not written whole$/);
  });

  test.each([0, 9, 40])(
    "where byte %i of the first page is damaged the command finds all, log included",
    (at) => {
      const bytes = readFileSync(path);
      bytes[at]! ^= 0x55;
      writeFileSync(path, bytes);
      expect(cli(["salvage", path, "--out", out]).code).toBe(1);
      expect(verified(nodeVfs, out).digest).toBe(fixture(WITH_LOG).sha256);
    },
  );

  test("the command takes a half-converted file, and says of something else that it is none", () => {
    const noise = join(folder, "noise");
    writeFileSync(noise, "x".repeat(10_000));
    const refused = cli(["salvage", noise, "--out", out]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("not an espalier store");
    const steps = convertInPlace(nodeVfs, path, { assumeClosed: true }, newResult(path), () => undefined);
    for (let step = steps.next(); !step.done && step.value.phase === "check"; step = steps.next());
    steps.return(undefined);
    expect(inspectFile(nodeVfs, path).kind).toBe("migrating");
    const { code, stderr } = cli(["salvage", path, "--out", out]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `2,000 records in ${out}, nothing lost\n` });
    expect(verified(nodeVfs, out).digest).toBe(fixture(WITH_LOG).sha256);
  });
});

describe("keys that are too long for the usual page size", () => {
  const recordsOf = (...lengths: readonly number[]): { key: Uint8Array; value: Uint8Array }[] =>
    lengths.map((length, i) => ({ key: new Uint8Array(length).fill(65 + i), value: Uint8Array.of(i) }));

  test.each([
    [16384, 3000],
    [32768, 7000],
  ])("on pages of %i bytes get a larger one", (pageSize, length) => {
    const vfs = new MemoryVfs();
    const records = recordsOf(10, length, length - 1, 3);
    writeLegacyFile(vfs, FILE, { generation: "gen3", pageSize, batches: () => batchesOf(records) });
    const report = salvageLegacyFile(FILE, OUT, { vfs });
    expect(report).toMatchObject({ records: 4, lost: [] });
    expect(verified(vfs, OUT)).toMatchObject({ problems: [], records: 4 });
  });

  test("are left out, and told, where no store has room for them", () => {
    const vfs = new MemoryVfs();
    const records = recordsOf(10, 15_000, 8000, 8001);
    writeLegacyFile(vfs, FILE, { generation: "gen3", pageSize: 65504, batches: () => batchesOf(records) });
    const report = salvageLegacyFile(FILE, OUT, { vfs });
    expect(report.records).toBe(2);
    expect(report.lost.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^the key 4242.* \(15000 bytes\) is longer than any store has room for$/),
      expect.stringMatching(/^the key 4444.* \(8001 bytes\) is longer/),
    ]);
  });
});
