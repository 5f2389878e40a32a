/** Copies from classic-level and back: complete, proven, and nothing half-done left. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import yargs from "yargs";
import { exportLevelCommand } from "../../src/commands/export-level.js";
import { importLevelCommand } from "../../src/commands/import-level.js";
import { open } from "../../src/index.js";
import { type ClassicDatabase, loadClassicLevel } from "../../src/level/classic-level.js";
import { assertSameDigest } from "../../src/level/copy.js";
import {
  CopyMismatchError,
  type CopyProgress,
  EspalierLevel,
  exportLevel,
  importLevel,
  PackageMissingError,
} from "../../src/level/index.js";
import { ContentDigest } from "../../src/store/content-digest.js";
import { closing, codesOf, newFolder } from "./support/databases.js";

interface Classic extends ClassicDatabase {
  put(key: string, value: string): Promise<void>;
  compactRange(start: string, end: string): Promise<void>;
  sublevel(name: string): { put(key: string, value: string): Promise<void> };
  iterator(
    options?: object,
  ): ReturnType<ClassicDatabase["iterator"]> & { all(): Promise<[string, string][]> };
}

const { ClassicLevel } = createRequire(import.meta.url)("classic-level") as {
  ClassicLevel: new (location: string, options?: object) => Classic;
};

const RECORDS = 25_000;
let folder = "";
beforeEach(() => {
  folder = newFolder();
});

const at = (name: string): string => join(folder, name);

async function makeClassic(records = RECORDS, extra?: (db: Classic) => Promise<void>): Promise<string> {
  const db = new ClassicLevel(at("classic"), { valueEncoding: "utf8" });
  const operations = Array.from({ length: records }, (_, i) => ({
    type: "put" as const,
    key: Buffer.from(`key${(i * 7919) % 1_000_003}`),
    value: Buffer.from(`value ${i} ${"x".repeat(i % 97)}`),
  }));
  await db.batch(operations, { sync: false });
  await extra?.(db);
  await db.close();
  return at("classic");
}

interface Readable {
  open(): Promise<void>;
  iterator(): { all(): Promise<unknown[]> };
  close(): Promise<void>;
}

async function contentOf(db: Readable): Promise<unknown[]> {
  await db.open();
  try {
    return await db.iterator().all();
  } finally {
    await db.close();
  }
}

describe("import-level", () => {
  it("copies all records, which EspalierLevel then serves", async () => {
    const source = await makeClassic(RECORDS, async (db) => {
      await db.put("", "the empty key");
      await db.put("grün", "");
      await db.put("long", "y".repeat(3_000_000));
      await db.sublevel("sub").put("a", "1");
    });
    const steps: CopyProgress[] = [];
    const report = await importLevel(source, at("copy.esp"), { onProgress: (step) => steps.push(step) });
    expect(report.records).toBe(RECORDS + 4);
    expect(report.bytes).toBeGreaterThan(3_000_000);
    expect(await contentOf(new EspalierLevel(at("copy.esp")))).toEqual(
      await contentOf(new ClassicLevel(source)),
    );
    const db = closing(new EspalierLevel(at("copy.esp")));
    expect(await db.sublevel("sub").get("a")).toBe("1");
    expect(db.store.verify()).toMatchObject({ ok: true, digest: report.digest });
    await db.close();
    expect(steps.filter(({ phase }) => phase === "copying").length).toBeGreaterThan(2);
    expect(steps.at(-1)).toEqual({ phase: "verifying", records: report.records, total: report.records });
    expect(readdirSync(folder).sort()).toEqual(["classic", "copy.esp"]);
  });

  it("takes an empty database", async () => {
    expect(await importLevel(await makeClassic(0), at("copy.esp"))).toMatchObject({ records: 0, bytes: 0 });
    expect(await contentOf(new EspalierLevel(at("copy.esp")))).toEqual([]);
  });

  it("takes the page size that the longest key needs, or says which", async () => {
    const source = await makeClassic(10, (db) => db.put("k".repeat(5000), "long"));
    expect(await codesOf(() => importLevel(source, at("copy.esp"), { pageSize: 4096 }))).toEqual([
      "ERR_ESPALIER_OPTION",
    ]);
    await expect(importLevel(source, at("copy.esp"), { pageSize: 4096 })).rejects.toThrow(
      "a key of 5000 bytes needs pages of 32768 bytes or more",
    );
    expect(readdirSync(folder)).toEqual(["classic"]);
    await importLevel(source, at("copy.esp"));
    const db = closing(new EspalierLevel(at("copy.esp")));
    expect(await db.get("k".repeat(5000))).toBe("long");
    expect(db.store.stats().pageSize).toBe(32768);
  });

  it("refuses keys that no page size takes", async () => {
    const source = await makeClassic(10, (db) => db.put("k".repeat(9000), "long"));
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_OPTION"]);
    expect(readdirSync(folder)).toEqual(["classic"]);
  });

  it("leaves what is there alone", async () => {
    const source = await makeClassic(10);
    writeFileSync(at("copy.esp"), "mine");
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_EXISTS"]);
    expect(await codesOf(() => importLevel(at("none"), at("new.esp")))).toEqual(["ERR_ESPALIER_NOT_FOUND"]);
    mkdirSync(at("plain"));
    expect(await codesOf(() => importLevel(at("plain"), at("new.esp")))).toEqual(["ERR_ESPALIER_NOT_FOUND"]);
    expect(readdirSync(at("plain"))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(["classic", "copy.esp", "plain"]);
  });

  it("says when the database is open elsewhere", async () => {
    const source = await makeClassic(10);
    const db = closing(new ClassicLevel(source));
    await db.open();
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_LOCKED"]);
  });

  it("leaves nothing when it is stopped, and starts anew over what a crash left", async () => {
    const source = await makeClassic();
    const controller = new AbortController();
    const stopped = importLevel(source, at("copy.esp"), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(stopped).rejects.toThrow("aborted");
    expect(readdirSync(folder)).toEqual(["classic"]);
    const left = open<string, string>(at("copy.esp-import-unfinished"));
    left.put("left", "over");
    left.close();
    expect((await importLevel(source, at("copy.esp"))).records).toBe(RECORDS);
  });
});

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
    const source = await makeClassic(1000, (db) => db.compactRange("a", "z"));
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

describe("export-level", () => {
  async function makeStore(records = RECORDS): Promise<string> {
    const db = new EspalierLevel(at("store.esp"));
    await db.batch(
      Array.from({ length: records }, (_, i) => ({ type: "put", key: `key${i}`, value: `value${i}` })),
    );
    await db.close();
    return at("store.esp");
  }

  it("copies all records, which classic-level then serves, and back again to the same digest", async () => {
    const store = await makeStore();
    const steps: CopyProgress[] = [];
    const report = await exportLevel(store, at("classic"), { onProgress: (step) => steps.push(step) });
    expect(report.records).toBe(RECORDS);
    expect(await contentOf(new ClassicLevel(at("classic")))).toEqual(
      await contentOf(new EspalierLevel(store)),
    );
    expect(new Set(steps.map(({ phase }) => phase))).toEqual(new Set(["copying", "verifying"]));
    expect(steps.every(({ total }) => total === RECORDS)).toBe(true);
    expect((await importLevel(at("classic"), at("back.esp"))).digest).toBe(report.digest);
    expect(readdirSync(folder).sort()).toEqual(["back.esp", "classic", "store.esp"]);
  });

  it("takes the folder of a database too, and named trees of any encodings", async () => {
    const store = open<string, number>(at("trees.esp"));
    store.put("unnamed", 1);
    store.tree<string, string>("names", { keyEncoding: "utf8", valueEncoding: "utf8" }).put("a", "b");
    store.close();
    await exportLevel(at("trees.esp"), at("names"), { tree: "names" });
    expect(await contentOf(new ClassicLevel(at("names")))).toEqual([["a", "b"]]);
    await exportLevel(at("trees.esp"), at("unnamed"));
    expect(await contentOf(new ClassicLevel(at("unnamed")))).toEqual([["unnamed", "1"]]);
    expect(await codesOf(() => exportLevel(at("trees.esp"), at("none"), { tree: "none" }))).toEqual([
      "ERR_ESPALIER_NOT_FOUND",
    ]);
    const db = new EspalierLevel(at("folder"));
    await db.put("in", "folder");
    await db.close();
    await exportLevel(at("folder"), at("from-folder"));
    expect(await contentOf(new ClassicLevel(at("from-folder")))).toEqual([["in", "folder"]]);
  });

  it("takes a folder's name with a slash at its end, and touches no database with a name like its own", async () => {
    const store = await makeStore(10);
    await exportLevel(store, at("db-export"));
    await importLevel(at("db-export"), at("db.esp-import"));
    await exportLevel(store, `${at("db")}/`);
    await importLevel(at("db"), at("db.esp"));
    expect(readdirSync(folder).sort()).toEqual(["db", "db-export", "db.esp", "db.esp-import", "store.esp"]);
    for (const name of ["db", "db-export"])
      expect(await contentOf(new ClassicLevel(at(name)))).toEqual(await contentOf(new EspalierLevel(store)));
  });

  it("leaves what is there alone, and nothing when it is stopped", async () => {
    const store = await makeStore(3000);
    mkdirSync(at("there"));
    expect(await codesOf(() => exportLevel(store, at("there")))).toEqual(["ERR_ESPALIER_EXISTS"]);
    const controller = new AbortController();
    const stopped = exportLevel(store, at("classic"), {
      signal: controller.signal,
      onProgress: ({ phase }) => phase === "verifying" && controller.abort(),
    });
    await expect(stopped).rejects.toThrow("aborted");
    expect(readdirSync(folder).sort()).toEqual(["store.esp", "there"]);
  });
});

describe("a copy that does not hold what was read", () => {
  it("is refused by import-level, and removed", async () => {
    const source = await makeClassic(10);
    const prototype = ClassicLevel.prototype as Classic;
    const { iterator } = prototype;
    const spy = vi.spyOn(prototype, "iterator").mockImplementation(function (this: Classic, options) {
      const made = iterator.call(this, options);
      const nextv = made.nextv.bind(made);
      // The first record comes twice.
      made.nextv = async (size) =>
        (await nextv(size)).flatMap((entry, i) => (i === 0 ? [entry, entry] : [entry]));
      return made;
    });
    try {
      await expect(importLevel(source, at("copy.esp"))).rejects.toThrow(CopyMismatchError);
    } finally {
      spy.mockRestore();
    }
    expect(readdirSync(folder)).toEqual(["classic"]);
  });

  it("is refused by export-level, and removed", async () => {
    const store = open(at("store.esp"));
    store.putMany([
      ["a", 1],
      ["b", 2],
    ]);
    store.close();
    const prototype = ClassicLevel.prototype as Classic;
    const { batch } = prototype;
    const spy = vi.spyOn(prototype, "batch").mockImplementation(function (this: Classic, steps, options) {
      return batch.call(this, steps.slice(1), options);
    });
    try {
      await expect(exportLevel(at("store.esp"), at("copy"))).rejects.toThrow(CopyMismatchError);
    } finally {
      spy.mockRestore();
    }
    expect(readdirSync(folder)).toEqual(["store.esp"]);
  });
});

describe("the digest", () => {
  it("is the one of verify, for records of any size", () => {
    const store = open<Uint8Array, Uint8Array>(at("digest.esp"), {
      keyEncoding: "binary",
      valueEncoding: "binary",
    });
    const digest = new ContentDigest();
    for (const length of [0, 1, 65_527, 65_528, 65_529, 65_536, 200_000, 3]) {
      store.put(Buffer.from(String(length).padStart(8, "0")), new Uint8Array(length).fill(length));
    }
    for (const [key, value] of store.range()) digest.add(key, value);
    expect(digest.finish()).toBe(store.verify().digest);
    store.close();
  });

  it("that differs is an error", () => {
    assertSameDigest("x", "a", "a");
    expect(() => assertSameDigest("x", "a", "b")).toThrow(CopyMismatchError);
  });
});

describe("classic-level", () => {
  it("that is missing is named, with the command that gets it", async () => {
    const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    const error = await loadClassicLevel(() => Promise.reject(missing)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PackageMissingError);
    expect((error as Error).message).toContain("npm install classic-level");
    const broken = new Error("no native build");
    await expect(loadClassicLevel(() => Promise.reject(broken))).rejects.toBe(broken);
  });
});

describe("the commands", () => {
  async function run(...words: string[]): Promise<string> {
    let printed = "";
    const print = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed += String(text);
      return true;
    });
    const note = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      await yargs(words).command(importLevelCommand).command(exportLevelCommand).strict().parseAsync();
    } finally {
      print.mockRestore();
      note.mockRestore();
    }
    return printed;
  }

  it("print the digest, or JSON", async () => {
    const source = await makeClassic(100);
    const digest = (await run("import-level", source, at("copy.esp"))).trim();
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const report = JSON.parse(await run("export-level", at("copy.esp"), at("back"), "--json")) as object;
    expect(report).toMatchObject({ path: at("back"), records: 100, digest });
    const again = await run("import-level", at("back"), at("again.esp"), "--page-size", "8192", "--json");
    expect(JSON.parse(again)).toMatchObject({ digest });
    using store = open(at("again.esp"), { readOnly: true });
    expect(store.stats()).toMatchObject({ pageSize: 8192, records: 100 });
  });
});
