/**
 * Runs the crash test with more images than the normal suite does, or replays one image of a failure:
 *
 *   node test/crash/run.mjs [--images-in-all 1000000] [--seed 1]
 *   node test/crash/run.mjs --workload NAME --page-size N --seed N --images N [--only LABEL]
 */

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    "images-in-all": { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    workload: { type: "string" },
    "page-size": { type: "string" },
    images: { type: "string" },
    only: { type: "string" },
  },
});

const env = { ...process.env, ESPALIER_CRASH_SEED: values.seed };
if (values.workload !== undefined) env.ESPALIER_CRASH_WORKLOAD = values.workload;
if (values["page-size"] !== undefined) env.ESPALIER_CRASH_PAGE_SIZE = values["page-size"];
if (values.images !== undefined) env.ESPALIER_CRASH_IMAGES = values.images;
else env.ESPALIER_CRASH_IMAGES_IN_ALL = values["images-in-all"];
if (values.only !== undefined) env.ESPALIER_CRASH_ONLY = values.only;

const run = spawnSync("npx", ["vitest", "run", "test/crash/images.test.ts"], { env, stdio: "inherit" });
process.exit(run.status ?? 1);
