/** The page check says of each thing that cannot be right which invariant is broken. */

import { describe, expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { buildBranch } from "../../src/page/branch.js";
import { LeafBuilder } from "../../src/page/leaf-builder.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { checkPage } from "../../src/page/page-check.js";
import {
  AT_HIGH_LENGTH,
  AT_HOLES,
  AT_KIND,
  AT_LEVEL,
  AT_LOW_LENGTH,
  AT_PREFIX_LENGTH,
  AT_SLOTS,
  AT_TAIL,
} from "../../src/pager/page-header.js";
import { PagePool, type PoolOwner } from "../../src/pager/page-pool.js";

const nobody = { load: () => undefined } as unknown as PoolOwner;

describe.each([512, 4096, 32768])("pages of %i bytes", (pageSize) => {
  const pool = new PagePool(pageSize, 64 * Math.max(4096, pageSize), nobody, createMetrics().pager);
  const keyMax = keyBytesMax(pageSize);

  /** What the check says of a page that `edit` has changed. */
  const told = (page: Uint8Array, edit: (view: DataView, bytes: Uint8Array) => void): string => {
    const bytes = page.slice();
    edit(new DataView(bytes.buffer), bytes);
    pool.u8.set(bytes, pageSize);
    const problem = checkPage(pool, pageSize);
    return problem === undefined ? "sound" : `${problem.invariant} ${problem.reason}`;
  };

  const leaf = (): Uint8Array => {
    const builder = new LeafBuilder(pageSize);
    builder.start(Buffer.from("key-a"), Buffer.from("key-z"));
    for (const [key, overflow] of [
      ["key-b", false],
      ["key-c", true],
      ["key-ddddd", false],
    ] as const)
      builder.add(Buffer.from(key), key.length, Buffer.alloc(12, 5), 0, 12, overflow);
    return builder.finish().slice();
  };
  /** Where slot `index` lies; behind its head come offset and length of its record. */
  const slot = (index: number): number => pageSize - 8 * (index + 1);
  const u16 = (at: number, change: (old: number) => number) => (view: DataView) =>
    view.setUint16(at, change(view.getUint16(at, true)), true);

  it.each<[string, (view: DataView, bytes: Uint8Array) => void]>([
    ["sound", () => undefined],
    ["L9 unknown page kind 7", (view) => view.setUint8(AT_KIND, 7)],
    ["L9 kind 1 at level 3", (view) => view.setUint8(AT_LEVEL, 3)],
    ["L6 records and slots overlap", u16(AT_SLOTS, () => pageSize >> 3)],
    ["L8 a fence is longer than a key can be", u16(AT_LOW_LENGTH, () => keyMax + 1)],
    ["L8 a fence is longer than a key can be", u16(AT_HIGH_LENGTH, () => keyMax + 1)],
    ["L6 the tail lies before the records", u16(AT_TAIL, () => 32)],
    ["L1 the prefix is longer than a fence", u16(AT_PREFIX_LENGTH, () => 6)],
    ["L1 the fences do not share the prefix", u16(AT_PREFIX_LENGTH, () => 5)],
    ["L4 slot 1 points outside the records", u16(slot(1) + 4, () => 33)],
    ["L4 slot 2 points outside the records", u16(slot(2) + 6, (length) => length + 1)],
    ["L4 slot 0 points outside the records", u16(slot(0) + 6, () => 0)],
    ["L4 the key of slot 0 leaves its record", (_, bytes) => void bytes.fill(0x7f, 42, 43)],
    ["L4 the key length of slot 0 is not minimal", (_, bytes) => void bytes.set([0x81, 0], 42)],
    [
      "B3 the overflow reference of slot 0 has a wrong length",
      u16(slot(0) + 6, (length) => (length - 1) | 0x8000),
    ],
    ["L3 the head of slot 2 is not its key's", (view) => view.setUint32(slot(2), 0x64646465, true)],
    [
      "L3 slot 1 is out of order",
      (_, bytes) => {
        const first = bytes.slice(slot(0), slot(0) + 8);
        bytes.copyWithin(slot(0), slot(1), slot(1) + 8);
        bytes.set(first, slot(1));
      },
    ],
    ["L5 the bytes in holes do not add up", u16(AT_HOLES, () => 1)],
  ])("a leaf: %s", (expected, edit) => {
    expect(told(leaf(), edit)).toBe(expected);
  });

  const branch = (): Uint8Array => {
    const entries = ["key-b", "key-cccccc", "key-dddddddd"].map((key, i) => ({
      separator: Buffer.from(key),
      child: 21 + i,
    }));
    return buildBranch(pageSize, 2, 20, entries, Buffer.from("key-a"), Buffer.from("key-z"));
  };
  const separator = (index: number): number => pageSize - 12 * (index + 1);

  it.each<[string, (view: DataView, bytes: Uint8Array) => void]>([
    ["sound", () => undefined],
    ["L9 kind 2 at level 0", (view) => view.setUint8(AT_LEVEL, 0)],
    ["L9 kind 2 at level 25", (view) => view.setUint8(AT_LEVEL, 25)],
    ["L6 records and slots overlap", u16(AT_TAIL, () => pageSize - 35)],
    ["B1 the prefix leaves the page", u16(AT_PREFIX_LENGTH, () => keyMax + 1)],
    ["B1 the prefix leaves the page", u16(AT_TAIL, () => 35)],
    ["B1 separator 0 has an impossible length", u16(separator(0) + 10, () => 0)],
    ["B1 separator 1 has an impossible length", u16(separator(1) + 10, () => keyMax)],
    ["B1 separator 1 points outside its page", u16(separator(1) + 8, () => 32)],
    ["B1 separator 2 points outside its page", u16(separator(2) + 10, (length) => length + 1)],
    ["B1 the head of separator 1 is wrong", (view) => view.setUint32(separator(1), 0x63636364, true)],
    [
      "B1 the head of separator 0 has bytes behind its end",
      (view) => view.setUint32(separator(0), 0x62000001, true),
    ],
    ["B1 the head of separator 0 has bytes behind its end", u16(separator(0) + 8, () => 40)],
    ["B1 separator 1 is out of order", (view) => view.setUint32(separator(0), 0x64000000, true)],
    ["B1 the bytes in holes do not add up", u16(AT_HOLES, () => 1)],
  ])("a branch: %s", (expected, edit) => {
    expect(told(branch(), edit)).toBe(expected);
  });
});
