/** Stores through many lives: all that a store does at once, on disks that fail, until its process ends in some way. */

import { expect, it } from "vitest";
import { KEY_KINDS } from "../support/key-kinds.js";
import { Lineage, noLives } from "../support/lineage.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);
const RUNS: number = Number(process.env["ESPALIER_RUNS"] ?? 1);
const PAGE_SIZES: readonly number[] = (process.env["ESPALIER_PAGE_SIZES"] ?? "512,4096,32768")
  .split(",")
  .map(Number);

it.each(PAGE_SIZES)(
  `pages of %i bytes, seed ${SEED} (ESPALIER_SEED, ESPALIER_RUNS, ESPALIER_PAGE_SIZES)`,
  async (pageSize) => {
    const count = noLives();
    for (let i = 0; i < RUNS; i++) {
      const kind = KEY_KINDS[(SEED + i + pageSize / 512) % KEY_KINDS.length]!;
      await new Lineage({ seed: SEED + i, pageSize, kind, lives: 25, steps: 150 }, count).run();
    }
    console.info(`pages of ${pageSize} bytes: ${JSON.stringify(count)}`);
    expect(count.crashes).toBeGreaterThan(5 * RUNS);
    expect(count.cutRecoveries).toBeGreaterThan(0);
    expect(count.failures).toBeGreaterThan(0);
    expect(count.backups + count.compactions).toBeGreaterThan(5 * RUNS);
  },
  120_000 * RUNS,
);
