/** The front door's manners: help, proposals, exit codes, streams, colours. */

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot, packageVersion } from "../../src/base/package-files.js";
import { editDistance, nearestWord } from "../../src/commands/support/nearest.js";
import { open } from "../../src/index.js";
import { cliHere, outputHere } from "./here.js";
import { cli, cliEntry, output, temporaryFolder } from "./support.js";

const STORE_COMMANDS = [
  ...["inspect", "stats", "verify", "get", "put", "delete", "scan", "dump", "load", "compact", "backup"],
  ...["salvage", "unlock", "import-level", "export-level"],
];

describe("words that begin with a dash", () => {
  it("are keys and files behind --", () => {
    const cwd = temporaryFolder();
    expect(cli(["put", "--create", "--", "-a.esp", "-key", "-5"], { cwd })).toMatchObject({ code: 0 });
    expect(existsSync(join(cwd, "-a.esp"))).toBe(true);
    expect(output(["get", "--json", "--", "-a.esp", "-key"], { cwd })).toContain('"value": -5');
    expect(cli(["get", "--", "-a.esp", "-other"], { cwd }).stderr).toBe("no such key: -other\n");
    expect(cli(["get", "./-a.esp", "--", "-key", "-more"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^espalier: unknown argument -more\./),
    });
    expect(cli(["delete", "./-a.esp", "--", "-key", "--force"], { cwd }).stderr).toBe("1 record removed\n");
  });

  it("are not taken for a question for help, which would end with 0 and nothing put", async () => {
    const file = join(temporaryFolder(), "data.esp");
    output(["put", file, "user/1", "1", "--create"]);
    for (const word of ["-hot", "-ch", "-5h", "-h.txt", "-.h", "-öh"])
      expect(await cliHere(["put", file, word, "1"])).toMatchObject({
        code: 2,
        stdout: "",
        stderr: `espalier: unknown option ${word}. A key or file that begins with a dash stands behind --\n`,
      });
    expect(output(["put", file, "-h"])).toContain("espalier put <file> <key>");
    expect(output(["scan", file, "-rkn5"])).toBe("user/1\n");
  });
});

describe("a Node that is too old to load the commands", () => {
  it("is told which one is needed", () => {
    const without = 'import zlib from "node:zlib"; delete zlib.crc32;';
    const words = ["--import", `data:text/javascript,${without}`, cliEntry(), "--version"];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: "",
      stderr: `espalier: Node.js 20.19, or 22.12 or later, is needed; this is ${process.versions.node}\n`,
    });
  });
});

describe("an option", () => {
  it("that stands there twice, lacks its value or is denied, is told and nothing done", async () => {
    const file = join(temporaryFolder(), "data.esp");
    output(["put", file, "user/1", "1", "--create"]);
    for (const [words, problem] of [
      [["scan", file, "--prefix", "a", "--prefix", "user"], "--prefix stands there twice"],
      [["scan", file, "-t", "a", "-t", "b"], "--tree stands there twice"],
      [["scan", file, "--limit", "1", "--limit", "2"], "--limit stands there twice"],
      [["scan", file, "--limit"], "--limit needs a value"],
      [["scan", file, "-n", "--keys"], "-n needs a value"],
      [["scan", file, "--limit", ""], "--limit needs a value"],
      [["scan", file, "--limit="], "--limit needs a value"],
      [["delete", file, "--tree", "--prefix", "user/"], "--tree needs a value"],
      [["salvage", file, "--out"], "--out needs a value"],
      [["matrix", "show", file, "--baseline"], "--baseline needs a value"],
    ] as const)
      expect(await cliHere(words), words.join(" ")).toMatchObject({
        code: 2,
        stderr: `espalier: ${problem}\n`,
      });
    for (const word of ["--no-limit", "--no-n", "--no-tree", "--no-gte", "--no-file"])
      expect(await cliHere(["scan", file, word]), word).toMatchObject({
        code: 2,
        stderr: `espalier: unknown option ${word}\n`,
      });
    expect((await cliHere(["delete", file, "--no-keys"])).stderr).toContain("unknown option --no-keys");
    expect(output(["scan", file, "--json", "--json", "--limit", "1"])).toContain("user/1");
    expect(output(["scan", file, "--tree", "", "--prefix="])).toContain("user/1");
  });
});

describe("help", () => {
  it("names every command, the exit codes and the version", async () => {
    const help = output(["--help"]);
    for (const name of [
      ...STORE_COMMANDS,
      "migrate",
      "matrix",
      "dashboards",
      "metrics",
      "demo",
      "completion",
    ]) {
      expect(help, name).toMatch(new RegExp(`espalier ${name}\\b`));
    }
    expect(help).toContain("0 done, 1 findings");
    expect(output(["--version"])).toBe(`${packageVersion()}\n`);
  });

  it.each(["migrate", "matrix", "dashboards", "metrics"])(
    "of every word of %s shows its options",
    async (group) => {
      const words = [
        ...(await outputHere([group, "--help"])).matchAll(new RegExp(`^ {2}espalier ${group} (\\w+)`, "gm")),
      ];
      expect(words.length).toBeGreaterThan(2);
      for (const [, word] of words) {
        const help = await outputHere([group, word!, "--help"]);
        expect(help, word).toContain(`espalier ${group} ${word}`);
        if (["dashboards", "metrics"].includes(group)) expect(help, word).toContain("Examples:");
      }
    },
  );

  it.each(STORE_COMMANDS)("of %s has examples", async (name) => {
    const help = await outputHere([name, "--help"]);
    expect(help).toContain("Examples:");
    expect(help).toContain(`espalier ${name}`);
    expect(help).toContain("--json");
  });

  it("comes with a completion script", () => {
    const script = output(["completion"], { env: { SHELL: "/bin/bash" } });
    expect(script).toContain("espalier");
    expect(spawnSync("bash", ["-n"], { input: script }).status).toBe(0);
    expect(output(["--get-yargs-completions", "espalier", "sa"])).toContain("salvage");
  });
});

describe("a word that does not exist", () => {
  it.each([
    [["statz", "f"], "unknown command statz. Did you mean stats?"],
    [["verfiy", "f"], "unknown command verfiy. Did you mean verify?"],
    [["matrix", "rn"], "Did you mean run?"],
    [["scan", "f", "--revers"], "unknown option --revers. Did you mean --reverse?"],
    [["scan", "f", "--jsno"], "unknown option --jsno. Did you mean --json?"],
  ])("%j proposes the nearest", async (words, text) => {
    const { code, stdout, stderr } = await cliHere(words);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
    expect(stdout).toBe("");
  });

  it("gets no proposal where nothing is near", async () => {
    expect((await cliHere(["xylophone"])).stderr).not.toContain("mean");
    expect((await cliHere([])).code).toBe(2);
    expect((await cliHere(["get"])).code).toBe(2);
  });

  it.each([
    [["get", "f"], "an argument is missing: espalier get <file> <key>"],
    [["metrics", "show"], "an argument is missing: espalier metrics show <snapshots..>"],
    [["metrics"], "metrics needs one more word: show, serve, list"],
  ])("that is left out is named: %j", async (words, text) => {
    const { code, stderr } = await cliHere(words);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  });

  it.each([
    [["migrate", "run"], "an argument is missing: espalier migrate run <files..>", "migrate run"],
    [
      ["migrate", "run", "f", "--strategy", "x"],
      "--strategy x: choose from in-place, rewrite",
      "migrate run",
    ],
    [["migrate", "run", "f", "--strat", "x"], "unknown option --strat. Did you mean", "migrate run"],
    [["scan", "f", "--value-as", "x"], "--value-as x: choose from text, hex, base64, json", "scan"],
    [["scan", "f", "--prefix", "a", "--gt", "b"], "--prefix and --gt exclude each other", "scan"],
    [["put", "f", "k", "v", "--from", "x"], "--from and [value] exclude each other", "put"],
    [["put", "f", "k", "--from"], "--from needs a value", "put"],
    [["salvage", "f"], "--out is needed", "salvage"],
    [["migrate"], "migrate needs one more word", "migrate"],
  ])("is told in one style, and where the help is: %j", async (words, text, command) => {
    const { code, stderr } = await cliHere(words);
    expect(stderr).toMatch(/^espalier: [^\n]+\nSee: [^\n]+\n$/);
    expect(stderr).toContain(text);
    expect(stderr).toContain(`\nSee: espalier ${command} --help\n`);
    expect(code).toBe(2);
  });

  it("is compared by edits", () => {
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("ab", "ba")).toBe(1);
    expect(nearestWord("comp", ["compact", "completion"])).toBe("compact");
    expect(nearestWord("zzz", ["get", "put"])).toBeUndefined();
  });
});

it.runIf(process.platform === "linux")("A current folder that was removed is told as such", () => {
  const line = 'cd "$0" && rmdir "$0" && exec "$1" "$2" stats /data.esp';
  const { status, stderr } = spawnSync("sh", ["-c", line, temporaryFolder(), process.execPath, cliEntry()]);
  expect({ status, told: stderr.toString() }).toEqual({
    status: 3,
    told: "espalier: resolve the current folder failed: ENOENT (there is no such folder)\n",
  });
});

describe("exit codes and streams", () => {
  const folder = temporaryFolder();
  const legacy = join(folder, "old.db");
  const store = join(folder, "data.esp");

  it("tell what went wrong", () => {
    copyFileSync(join(packageRoot(), "test/fixtures/legacy/gen1/u64-seq-1k.db"), legacy);
    writeFileSync(join(folder, "text"), "hello, I am a text of some length\n".repeat(500));
    open(store).close();
    expect(cli(["stats", legacy]).code).toBe(6);
    expect(cli(["stats", legacy]).stderr).toContain(`espalier migrate run ${legacy}`);
    expect(cli(["stats", join(folder, "nothing")]).code).toBe(3);
    expect(cli(["stats", join(folder, "text")]).code).toBe(4);
    using _holder = open(store);
    const locked = cli(["stats", store]);
    expect(locked.code).toBe(5);
    expect(locked.stderr).toContain(`process ${process.pid}`);
    expect(readFileSync(legacy).subarray(0, 4).toString()).toBe("SOMB");
    expect(existsSync(`${legacy}-lock`)).toBe(false);
  });

  it.each([
    [["put", "no/such/n.esp", "k", "1", "--create"], "(there is no such folder)"],
    [["load", "n.esp", "nofile"], "open nofile failed: ENOENT (there is no such file or folder)"],
    [["export-level", "nofile", "y"], "no store at nofile\n"],
    [["metrics", "serve", "nosuch", "--port", "0"], "there is no such file"],
    [["dashboards", "serve", "nosuch", "--port", "0"], "no such file"],
  ])("name what is missing: %j", (words, text) => {
    const { code, stdout, stderr } = cli(words, { cwd: temporaryFolder() });
    expect(stderr).toContain(text);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  });

  it("give errors as JSON with --json, on standard error", () => {
    const { code, stdout, stderr } = cli(["stats", legacy, "--json"]);
    expect(code).toBe(6);
    expect(stdout).toBe("");
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({ code: "ERR_ESPALIER_LEGACY_FORMAT", generation: "gen1", path: legacy });
    expect(JSON.parse(cli(["stats", "--json"]).stderr).error.message).toContain("stats <file>");
  });

  it("keep data on standard output and the rest on standard error", () => {
    expect(cli(["put", store, "k", "1"])).toEqual({ code: 0, stdout: "", stderr: "added\n" });
    expect(cli(["get", store, "k"])).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });

  it("use no colours without a terminal, nor with NO_COLOR on one", () => {
    expect(output(["stats", store])).not.toContain("\u001b[");
    const terminal = (environment: string): string => {
      const line = `${environment} ${process.execPath} ${cliEntry()} stats ${store}`;
      const { NO_COLOR: _none, FORCE_COLOR: _forced, ...env } = process.env;
      return spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", env }).stdout;
    };
    expect(terminal("TERM=xterm")).toContain("\u001b[1m");
    expect(terminal("TERM=xterm NO_COLOR=1")).not.toContain("\u001b[");
  });
});
