/** A dump comes back as the very same bytes, whatever the encodings; a damaged one is refused. */

import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyField, valueField } from "../../src/commands/support/dump-format.js";
import { type DumpEvent, DumpReader } from "../../src/commands/support/dump-reader.js";
import { Session } from "../../src/commands/support/session.js";
import { open } from "../../src/index.js";
import { cli, cliEntry, output, temporaryFolder } from "./support.js";

function makeStore(path: string): void {
  using store = open(path, { pageSize: 1024 });
  store.put("", { empty: "key" });
  store.put("ключ\n", ["é", null, 1e21, -0, { "2": 1, "1": 2 }]);
  const bytes = store.tree<Uint8Array, Uint8Array>("bytes", {
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  bytes.put(new Uint8Array(0), new Uint8Array(0));
  bytes.put(Uint8Array.of(255, 0), new Uint8Array(20_000_000).fill(7));
  const tuples = store.tree<unknown, string>("a tree", { keyEncoding: "ordered", valueEncoding: "utf8" });
  for (const key of [1, -1.5, "x", ["x", 2], 12345678901234567890n, null, true])
    tuples.put(key, `of ${typeof key}`);
  store.tree("empty");
}

function digests(path: string): Record<string, { records: number; digest: string }> {
  const { trees } = JSON.parse(output(["verify", path, "--json"])) as {
    trees: Record<string, { records: number; digest: string }>;
  };
  return Object.fromEntries(
    Object.entries(trees).map(([name, { records, digest }]) => [name, { records, digest }]),
  );
}

describe("dump and load", () => {
  it("bring back all trees, encodings and bytes", () => {
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "from.esp"), join(folder, "to.esp")];
    makeStore(from);
    const dump = output(["dump", from]);
    expect(dump.split("\n")[0]).toBe('{"espalier-dump":1,"pageSize":1024,"trees":4}');
    output(["load", to], { input: dump });
    expect(digests(to)).toEqual(digests(from));
    expect(Object.keys(digests(to))).toEqual(["", "a tree", "bytes", "empty"]);
    expect(output(["dump", to])).toBe(dump);
    using store = open(to, { readOnly: true });
    expect(store.stats().pageSize).toBe(1024);
    expect(store.get("ключ\n")).toEqual(["é", null, 1e21, 0, { "1": 2, "2": 1 }]);
    expect(store.tree<unknown, string>("a tree").get(12345678901234567890n)).toBe("of bigint");
  });

  it("take one tree, other pages, and a file", () => {
    const folder = temporaryFolder();
    const [from, to, dump] = [join(folder, "from.esp"), join(folder, "to.esp"), join(folder, "dump.jsonl")];
    makeStore(from);
    writeFileSync(dump, output(["dump", from, "--tree", "a tree"]));
    const report = JSON.parse(output(["load", to, dump, "--page-size", "8192", "--json"]));
    expect(report).toEqual({ records: 7, trees: 1 });
    expect(JSON.parse(output(["stats", to, "--json"]))).toMatchObject({ pageSize: 8192, records: 0 });
    expect(digests(to)["a tree"]).toEqual(digests(from)["a tree"]);
  });

  it("take plain JSON lines", () => {
    const to = join(temporaryFolder(), "to.esp");
    output(["load", to], { input: '{"key":"a","value":{"x":1}}\r\n\n{"key":"b","value":2}' });
    expect(output(["scan", to])).toBe('a\t{"x":1}\nb\t2\n');
  });

  it("refuse a dump that was cut off, edited or is none", () => {
    const folder = temporaryFolder();
    const from = join(folder, "from.esp");
    makeStore(from);
    const lines = output(["dump", from, "--tree", "a tree"]).trimEnd().split("\n");
    const attempt = (name: string, input: string): ReturnType<typeof cli> =>
      cli(["load", join(folder, name)], { input });
    expect(attempt("cut", lines.slice(0, -1).join("\n"))).toMatchObject({ code: 4 });
    expect(attempt("cut2", lines.slice(0, -1).join("\n")).stderr).toContain("cut off");
    expect(attempt("edited", lines.filter((_, i) => i !== 3).join("\n"))).toMatchObject({ code: 4 });
    expect(attempt("none", "hello")).toMatchObject({ code: 4 });
    expect(attempt("none", "hello").stderr).toContain("line 1");
    expect(attempt("nothing", "")).toMatchObject({ code: 4 });
    expect(cli(["load", join(folder, "x"), join(folder, "no-such-dump")]).code).toBe(3);
  });

  it("refuse an edited dump for a store that has records, too", () => {
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "from.esp"), join(folder, "to.esp")];
    makeStore(from);
    output(["put", to, "mine", "1", "--create"]);
    const lines = output(["dump", from]).trimEnd().split("\n");
    const load = (kept: readonly string[]): ReturnType<typeof cli> =>
      cli(["load", to], { input: kept.join("\n") });
    expect(load(lines)).toMatchObject({ code: 0 });
    expect(load(lines)).toMatchObject({ code: 0 });
    const { code, stderr } = load(lines.filter((_, i) => i !== 2));
    expect([code, stderr]).toEqual([
      4,
      expect.stringContaining("is not what the dump says; was the dump edited?"),
    ]);
    const changed = lines.map((line) => line.replace("key", "kez").replace('"kez"', '"key"'));
    expect(changed).not.toEqual(lines);
    expect(load(changed)).toMatchObject({ code: 4 });
  });

  it("refuse what is not UTF-8: it would be stored as other characters", () => {
    const folder = temporaryFolder();
    const file = join(folder, "latin1.jsonl");
    writeFileSync(file, Buffer.from('{"key":"a","value":"caf\u00e9"}\n', "latin1"));
    const { code, stderr } = cli(["load", join(folder, "x.esp"), file]);
    expect([code, stderr]).toEqual([
      4,
      expect.stringContaining("latin1.jsonl is not UTF-8; nothing was loaded"),
    ]);
    const cut = Buffer.from('{"key":"a","value":1}\n{"key":"\u00e9').subarray(0, -1);
    expect(cli(["load", join(folder, "y.esp")], { input: cut }).stderr).toContain(
      "standard input is not UTF-8; 1 record was loaded before that",
    );
  });

  it("name what cannot be read", () => {
    const folder = temporaryFolder();
    const { code, stderr } = cli(["load", join(folder, "x.esp"), folder]);
    expect([code, stderr]).toEqual([3, expect.stringContaining(`read ${folder} failed: EISDIR`)]);
  });

  it("refuse a dump that was cut off between two trees, but for one that does not say how many it has", () => {
    const folder = temporaryFolder();
    const from = join(folder, "from.esp");
    makeStore(from);
    const lines = output(["dump", from]).trimEnd().split("\n");
    const ends = lines.flatMap((line, index) => (line.startsWith('{"end"') ? [index + 1] : []));
    expect(ends).toHaveLength(4);
    for (const end of [1, ...ends.slice(0, -1)]) {
      const { code, stderr } = cli(["load", join(folder, `cut${end}`)], {
        input: lines.slice(0, end).join("\n"),
      });
      expect([code, stderr]).toEqual([4, expect.stringContaining("of 4 trees: it was cut off")]);
    }
    const earlier = ['{"espalier-dump":1,"pageSize":1024}', ...lines.slice(1, ends[0])].join("\n");
    output(["load", join(folder, "earlier.esp")], { input: earlier });
    expect(digests(join(folder, "earlier.esp"))[""]).toEqual(digests(from)[""]);
  });

  it("refuse a dump in which one tree stands for another, or has no end", () => {
    const folder = temporaryFolder();
    const from = join(folder, "from.esp");
    {
      using store = open(from);
      for (let i = 0; i < 5; i++) store.put(`key${i}`, i);
      store.tree("other");
    }
    const lines = output(["dump", from]).trimEnd().split("\n");
    const middle = lines.findIndex((line) => line.startsWith('{"tree":"other"'));
    const other = lines.slice(middle);
    const refused = (input: string[]): string => {
      const { code, stderr } = cli(["load", join(folder, "to.esp")], { input: input.join("\n") });
      expect(code).toBe(4);
      return stderr;
    };
    expect(refused([lines[0]!, ...other, ...other])).toContain('"other" comes twice');
    const unended = lines.slice(0, middle - 3);
    expect(refused([...unended, ...other, other.at(-1)!])).toContain('"" has no end');
    expect(refused([...unended, other.at(-1)!, ...other])).toContain('"other" stands outside');
    expect(refused([...lines, other.at(-1)!])).toContain('"other" stands outside');
  });

  it("refuse plain lines that end within a long value", () => {
    const to = join(temporaryFolder(), "to.esp");
    const { code, stderr } = cli(["load", to], {
      input: '{"key":"a","parts":2,"bytes":6}\n{"part64":"YWJj"}',
    });
    expect([code, stderr]).toEqual([4, expect.stringContaining("cut off")]);
  });

  it("refuse a store with other encodings", () => {
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "from.esp"), join(folder, "to.esp")];
    makeStore(from);
    open(to, { keyEncoding: "binary" }).close();
    expect(cli(["load", to], { input: output(["dump", from]) })).toMatchObject({ code: 2 });
  });
});

describe("a dump's fields", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 24 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
  );

  it("give the same bytes again, for any bytes in any encoding", () => {
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.constantFrom("binary" as const, "ordered" as const, "utf8" as const),
        fc.constantFrom("json" as const, "utf8" as const, "binary" as const),
        (key, value, keyEncoding, valueEncoding) => {
          const reader = new DumpReader();
          reader.read('{"espalier-dump":1,"pageSize":4096}');
          reader.read(JSON.stringify({ tree: "", keyEncoding, valueEncoding }));
          const line = `{${keyField(key, keyEncoding)},${valueField(value, valueEncoding)}}`;
          const [event] = reader.read(line) as [DumpEvent & { kind: "record" }];
          expect(Buffer.from(event.key)).toEqual(Buffer.from(key));
          expect(Buffer.from(event.value)).toEqual(Buffer.from(value));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("are readable where they can be", () => {
    expect(keyField(Buffer.from("a\nb"), "utf8")).toBe('"key":"a\\nb"');
    expect(valueField(Buffer.from('{"a":1}'), "json")).toBe('"value":{"a":1}');
    expect(valueField(Buffer.from('{ "a":1}'), "json")).toBe('"value64":"eyAiYSI6MX0="');
    const path = join(temporaryFolder(), "t.esp");
    using store = open<unknown, unknown>(path, { keyEncoding: "ordered" });
    store.put(["a", 1], 1);
    const raw = new Session(store).tree(undefined);
    const [key] = [...raw.handle.keys()];
    expect(keyField(key!, "ordered")).toBe('"key":["a",1]');
  });
});

describe("a load that ends before its time", () => {
  const LINES = Array.from({ length: 12_000 }, (_, i) => `{"key":"k${i}","value":${i}}`);

  it("leaves no store that did not exist and got nothing", () => {
    const folder = temporaryFolder();
    const to = join(folder, "to.esp");
    const tree = '{"tree":"","keyEncoding":"utf8","valueEncoding":"json"}';
    for (const [input, reason] of [
      ['{"espalier-dump":99}', "version 1"],
      [`{"espalier-dump":1,"pageSize":4096}\n${tree}\nhello`, "line 3 of the dump"],
      [`{"espalier-dump":1,"pageSize":4096}\n${tree}`, "it was cut off"],
    ] as const) {
      const { code, stderr } = cli(["load", to], { input });
      expect(code).toBe(4);
      expect(stderr).toContain(reason);
      expect(stderr).toContain("; nothing was loaded, and no store made\n");
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it("keeps an empty store that was there, and one of an empty dump", () => {
    const folder = temporaryFolder();
    const [there, to] = [join(folder, "there.esp"), join(folder, "to.esp")];
    open(there).close();
    expect(cli(["load", there], { input: "hello" }).stderr).toMatch(/line 1 .*; nothing was loaded/);
    output(["load", to], { input: output(["dump", there]) });
    expect(readdirSync(folder)).toEqual(["there.esp", "to.esp"]);
  });

  it.each([1, 2, 11_000])("has loaded all %i records before the bad line, and says so", (good) => {
    const to = join(temporaryFolder(), "to.esp");
    const input = [...LINES.slice(0, good), "{broken", ...LINES.slice(good)].join("\n");
    const { code, stderr } = cli(["load", to], { input });
    expect(code).toBe(4);
    expect(stderr).toContain(`line ${good + 1} of the dump: `);
    expect(stderr).toMatch(new RegExp(`; ${good.toLocaleString("en-US")} records? (was|were) loaded before`));
    expect(output(["scan", to, "--count"])).toBe(`${good}\n`);
  });

  it("says so of a dump that was cut off, as JSON, too", () => {
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "from.esp"), join(folder, "to.esp")];
    output(["load", from], { input: LINES.join("\n") });
    const input = output(["dump", from]).split("\n").slice(0, 1000).join("\n");
    const { code, stderr } = cli(["load", to, "--json"], { input });
    expect(code).toBe(4);
    expect(JSON.parse(stderr).error).toMatchObject({ name: "DamagedInputError", recordsLoaded: 998 });
    expect(output(["scan", to, "--count"])).toBe("998\n");
  });

  it("says of a record that the store does not take what came before its change", () => {
    const to = join(temporaryFolder(), "to.esp");
    const input = [...LINES.slice(0, 10_500), `{"key":"${"x".repeat(3000)}","value":1}`].join("\n");
    const { code, stderr } = cli(["load", to], { input });
    expect(code).toBe(2);
    expect(stderr).toContain("a key of 3000 bytes");
    expect(stderr).toContain("; 10,000 records were loaded before that");
    expect(output(["scan", to, "--count"])).toBe("10000\n");
  });

  it("in the middle of a long value of plain lines is not taken for whole", () => {
    const reader = new DumpReader();
    reader.read('{"key":"film","parts":2,"bytes":6}');
    reader.read('{"part64":"AAAA"}');
    expect(() => reader.finish()).toThrow("cut off");
  });
});

describe("a load that is interrupted", () => {
  const load = async (records: number): Promise<{ code: number | null; told: string; path: string }> => {
    const path = join(temporaryFolder(), "copy.esp");
    const child = spawn(process.execPath, [cliEntry(), "load", path], { stdio: ["pipe", "ignore", "pipe"] });
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    for (let i = 0; i < records; i++) child.stdin.write(`{"key":"${i}","value":${i}}\n`);
    const poll = setInterval(() => {
      // By then all is read but what a pipe and a stream hold: a few thousand lines.
      if (!existsSync(`${path}-lock`) || child.stdin.writableLength > 0) return;
      clearInterval(poll);
      child.kill("SIGINT");
    }, 20);
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    return { code, told, path };
  };

  it("says how much of the dump is in the store, which it closes", async () => {
    const { code, told, path } = await load(20_001);
    expect(code).toBe(130);
    const loaded = /interrupted; ([12])0,000 records were loaded before that\n$/.exec(told)?.[1];
    expect(existsSync(`${path}-lock`)).toBe(false);
    expect(output(["scan", path, "--count"])).toBe(`${loaded}0000\n`);
  });

  it("leaves no store behind where nothing was loaded", async () => {
    const { code, told, path } = await load(2);
    expect({ code, told }).toEqual({
      code: 130,
      told: "interrupted; nothing was loaded, and no store made\n",
    });
    expect(existsSync(path)).toBe(false);
  });

  it.runIf(process.platform === "linux")("ends at once where a named pipe's writer is silent", async () => {
    const [path, pipe] = [join(temporaryFolder(), "copy.esp"), join(temporaryFolder(), "pipe")];
    execFileSync("mkfifo", [pipe]);
    const child = spawn(process.execPath, [cliEntry(), "load", path, pipe], { stdio: "ignore" });
    const writer = await openFile(pipe, "w"); // When the command has opened it, too.
    await writer.write('{"key":"a","value":1}\n');
    const poll = setInterval(() => {
      if (!existsSync(`${path}-lock`)) return;
      clearInterval(poll);
      child.kill("SIGTERM"); // One: a second one ends any command.
    }, 20);
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    await writer.close();
    expect(code).toBe(130);
    expect(existsSync(path)).toBe(false);
  });
});
