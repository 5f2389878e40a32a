/** `espalier migrate` as a user meets it: what options mean, what is said, and with which exit code. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { type CliResult, cli, cliEntry, output, temporaryFolder } from "../commands/support.js";

const LEGACY = join(packageRoot(), "test/fixtures/legacy/gen3/u64-seq-1k.db");

/** A folder with a folder of legacy files in it. */
function fleet(...names: readonly string[]): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "fleet"));
  for (const name of names) copyFileSync(LEGACY, join(folder, "fleet", name));
  return folder;
}

function migrate(cwd: string, ...words: readonly string[]): CliResult {
  return cli(["migrate", ...words], { cwd });
}

describe("--backup", () => {
  it("is a folder for a folder of files, even where one file is left in it", () => {
    const folder = fleet("a.db");
    expect(migrate(folder, "run", "fleet", "--backup", "old").code).toBe(0);
    expect(readdirSync(join(folder, "old"))).toEqual(["a.db"]);
    copyFileSync(LEGACY, join(folder, "fleet", "b.db"));
    expect(migrate(folder, "run", "fleet/b.db", "--backup", "old").code).toBe(0);
    expect(readdirSync(join(folder, "old"))).toEqual(["a.db", "b.db"]);
  });

  it("that needs a folder and is a file is a wrong use, told before anything is touched", () => {
    const folder = fleet("a.db");
    writeFileSync(join(folder, "old"), "notes");
    const { code, stderr } = migrate(folder, "run", "fleet", "--backup", "old");
    expect(code).toBe(2);
    expect(stderr).toContain("option backup: old is a file; a folder is needed");
    expect(output(["migrate", "status", "fleet"], { cwd: folder })).toContain("legacy");
  });
});

describe("a command that is proposed", () => {
  it("can be pasted, whatever the path is", () => {
    const folder = fleet();
    for (const name of ["a b.db", "it's $HOME.db", "-n.db", "plain-ü.db"]) {
      copyFileSync(LEGACY, join(folder, name));
      for (const state of ["legacy", "converted"]) {
        const [{ advice }] = JSON.parse(migrate(folder, "status", "--json", "--", name).stdout);
        const words = advice.replace(/^.*: espalier /, "");
        const { status } = spawnSync("sh", ["-c", `"$0" "$1" ${words}`, process.execPath, cliEntry()], {
          cwd: folder,
        });
        expect({ name, state, status }).toEqual({ name, state, status: 0 });
      }
      expect(output(["migrate", "status", "--", name], { cwd: folder })).toContain("legacy");
    }
  });
});

it.runIf(process.platform !== "win32")("A name that would command the terminal is told in escapes", () => {
  const folder = fleet("a\u001b]0;gone\u0007.db");
  for (const words of [["plan"], ["status"], ["run", "--quiet", "--page-size", "5000"]]) {
    const { stdout, stderr } = migrate(folder, ...words, "fleet");
    expect(stdout + stderr).toContain("a\\x1b]0;gone\\x07.db: ");
    expect(stdout + stderr).not.toContain("\u001b");
  }
});

describe("the command that a report tells", () => {
  it("can be pasted, whatever the path is", () => {
    const folder = fleet();
    copyFileSync(LEGACY, join(folder, "it's $HOME.db"));
    const words = ["run", "--json", "--page-size", "4096", "it's $HOME.db"];
    const last = migrate(folder, ...words)
      .stdout.trim()
      .split("\n")
      .at(-1)!;
    expect(JSON.parse(last).report.run.command).toBe(
      `espalier migrate run --json --page-size 4096 'it'\\''s $HOME.db'`,
    );
  });
});

describe("an option that a rollback could not heed", () => {
  it("is refused, and not offered", () => {
    const folder = fleet("a.db");
    const help = migrate(folder, "rollback", "--help").stdout;
    for (const [option, value, why] of [
      ["--page-size", "4096", "the pages that the file had"],
      ["--assume", "gen2", "--to names the generation that a rollback writes"],
      ["--root", "1", "the root that the file had"],
    ] as const) {
      const { code, stderr } = migrate(folder, "rollback", "fleet", option, value);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
      expect(help).not.toMatch(new RegExp(`${option}\\s`));
    }
  });
});

describe("the generation of a file that was empty", () => {
  it("is asked for in the command that status proposes, as a rollback asks for it", () => {
    const folder = temporaryFolder();
    copyFileSync(join(packageRoot(), "test/fixtures/legacy/gen1/empty.db"), join(folder, "a.db"));
    expect(migrate(folder, "run", "a.db").code).toBe(0);
    expect(cli(["put", "a.db", "0x6b", "0x76"], { cwd: folder }).code).toBe(0);
    expect(migrate(folder, "rollback", "a.db", "--quiet").stderr).toContain("with --to");
    expect(output(["migrate", "status", "a.db"], { cwd: folder })).toMatch(/rollback a\.db --to and the/);
    expect(migrate(folder, "rollback", "a.db", "--quiet", "--to", "gen1").code).toBe(0);
  });
});

describe("options that say what a file is", () => {
  it.each([
    ["--assume", "gen2", "record 0: its key is empty"],
    ["--root", "999", "the file ends before it"],
  ])("%s %s, which it is not, is refused and told, and is no damage", (option, value, reason) => {
    const folder = fleet();
    copyFileSync(join(packageRoot(), "test/fixtures/legacy/gen1/u64-rand-20k.db"), join(folder, "a.db"));
    const { code, stderr } = migrate(folder, "run", "a.db", "--quiet", option, value);
    expect(code).toBe(1);
    expect(stderr).toContain(`refused: read with ${option} ${value} it makes no sense: page `);
    expect(stderr).toContain(reason);
  });

  it("do not hide damage that is there whatever it is", () => {
    const folder = fleet("a.db");
    const path = join(folder, "fleet", "a.db");
    const bytes = readFileSync(path);
    bytes[8192 + 100]! ^= 1;
    writeFileSync(path, bytes);
    expect(migrate(folder, "run", path, "--quiet", "--assume", "gen3").code).toBe(4);
  });
});

describe("a folder in which all is done", () => {
  it("ends a repeated run, plan and rehearsal with 0 and says so; the report has no files", () => {
    const folder = fleet("a.db", "b.db");
    expect(migrate(folder, "run", "fleet").code).toBe(0);
    const again = migrate(folder, "run", "fleet", "--json", "--jobs", "2", "--backup", "old");
    expect(again).toMatchObject({ code: 0, stderr: "nothing to do: 2 files are converted already\n" });
    const events = again.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(["run-started", "report"]);
    expect(events[1].report).toMatchObject({ files: [], run: { complete: true } });
    for (const word of ["plan", "rehearse"])
      expect(migrate(folder, word, "fleet/*.db"), word).toMatchObject({ code: 0, stderr: again.stderr });
    expect(JSON.parse(migrate(folder, "plan", "fleet", "--json").stdout)).toEqual([]);
    writeFileSync(join(folder, "report.jsonl"), again.stdout);
    const built = cli(["dashboards", "build", "report.jsonl"], { cwd: folder });
    expect(built).toMatchObject({ code: 0, stderr: expect.not.stringContaining("warning") });
  });

  it("ends a repeated rollback with 0, too", () => {
    const folder = fleet("a.db");
    const { code, stderr } = migrate(folder, "rollback", "fleet");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "nothing to do: 1 file is legacy already\n" });
  });

  it("is none in which there is no store and no legacy file: a wrong use", () => {
    const folder = fleet();
    writeFileSync(join(folder, "fleet", "notes"), "of no kind");
    for (const word of ["run", "rollback", "plan", "status"]) {
      const { code, stderr } = migrate(folder, word, "fleet");
      expect(code, word).toBe(2);
      expect(stderr).toMatch(/no .* files in fleet/);
    }
  });
});

describe("a file that is not there", () => {
  it("is told as such, with the exit code for I/O", () => {
    const folder = fleet("a.db");
    for (const word of ["run", "rollback", "rehearse"]) {
      const { code, stderr } = migrate(folder, word, "nosuch.db", "--quiet");
      expect({ word, code }).toEqual({ word, code: 3 });
      expect(stderr).toMatch(/^nosuch\.db: failed: there is no file .*nosuch\.db\n$/);
    }
    const alone = migrate(folder, "status", "nosuch.db");
    expect(alone.code).toBe(3);
    expect(alone.stdout).toMatch(/^nosuch\.db: missing; there is no file/);
    expect(migrate(folder, "plan", "nosuch.db").code).toBe(3);
    expect(migrate(folder, "plan", "nosuch.db", "fleet/a.db").code).toBe(1);
    expect(migrate(folder, "status", "nosuch.db", "fleet/a.db").code).toBe(1);
    expect(migrate(folder, "status", "nosuch/x.db").stdout).toContain("there is no such folder");
  });
});

describe("what is said of several files", () => {
  it("ends with a line that counts them", () => {
    const folder = fleet("a.db", "b.db", "c.db");
    writeFileSync(join(folder, "fleet", "c.db"), readFileSync(LEGACY).fill(0xee, 8192));
    const plan = migrate(folder, "plan", "fleet");
    expect(plan.code).toBe(1);
    expect(plan.stdout).toMatch(/\n\n2 of 3 can be converted\n$/);
    expect(migrate(folder, "plan", "fleet/a.db").stdout).not.toContain(" of ");
    migrate(folder, "run", "fleet/a.db");
    expect(migrate(folder, "status", "fleet").stdout).toMatch(/\n3 files: 1 converted, 2 legacy\n$/);
    expect(migrate(folder, "status", "fleet/a.db").stdout.split("\n")).toHaveLength(2);
  });

  it.each(["run", "rollback", "rehearse"])("of migrate %s is JSON in a pipe, as its help says", (word) => {
    const help = output(["migrate", word, "--help"]);
    expect(help).toContain("In a pipe or a file it prints JSON lines");
    const { stdout } = migrate(fleet("a.db"), word, "fleet/a.db");
    for (const line of stdout.trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("event");
  });
});
