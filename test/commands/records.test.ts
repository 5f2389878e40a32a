/** get, put, delete and scan: what is printed where, in which form, and with which exit code. */

import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { formatBytes } from "../../src/commands/support/formats.js";
import { open } from "../../src/index.js";
import { cli, cliEntry, output, spawnCli, temporaryFolder } from "./support.js";

let file: string;

beforeEach(() => {
  file = join(temporaryFolder(), "data.esp");
});

function fill(): void {
  using store = open(file);
  store.putMany(["a", "b/1", "b/2", "c"].map((key, i) => [key, { n: i }] as const));
  const bytes = store.tree<Uint8Array, Uint8Array>("bytes", {
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  bytes.put(Uint8Array.of(0, 255), Uint8Array.of(1, 2, 10));
  store
    .tree("tuples", { keyEncoding: "ordered", valueEncoding: "utf8" })
    .put(["user", 1] as never, "one\u001b[31m");
}

describe("get", () => {
  it("prints values as the tree's encoding says", () => {
    fill();
    expect(output(["get", file, "b/1"])).toBe('{"n":1}\n');
    expect(output(["get", file, "00ff", "--tree", "bytes"])).toBe("01020a\n");
    expect(output(["get", file, "00ff", "--tree", "bytes", "--value-as", "base64"])).toBe("AQIK\n");
    expect(output(["get", file, '["user",1]', "--tree", "tuples"])).toBe("one\u001b[31m\n");
    expect(JSON.parse(output(["get", file, "00ff", "-t", "bytes", "--json"]))).toEqual({
      key: "00ff",
      found: true,
      value: "01020a",
    });
  });

  it("hands out bytes unchanged", () => {
    fill();
    const { stdout } = spawnCli(["get", file, "00ff", "--tree", "bytes", "--raw"]);
    expect([...stdout]).toEqual([1, 2, 10]);
  });

  it("ends with 1 for a missing key, 3 for a missing store or tree", () => {
    fill();
    expect(cli(["get", file, "nobody"])).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse(cli(["get", file, "nobody", "--json"]).stdout)).toEqual({
      key: "nobody",
      found: false,
    });
    expect(cli(["get", `${file}x`, "a"]).code).toBe(3);
    const noTree = cli(["get", file, "a", "--tree", "byte"]);
    expect(noTree.code).toBe(3);
    expect(noTree.stderr).toContain("bytes, tuples");
  });
});

describe("put", () => {
  it("makes a store only when asked to, and keeps what it was given", () => {
    expect(cli(["put", file, "k", '{"a":[1,2]}']).code).toBe(3);
    output(["put", file, "k", '{ "a": [1, 2] }', "--create"]);
    expect(output(["get", file, "k"])).toBe('{"a":[1,2]}\n');
    expect(JSON.parse(output(["put", file, "k", "null", "--json"]))).toEqual({ key: "k", replaced: true });
  });

  // Story: an empty one stayed, and what looked at whether there is a store took the record for put.
  it("leaves no store behind that it has made for a record that is refused", () => {
    for (const words of [
      ["k", "Ada"],
      ["k".repeat(9000), "1"],
    ])
      expect(cli(["put", file, ...words, "--create"]).code).toBe(2);
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  it("takes a value from a file and from standard input", () => {
    fill();
    const value = join(temporaryFolder(), "value");
    writeFileSync(value, Uint8Array.of(0, 128, 255));
    output(["put", file, "aa", "--tree", "bytes", "--from", value]);
    output(["put", file, "bb", "--tree", "bytes", "--from", "-"], { input: Uint8Array.of(7) });
    expect(output(["scan", file, "--tree", "bytes"])).toBe("00ff\t01020a\naa\t0080ff\nbb\t07\n");
  });

  it("refuses what the tree's encoding cannot take", () => {
    fill();
    expect(cli(["put", file, "k", "Ada"])).toMatchObject({ code: 2 });
    expect(cli(["put", file, "k", "Ada"]).stderr).toContain("not JSON");
    expect(cli(["put", file, "xyz", "00", "--tree", "bytes"]).stderr).toContain("not hexadecimal");
    expect(cli(["put", file, "k"]).code).toBe(2);
    expect(cli(["put", file, "k".repeat(2000), "1"]).code).toBe(2);
  });

  it("refuses as hexadecimal, base64 or text, too, what programs could not read from the tree", () => {
    fill();
    const before = output(["dump", file]);
    for (const [words, problem] of [
      [["ff", "1", "--key-as", "hex"], "the key is not UTF-8, as the tree's keys are"],
      [
        ["ff", "x", "--key-as", "hex", "--tree", "tuples"],
        "the key is no ordered key, as the tree's keys are",
      ],
      [["k", "ff", "--value-as", "hex"], "the value is not UTF-8, but the tree's values are json"],
      [["k", "/w==", "--value-as", "base64"], "the value is not UTF-8, but the tree's values are json"],
      [["k", "Ada", "--value-as", "text"], "the value Ada is not JSON"],
      [["1", "ff", "--value-as", "hex", "--tree", "tuples"], "the value is not UTF-8, but"],
    ] as const) {
      const { code, stderr } = cli(["put", file, ...words]);
      expect({ code, stderr }, words.join(" ")).toEqual({
        code: 2,
        stderr: expect.stringContaining(problem),
      });
    }
    expect(output(["dump", file])).toBe(before);
    // minus infinity, which JSON has no word for
    output([
      "put",
      file,
      "0800fffffffffffff0",
      "7b7d",
      "--key-as",
      "hex",
      "--value-as",
      "hex",
      "--tree",
      "tuples",
    ]);
    output(["put", file, "6b", '{ "a":1}', "--key-as", "hex", "--value-as", "text"]);
    using store = open<string, unknown>(file, { readOnly: true });
    expect(store.get("k")).toEqual({ a: 1 });
    expect(store.tree<unknown, string>("tuples").get(Number.NEGATIVE_INFINITY)).toBe("{}");
  });

  it("quotes no more of a value than fits a line", () => {
    fill();
    const { stderr } = cli(["put", file, "k", "--from", "-"], { input: "x".repeat(1_000_000) });
    expect(stderr.length).toBeLessThan(300);
  });
});

describe("delete", () => {
  it("removes keys and ranges, and says how many", () => {
    fill();
    expect(JSON.parse(output(["delete", file, "a", "nobody", "--json"]))).toEqual({ removed: 1 });
    expect(JSON.parse(output(["delete", file, "--prefix", "b/", "--json"]))).toEqual({ removed: 2 });
    expect(output(["scan", file, "--keys"])).toBe("c\n");
    expect(cli(["delete", file, "a"]).code).toBe(1);
  });

  it("does not remove everything by mistake", () => {
    fill();
    expect(cli(["delete", file]).code).toBe(2);
    expect(cli(["delete", file, "a", "--gte", "a"]).code).toBe(2);
    expect(output(["scan", file, "--count"])).toBe("4\n");
  });
});

describe("scan", () => {
  it("goes by range, backwards and with a limit", () => {
    fill();
    expect(output(["scan", file])).toBe('a\t{"n":0}\nb/1\t{"n":1}\nb/2\t{"n":2}\nc\t{"n":3}\n');
    expect(output(["scan", file, "--gte", "b", "--lt", "c", "-k"])).toBe("b/1\nb/2\n");
    expect(output(["scan", file, "--reverse", "-n", "1"])).toBe('c\t{"n":3}\n');
    expect(output(["scan", file, "--prefix", "b/", "--json"])).toBe(
      '{"key":"b/1","value":{"n":1}}\n{"key":"b/2","value":{"n":2}}\n',
    );
    expect(JSON.parse(output(["scan", file, "--count", "--gt", "a", "--json"]))).toEqual({ records: 3 });
  });

  it("lets no control character of the data reach the terminal", () => {
    fill();
    expect(output(["scan", file, "--tree", "tuples"])).toBe('["user",1]\tone\\x1b[31m\n');
    using store = open(file);
    store.tree("odd\u001b[31m\u0007");
    store.close();
    expect(cli(["scan", file, "--tree", "nobody"]).stderr).toContain("odd\\x1b[31m\\x07");
  });

  // Story: both were null, as is a key that is null.
  it("tells infinite numbers apart, for which JSON has no word", () => {
    {
      using store = open(file, { keyEncoding: "ordered" });
      for (const key of [null, -Infinity, Infinity, [1n, Infinity]]) store.put(key as never, 0);
    }
    const keys = [null, "-Infinity", [1, "Infinity"], "Infinity"];
    const lines = output(["scan", file, "--json"]).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).key)).toEqual(keys);
    expect(output(["scan", file, "--keys"])).toBe(`${keys.map((key) => JSON.stringify(key)).join("\n")}\n`);
  });

  it("shows how long a value is that no string can hold", () => {
    const value = { length: 300_000_000 } as Uint8Array;
    expect(formatBytes(value, "hex")).toBe("(300000000 bytes)");
    expect(formatBytes({ length: 450_000_000 } as Uint8Array, "base64")).toBe("(450000000 bytes)");
    expect(formatBytes({ length: 600_000_000 } as Uint8Array, "text")).toBe("(600000000 bytes)");
  });

  it("is quiet when its reader has seen enough", () => {
    {
      using store = open(file);
      store.putMany(Array.from({ length: 20_000 }, (_, i) => [String(i).padStart(8, "0"), i] as const));
    }
    const entry = spawnCli(["scan", file, "--count"]);
    expect(entry.stdout.toString()).toBe("20000\n");
    const shell = `"$1" "$2" scan "$3" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = shellOut(shell, file);
    expect(stdout).toBe("00000000\t0\n0\n");
    expect(stderr).toBe("");
  });
});

function shellOut(script: string, path: string): { stdout: string; stderr: string } {
  const words = ["-c", script, "bash", process.execPath, cliEntry(), path];
  return spawnSync("bash", words, { encoding: "utf8" });
}
