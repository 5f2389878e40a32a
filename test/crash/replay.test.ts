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

function planOf(name: string, inspect: (place: Place) => void): CrashPlan {
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(`no workload ${name}`);
  return { workload, pageSize: 512, seed: SEED, images: 40, inspect };
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
    const all: Place[] = [];
    await crashEverywhere(planOf(name, (place) => all.push(place)));
    const prng = new Prng(SEED);
    for (const depth of [1, 2, 3]) {
      const places = all.filter((place) => place.depth === depth);
      expect(places.length, `images at depth ${depth}`).toBeGreaterThan(0);
      for (let i = 0; i < FAILURES_A_DEPTH; i++) {
        const wanted = prng.pick(places);
        const { label } = wanted;
        const fail = planOf(name, (place) => {
          if (place.label === label) throw new Error("made to fail");
        });
        const failure = await failureOf(fail);
        expect(failure).toContain(`at ${label}: Error: made to fail`);
        const only = /--only (\S+)$/.exec(failure)?.[1];
        expect(only).toBe(label);
        expect(await failureOf({ ...fail, only: label })).toContain(`at ${label}: Error: made to fail`);
        const seen: Place[] = [];
        await crashEverywhere({ ...planOf(name, (place) => seen.push(place)), only: label });
        expect(seen.map((place) => place.label)).toEqual(wayTo(label));
        expect(seen[0]).toEqual(wanted);
      }
    }
  },
);
