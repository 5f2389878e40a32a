/** Runs one round in a child process of its own, with a time limit. A crash is an answer, never a throw. */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RoundRequest, RoundResult } from "./round.js";

/** How a round ended. */
export type RoundOutcome =
  | { readonly status: "ok"; readonly result: RoundResult }
  | { readonly status: "failed" | "timeout" | "aborted"; readonly reason: string };

export interface ChildOptions {
  readonly timeLimitMs: number;
  /** Where request and result files go. */
  readonly scratch: string;
  readonly signal: AbortSignal | undefined;
  /** The compiled entry; the one beside this module unless told otherwise. */
  readonly entry: string | undefined;
}

/** What Node is given for a round, beside NODE_OPTIONS. */
export const ROUND_FLAGS: readonly string[] = ["--expose-gc"];

/** Standard error kept of a child that failed. */
const STDERR_BYTES_MAX = 4000;

/** Measures a round in a child. Settles when the child has ended, whatever ended it. */
export async function runChild(
  request: Omit<RoundRequest, "resultFile">,
  options: ChildOptions,
): Promise<RoundOutcome> {
  mkdirSync(options.scratch, { recursive: true });
  const requestFile = join(options.scratch, "request.json");
  const resultFile = join(options.scratch, "result.json");
  rmSync(resultFile, { force: true });
  writeFileSync(requestFile, JSON.stringify({ ...request, resultFile }));
  const entry = options.entry ?? fileURLToPath(new URL("./child-main.js", import.meta.url));
  const ending = await untilExit(entry, requestFile, request.profile, options);
  rmSync(request.folder, { recursive: true, force: true });
  if (ending.stopped !== null) return ending.stopped;
  if (ending.code === 0) {
    return { status: "ok", result: JSON.parse(readFileSync(resultFile, "utf8")) as RoundResult };
  }
  const how = ending.code === null ? `killed by ${ending.killedBy}` : `exit code ${ending.code}`;
  const said = ending.stderr.trim();
  return { status: "failed", reason: ending.code === 2 ? said : `${how}: ${said || "it said nothing"}` };
}

interface Ending {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stopped: RoundOutcome | null;
}

function untilExit(
  entry: string,
  requestFile: string,
  profile: boolean,
  { timeLimitMs, signal }: ChildOptions,
): Promise<Ending> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...ROUND_FLAGS, entry, requestFile], {
      // Nothing is said over "ipc": that it closes tells the child that nobody waits for its result any more.
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...(profile ? { ESPALIER_PROFILE: "1" } : {}) },
    });
    let stderr = "";
    let stopped: RoundOutcome | null = null;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-STDERR_BYTES_MAX);
    });
    const stop = (outcome: RoundOutcome): void => {
      stopped ??= outcome;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => {
      stop({ status: "timeout", reason: `stopped after ${timeLimitMs / 1000} s` });
    }, timeLimitMs);
    const onAbort = (): void => stop({ status: "aborted", reason: "the run was interrupted" });
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const finish = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve({ code, killedBy, stderr, stopped });
    };
    child.on("error", (error) => {
      stderr += error.message;
      finish(1, null);
    });
    child.on("close", finish);
  });
}
