/**
 * Flips bits of a small store and of its log, one at a time, and hands random bytes to every parser of pages:
 *
 *   node test/fuzz/run.mjs [--step 1] [--rounds 200000] [--seed N] [--jobs CORES]
 *
 * Step 1 is each bit; step 20 one of twenty. Prints how many there were, and what they led to.
 */

import { fork, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileSources } from "../soak/sources.mjs";

/** Those of bit-flips.ts. */
const CASES = 4;
const NODE_OPTIONS = ["--max-semi-space-size=32", "--single-threaded-gc"];

const { values } = parseArgs({
  options: {
    step: { type: "string", default: "1" },
    rounds: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});

const worker = join(compileSources("test/fuzz/worker.ts"), "test/fuzz/worker.js");
const running = new Set();
let next = 0;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) child.kill();
    process.exit(1);
  });
}
await Promise.all(Array.from({ length: Number(values.jobs) }, takeCases));

const env = { ...process.env, ESPALIER_SEED: values.seed, ESPALIER_FUZZ_ROUNDS: values.rounds };
const words = ["vitest", "run", "test/fuzz/parsers.test.ts", "--reporter=verbose"];
if (spawnSync("npx", words, { env, stdio: "inherit" }).status !== 0) process.exitCode = 1;

async function takeCases() {
  while (next < CASES) await takeCase(next++);
}

function takeCase(index) {
  const words = ["--case", String(index), "--step", values.step, "--seed", values.seed];
  const child = fork(worker, words, { execArgv: NODE_OPTIONS });
  running.add(child);
  return new Promise((resolve) => {
    child.on("exit", (code) => {
      running.delete(child);
      if (code !== 0) process.exitCode = 1;
      resolve();
    });
  });
}
