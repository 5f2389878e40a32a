/**
 * Runs the crash test with more images than the normal suite does, or replays one image of a failure:
 *
 *   node test/crash/run.mjs [--images-in-all 1000000] [--seed 1] [--jobs CORES] [--images 500] [--of PREFIX]
 *   node test/crash/run.mjs --workload NAME --page-size N --seed N --images N [--each-call] [--only LABEL]
 *
 * The first takes one seed after the other, each in a process of its own, and at least one image of each
 * call; with --of, only of workloads whose names begin so. It says as it goes how many images there were, so that it can be stopped at any time and gone on
 * with from the seed that it names. Ends with 1 where something was lost; the message has the replay.
 */

import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileSources } from "../soak/sources.mjs";

const LINE_EVERY_MS = 10_000;
/** Many short-lived buffers, and one thread: other cores have seeds of their own. */
const NODE_OPTIONS = ["--max-semi-space-size=32", "--single-threaded-gc"];

const { values } = parseArgs({
  options: {
    "images-in-all": { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
    of: { type: "string" },
    workload: { type: "string" },
    "page-size": { type: "string" },
    images: { type: "string", default: "500" },
    "each-call": { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const single = values.workload !== undefined;
const wanted = single ? 1 : Number(values["images-in-all"]);
const worker = join(compileSources("test/crash/worker.ts"), "test/crash/worker.js");
const startedMs = Date.now();
const running = new Map();
let nextSeed = Number(values.seed);
let lineMs = startedMs;
let images = 0;
let repeated = 0;
let failures = 0;

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running.values()) child.kill();
    process.exit(1);
  });
}
await Promise.all(Array.from({ length: single ? 1 : Number(values.jobs) }, takeSeeds));
say();
if (images === 0 && failures === 0) {
  console.error("there is no such image");
  process.exitCode = 1;
}

async function takeSeeds() {
  do await takeSeed(nextSeed++);
  while (images < wanted && !single);
}

function takeSeed(seed) {
  const words = ["--seed", String(seed), "--images", values.images];
  if (values["each-call"] || !single) words.push("--each-call");
  for (const name of ["of", "workload", "page-size", "only"])
    if (values[name] !== undefined) words.push(`--${name}`, values[name]);
  const child = fork(worker, words, { execArgv: NODE_OPTIONS });
  running.set(seed, child);
  child.on("message", hear);
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      running.delete(seed);
      if (code !== 0) process.exitCode = 1;
      if (signal !== null) console.error(`seed ${seed} was ended by ${signal}`);
      resolve();
    });
  });
}

function hear({ count, failure }) {
  if (failure !== undefined) {
    failures++;
    console.error(failure);
    return;
  }
  images += count.images;
  repeated += count.repeated;
  if (Date.now() - lineMs >= LINE_EVERY_MS) say();
}

function say() {
  lineMs = Date.now();
  const seconds = (lineMs - startedMs) / 1000;
  const rate = Math.round(images / seconds);
  const losses = failures === 0 ? "nothing lost" : `${failures} workloads failed`;
  const firstUnfinished = Math.min(nextSeed, ...running.keys());
  const next = single ? "" : `; to go on: --seed ${firstUnfinished}`;
  console.log(
    `${images} crash images (${repeated} more were repetitions), ${Math.round(seconds)} s, ${rate} a second, ${losses}${next}`,
  );
}
