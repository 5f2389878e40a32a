/**
 * Runs a workload on a disk that fails at one call, or from one call on, and checks that nothing
 * acknowledged is lost by it: neither in what the store reads then, nor after it was opened again.
 */

import { EspalierError } from "../../src/base/errors.js";
import { POWER_CUTS } from "../../src/vfs/crash-image.js";
import type { Fault } from "../../src/vfs/faults.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { ImageTaker, noImages } from "./crash.js";
import { FaultSession, WrongError } from "./fault-session.js";
import type { SessionSettings } from "./session.js";
import { makeSyncsSlow } from "./slow-syncs.js";
import { settingsOf, type Workload } from "./workloads.js";

export interface FaultPlan {
  readonly workload: Workload;
  readonly pageSize: number;
  readonly seed: number;
  readonly fault: Fault;
}

export interface FaultCount {
  runs: number;
  /** Runs in which the fault struck, and in which the store threw. */
  struck: number;
  threw: number;
  images: number;
}

export async function runWithFault(plan: FaultPlan, count: FaultCount): Promise<void> {
  const restore = plan.workload.slowSyncs === true ? makeSyncsSlow() : undefined;
  try {
    await runOnce(plan, count);
  } finally {
    restore?.();
  }
}

async function runOnce(plan: FaultPlan, count: FaultCount): Promise<void> {
  const { workload, pageSize, seed, fault } = plan;
  const settings = settingsOf(workload, pageSize);
  const vfs = new FaultyVfs({ seed, faults: [fault] });
  const session = new FaultSession(vfs, settings, seed, fault.lasts === "once" && workload.fails !== true);
  const where = `${fault.kind} ${fault.lasts} at call ${fault.at} of ${workload.name}, page size ${pageSize}, seed ${seed}`;
  try {
    try {
      await workload.run(session);
    } catch (error) {
      if (error instanceof WrongError || !(error instanceof EspalierError)) throw error;
      session.expect(error);
    }
    if (vfs.faultsHit > 0) lookAfter(plan, settings, session, vfs, count);
    session.abandon();
    vfs.faults = [];
    if (vfs.faultsHit > 0) lookAfter(plan, settings, session, vfs, count);
  } catch (error) {
    throw new Error(
      `${where}: ${error instanceof Error ? error.stack : String(error)}\nreplay: ESPALIER_FAULT="${workload.name},${pageSize},${seed},${fault.kind},${fault.lasts},${fault.at}" npx vitest run test/crash/faults.test.ts`,
    );
  }
  count.runs++;
  if (vfs.faultsHit > 0) count.struck++;
  if (session.failures > 0) count.threw++;
}

/** What the next process finds: after the death of this one, and after a power cut. */
function lookAfter(
  plan: FaultPlan,
  settings: SessionSettings,
  session: FaultSession,
  vfs: FaultyVfs,
  count: FaultCount,
): void {
  const images = noImages();
  const crash = { workload: plan.workload, pageSize: plan.pageSize, seed: plan.seed, images: 3 };
  const taker = new ImageTaker(crash, settings, session, images, 0);
  const prng = new Prng(plan.seed + plan.fault.at);
  // What a failed sync has lost is gone for a process that merely died, too.
  const powerCut = plan.fault.kind === "lost-sync";
  for (const policy of ["kill", "dropped", prng.pick(POWER_CUTS)] as const) {
    const seed = prng.next();
    const image = policy === "kill" ? vfs.processKill(seed) : vfs.powerCut(policy, seed);
    const place = { label: "", calls: vfs.calls, depth: 1, powerCut: powerCut || policy !== "kill" };
    taker.look(image, place, policy, seed);
  }
  count.images += images.images;
}
