/** Threads that each work on one file at a time. */

import { Worker } from "node:worker_threads";
import type { WorkStep } from "./control.js";
import { type FileResult, newResult } from "./results.js";
import type { FileTask, RunOptions } from "./run-options.js";

/** What a worker is given at its start: options that can be copied. */
export interface WorkerSettings {
  readonly options: Omit<RunOptions, "signal" | "onEvent" | "vfs">;
}

export type ToWorker = { readonly kind: "task"; readonly task: FileTask } | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "step"; readonly step: WorkStep }
  | { readonly kind: "result"; readonly result: FileResult };

export class WorkerPool {
  readonly #settings: WorkerSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: Worker[] = [];
  readonly #all: Set<Worker> = new Set();
  readonly #onAbort = (): void => {
    for (const worker of this.#all) worker.postMessage({ kind: "stop" } satisfies ToWorker);
  };

  constructor({ signal, onEvent: _onEvent, vfs: _vfs, ...options }: RunOptions) {
    const jobs = Math.max(1, options.jobs ?? 1);
    const rate = options.maxMbPerSec;
    this.#settings = { options: { ...options, ...(rate !== undefined && { maxMbPerSec: rate / jobs }) } };
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** Runs a task in a free thread, or a new one. A thread that dies leaves a failed result. */
  run(task: FileTask, onStep: (step: WorkStep) => void): Promise<FileResult> {
    const worker = this.#idle.pop() ?? this.#start();
    return new Promise((resolve) => {
      const settle = (result: FileResult, alive: boolean): void => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        if (alive) this.#idle.push(worker);
        else this.#all.delete(worker);
        resolve(result);
      };
      const onMessage = (message: FromWorker): void => {
        if (message.kind === "step") onStep(message.step);
        else settle(message.result, true);
      };
      const onError = (error: unknown): void => {
        settle(
          { ...newResult(task.path), status: "failed", reason: `its thread failed: ${String(error)}` },
          false,
        );
      };
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.postMessage({ kind: "task", task } satisfies ToWorker);
      if (this.#signal?.aborted === true) worker.postMessage({ kind: "stop" } satisfies ToWorker);
    });
  }

  #start(): Worker {
    const entry = new URL("./worker.js", import.meta.url);
    // The process's own options may be such that the module does not run with them (--input-type).
    const worker = new Worker(entry, { workerData: this.#settings, execArgv: [] });
    this.#all.add(worker);
    return worker;
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }
}
