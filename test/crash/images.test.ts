/**
 * Nothing acknowledged is lost, whatever a crash leaves: every workload is crashed at every call, and again
 * while it recovers. test/crash/run.mjs does the same with a million images, and replays a failure.
 */

import { afterAll, describe, expect, it } from "vitest";
import { crashEverywhere } from "../support/crash.js";
import { WORKLOADS } from "../support/workloads.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_CRASH_SEED"] ?? 1);
const IMAGES: number = Number(env["ESPALIER_CRASH_IMAGES"] ?? 500);
const ONLY: string | undefined = env["ESPALIER_CRASH_ONLY"];
const SIZES: number[] = (env["ESPALIER_CRASH_PAGE_SIZE"] ?? "512,4096").split(",").map(Number);
const NAME: string | undefined = env["ESPALIER_CRASH_WORKLOAD"];
const chosen = WORKLOADS.filter((workload) => NAME === undefined || workload.name === NAME);
const cases = SIZES.flatMap((pageSize) => chosen.map((workload) => ({ pageSize, workload })));
const TIME_LIMIT_MS = 3_600_000;

let images = 0;
let deepest = 0;

describe(`crash images from seed ${SEED}`, () => {
  it.each(cases)(
    "$workload.name, page size $pageSize",
    async ({ pageSize, workload }) => {
      const only = ONLY === undefined ? {} : { only: ONLY };
      const count = await crashEverywhere({ workload, pageSize, seed: SEED, images: IMAGES, ...only });
      deepest = Math.max(deepest, count.deepest);
      images += count.images;
      expect(count.images).toBeGreaterThan(0);
    },
    TIME_LIMIT_MS,
  );

  afterAll(() => {
    console.log(`${images} crash images of seed ${SEED}, up to ${deepest} crashes deep`);
    if (env["ESPALIER_CRASH_IMAGES"] !== undefined || NAME !== undefined || ONLY !== undefined) return;
    expect(images).toBeGreaterThanOrEqual(20_000);
    expect(deepest).toBe(3);
  });
});
