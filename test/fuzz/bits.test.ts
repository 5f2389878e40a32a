/**
 * Bits flipped in a small store, and in one with its log: the answer is an error of espalier's own or what it
 * was. Here a sample; node test/fuzz/run.mjs flips each one.
 */

import { describe, expect, it } from "vitest";
import { FLIP_CASES, flipBits } from "./bit-flips.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const STEP: string | undefined = env["ESPALIER_FUZZ_STEP"];
const BIT: string | undefined = env["ESPALIER_FUZZ_BIT"];
const TIME_LIMIT_MS = 2 ** 31 - 1;

describe(`bits flipped (replay: ESPALIER_SEED=${SEED} npx vitest run test/fuzz/bits.test.ts)`, () => {
  it.each(FLIP_CASES)(
    "in $name",
    (flipCase) => {
      const step = STEP === undefined ? undefined : Number(STEP);
      const bit = BIT === undefined ? undefined : Number(BIT);
      const { bits, seen } = flipBits(flipCase, { seed: SEED, step, bit });
      console.log(`${flipCase.name}: ${bits} bits: ${JSON.stringify(seen)}`);
      if (BIT !== undefined) return;
      if (flipCase.name !== "its next log") expect(seen.error).toBeGreaterThan(0);
      expect(seen.whole).toBeGreaterThan(0);
    },
    TIME_LIMIT_MS,
  );
});
