/** Each field of the page header is held against what it must be, not only the checksum over it. */

import { expect, test } from "vitest";
import { writeU32 } from "../../../migrate/legacy/big-endian.js";
import { HEADER_CHECKSUM, KIND_LEAF } from "../../../migrate/legacy/layout.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import { SALT } from "./support.js";

const seal = new PageSeal(512, SALT);

function sealed(change: (page: Uint8Array) => void): Uint8Array {
  const page = new Uint8Array(512).fill(3);
  seal.seal(page, 7, KIND_LEAF);
  change(page);
  writeU32(page, HEADER_CHECKSUM, seal.checksum(page, 7));
  return page;
}

const set = (at: number, value: number) => (page: Uint8Array) => {
  page[at] = value;
};

test("a sealed page is sound, and as that page only", () => {
  const page = sealed(() => undefined);
  expect(seal.fault(page, 7)).toBeUndefined();
  expect(seal.fault(page, 8)).toMatch(/checksum/);
  expect(new PageSeal(512, SALT + 1n).fault(page, 7)).toMatch(/checksum/);
  expect(seal.fault(new Uint8Array(512), 7)).toMatch(/all zeroes/);
});

test.each([
  ["magic", set(0, 1), /SOMB/],
  ["version", set(5, 2), /format version is 2/],
  ["kind 0", set(6, 0), /page kind 0/],
  ["kind 7", set(6, 7), /page kind 7/],
  ["reserved byte", set(7, 1), /reserved byte/],
  ["page size", set(11, 1), /page size of 513/],
  ["page number", set(19, 8), /says page 8/],
  ["salt, high half", set(20, 0), /salt of another file/],
  ["salt, low half", set(27, 0), /salt of another file/],
])("%s", (_what, change, reason) => {
  expect(seal.fault(sealed(change), 7)).toMatch(reason);
});

test("checking changes nothing", () => {
  const page = sealed(() => undefined);
  const copy = page.slice();
  seal.fault(page, 7);
  expect(page).toEqual(copy);
});
