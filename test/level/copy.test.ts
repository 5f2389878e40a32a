/** Copies from classic-level and back: complete, proven, and nothing half-done left. */

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import yargs from "yargs";
import { exportLevelCommand } from "../../src/commands/export-level.js";
import { importLevelCommand } from "../../src/commands/import-level.js";
import { open } from "../../src/index.js";
import { loadClassicLevel } from "../../src/level/classic-level.js";
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
import { type Classic, ClassicLevel, makeDatabase } from "./support/classic.js";
import { closing, codesOf, newFolder } from "./support/databases.js";

const RECORDS = 25_000;
let folder = "";
beforeEach(() => {
  folder = newFolder();
});

const at = (name: string): string => join(folder, name);

function makeClassic(records = RECORDS, extra?: (db: Classic) => Promise<void>): Promise<string> {
  return makeDatabase(at("classic"), records, extra);
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
    // Between a change of logs and that of the manifest, as another process's files may be found at any time.
    for (const name of readdirSync(source)) if (name.endsWith(".log")) rmSync(join(source, name));
    expect(await codesOf(() => importLevel(source, at("copy.esp")))).toEqual(["ERR_ESPALIER_LOCKED"]);
  });

  it("leaves a database of RocksDB alone, which LevelDB's opening can make unreadable for it", async () => {
    const source = await makeClassic(10);
    writeFileSync(join(source, "IDENTITY"), "1d0c-9e1f");
    const files = readdirSync(source);
    await expect(importLevel(source, at("copy.esp"))).rejects.toThrow(/no LevelDB database in .* RocksDB/);
    expect(readdirSync(source)).toEqual(files);
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

it("Options that are none are refused: without its name, a tree that is meant would be another one", async () => {
  const wrong = { treee: "by-name" } as never;
  await expect(exportLevel("a.esp", "b", wrong)).rejects.toMatchObject({ option: "treee" });
  await expect(importLevel("b", "c.esp", { pagesize: 512 } as never)).rejects.toMatchObject({
    option: "pagesize",
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

  it("is Node's to find in a bundle, too: webpack would look for it among what it has bundled", () => {
    expect(String(loadClassicLevel)).toContain("/* webpackIgnore: true */");
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
