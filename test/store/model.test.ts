/** Random work on whole stores against sorted maps, over page sizes and kinds of keys. */

import { describe, it } from "vitest";
import { KEY_KINDS } from "../support/key-kinds.js";
import { StoreRun } from "../support/store-run.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);
const RUNS: number = Number(process.env["ESPALIER_RUNS"] ?? 1);
const STEPS: number = Number(process.env["ESPALIER_STEPS"] ?? 700);

describe.each([512, 4096, 32768])(`page size %i, seed ${SEED} (ESPALIER_SEED, ESPALIER_RUNS)`, (pageSize) => {
  it.each(KEY_KINDS)("%s keys", async (kind) => {
    for (let i = 0; i < RUNS; i++) {
      await new StoreRun({ pageSize, kind, seed: SEED + i, steps: STEPS, shrink: i % 2 === 0 }).run();
    }
  });
});
