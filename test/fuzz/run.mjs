/**
 * Flips bits of a small store and of its log, one at a time, and hands random bytes to every parser of pages:
 *
 *   node test/fuzz/run.mjs [--step 1] [--rounds 200000] [--seed N]
 *
 * Step 1 is each bit (hours); step 20 one of twenty. Prints how many there were, and what they led to.
 */

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    step: { type: "string", default: "1" },
    rounds: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const env = { ...process.env, ESPALIER_SEED: values.seed };
env.ESPALIER_FUZZ_STEP = values.step;
env.ESPALIER_FUZZ_ROUNDS = values.rounds;
const run = spawnSync("npx", ["vitest", "run", "test/fuzz", "--reporter=verbose"], { env, stdio: "inherit" });
process.exit(run.status ?? 1);
