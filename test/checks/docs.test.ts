/**
 * The documents hold: every command in README.md and ROLLOUT.md is run, every example compiled (and run by
 * the package's test), every link leads somewhere, every name of a metric, command and option exists.
 */

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { open } from "../../src/index.js";
import { METRICS } from "../../src/metrics/index.js";
import { cliEntry, output, temporaryFolder } from "../commands/support.js";
import { blocksOf } from "./markdown.js";

const ROOT: string = packageRoot();
const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const PAGES: readonly string[] = [
  ...["README.md", "ROLLOUT.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Lines of ```console blocks, which are not run here: the file that runs them, and what shows it there. */
const RUN_ELSEWHERE: Readonly<Record<string, readonly [file: string, by: RegExp]>> = {
  "npm install espalier": ["test/checks/packed.ts", /"install",[^)]*tarball/],
  "npm install && npm start": [".ci/run", /step npm install .*step npm start/s],
  "npm install": [".ci/run", /step npm install /],
  "npm test": [".ci/run", /step npm test/],
  "npm install --no-save better-sqlite3 lmdb classic-level @nxtedition/rocksdb": [
    "matrix/peers/package.json",
    /"@nxtedition\/rocksdb".*"better-sqlite3".*"classic-level".*"lmdb"/s,
  ],
  "espalier metrics serve data.metrics.json": ["test/commands/metrics.test.ts", /"metrics", "serve"/],
};

/** What stands in for the part of a command that would take too long here; test/matrix/smoke.test.ts runs the preset. */
const QUICK = "--preset quick";
const SHORTENED = "--preset smoke --workloads inserts";

const BY_NPX = "npx espalier ";

/** A run of the matrix takes its time on a busy machine. */
const MATRIX_MS_MAX = 600_000;

/** Commands whose answer may be no without being wrong: a smoke run can't answer all gates. */
const MAY_FIND: readonly string[] = ["espalier matrix gate"];

interface Outcome {
  readonly line: string;
  readonly code: number | null;
  readonly stderr: string;
}

/** Lines of a page's ```console blocks. */
function consoleLines(page: string): string[] {
  return blocksOf(text(page), "console").flatMap((block) => block.trim().split("\n"));
}

/** Lines of a page's ```sh blocks, then those of its ```console blocks that call espalier by npx. */
function commandsOf(page: string): string[] {
  const shell = blocksOf(text(page), "sh").flatMap((block) => block.trim().split("\n"));
  const called = consoleLines(page).filter((line) => line.startsWith(BY_NPX));
  return [...shell, ...called.map((line) => line.slice("npx ".length))];
}

/** Runs a page's commands in order, in a folder, with `espalier` on the path. */
function runCommands(page: string, folder: string): Outcome[] {
  const bin = join(folder, ".bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "espalier"), `#!/bin/sh\nexec "${process.execPath}" "${cliEntry()}" "$@"\n`);
  chmodSync(join(bin, "espalier"), 0o755);
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, SHELL: "/bin/bash" };
  return commandsOf(page).map((line) => {
    const words = ["-c", line.replace(QUICK, SHORTENED)];
    const { status, stderr } = spawnSync("bash", words, { cwd: folder, env, encoding: "utf8" });
    return { line, code: status, stderr };
  });
}

function failures(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(
    ({ line, code }) => code !== 0 && !(code === 1 && MAY_FIND.some((each) => line.startsWith(each))),
  );
}

describe("every command", () => {
  it("of README.md works, in its order", { timeout: MATRIX_MS_MAX }, () => {
    const folder = temporaryFolder();
    const outcomes = runCommands("README.md", folder);
    expect(outcomes.length).toBeGreaterThan(18);
    expect(failures(outcomes)).toEqual([]);
    expect(existsSync(join(folder, "results/run.json"))).toBe(true);
    expect(existsSync(join(folder, "dashboards-site/index.html"))).toBe(true);
  });

  it("of ROLLOUT.md works, in its order, on real legacy files", { timeout: MATRIX_MS_MAX }, () => {
    const folder = temporaryFolder();
    const fleet = join(folder, "fleet");
    mkdirSync(fleet);
    const legacy = join(ROOT, "test/fixtures/legacy");
    copyFileSync(join(legacy, "gen3/u64-rand-20k.db"), join(fleet, "canary.db"));
    copyFileSync(join(legacy, "gen1/u64-seq-1k.db"), join(fleet, "first.db"));
    cpSync(join(legacy, "gen2/u64-wal.db"), join(fleet, "second.db"));
    cpSync(join(legacy, "gen2/u64-wal.db-wal"), join(fleet, "second.db-wal"));
    {
      using store = open(join(fleet, "healthy.esp"));
      store.put("a", 1);
    }
    const outcomes = runCommands("ROLLOUT.md", folder);
    expect(outcomes.length).toBeGreaterThan(20);
    expect(failures(outcomes)).toEqual([]);
    expect(existsSync(join(folder, "dashboards/index.html"))).toBe(true);
    expect(readFileSync(join(fleet, "canary.db")).subarray(0, 4).toString()).toBe("SOMB");
  });

  it("that is not run here is run by the file that is named for it", () => {
    const lines = ["README.md", "CONTRIBUTING.md", "docs/metrics.md"].flatMap(consoleLines);
    const elsewhere = lines.filter((line) => !line.startsWith(BY_NPX));
    expect(elsewhere.toSorted()).toEqual(Object.keys(RUN_ELSEWHERE).toSorted());
    for (const [line, [file, by]] of Object.entries(RUN_ELSEWHERE)) expect(text(file), line).toMatch(by);
    expect(blocksOf(text("ROLLOUT.md"), "console")).toEqual([]);
  });

  it("named in a sentence or a table exists", () => {
    const below = (words: readonly string[]): string[] => {
      const line = new RegExp(`^ {2}espalier ${words.map((word) => `${word} `).join("")}(\\w+)`, "gm");
      return [...output([...words, "--help"]).matchAll(line)].map(([, word]) => word!);
    };
    const commands = below([]);
    const groups = new Map(
      ["migrate", "matrix", "dashboards", "metrics"].map((name) => [name, below([name])]),
    );
    const wrong: string[] = [];
    for (const page of ["README.md", "ROLLOUT.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/metrics.md"]) {
      for (const [, command, sub] of text(page).matchAll(/`(?:\$ )?espalier (\w+)(?: (\w+))?/g)) {
        if (!commands.includes(command!)) wrong.push(`${page}: espalier ${command}`);
        else if (sub !== undefined && groups.get(command!)?.includes(sub) === false)
          wrong.push(`${page}: espalier ${command} ${sub}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("every script", () => {
  it("that CONTRIBUTING.md names exists", () => {
    const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
    const named = [...text("CONTRIBUTING.md").matchAll(/`npm (?:run )?(\w[\w-]*)`/g)].map(
      ([, name]) => name!,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => name !== "install" && scripts[name] === undefined)).toEqual([]);
  });
});

/** Story: a constant ended at the semicolon in its text, and a class had the rest of a member that is left out. */
it("every declaration of docs/api.md is whole", () => {
  const blocks = blocksOf(text("docs/api.md"), "ts");
  expect(blocks.length).toBeGreaterThan(200);
  const folder = temporaryFolder();
  writeFileSync(join(folder, "api.ts"), blocks.join(""));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const onlyRead = ["api.ts", "--noEmit", "--noCheck", "--ignoreConfig", "--types", ""];
  const { stdout } = spawnSync(process.execPath, [compiler, ...onlyRead], { cwd: folder, encoding: "utf8" });
  expect(stdout).toBe("");
});

it("every error code stands in docs/api.md with what to do", () => {
  const section = text("docs/api.md").split("\n### EspalierErrorCode\n")[1]!.split("\n### ")[0]!;
  const [advice, type] = section.split("```ts") as [string, string];
  const told = [...advice.matchAll(/^- (ERR_[A-Z_]+(?:, ERR_[A-Z_]+)*): \S/gm)].flatMap(([, codes]) =>
    codes!.split(", "),
  );
  expect(told.toSorted()).toEqual(Array.from(type.matchAll(/"(\w+)"/g), ([, code]) => code).toSorted());
});

/** Story: errors of the migrator cited numbers, "(G1)", that stood nowhere. */
it("every invariant that the sources cite stands in docs/invariants.md", () => {
  const files = ["src", "migrate"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  const cited = files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => text(file).match(/\b[LBPWSMG]\d{1,2}\b/g) ?? []);
  const listed = Array.from(text("docs/invariants.md").matchAll(/^- \*\*(\w+)\*\* /gm), ([, name]) => name!);
  expect(new Set(cited).size).toBeGreaterThan(40);
  expect([...new Set(cited)].filter((name) => !listed.includes(name))).toEqual([]);
});

/** The anchors that a page's headings have, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const headings = text(page)
    .replaceAll(/^```.*?^```/gms, "")
    .matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("every link", () => {
  it.each(PAGES)("of %s leads to a file of the project, and to a heading of it", (page) => {
    const links = [...text(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const wrong = links.filter(([, link, anchor]) => {
      const target = link === "" ? page : join(dirname(page), link!);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(wrong.map(([link]) => link)).toEqual([]);
  });
});

describe("every metric", () => {
  it.each(["README.md", "ROLLOUT.md", "docs/metrics.md"])("that %s names exists", (page) => {
    const known = new Set([...METRICS.map(({ name }) => name), "espalier_published_timestamp_seconds"]);
    const named = text(page).match(/\bespalier_[a-z_]+\b/g) ?? [];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("the exit codes", () => {
  it("of README.md are those of the help", () => {
    const codes = [...text("README.md").matchAll(/^\| (\d+) \| /gm)].map(([, code]) => code);
    expect(codes).toEqual(["0", "1", "2", "3", "4", "5", "6", "130"]);
    const help = output(["--help"]).replaceAll(/\s+/g, " ");
    for (const code of codes) expect(help).toMatch(new RegExp(`[ ,:]${code} \\w`));
  });
});
