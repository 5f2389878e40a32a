/** A benchmark's child process as its parent sees it: one request at a time, an answer or a throw. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BedSpec, Figures, TaskOptions } from "./plan.js";

export type ChildRequest =
  | {
      readonly kind: "make";
      readonly engine: string;
      readonly spec: BedSpec;
      readonly folder: string;
      readonly task: string;
      readonly mode: string;
      readonly options: TaskOptions;
      readonly warm: boolean;
    }
  | { readonly kind: "round"; readonly round: number }
  | { readonly kind: "finish" };

export type ChildAnswer =
  | { readonly status: "ready" }
  | { readonly status: "measured"; readonly figures: Figures }
  | { readonly status: "finished"; readonly hash: string | null }
  | { readonly status: "failed"; readonly reason: string };

/** Standard error kept of a child that died. */
const STDERR_CHARACTERS_MAX = 4000;

const alive: Set<BenchChild> = new Set();

/** Ends every child, busy or not: for a run that is interrupted. */
export function killChildren(): void {
  for (const child of alive) child.kill();
}

/** What Node is given for a process that measures, beside NODE_OPTIONS. */
export const BENCH_FLAGS: readonly string[] = ["--expose-gc", "--max-old-space-size=4096"];

export class BenchChild {
  readonly #process: ChildProcess;
  #stderr = "";
  #dead: string | null = null;

  /** `entry`: the compiled entry; the one beside this module unless told otherwise. */
  constructor(entry: string | undefined) {
    const path = entry ?? fileURLToPath(new URL("./child-main.js", import.meta.url));
    this.#process = fork(path, [], {
      execArgv: [...BENCH_FLAGS],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS_MAX);
    });
    alive.add(this);
    this.#process.once("exit", (code, signal) => {
      alive.delete(this);
      this.#dead = `the process ended with ${signal ?? `code ${code}`}`;
    });
  }

  /** Throws what the child reports, or how it died. */
  async ask(request: ChildRequest): Promise<ChildAnswer> {
    const answer = await this.#send(request);
    if (answer.status === "failed") throw new Error(answer.reason);
    return answer;
  }

  #send(request: ChildRequest): Promise<ChildAnswer> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#process.off("message", onMessage);
        this.#process.off("close", onClose);
      };
      const onMessage = (message: unknown): void => {
        end();
        resolve(message as ChildAnswer);
      };
      const onClose = (): void => {
        end();
        reject(new Error(`${this.#dead ?? "the process is gone"}: ${this.#stderr.trim()}`));
      };
      if (this.#dead !== null) {
        onClose();
        return;
      }
      this.#process.on("message", onMessage);
      this.#process.on("close", onClose);
      this.#process.send(request);
    });
  }

  kill(): void {
    if (this.#dead === null) this.#process.kill("SIGKILL");
  }
}
