/**
 * Shows that the tests bite: switches off one guard after the other, in a copy of the project, and runs the
 * tests that must fail then. Where none does, the guard is said to have survived: a test is missing.
 *
 *   node test/mutation/run.mjs                all guards
 *   node test/mutation/run.mjs WORD...        those whose names contain one of these words
 *     --rules W1,P2    of these rules only
 *     --jobs N         so many at a time, each in a copy of its own (default: as many as there are processors, 2 at most)
 *     --why            with the first line of the failure
 *     --whole          switches nothing off: the tests that the table names must be green then
 *     --check          only: does every text of the table stand in the source, once
 *     --list           names, rules and tests
 *
 * Ends with 1 where a guard survived, with 2 where a text of the table does not match any more, or no test ran.
 */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GUARDS } from "./guards.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the tests need. */
const COPIED = [
  ...["src", "migrate", "matrix", "dashboards", "docs", "test"],
  ...[
    "cli.ts",
    "command-line.ts",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "vitest.config.ts",
  ],
];
/** Without a guard that keeps a loop from going round for ever a test does not end: that is a failure, too. */
const TIME_LIMIT_MS = 150_000;
/** Of guards whose entry says that their test does not end without them. */
const ENDLESS_LIMIT_MS = 40_000;
/** One seed for all, so that a test that has failed once fails again. */
const SEED = process.env.ESPALIER_SEED ?? "1";

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    rules: { type: "string" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
    why: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

/** The guard's files in `folder` with it switched off; throws where a text does not occur exactly once. */
function mutated(guard, folder) {
  const files = new Map();
  for (const { file, text, instead } of guard.edits) {
    const source = files.get(file) ?? readFileSync(join(folder, file), "utf8");
    const parts = source.split(text);
    if (parts.length !== 2)
      throw new Error(`${guard.name}: ${file} has the text ${parts.length - 1} times, not once: ${text}`);
    files.set(file, parts.join(instead));
  }
  return files;
}

function copyProject() {
  const folder = mkdtempSync(join(tmpdir(), "espalier-mutation-"));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** The test processes under way, each the leader of its group. */
const running = new Set();

/** Runs the guard's tests in `folder`: "killed" where they fail, "killed (no end)", or "survived". */
function runTests(guard, folder) {
  const vitest = join(folder, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--bail=1", "--reporter=dot", "--maxWorkers=1", ...guard.tests];
  const env = { ...process.env, ESPALIER_SEED: SEED, NO_COLOR: "1", ...guard.env };
  delete env.FORCE_COLOR;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, env, detached: true, stdio: "pipe" });
    running.add(child.pid);
    let output = "";
    let late = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    const timer = setTimeout(
      () => {
        late = true;
        process.kill(-child.pid, "SIGKILL");
      },
      guard.endless === true ? ENDLESS_LIMIT_MS : TIME_LIMIT_MS,
    );
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child.pid);
      // A loop that gathers what it finds ends with the memory.
      const noEnd = late || output.includes("Worker exited unexpectedly");
      const ran = noEnd || /Tests\s.*\d+ (failed|passed)/.test(output);
      const result = noEnd ? "killed (no end)" : code === 0 ? "survived" : "killed";
      resolve({ result: ran ? result : "no test has run", output });
    });
  });
}

/** The first line that says what went wrong. */
function reasonOf(output) {
  return /^\s*((?:[A-Z]\w*)?(?:Error|Failure)\b.*)$/m.exec(output)?.[1]?.slice(0, 160) ?? "";
}

async function worker(queue, results) {
  const folder = copyProject();
  folders.add(folder);
  for (let guard = queue.shift(); guard !== undefined; guard = queue.shift()) {
    const files = options.whole ? new Map() : mutated(guard, folder);
    const before = [...files.keys()].map((file) => [file, readFileSync(join(folder, file))]);
    for (const [file, source] of files) writeFileSync(join(folder, file), source);
    const start = performance.now();
    const { result, output } = await runTests(guard, folder);
    for (const [file, source] of before) writeFileSync(join(folder, file), source);
    const seconds = (performance.now() - start) / 1000;
    results.push({ guard, result, seconds });
    const why = options.why && result === "killed" ? `: ${reasonOf(output)}` : "";
    console.log(`${result.padEnd(16)} ${guard.rule.padEnd(4)} ${guard.name} (${seconds.toFixed(0)} s)${why}`);
    if (!result.startsWith("killed") && process.env.ESPALIER_VERBOSE !== undefined) console.log(output);
  }
}

const folders = new Set();

/** Leaves nothing behind, however it ends. */
function cleanUp() {
  for (const pid of running) process.kill(-pid, "SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    cleanUp();
    process.exit(130);
  });

async function switchOff(guards) {
  const results = [];
  const queue = [...guards];
  const startedMs = Date.now();
  try {
    await Promise.all(Array.from({ length: Number(options.jobs) }, () => worker(queue, results)));
  } finally {
    cleanUp();
  }
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const survivors = results.filter(({ result }) => !result.startsWith("killed"));
  const endless = results.filter(({ result }) => result === "killed (no end)").length;
  console.log(
    `a test failed without ${results.length - survivors.length} of ${results.length} guards (${endless} times by not ending), ${seconds} s`,
  );
  for (const { guard, result } of survivors) console.log(`${result}: ${guard.rule} ${guard.name}`);
  process.exitCode = survivors.some(({ result }) => result !== "survived") ? 2 : survivors.length > 0 ? 1 : 0;
}

/** Each choice of tests once, with nothing switched off. */
async function runWhole(guards) {
  const choices = new Map(guards.map((guard) => [JSON.stringify([guard.tests, guard.env]), guard]));
  const queue = [...choices.values()].map((guard) => ({ ...guard, name: guard.tests.join(" "), rule: "" }));
  const results = [];
  try {
    await Promise.all(Array.from({ length: Number(options.jobs) }, () => worker(queue, results)));
  } finally {
    cleanUp();
  }
  const red = results.filter(({ result }) => result !== "survived");
  console.log(`${results.length - red.length} of ${results.length} choices of tests are green`);
  process.exitCode = red.length > 0 ? 2 : 0;
}

const rules = options.rules?.split(",");
const chosen = GUARDS.filter(
  ({ name, rule }) =>
    (words.length === 0 || words.some((word) => name.includes(word))) &&
    (rules === undefined || rules.includes(rule)),
);
if (chosen.length === 0) throw new Error("no guard has such a name");
if (options.list) {
  for (const { rule, name, tests } of chosen) console.log(`${rule.padEnd(4)} ${name}: ${tests.join(" ")}`);
} else {
  try {
    for (const guard of chosen) mutated(guard, ROOT);
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
  if (options.check) console.log(`${chosen.length} guards stand where the table says`);
  else if (options.whole) await runWhole(chosen);
  else await switchOff(chosen);
}
