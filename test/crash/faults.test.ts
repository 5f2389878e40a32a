/**
 * Disks that fail: each kind of failure at each call of a workload, once and for good. The store says so
 * with an error of the right kind, goes on reading, and nothing acknowledged is lost.
 */

import { describe, expect, it } from "vitest";
import { FAULT_KINDS, type FaultKind } from "../../src/vfs/faults.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { type FaultCount, runWithFault } from "../support/faults.js";
import { pageSizesOf, sessionOf, WORKLOADS, type Workload } from "../support/workloads.js";

/** Of each workload at each page size, at random calls. */
const RUNS: number = Number(process.env["ESPALIER_FAULT_RUNS"] ?? 12);
const REPLAY: string[] | undefined = process.env["ESPALIER_FAULT"]?.split(",");
const SEED: number = Number(process.env["ESPALIER_CRASH_SEED"] ?? 1);
const KINDS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== "EDQUOT");

function named(name: string): Workload {
  return WORKLOADS.find((workload) => workload.name === name) as Workload;
}

async function callsOf(workload: Workload, pageSize: number, seed: number): Promise<number> {
  const vfs = new FaultyVfs({ seed });
  await workload.run(sessionOf(workload, vfs, pageSize, seed));
  return vfs.calls;
}

if (REPLAY !== undefined) {
  it("replays", async () => {
    const [name, pageSize, seed, kind, lasts, at] = REPLAY;
    const fault = { kind: kind as FaultKind, lasts: lasts as "once" | "forever", at: Number(at) };
    const count: FaultCount = { runs: 0, struck: 0, threw: 0, images: 0 };
    await runWithFault(
      { workload: named(name as string), pageSize: Number(pageSize), seed: Number(seed), fault },
      count,
    );
  });
}

describe.runIf(REPLAY === undefined)(`faults, seed ${SEED}`, () => {
  it.each(KINDS)("%s at every call of a short session", async (kind) => {
    const workload = named("a-bit-of-everything");
    const count: FaultCount = { runs: 0, struck: 0, threw: 0, images: 0 };
    const calls = await callsOf(workload, 4096, SEED);
    for (let at = 1; at <= calls; at++) {
      for (const lasts of ["once", "forever"] as const) {
        if (lasts === "forever" && at % 2 === 0) continue;
        await runWithFault({ workload, pageSize: 4096, seed: SEED, fault: { kind, at, lasts } }, count);
      }
    }
    expect(count.struck).toBeGreaterThan(20);
    if (kind !== "short") expect(count.threw).toBeGreaterThan(10);
  });

  it.each(WORKLOADS)("at random calls of $name", async (workload) => {
    const prng = new Prng(SEED);
    const count: FaultCount = { runs: 0, struck: 0, threw: 0, images: 0 };
    for (const pageSize of pageSizesOf(workload)) {
      const calls = await callsOf(workload, pageSize, SEED);
      for (let i = 0; i < RUNS * (workload.share ?? 1); i++) {
        const fault = {
          kind: prng.pick(KINDS),
          at: 1 + prng.below(calls),
          lasts: prng.chance(0.6) ? ("once" as const) : ("forever" as const),
        };
        await runWithFault({ workload, pageSize, seed: SEED, fault }, count);
      }
    }
    expect(count.struck).toBeGreaterThan(0);
  });
});
