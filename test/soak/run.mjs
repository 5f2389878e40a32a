/**
 * A long run: everything that a store can do, mixed, on real files, beside a model of what it should hold.
 * After each round the store is closed, opened, proven and compared; memory, file size and open descriptors
 * are watched for growth.
 *
 *   node test/soak/run.mjs [--minutes 10] [--folder PLACE] [--seed N] [--resume]
 *
 * Bounded: no store holds more than KEYS_MAX records. Resumable: PLACE keeps the stores and the model between
 * rounds, and --resume goes on there (a run that was killed in a round begins that round's store anew).
 * Ends with 1 where something was wrong.
 */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SoakStore } from "./soak-store.mjs";
import { importSources } from "./sources.mjs";

const PAGE_SIZES = [512, 4096, 32768];
/** Rounds in which memory still finds its level. */
const WARM_UP_ROUNDS = 6;
/** What resident memory may grow by afterwards: garbage comes and goes. */
const RSS_GROWTH_MAX = 200 * 1024 * 1024;
/** Descriptors that come and go with threads; one that a store forgets comes with each round. */
const DESCRIPTOR_GROWTH_MAX = 5;
/** What pages may take for each byte of records, beside a fixed part: values of their own fill whole blocks. */
const USED_SHARE_MAX = 4;
/** What a file may take for each byte that its pages have ever taken: free ones are kept, and used again. */
const FILE_SHARE_MAX = 1.5;
const FIXED_BYTES = 8 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    folder: { type: "string", default: join(tmpdir(), "espalier-soak") },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    resume: { type: "boolean", default: false },
  },
});

const { open } = await importSources();
const statePath = join(values.folder, "soak.json");
if (!values.resume) rmSync(values.folder, { recursive: true, force: true });
mkdirSync(values.folder, { recursive: true });
const state =
  values.resume && existsSync(statePath)
    ? JSON.parse(readFileSync(statePath, "utf8"))
    : { seed: Number(values.seed), round: 0, models: {}, mostUsed: {} };
console.log(`seed ${state.seed}, from round ${state.round} on, in ${values.folder}`);

function descriptors() {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
}

/** Threads that sync go when their last sync is done: on a busy machine somewhat after their store is closed. */
async function descriptorsKept(limit) {
  for (let tries = 0; tries < 10 && descriptors() > limit; tries++) await setTimeout(500);
  return descriptors();
}

function save() {
  writeFileSync(`${statePath}-new`, JSON.stringify(state));
  renameSync(`${statePath}-new`, statePath);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

const until = Date.now() + Number(values.minutes) * 60_000;
const memory = [];
let descriptorsAtFirst = 0;
let operations = 0;
let told = Date.now();
let rounds = 0;
const problems = [];
while (Date.now() < until && problems.length === 0) {
  const pageSize = PAGE_SIZES[state.round % PAGE_SIZES.length];
  const path = join(values.folder, `${pageSize}.esp`);
  if (state.dirty === pageSize) {
    for (const end of ["", "-log1", "-log2"]) rmSync(path + end, { force: true });
    delete state.models[pageSize];
    delete state.mostUsed[pageSize];
  }
  state.dirty = pageSize;
  save();
  const seed = state.seed + state.round;
  try {
    const soak = new SoakStore(open, path, pageSize, seed, state.models[pageSize]);
    operations += await soak.round();
    state.models[pageSize] = soak.saved();
    if (soak.usedBytes > soak.recordBytes * USED_SHARE_MAX + FIXED_BYTES)
      problems.push(`${path} uses ${soak.usedBytes} bytes for ${soak.recordBytes} bytes of records`);
    const mostUsed = Math.max(state.mostUsed[pageSize] ?? 0, soak.usedBytes);
    state.mostUsed[pageSize] = mostUsed;
    const bytes = statSync(path).size;
    if (bytes > mostUsed * FILE_SHARE_MAX + FIXED_BYTES)
      problems.push(`${path} takes ${bytes} bytes, and its pages never took more than ${mostUsed}`);
  } catch (error) {
    problems.push(`round ${state.round}, page size ${pageSize}, seed ${seed}: ${error.stack}`);
    break;
  }
  state.round++;
  rounds++;
  delete state.dirty;
  save();
  globalThis.gc?.();
  if (rounds === WARM_UP_ROUNDS) descriptorsAtFirst = descriptors();
  const held =
    rounds > WARM_UP_ROUNDS
      ? await descriptorsKept(descriptorsAtFirst + DESCRIPTOR_GROWTH_MAX)
      : descriptors();
  if (rounds > WARM_UP_ROUNDS) {
    memory.push(process.memoryUsage().rss);
    if (held > descriptorsAtFirst + DESCRIPTOR_GROWTH_MAX)
      problems.push(`${held} open descriptors, ${descriptorsAtFirst} before`);
  }
  if (Date.now() - told > 20_000) {
    told = Date.now();
    const mib = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(`round ${state.round}: ${operations} operations, ${mib} MiB resident, ${held} descriptors`);
  }
}
const quarter = Math.max(1, memory.length >> 2);
const growth = median(memory.slice(-quarter)) - median(memory.slice(0, quarter));
if (growth > RSS_GROWTH_MAX) problems.push(`resident memory grew by ${growth} bytes`);
for (const problem of problems) console.error(problem);
const files = PAGE_SIZES.map((size) => join(values.folder, `${size}.esp`)).filter((path) => existsSync(path));
console.log(
  `seed ${state.seed}: ${rounds} rounds, ${operations} operations, ${problems.length} problems; ` +
    `resident memory ${growth >= 0 ? "+" : ""}${(growth / 2 ** 20).toFixed(1)} MiB between first and last quarter; ` +
    `files ${files.map((path) => `${(statSync(path).size / 2 ** 20).toFixed(1)} MiB`).join(", ")}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
