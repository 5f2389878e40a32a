/**
 * Damaged files are refused, or the damage is where it cannot matter: single flipped bits, and files cut off
 * anywhere. Never is another content accepted.
 */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CorruptionError, NotAStoreError } from "../../../src/base/errors.js";
import { fixture, fixturePath } from "./fixtures.js";
import { fixtureInMemory, put, seed, seededRandom, survey } from "./support.js";

const names = [
  "gen1/u64-seq-1k.db",
  "gen1/u64-wal.db",
  "gen2/bytes-churn-inplace-1k.db",
  "gen3/u64-range-delete.db",
  "gen3/u64-seq-1k-metaroot.db",
  "gen3-late/bytes-churn-3k.db",
  "gen3-late/u64-wal.db",
  "quirks/gen1/near-max.db",
];

type Outcome = "refused" | "harmless" | "WRONG";

/** What becomes of the fixture with this content instead of its own. */
function outcome(name: string, content: Uint8Array): Outcome {
  const vfs = fixtureInMemory(name);
  put(vfs, "/file.db", content);
  try {
    const result = survey(vfs);
    if (result.problems.length > 0) return "refused";
    const same = result.trees.length === 1 && result.trees[0]!.content?.digest === fixture(name).sha256;
    return same ? "harmless" : "WRONG";
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof NotAStoreError) return "refused";
    throw error;
  }
}

describe.each(names)("%s", (name) => {
  const whole = readFileSync(fixturePath(name));
  const { pageSize } = fixture(name);

  test(`a flipped bit is refused or harmless (ESPALIER_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const seen = { refused: 0, harmless: 0 };
    for (let round = 0; round < 150; round++) {
      const flipped = Uint8Array.from(whole);
      // Half of the flips go where the structure is: the first bytes of a page.
      const page = Math.floor(random() * (whole.length / pageSize));
      const within = round % 2 === 0 ? Math.floor(random() * 80) : Math.floor(random() * pageSize);
      const bit = Math.floor(random() * 8);
      flipped[page * pageSize + within]! ^= 1 << bit;
      const what = outcome(name, flipped);
      expect(what, `bit ${bit} of byte ${within} of page ${page}`).not.toBe("WRONG");
      if (what !== "WRONG") seen[what]++;
    }
    expect(seen.refused).toBeGreaterThan(0);
  });

  test("a file that was cut off is refused, or nothing that counts was cut", () => {
    const pages = whole.length / pageSize;
    const step = Math.max(1, Math.floor(pages / 20));
    for (let page = 0; page < pages; page += step) {
      for (const beside of [0, 1, 100, pageSize - 1]) {
        const length = page * pageSize + beside;
        expect(outcome(name, Uint8Array.from(whole.subarray(0, length))), `cut at ${length}`).not.toBe(
          "WRONG",
        );
      }
    }
    const half = Math.floor(pages / 2) * pageSize;
    // With a log, every page that counts may be there.
    if (fixture(name).walFrames === 0)
      expect(outcome(name, Uint8Array.from(whole.subarray(0, half)))).toBe("refused");
  });

  test("zeroed pages are refused or harmless", () => {
    for (let page = 1; page < whole.length / pageSize; page += 3) {
      const zeroed = Uint8Array.from(whole);
      zeroed.fill(0, page * pageSize, (page + 1) * pageSize);
      expect(outcome(name, zeroed), `page ${page}`).not.toBe("WRONG");
    }
  });

  test("pages that changed places are refused or harmless", () => {
    const pages = whole.length / pageSize;
    for (let page = 1; page + 1 < pages; page += 5) {
      const swapped = Uint8Array.from(whole);
      const at = page * pageSize;
      swapped.set(whole.subarray(at, at + pageSize), at + pageSize);
      swapped.set(whole.subarray(at + pageSize, at + 2 * pageSize), at);
      expect(outcome(name, swapped), `page ${page}`).not.toBe("WRONG");
    }
  });
});
