/** tinybench as the clock of a pass: exactly its iterations, no warm-up of its own, all samples kept. */

import { Bench } from "tinybench";
import type { Pass } from "../workloads/workload.js";

/**
 * Times every iteration of a pass, in milliseconds. A pass that returned promises while it was warmed up is
 * awaited inside the timed window; the others never leave the stack.
 */
export async function timePass(pass: Pass, awaited: boolean): Promise<number[]> {
  const bench = new Bench({
    iterations: pass.iterations,
    time: 0,
    warmup: false,
    retainSamples: true,
    throws: true,
  });
  const { before, after } = pass;
  bench.add("pass", () => pass.run(), {
    async: awaited,
    ...(before === undefined ? {} : { beforeEach: () => before.call(pass) }),
    ...(after === undefined ? {} : { afterEach: () => after.call(pass) }),
  });
  const [task] = awaited || before !== undefined ? await bench.run() : bench.runSync();
  const result = task?.result;
  if (result === undefined || !("latency" in result) || result.latency.samples === undefined) {
    throw new Error(`the pass was not timed: ${result?.state ?? "no task"}`);
  }
  return Array.from(result.latency.samples);
}

/**
 * Collects what is young, where the process was started so that it may: no pass pays for the one before. A
 * full collection would empty the processor's caches too, just before the clock starts.
 */
export function collectYoung(): void {
  (globalThis as { gc?: (options: { type: "minor" }) => void }).gc?.({ type: "minor" });
}
