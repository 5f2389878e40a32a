/**
 * Rounds of `kill -9`: a child commits and acknowledges over a pipe, is killed at a random moment, and
 * the store is opened and compared with what it had acknowledged.
 */

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { open } from "../../src/index.js";
import type { Prng } from "../../src/vfs/prng.js";
import { compiled } from "../support/compiled.js";
import { KEPT, type KillMode, WRITER_SOURCE } from "./kill-writer.js";

const KILL_AFTER_MS_MAX = 60;
/** A disk takes its time to be full. */
const KILL_FULL_AFTER_MS_MAX = 500;

export interface KillRound {
  /** Last commit that the child had acknowledged, and the last one that is there. */
  readonly acknowledged: number;
  readonly found: number;
  /** The oldest commit whose record must be there; above 1 in mode "full": the disk was full. */
  readonly oldest: number;
  /** What is wrong; empty: nothing. */
  readonly problems: string[];
}

/** One round on the store at `path`; commits go on from `first`. */
export async function killRound(
  path: string,
  mode: KillMode,
  first: number,
  random: Prng,
): Promise<KillRound> {
  const delayMs = random.below(mode === "full" ? KILL_FULL_AFTER_MS_MAX : KILL_AFTER_MS_MAX);
  const acknowledged = await runAndKill(path, mode, first, delayMs);
  return inspect(path, mode, Math.max(acknowledged, first - 1));
}

function runAndKill(path: string, mode: KillMode, first: number, delayMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = ["--input-type=module", "-e", WRITER_SOURCE, compiled(), path, mode, String(first)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stderr.on("data", (data: Buffer) => {
      errors += data.toString();
    });
    child.stdout.on("data", (data: Buffer) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), delayMs);
      output += data.toString();
    });
    child.on("close", () => {
      if (errors !== "") reject(new Error(`the writer failed: ${errors}`));
      else resolve(Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1) ?? first - 1));
    });
  });
}

function inspect(path: string, mode: KillMode, acknowledged: number): KillRound {
  const problems: string[] = [];
  rmSync(`${path}.kept`, { force: true });
  using store = open<string, string>(path, { valueEncoding: "utf8" });
  const report = store.verify();
  if (!report.ok) problems.push(`verify: ${JSON.stringify(report.problems.slice(0, 3))}`);
  const found = Number(store.get("last") ?? 0);
  if (found < acknowledged) problems.push(`commit ${acknowledged} was acknowledged, the store has ${found}`);
  // In single writes a kill may fall between the next commit's delete and its "last".
  const kept = mode === "single" ? KEPT - 1 : KEPT;
  const oldest = mode === "full" ? Number(store.get("first") ?? 1) : Math.max(1, found - kept + 1);
  for (let i = oldest; i <= found; i++) {
    if (!(store.get(`k${i}`) ?? "").startsWith(`${i}x`)) problems.push(`k${i} is missing, last is ${found}`);
  }
  return { acknowledged, found, oldest, problems };
}
