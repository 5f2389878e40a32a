/**
 * Nothing acknowledged is lost, whatever a crash leaves: every workload is crashed at every call, and again
 * while it recovers. test/crash/run.mjs does the same with a million images, and replays a failure.
 */

import { afterAll, describe, expect, it } from "vitest";
import { crashEverywhere } from "../support/crash.js";
import { pageSizesOf, WORKLOADS } from "../support/workloads.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_CRASH_SEED"] ?? 1);
const IMAGES: number | undefined =
  env["ESPALIER_CRASH_IMAGES"] === undefined ? undefined : Number(env["ESPALIER_CRASH_IMAGES"]);
const IMAGES_DEFAULT = 360;
const ONLY: string | undefined = env["ESPALIER_CRASH_ONLY"];
const SIZES: number[] | undefined = env["ESPALIER_CRASH_PAGE_SIZE"]?.split(",").map(Number);
const NAME: string | undefined = env["ESPALIER_CRASH_WORKLOAD"];
const chosen = WORKLOADS.filter((workload) => NAME === undefined || workload.name === NAME);
const cases = chosen.flatMap((workload) =>
  (SIZES ?? pageSizesOf(workload)).map((pageSize) => ({ pageSize, workload })),
);
const TIME_LIMIT_MS = 3_600_000;

let imagesInAll = 0;
let deepest = 0;

describe(`crash images from seed ${SEED}`, () => {
  it.each(cases)(
    "$workload.name, page size $pageSize",
    async ({ pageSize, workload }) => {
      const only = ONLY === undefined ? {} : { only: ONLY };
      const images = IMAGES ?? IMAGES_DEFAULT * (workload.share ?? 1);
      const count = await crashEverywhere({ workload, pageSize, seed: SEED, images, ...only });
      deepest = Math.max(deepest, count.deepest);
      imagesInAll += count.images;
      expect(count.images).toBeGreaterThan(0);
    },
    TIME_LIMIT_MS,
  );

  afterAll(() => {
    console.log(`${imagesInAll} crash images of seed ${SEED}, up to ${deepest} crashes deep`);
    if (env["ESPALIER_CRASH_IMAGES"] !== undefined || NAME !== undefined || ONLY !== undefined) return;
    expect(imagesInAll).toBeGreaterThanOrEqual(20_000);
    expect(deepest).toBe(3);
  });
});
