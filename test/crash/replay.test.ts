/**
 * The crash test itself: whatever image fails, however deep and whatever the store makes of the error, the run
 * fails, and the command that it prints looks at that image again.
 */

import { expect, it } from "vitest";
import { Prng } from "../../src/vfs/prng.js";
import { type CrashPlan, crashEverywhere, type Place } from "../support/crash.js";
import { WORKLOADS } from "../support/workloads.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const FAILURES_A_DEPTH = 1;
const DEPTHS = [1, 2, 3];
const SEEDS_MAX = 20;

function planOf(name: string, seed: number, inspect: (place: Place) => void): CrashPlan {
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(`no workload ${name}`);
  return { workload, pageSize: 512, seed, images: 40, inspect };
}

/** The first seed whose run has images of all depths, and those. */
async function imagesOf(name: string): Promise<{ seed: number; all: Place[] }> {
  for (let seed = SEED; seed < SEED + SEEDS_MAX; seed++) {
    const all: Place[] = [];
    await crashEverywhere(planOf(name, seed, (place) => all.push(place)));
    if (DEPTHS.every((depth) => all.some((place) => place.depth === depth))) return { seed, all };
  }
  throw new Error(`no images of all depths, seeds ${SEED} and ${SEEDS_MAX - 1} more`);
}

async function failureOf(plan: CrashPlan): Promise<string> {
  try {
    await crashEverywhere(plan);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "nothing failed";
}

/** The image itself and those that it was found in, the outermost last: in the order in which they end. */
function wayTo(label: string): string[] {
  const calls = label.split(",");
  return calls.map((_, i) => calls.slice(0, calls.length - i).join(","));
}

it.each(["a-bit-of-everything", "both-segments"])(
  `any failure of %s is reported and replayed (ESPALIER_SEED=${SEED})`,
  async (name) => {
    const { seed, all } = await imagesOf(name);
    const prng = new Prng(seed);
    for (const depth of DEPTHS) {
      const places = all.filter((place) => place.depth === depth);
      for (let i = 0; i < FAILURES_A_DEPTH; i++) {
        const wanted = prng.pick(places);
        const { label } = wanted;
        const fail = planOf(name, seed, (place) => {
          if (place.label === label) throw new Error("made to fail");
        });
        const failure = await failureOf(fail);
        expect(failure).toContain(`at ${label}: Error: made to fail`);
        const only = /--only (\S+)$/.exec(failure)?.[1];
        expect(only).toBe(label);
        expect(await failureOf({ ...fail, only: label })).toContain(`at ${label}: Error: made to fail`);
        const seen: Place[] = [];
        await crashEverywhere({ ...planOf(name, seed, (place) => seen.push(place)), only: label });
        expect(seen.map((place) => place.label)).toEqual(wayTo(label));
        expect(seen[0]).toEqual(wanted);
      }
    }
  },
);
