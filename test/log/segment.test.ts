/** A segment's file: growing it fills what was never written, and nothing else. */

import { expect, it } from "vitest";
import { Segment } from "../../src/log/segment.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

it("never fills with zeros what has been written", () => {
  const vfs = new MemoryVfs();
  const segment = Segment.create(vfs, "/log", 0, "/store");
  // A disk that was full when the segment was to grow leaves it empty, and its header is written all the same.
  const header = new Uint8Array(4096).fill(7);
  segment.write(header, 0, header.length, 0, false);
  segment.grow(16_384);
  const bytes = new Uint8Array(16_384);
  expect(segment.file.read(bytes, 0, bytes.length, 0)).toBe(16_384);
  expect(Buffer.compare(bytes.subarray(0, 4096), header)).toBe(0);
  expect(bytes.subarray(4096).every((byte) => byte === 0)).toBe(true);
  expect(segment.size).toBe(16_384);
  segment.close();
});

it("is made of what an earlier process has left, longer or shorter", () => {
  const vfs = new MemoryVfs();
  for (const left of [0, 5000, 16_384, 40_000]) {
    const file = vfs.open(`/log${left}`, "create");
    file.write(new Uint8Array(left).fill(9), 0, left, 0);
    file.close();
    const segment = Segment.create(vfs, `/log${left}`, 16_384, "/store");
    expect([segment.size, segment.file.size()], `${left} bytes`).toEqual([16_384, 16_384]);
    segment.close();
  }
});
