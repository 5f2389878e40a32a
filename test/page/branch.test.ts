/** A branch is never written larger than its page. */

import { expect, it } from "vitest";
import { CorruptionError } from "../../src/base/errors.js";
import { type BranchEntry, branchBytes, searchBranch, writeBranch } from "../../src/page/branch.js";
import { branchCapacity } from "../../src/page/limits.js";
import { Prng } from "../../src/vfs/prng.js";
import { LeafHarness } from "../support/leaf-harness.js";

const PAGE = 512;
const NONE = new Uint8Array(0);
const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);

function entries(count: number, lastBytes: number): BranchEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    separator: Buffer.from(`${i}`.padStart(2, "0").padEnd(i === count - 1 ? lastBytes : 2, "x")),
    child: i + 5,
  }));
}

it("takes what fills it to the last byte, and refuses a byte more without a change", () => {
  const { pager, page } = new LeafHarness(PAGE);
  const full = entries(20, 200);
  const room = branchCapacity(PAGE) - branchBytes(full, NONE, NONE);
  writeBranch(pager, page, 1, 4, entries(20, 200 + room), NONE, NONE);
  const offset = pager.at(page);
  const before = pager.pool.u8.slice(offset, offset + PAGE);
  expect(() => writeBranch(pager, page, 1, 4, entries(20, 201 + room), NONE, NONE)).toThrow(CorruptionError);
  expect(pager.pool.u8.slice(offset, offset + PAGE)).toEqual(before);
});

/** Strings that share much with each other, so that heads are the same and lengths decide. */
function alike(prng: Prng): Buffer {
  const shared = "a shared beginning, and more of it".slice(0, prng.below(35));
  return Buffer.from(shared + "abc".repeat(3).slice(0, prng.below(10)) + prng.pick(["", "x", "y", "z"]));
}

it(`the way down is the one that comparing whole separators gives, seed ${SEED} (ESPALIER_SEED)`, () => {
  const prng = new Prng(SEED);
  const { pager, page } = new LeafHarness(4096);
  for (let round = 0; round < 200; round++) {
    const separators = new Map(
      Array.from({ length: prng.below(60) }, () => alike(prng)).map((s) => [`${s}`, s]),
    );
    const sorted = [...separators.values()].sort(Buffer.compare);
    const all = sorted.map((separator, i) => ({ separator, child: i + 5 }));
    writeBranch(pager, page, 1, 4, all, NONE, NONE);
    const buffer = Buffer.alloc(64);
    for (const key of [...sorted, ...Array.from({ length: 40 }, () => alike(prng))]) {
      const wanted = sorted.filter((separator) => Buffer.compare(separator, key) <= 0).length;
      // As the store has them: in one buffer, with other keys' bytes behind; and each by itself.
      buffer.fill("abcabc").set(key);
      const offset = pager.at(page);
      expect(searchBranch(pager.pool, offset, buffer, key.length)).toBe(wanted);
      expect(searchBranch(pager.pool, offset, key, key.length)).toBe(wanted);
    }
  }
});
