/**
 * Nothing acknowledged is lost, whatever a crash leaves: every workload is crashed at every call, and again
 * while it recovers. test/crash/run.mjs does the same with a million images, and replays a failure.
 */

import { afterAll, describe, expect, it } from "vitest";
import { crashEverywhere } from "../support/crash.js";
import { WORKLOADS } from "../support/workloads.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_CRASH_SEED"] ?? 1);
const IMAGES: number = Number(env["ESPALIER_CRASH_IMAGES"] ?? 190);
/** Goes on with further seeds until there are so many. */
const IMAGES_IN_ALL: number = Number(env["ESPALIER_CRASH_IMAGES_IN_ALL"] ?? 0);
const ONLY: string | undefined = env["ESPALIER_CRASH_ONLY"];
const SIZES: number[] = (env["ESPALIER_CRASH_PAGE_SIZE"] ?? "512,4096").split(",").map(Number);
const NAME: string | undefined = env["ESPALIER_CRASH_WORKLOAD"];
const chosen = WORKLOADS.filter((workload) => NAME === undefined || workload.name === NAME);
const cases = SIZES.flatMap((pageSize) => chosen.map((workload) => ({ pageSize, workload })));
const TIME_LIMIT_MS = IMAGES_IN_ALL > 0 ? 2 ** 31 - 1 : 120_000;

let images = 0;
let deepest = 0;

describe(`crash images from seed ${SEED}`, () => {
  it.each(cases)(
    "$workload.name, page size $pageSize",
    async ({ pageSize, workload }) => {
      let seed = SEED;
      let here = 0;
      do {
        const only = ONLY === undefined ? {} : { only: ONLY };
        const count = await crashEverywhere({ workload, pageSize, seed, images: IMAGES, ...only });
        here += count.images;
        deepest = Math.max(deepest, count.deepest);
        seed++;
      } while (here < IMAGES_IN_ALL / cases.length);
      images += here;
      expect(here).toBeGreaterThan(0);
    },
    TIME_LIMIT_MS,
  );

  afterAll(() => {
    console.log(`${images} crash images, seeds from ${SEED}, up to ${deepest} crashes deep`);
    if (env["ESPALIER_CRASH_IMAGES"] !== undefined || NAME !== undefined || ONLY !== undefined) return;
    expect(images).toBeGreaterThanOrEqual(Math.max(10_000, IMAGES_IN_ALL));
    expect(deepest).toBe(3);
  });
});
