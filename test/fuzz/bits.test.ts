/**
 * Bits flipped in a small store, and in one with its log: the answer is an error of espalier's own or what it
 * was. Here a sample; node test/fuzz/run.mjs flips each one.
 */

import { describe, expect, it } from "vitest";
import { Prng } from "../../src/vfs/prng.js";
import { bytesOf, withFile } from "../support/damage.js";
import { STORE_PATH } from "../support/session.js";
import { makeSmallStore, outcomeOf } from "./small-store.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
/** One bit of so many is flipped; 1: each. By default so many bits of each file. */
const STEP: string | undefined = env["ESPALIER_FUZZ_STEP"];
const BITS_DEFAULT = 120;
/** Only this one. */
const BIT: string | undefined = env["ESPALIER_FUZZ_BIT"];
const TIME_LIMIT_MS = 2 ** 31 - 1;

const CASES = [
  { name: "a closed store", withLog: false, path: STORE_PATH },
  { name: "the file of a store with a log", withLog: true, path: STORE_PATH },
  // After one checkpoint the log goes on in the second segment; the first is ready for the next generation.
  { name: "its log", withLog: true, path: `${STORE_PATH}-log2` },
  { name: "its next log", withLog: true, path: `${STORE_PATH}-log1` },
] as const;

describe(`bits flipped (replay: ESPALIER_SEED=${SEED} npx vitest run test/fuzz/bits.test.ts)`, () => {
  it.each(CASES)(
    "in $name",
    ({ name, withLog, path }) => {
      const small = makeSmallStore(withLog);
      const prng = new Prng(SEED);
      const bytes = bytesOf(small.disk, path);
      // A log is preallocated: behind its frames there is nothing to be harmed.
      let end = (lastUsed(bytes) + 64) * 8;
      const step = STEP === undefined ? Math.ceil(end / BITS_DEFAULT) : Number(STEP);
      const seen = { whole: 0, "one less": 0, error: 0 };
      let bits = 0;
      for (let bit = 0; bit < end; bit += step === 1 ? 1 : 1 + prng.below(2 * step - 1)) {
        if (BIT !== undefined) bit = Number(BIT);
        const bad = bytes.slice();
        bad[bit >> 3]! ^= 1 << (bit & 7);
        bits++;
        if (BIT !== undefined) end = 0;
        try {
          const found = outcomeOf(withFile(small.disk, path, bad), small);
          seen[found]++;
          // Only damage to the last commit of the log may pass for a torn one (W5).
          if (found === "one less" && !path.includes("-log")) throw new Error("the last commit is gone");
        } catch (error) {
          throw new Error(
            `bit ${bit} of ${name} (ESPALIER_FUZZ_BIT=${bit}): ${error instanceof Error ? error.stack : error}`,
          );
        }
      }
      console.log(`${name}: ${bits} bits: ${JSON.stringify(seen)}`);
      if (BIT !== undefined) return;
      if (name !== "its next log") expect(seen.error).toBeGreaterThan(0);
      expect(seen.whole).toBeGreaterThan(0);
    },
    TIME_LIMIT_MS,
  );
});

function lastUsed(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return Math.min(bytes.length - 64, end);
}
