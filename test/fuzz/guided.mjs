/**
 * Fuzzes everything that takes bytes from a disk, guided by coverage: an input that runs what no input has run
 * before, or runs it as often as none has, joins those that further ones are made from. Checksums are made
 * right before an input is read, so that what stands behind them gets it.
 *
 *   node test/fuzz/guided.mjs [--minutes 5] [--seed N] [--target NAME,...]
 *   node test/fuzz/guided.mjs --target NAME --replay FILE
 *
 * The project is compiled into a temporary folder and runs in a thread; the main thread watches that it goes on.
 * Ends with 1 where something was found: the input is left in a file, and the command that replays it printed.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const ROOT = new URL("../../", import.meta.url);
/** Where one input takes more of the processor than this, that is a finding: other work does not count. */
const INPUT_LIMIT_US = 20_000_000;
const INPUT_BYTES_MAX = 1024 * 1024;
const CORPUS_MAX = 1500;
const BATCH = 12;
/** Each target gets so long before the next has its turn. */
const TURN_MS = 4000;

// ---- the main thread

function compile() {
  const folder = mkdtempSync(join(tmpdir(), "espalier-fuzz-"));
  const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", ROOT));
  execFileSync(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", folder], {
    cwd: fileURLToPath(ROOT),
    stdio: "inherit",
  });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(fileURLToPath(new URL("node_modules", ROOT)), join(folder, "node_modules"));
  return folder;
}

/** Leaves the input in a file and says how to replay it. */
function report(target, input, reason) {
  const file = join(tmpdir(), `espalier-fuzz-${target}-${Date.now()}`);
  writeFileSync(file, input);
  console.error(
    `${target}: ${reason}\nreplay: node test/fuzz/guided.mjs --target ${target} --replay ${file}`,
  );
  process.exitCode = 1;
}

async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      target: { type: "string" },
      replay: { type: "string" },
    },
  });
  const folder = compile();
  // Where the thread is, for the main thread: a counter, the index of the target, the length of the input.
  const place = new SharedArrayBuffer(16 + INPUT_BYTES_MAX);
  const state = new Int32Array(place, 0, 4);
  const names = [];
  const current = () => new Uint8Array(place.slice(16, 16 + state[2]));
  try {
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: { folder, place, ...values },
      resourceLimits: { maxOldGenerationSizeMb: 1500 },
    });
    let last = -1;
    let since = process.cpuUsage();
    const watch = setInterval(() => {
      if (state[0] !== last) {
        last = state[0];
        since = process.cpuUsage();
      } else if (state[0] > 0 && process.cpuUsage(since).user > INPUT_LIMIT_US) {
        report(names[state[1]], current(), `it has no end (seed ${values.seed})`);
        void worker.terminate();
      }
    }, 500);
    await new Promise((resolve) => {
      worker.on("message", (message) => {
        if (message.names !== undefined) names.push(...message.names);
        else if (message.found !== undefined) report(message.target, message.input, message.found);
        else console.log(message.line);
      });
      worker.on("error", (error) => report(names[state[1]] ?? "start", current(), error.stack));
      worker.on("exit", resolve);
    });
    clearInterval(watch);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---- the thread that fuzzes

class Fuzzed {
  executions = 0;
  found = 0;
  outcomes = new Map();
  /** Kinds and places of what was found: each is reported once. */
  #reasons = new Set();

  constructor(target, index, state, input) {
    this.target = target;
    this.corpus = target.seeds.map((seed) => seed.slice());
    this.index = index;
    this.state = state;
    this.input = input;
  }

  run(bytes) {
    this.state[1] = this.index;
    this.state[2] = bytes.length;
    this.input.set(bytes);
    Atomics.add(this.state, 0, 1);
    this.executions++;
    try {
      const outcome = this.target.run(bytes);
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const kind = `${error?.name} ${/\n.*\/espalier-fuzz-.*|\n.*/.exec(reason)?.[0] ?? reason}`;
      if (this.#reasons.has(kind)) return;
      this.#reasons.add(kind);
      this.found++;
      parentPort.postMessage({ found: reason, target: this.target.name, input: bytes.slice() });
    }
  }
}

/** One target's turn: batches, and each input of a batch by itself where the batch has run something new. */
function turn(fuzzed, prng, mutated, coverage, until) {
  const { target, corpus } = fuzzed;
  while (Date.now() < until) {
    const batch = Array.from({ length: BATCH }, () => mutated(prng, corpus, target.place));
    for (const input of batch) fuzzed.run(input);
    // Counts are those of single inputs only: a batch in twelve is looked at for them.
    if (!coverage.take(false, true) && !prng.chance(1 / 12)) continue;
    for (const input of batch) {
      fuzzed.run(input);
      if (!coverage.take(true)) continue;
      if (corpus.length < CORPUS_MAX) corpus.push(input);
      else corpus[target.seeds.length + prng.below(CORPUS_MAX - target.seeds.length)] = input;
    }
  }
}

async function fuzz() {
  const { folder, place, minutes, seed, target: wanted, replay } = workerData;
  const root = pathToFileURL(`${folder}/`);
  const load = (path) => import(new URL(path, root).href);
  const [{ Coverage }, { mutated }, { makeTargets }, { Prng }] = await Promise.all([
    import("./guided/coverage.mjs"),
    import("./guided/mutate.mjs"),
    import("./guided/targets.mjs"),
    load("src/vfs/prng.js"),
  ]);
  const state = new Int32Array(place, 0, 4);
  const input = new Uint8Array(place, 16);
  const coverage = new Coverage(root.href);
  const all = await makeTargets(load, new URL("test/fixtures/legacy/", ROOT));
  const targets = all.filter(({ name }) => wanted === undefined || wanted.split(",").includes(name));
  if (targets.length === 0) throw new Error(`the targets are ${all.map(({ name }) => name).join(", ")}`);
  parentPort.postMessage({ names: targets.map(({ name }) => name) });
  const runs = targets.map((target, index) => new Fuzzed(target, index, state, input));
  if (replay !== undefined) {
    runs[0].run(new Uint8Array(readFileSync(replay)));
    parentPort.postMessage({ line: `${[...runs[0].outcomes.keys()].join()}` });
    return;
  }
  const prng = new Prng(Number(seed));
  for (const fuzzed of runs) {
    for (const one of fuzzed.corpus) fuzzed.run(one);
    coverage.take(true);
  }
  const atTheStart = coverage.blocks;
  const end = Date.now() + Number(minutes) * 60_000;
  for (let i = 0; Date.now() < end; i++)
    turn(runs[i % runs.length], prng, mutated, coverage, Math.min(end, Date.now() + TURN_MS));
  const total = runs.reduce((sum, { executions }) => sum + executions, 0);
  for (const { target, executions, corpus, outcomes, found } of runs) {
    const said = [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${outcome} ${count}`);
    const line = `${target.name}: ${executions} inputs, ${corpus.length} kept, ${found} findings; ${said.join(", ")}`;
    parentPort.postMessage({ line });
  }
  parentPort.postMessage({
    line: `${total} inputs, seed ${seed}: ${coverage.blocks} blocks reached (${atTheStart} by the inputs to begin with), ${coverage.counts} with how often`,
  });
}

if (isMainThread) await main();
else await fuzz();
