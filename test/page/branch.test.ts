/** A branch is never written larger than its page. */

import { expect, it } from "vitest";
import { CorruptionError } from "../../src/base/errors.js";
import { type BranchEntry, branchBytes, writeBranch } from "../../src/page/branch.js";
import { branchCapacity } from "../../src/page/limits.js";
import { LeafHarness } from "../support/leaf-harness.js";

const PAGE = 512;
const NONE = new Uint8Array(0);

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
