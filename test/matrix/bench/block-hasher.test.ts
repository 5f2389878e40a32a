/** The block hasher must give the matrix's own content hash, whatever the lengths. */

import { describe, expect, it } from "vitest";
import { BlockHasher } from "../../../matrix/bench/block-hasher.js";
import { ContentHasher } from "../../../matrix/streams/content.js";

function hashes(lengths: readonly number[]): [string, string] {
  const [blocks, parts] = [new BlockHasher(), new ContentHasher()];
  lengths.forEach((length, i) => {
    const [key, value] = [Buffer.alloc(8, i), Buffer.alloc(length, 255 - (i % 256))];
    blocks.add(key, value);
    parts.add(key, value);
  });
  return [blocks.digest(), parts.digest()];
}

describe("the block hasher", () => {
  it.each([
    { name: "no records", lengths: [] },
    { name: "small and empty values", lengths: [0, 1, 8, 100, 0] },
    { name: "more than a block", lengths: new Array<number>(4000).fill(100) },
    { name: "values at and above a block", lengths: [262_132, 262_140, 262_141, 262_144, 600_000, 3] },
  ])("agrees on $name", ({ lengths }) => {
    const [blocks, parts] = hashes(lengths);
    expect(blocks).toBe(parts);
  });
});
