/** The thread that a WorkerPool starts: one file after the other. */

import { parentPort, workerData } from "node:worker_threads";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import { Pace, type WorkStep } from "./control.js";
import { runTask } from "./run-files.js";
import type { FileTask } from "./run-options.js";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-pool.js";

const { options } = workerData as WorkerSettings;
const stop = new AbortController();
const pace = new Pace(nodeVfs, { ...options, signal: stop.signal });
const STEP_MS = 100;
let told = 0;

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

function tellStep(step: WorkStep): void {
  const now = performance.now();
  if (now - told < STEP_MS) return;
  told = now;
  send({ kind: "step", step });
}

async function work(task: FileTask): Promise<void> {
  const result = await runTask(nodeVfs, task, options, pace, (_result, step) => tellStep(step));
  send({ kind: "result", result });
}

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "stop") stop.abort();
  else void work(message.task);
});
