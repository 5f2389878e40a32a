/**
 * Crashes at every call of a conversion or rollback: what the power cut or the kill leaves is looked at, then the
 * work goes on there, or is turned back, crashes again somewhere, and goes on to its end.
 */

import { expect } from "vitest";
import type { FileResult } from "../../migrate/results.js";
import { EspalierError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import { POWER_CUTS, type PowerCut } from "../../src/vfs/crash-image.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { CACHE_BYTES_LEAST } from "../support/session.js";
import { FILE } from "./support.js";

export type Action = (vfs: FaultyVfs) => Promise<FileResult>;

export interface CrashCase {
  readonly disk: MemoryVfs;
  /** Left out: all there are. */
  readonly cuts?: readonly PowerCut[];
  readonly action: Action;
  /** Proves that the work is done and nothing is lost. */
  readonly check: (vfs: FaultyVfs) => void;
  /** What is done where it was interrupted, and its proof; left out: the same. */
  readonly afterwards?: Pick<CrashCase, "action" | "check">;
  readonly seed: number;
}

export interface CrashCount {
  calls: number;
  images: number;
  resumed: number;
  crashedTwice: number;
}

export const REPLAY_AT: number = Number(process.env["ESPALIER_CRASH_AT"] ?? 0);

/** Every call that changes something, with one power cut (the kinds take turns) and one kill each. */
export async function crashEverywhere(test: CrashCase): Promise<CrashCount> {
  const count: CrashCount = { calls: 0, images: 0, resumed: 0, crashedTwice: 0 };
  const prng = new Prng(test.seed);
  const cuts = test.cuts ?? POWER_CUTS;
  const images: { vfs: FaultyVfs; label: string }[] = [];
  const vfs = new FaultyVfs({ disk: test.disk, seed: test.seed });
  vfs.onCall = ({ call, changes, operation, path }) => {
    if (!changes || (REPLAY_AT > 0 && call !== REPLAY_AT)) return;
    const policy = cuts[call % cuts.length]!;
    const label = `seed ${test.seed}, call ${call} (${operation} ${path})`;
    images.push({ vfs: vfs.powerCut(policy, prng.below(2 ** 31)), label: `${label}, power cut ${policy}` });
    images.push({ vfs: vfs.processKill(prng.below(2 ** 31)), label: `${label}, kill` });
  };
  expect((await test.action(vfs)).reason).toBe(null);
  vfs.onCall = undefined;
  test.check(vfs);
  count.calls = vfs.calls;
  for (const image of images) {
    count.images++;
    await goOn(test, image.vfs, prng, image.label, count);
  }
  return count;
}

async function goOn(
  test: CrashCase,
  vfs: FaultyVfs,
  prng: Prng,
  label: string,
  count: CrashCount,
): Promise<void> {
  const { action, check } = test.afterwards ?? test;
  try {
    refusesOrIsWhole(vfs);
    const second = vfs.processKill(1);
    second.crashAt = 1 + prng.below(Math.ceil(count.calls * 1.5));
    try {
      const result = await action(second);
      if (result.resumed) count.resumed++;
    } catch (error) {
      if (!(error instanceof CrashSignal)) throw error;
      count.crashedTwice++;
    }
    const cut = second.crashed
      ? second.powerCut(prng.pick(test.cuts ?? POWER_CUTS), prng.below(2 ** 31))
      : second.processKill(1);
    refusesOrIsWhole(cut);
    const result = await action(cut);
    expect(result).toMatchObject({ reason: null });
    check(cut);
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error });
  }
}

/** Half-way, the store opens nothing; where it opens the file, the file is whole. */
function refusesOrIsWhole(vfs: FaultyVfs): void {
  const copy = vfs.processKill(1);
  const look = { createIfMissing: false, readOnly: true, cacheBytes: CACHE_BYTES_LEAST };
  try {
    const store = open(FILE, { ...look, vfs: copy });
    expect(store.verify().problems).toEqual([]);
    store.close();
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    expect(["ERR_ESPALIER_LEGACY_FORMAT", "ERR_ESPALIER_MIGRATING", "ERR_ESPALIER_NOT_A_STORE"]).toContain(
      error.code,
    );
  }
}
