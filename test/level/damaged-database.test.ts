/** LevelDB databases that are damaged: import-level refuses what LevelDB would read without a word, and takes what a crash leaves. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { importLevel } from "../../src/level/index.js";
import { ClassicLevel, makeDatabase } from "./support/classic.js";
import { codesOf, newFolder } from "./support/databases.js";

let folder = "";
beforeEach(() => {
  folder = newFolder();
});

const at = (name: string): string => join(folder, name);

describe("import-level of a database with a flipped bit", () => {
  /** Tables and a log that holds what is in none of them. */
  async function makeFiles(compression: boolean): Promise<string> {
    const source = at("classic");
    const db = new ClassicLevel(source, { compression, valueEncoding: "buffer" });
    const batch = (from: number, to: number): Promise<void> => {
      const operations = Array.from({ length: to - from }, (_, i) => ({
        type: "put" as const,
        key: Buffer.from(`key${from + i}`),
        value: Buffer.from(`value ${Math.sin(from + i)}`),
      }));
      return db.batch(operations, { sync: false });
    };
    for (let i = 0; i < 4000; i += 500) await batch(i, i + 500);
    await db.compactRange("a", "z");
    await batch(4000, 5000);
    await db.close();
    return source;
  }

  it.each([true, false])(
    "refuses it, where LevelDB would leave records out or change them (compressed: %s)",
    async (compression) => {
      const source = await makeFiles(compression);
      const files = readdirSync(source).filter((name) => /\.(ldb|log)$/.test(name));
      expect(new Set(files.map((name) => name.slice(-4)))).toEqual(new Set([".ldb", ".log"]));
      for (const name of files) {
        const bytes = readFileSync(join(source, name));
        for (const share of [0.01, 0.3, 0.6, 0.9]) {
          const damaged = Buffer.from(bytes);
          const place = Math.floor(bytes.length * share);
          damaged[place] = bytes[place]! ^ 4;
          writeFileSync(join(source, name), damaged);
          if (bytes.length > 0)
            expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual([
              "ERR_ESPALIER_CORRUPTION",
            ]);
        }
        writeFileSync(join(source, name), bytes);
      }
      expect(readdirSync(folder).sort()).toEqual(["classic"]);
      expect((await importLevel(source, at("whole.esp"))).records).toBe(5000);
    },
  );

  it("takes one whose log breaks off, as a killed process leaves it", async () => {
    const source = await makeFiles(true);
    const name = readdirSync(source).find((each) => each.endsWith(".log"))!;
    const bytes = readFileSync(join(source, name));
    writeFileSync(join(source, name), bytes.subarray(0, bytes.length - 100));
    expect((await importLevel(source, at("copy.esp"))).records).toBe(4000);
  });
});

describe("import-level of a database whose log goes on behind a damage", () => {
  const PUTS = 1500;

  /** All of it in the log, a record each, in several blocks. */
  async function makeLog(): Promise<string> {
    const db = new ClassicLevel(at("classic"));
    for (let i = 0; i < PUTS; i++) await db.put(`key${i}`, `value ${i}`.repeat(5));
    await db.close();
    return join(at("classic"), readdirSync(at("classic")).find((name) => name.endsWith(".log"))!);
  }

  const BLOCK = 32_768;
  const damages: Record<string, (bytes: Buffer) => Buffer> = {
    "a length in the last block that leads out of it": (bytes) => {
      let last = bytes.length - (bytes.length % BLOCK);
      // Behind the part that the last block begins with.
      last += 7 + bytes.readUInt16LE(last + 4);
      bytes[last + 5]! |= 0x10;
      return bytes;
    },
    "the last length": (bytes) => {
      const last = bytes.lastIndexOf(`key${PUTS - 1}`);
      const header = bytes.lastIndexOf(Buffer.of(0, 1), last - 14) - 4 - 1;
      expect(header + 7 + bytes.readUInt16LE(header + 4)).toBe(bytes.length);
      bytes[header + 5]! |= 0x01;
      return bytes;
    },
    "a hole within a block": (bytes) => bytes.fill(0, BLOCK + 4096, BLOCK + 8192),
    "a block of zeros": (bytes) => bytes.fill(0, BLOCK, 2 * BLOCK),
    "zeros at its beginning": (bytes) => bytes.fill(0, 0, 512),
    "its first block missing": (bytes) => bytes.subarray(BLOCK),
  };

  const reasons: Record<string, string> = {
    "a length in the last block that leads out of it": "the checksum of a record of the log does not match",
    "the last length": "the length of a record of the log is wrong",
    "a hole within a block": "the checksum of a record of the log does not match",
    "a block of zeros": "records of the log are missing before others",
    "zeros at its beginning": "records of the log are missing before others",
    "its first block missing": "parts of a record of the log are missing",
  };

  it.each(Object.keys(damages))("refuses %s, which LevelDB passes over without a word", async (name) => {
    const log = await makeLog();
    writeFileSync(log, damages[name]!(readFileSync(log)));
    const error = await importLevel(at("classic"), at("copy.esp")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ERR_ESPALIER_CORRUPTION", reason: reasons[name] });
    expect(readdirSync(folder)).toEqual(["classic"]);
  });

  it("refuses one whose log is missing, which LevelDB takes for empty", async () => {
    rmSync(await makeLog());
    await expect(importLevel(at("classic"), at("copy.esp"))).rejects.toThrow(/names the log \d+.*missing/);
  });

  describe("in the next log, as a change of logs leaves two", () => {
    const RECORD_BYTES = 43;
    const [FIRST, SECOND] = [30, 20];

    /** One after the other, as LevelDB would have them: the records fit a block. */
    async function makeLogs(): Promise<[first: Buffer, second: Buffer]> {
      const db = new ClassicLevel(at("classic"));
      for (let i = 0; i < FIRST + SECOND; i++) await db.put(`key${i + 100}`, "x".repeat(15));
      await db.close();
      const bytes = readFileSync(join(at("classic"), "000003.log"));
      expect(bytes.length).toBe((FIRST + SECOND) * RECORD_BYTES);
      return [bytes.subarray(0, FIRST * RECORD_BYTES), bytes.subarray(FIRST * RECORD_BYTES)];
    }

    const writeLogs = (first: Uint8Array, second: Uint8Array): void => {
      writeFileSync(join(at("classic"), "000003.log"), first);
      writeFileSync(join(at("classic"), "000010.log"), second);
    };

    it.each([
      ["the first one's last record missing", (first: Buffer) => first.subarray(0, -RECORD_BYTES)],
      ["the first one cut off", (first: Buffer) => first.subarray(0, -100)],
      ["the first one's end in zeros", (first: Buffer) => Buffer.from(first).fill(0, 10 * RECORD_BYTES)],
      ["the first one empty", (first: Buffer) => first.subarray(0, 0)],
    ])("refuses %s, and the second one's beginning missing", async (_, damaged) => {
      const [first, second] = await makeLogs();
      for (const logs of [
        [damaged(first), second] as const,
        [first, second.subarray(RECORD_BYTES)] as const,
      ]) {
        writeLogs(...logs);
        await expect(importLevel(at("classic"), at("copy.esp"))).rejects.toThrow(
          /changes \d+ to \d+ are missing/,
        );
        expect(readdirSync(folder)).toEqual(["classic"]);
      }
    });

    it("takes both, and a second one that breaks off or is empty", async () => {
      for (const [cut, records] of [
        [0, SECOND],
        [100, SECOND - 3],
        [SECOND * RECORD_BYTES, 0],
      ] as const) {
        const [first, second] = await makeLogs();
        writeLogs(first, second.subarray(0, second.length - cut));
        const copy = await importLevel(at("classic"), at(`copy-${cut}.esp`));
        expect(copy.records).toBe(FIRST + records);
        rmSync(at("classic"), { recursive: true });
      }
    });
  });

  it("refuses one that lacks a table, or a whole manifest, as damaged", async () => {
    const source = await makeDatabase(at("classic"), 1000, (db) => db.compactRange("a", "z"));
    const [table, manifest] = [/\.ldb$/, /^MANIFEST/].map((name) =>
      join(source, readdirSync(source).find((each) => name.test(each))!),
    );
    rmSync(table!);
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_CORRUPTION"]);
    writeFileSync(manifest!, "");
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_CORRUPTION"]);
  });

  it("takes one that ends in zeros, or anywhere, as a power cut leaves it", async () => {
    const log = await makeLog();
    const bytes = readFileSync(log);
    writeFileSync(log, Buffer.concat([bytes, Buffer.alloc(3 * BLOCK)]));
    expect((await importLevel(at("classic"), at("padded.esp"))).records).toBe(PUTS);
    rmSync(at("classic"), { recursive: true });
    for (const cut of [1, 6, 8, 60, 130, BLOCK + 1]) {
      const again = await makeLog();
      writeFileSync(again, bytes.subarray(0, bytes.length - cut));
      const { records } = await importLevel(at("classic"), at(`cut-${cut}.esp`));
      expect(records).toBeLessThan(PUTS);
      expect(records).toBeGreaterThan(500);
      rmSync(at("classic"), { recursive: true });
    }
  });
});
