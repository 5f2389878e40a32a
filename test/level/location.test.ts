/** Where a database lies, who may open it, and what is left when it is destroyed. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { EspalierLevel } from "../../src/level/index.js";
import { compiled } from "../support/compiled.js";
import { closing, codesOf, newFolder } from "./support/databases.js";

async function withRecord(location: string): Promise<EspalierLevel> {
  const db = closing(new EspalierLevel(location));
  await db.put("a", "1");
  return db;
}

describe("a location", () => {
  it("must be a string that is not empty", () => {
    for (const location of [undefined, null, "", 1, {}]) {
      expect(() => new EspalierLevel(location as string)).toThrow(
        new TypeError("The first argument 'location' must be a non-empty string"),
      );
    }
  });

  it("is what was given", () => {
    expect(closing(new EspalierLevel(join(newFolder(), "x"))).location).toMatch(/x$/);
  });

  it("that is not there becomes a folder, with those above it", async () => {
    const location = join(newFolder(), "a", "b", "db");
    const db = await withRecord(location);
    await db.close();
    expect(readdirSync(location)).toEqual(["data.esp"]);
    expect(open<Uint8Array, Uint8Array>(join(location, "data.esp")).get(Buffer.from("a"))).toEqual(
      new Uint8Array([0x31]),
    );
  });

  it("that ends in .esp is the store's file", async () => {
    const location = join(newFolder(), "a", "b", "db.esp");
    const db = await withRecord(location);
    await db.close();
    expect(readdirSync(join(location, ".."))).toEqual(["db.esp"]);
    expect(await closing(new EspalierLevel(location)).get("a")).toBe("1");
  });

  it("that is a file is the store's file, whatever its name", async () => {
    const location = join(newFolder(), "store");
    open(location, { keyEncoding: "binary", valueEncoding: "binary" }).close();
    const db = await withRecord(location);
    expect(db.store.path).toMatch(/store$/);
  });

  it("below a file gives an error of the database's own", async () => {
    const file = join(newFolder(), "file");
    writeFileSync(file, "");
    const codes = await codesOf(() => new EspalierLevel(join(file, "db")).open());
    expect(codes).toEqual(["LEVEL_DATABASE_NOT_OPEN", "LEVEL_IO_ERROR", "ERR_ESPALIER_IO", "ENOTDIR"]);
  });

  it("that is a folder may hold other files", async () => {
    const location = newFolder();
    writeFileSync(join(location, "notes.txt"), "mine");
    const db = await withRecord(location);
    await db.close();
    expect(readdirSync(location).sort()).toEqual(["data.esp", "notes.txt"]);
  });

  it("of LevelDB is refused, with the command that copies it", async () => {
    const location = join(newFolder(), "my db");
    mkdirSync(location);
    writeFileSync(join(location, "CURRENT"), "MANIFEST-000002\n");
    const db = closing(new EspalierLevel(location));
    const error = (await db.open().catch((thrown) => thrown)) as Error;
    const command = `espalier import-level '${location}' '${join(location, "data.esp")}'`;
    expect((error.cause as Error).message).toContain(command); // As a shell takes it: the name holds a space.
    expect(readdirSync(location)).toEqual(["CURRENT"]);
  });

  it("of another kind of store is refused", async () => {
    const location = join(newFolder(), "json.esp");
    open(location).close();
    const db = closing(new EspalierLevel(location));
    expect(await codesOf(() => db.open())).toEqual(["LEVEL_DATABASE_NOT_OPEN", "ERR_ESPALIER_ENCODING"]);
  });
});

describe("opening", () => {
  it("makes nothing with createIfMissing: false", async () => {
    const folder = newFolder();
    for (const name of ["db", "db.esp", "none/db.esp"]) {
      const db = closing(new EspalierLevel(join(folder, name), { createIfMissing: false }));
      expect(await codesOf(() => db.open())).toEqual([
        "LEVEL_DATABASE_NOT_OPEN",
        "LEVEL_NOT_FOUND",
        "ERR_ESPALIER_NOT_FOUND",
      ]);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it("read-only makes nothing, and changes nothing", async () => {
    const folder = newFolder();
    const missing = closing(new EspalierLevel(join(folder, "none"), { readOnly: true }));
    expect(await codesOf(() => missing.open())).toContain("LEVEL_NOT_FOUND");
    expect(readdirSync(folder)).toEqual([]);
    const location = join(folder, "db");
    await (await withRecord(location)).close();
    const before = readFileSync(join(location, "data.esp"));
    const db = closing(new EspalierLevel(location, { readOnly: true }));
    expect(await db.get("a")).toBe("1");
    const refused = ["LEVEL_READONLY", "ERR_ESPALIER_READ_ONLY"];
    expect(await codesOf(() => db.put("b", "2"))).toEqual(refused);
    expect(await codesOf(() => db.del("a"))).toEqual(refused);
    expect(await codesOf(() => db.batch([{ type: "del", key: "a" }]))).toEqual(refused);
    expect(await codesOf(() => db.clear())).toEqual(refused);
    await db.close();
    expect(readFileSync(join(location, "data.esp")).equals(before)).toBe(true);
  });

  it("is refused while this process has the store open, and names where", async () => {
    const location = newFolder();
    const first = await withRecord(location);
    const second = closing(new EspalierLevel(location));
    expect(await codesOf(() => second.open())).toEqual([
      "LEVEL_DATABASE_NOT_OPEN",
      "LEVEL_LOCKED",
      "ERR_ESPALIER_LOCKED",
    ]);
    const refused = await second.open().catch((error: Error) => error.cause);
    expect(String(refused)).toMatch(/opened at .*location\.test\.ts:\d+/);
    await first.close();
    await second.open();
    expect(await second.get("a")).toBe("1");
  });

  it("is refused while another process or thread has it open", async () => {
    const location = newFolder();
    await withRecord(location);
    const program = `
      const [sources, location] = process.argv.slice(1);
      const { EspalierLevel } = await import(sources + "/src/level/index.js");
      await new EspalierLevel(location).open().catch((error) => console.log(error.code, error.cause.code));`;
    const sources = pathToFileURL(compiled()).href;
    const words = ["--input-type=module", "-e", program, sources, location];
    const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 60_000 });
    expect(stdout).toBe("LEVEL_DATABASE_NOT_OPEN LEVEL_LOCKED\n");
    expect(await inThread(sources, location)).toBe("LEVEL_LOCKED");
  });

  it("works in a thread", async () => {
    const location = newFolder();
    expect(await inThread(pathToFileURL(compiled()).href, location)).toBe("opened");
    expect(await closing(new EspalierLevel(location)).get("thread")).toBe("was here");
  });

  it("of a database that its process left open recovers what was written", async () => {
    const location = newFolder();
    const program = `
      const [sources, location] = process.argv.slice(1);
      const { EspalierLevel } = await import(sources + "/src/level/index.js");
      const db = new EspalierLevel(location);
      for (let i = 0; i < 100; i++) await db.put("key" + i, "value" + i);
      db.iterator().next();
      if (location.endsWith("killed")) process.kill(process.pid, "SIGKILL");
      process.exit(0);`;
    for (const end of ["exited", "killed"]) {
      const place = join(location, end);
      const words = ["--input-type=module", "-e", program, pathToFileURL(compiled()).href, place];
      const { stderr } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 60_000 });
      expect(stderr).toBe("");
      const db = closing(new EspalierLevel(place));
      expect(await db.getMany(["key0", "key99"]), end).toEqual(["value0", "value99"]);
    }
  });
});

describe("a thread that ends", () => {
  it.each(["exit", "end", "terminate"])("by %s without closing leaves a database that opens", async (how) => {
    const location = newFolder();
    const program = `
      const { parentPort, workerData } = require("node:worker_threads");
      (async () => {
        const { EspalierLevel } = await import(workerData.sources + "/src/level/index.js");
        const db = new EspalierLevel(workerData.location);
        await db.put("thread", "was here");
        db.iterator().next();
        if (workerData.how === "exit") process.exit(0);
        if (workerData.how === "terminate") setInterval(() => {}, 1000);
        parentPort.postMessage("written");
      })();`;
    const workerData = { sources: pathToFileURL(compiled()).href, location, how };
    const worker = new Worker(program, { eval: true, execArgv: [], workerData });
    if (how === "terminate") worker.once("message", () => void worker.terminate());
    await once(worker, "exit");
    expect(await closing(new EspalierLevel(location)).get("thread")).toBe("was here");
  });
});

/** Opens the database in a thread, writes a record and closes it; says how that went. */
function inThread(sources: string, location: string): Promise<string> {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    (async () => {
      const { EspalierLevel } = await import(workerData.sources + "/src/level/index.js");
      const db = new EspalierLevel(workerData.location);
      await db.open();
      await db.put("thread", "was here", { sync: true });
      await db.close();
      return "opened";
    })().catch((error) => error.cause?.code ?? String(error)).then((said) => parentPort.postMessage(said));`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { eval: true, execArgv: [], workerData: { sources, location } });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describe("destroy()", () => {
  it("needs a location", async () => {
    for (const location of [undefined, ""]) {
      await expect(EspalierLevel.destroy(location as string)).rejects.toThrow(TypeError);
    }
  });

  it("does nothing where nothing is, and makes nothing", async () => {
    const folder = newFolder();
    await EspalierLevel.destroy(join(folder, "none"));
    await EspalierLevel.destroy(join(folder, "none.esp"));
    await EspalierLevel.destroy(join(folder, "a", "b", "c"));
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves a folder alone that holds something else", async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "bar"));
    writeFileSync(join(folder, "foo"), "FOO");
    await EspalierLevel.destroy(folder);
    expect(readdirSync(folder).sort()).toEqual(["bar", "foo"]);
  });

  it("removes the database and its folder", async () => {
    const location = join(newFolder(), "db");
    await (await withRecord(location)).close();
    await EspalierLevel.destroy(location);
    expect(existsSync(location)).toBe(false);
  });

  it("removes only its own files", async () => {
    const location = newFolder();
    await (await withRecord(location)).close();
    writeFileSync(join(location, "foo"), "FOO");
    await EspalierLevel.destroy(location);
    expect(readdirSync(location)).toEqual(["foo"]);
  });

  it("leaves a file alone that is no store, and one that is not its log", async () => {
    const folder = newFolder();
    const notes = join(folder, "notes.txt");
    writeFileSync(notes, "mine");
    expect(await codesOf(() => EspalierLevel.destroy(notes))).toContain("ERR_ESPALIER_NOT_A_STORE");
    expect(readFileSync(notes, "utf8")).toBe("mine");
    const location = join(folder, "data.esp");
    await (await withRecord(location)).close();
    writeFileSync(`${location}-log1`, "mine");
    await EspalierLevel.destroy(location);
    expect(readdirSync(folder).sort()).toEqual(["data.esp-log1", "notes.txt"]);
  });

  it.each([
    ["whose header is damaged", 8],
    ["that was never begun", 0],
  ])("removes a database %s", async (_what, bytes) => {
    const location = join(newFolder(), "db");
    await (await withRecord(location)).close();
    const file = join(location, "data.esp");
    writeFileSync(file, readFileSync(file).subarray(0, bytes));
    await EspalierLevel.destroy(location);
    expect(existsSync(location)).toBe(false);
  });

  it("is refused while the database is open", async () => {
    const location = newFolder();
    const db = await withRecord(location);
    expect(await codesOf(() => EspalierLevel.destroy(location))).toEqual([
      "LEVEL_LOCKED",
      "ERR_ESPALIER_LOCKED",
    ]);
    expect(await db.get("a")).toBe("1");
  });
});
