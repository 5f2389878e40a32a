/**
 * Shows that the tests bite: switches off one guard after the other, in a copy of the project, and runs the
 * tests that are there to miss it. A guard that nothing misses is a missing test.
 *
 *   node test/mutation/run.mjs            all guards
 *   node test/mutation/run.mjs NAME...    those whose names contain one of these words
 *   node test/mutation/run.mjs --check    only: does every text of the table still stand in the source, once
 *   node test/mutation/run.mjs --list     names and rules
 *
 * Ends with 1 where a guard survived or a text of the table does not match any more.
 */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GUARDS } from "./guards.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the tests need. */
const COPIED = ["src", "migrate", "matrix", "dashboards", "cli.ts", "test", "package.json", "tsconfig.json"];
const CONFIG = "vitest.config.ts";
/** A guard that kept a loop from going round for ever is missed as well when the test does not end. */
const TIME_LIMIT_MS = 150_000;
const WORKERS = Math.min(2, availableParallelism());

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
  for (const name of [...COPIED, CONFIG]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Runs the guard's tests in `folder`: "killed" where they fail, "killed (no end)", or "survived". */
function runTests(guard, folder) {
  const vitest = join(folder, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--bail=1", "--reporter=dot", "--maxWorkers=1", ...guard.tests];
  const env = { ...process.env, ...guard.env };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, env, detached: true, stdio: "pipe" });
    let output = "";
    let late = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, "SIGKILL");
    }, TIME_LIMIT_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      const ran = late || /Tests\s.*\d+ (failed|passed)/.test(output);
      const result = late ? "killed (no end)" : code === 0 ? "survived" : "killed";
      resolve({ result: ran ? result : "no test has run", output });
    });
  });
}

async function worker(queue, results) {
  const folder = copyProject();
  try {
    for (let guard = queue.shift(); guard !== undefined; guard = queue.shift()) {
      const files = mutated(guard, folder);
      const whole = [...files.keys()].map((file) => [file, readFileSync(join(folder, file))]);
      for (const [file, source] of files) writeFileSync(join(folder, file), source);
      const start = performance.now();
      const { result, output } = await runTests(guard, folder);
      for (const [file, source] of whole) writeFileSync(join(folder, file), source);
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      results.push({ guard, result });
      console.log(`${result.padEnd(16)} ${guard.rule.padEnd(4)} ${guard.name} (${seconds} s)`);
      if (!result.startsWith("killed") && process.env.ESPALIER_VERBOSE !== undefined) console.log(output);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = GUARDS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error("no guard has such a name");
if (process.argv.includes("--list")) {
  for (const { rule, name, tests } of chosen) console.log(`${rule.padEnd(4)} ${name}: ${tests.join(" ")}`);
} else {
  for (const guard of chosen) mutated(guard, ROOT);
  if (process.argv.includes("--check")) console.log(`${chosen.length} guards stand where the table says`);
  else {
    const results = [];
    const queue = [...chosen];
    const startedMs = Date.now();
    await Promise.all(Array.from({ length: WORKERS }, () => worker(queue, results)));
    const survivors = results.filter(({ result }) => !result.startsWith("killed"));
    const seconds = Math.round((Date.now() - startedMs) / 1000);
    console.log(`${results.length - survivors.length} of ${results.length} guards are missed, ${seconds} s`);
    for (const { guard, result } of survivors) console.log(`${result}: ${guard.name}`);
    process.exitCode = survivors.length === 0 ? 0 : 1;
  }
}
