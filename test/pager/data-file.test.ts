/** The data file: how far it grows, and what it gives to read after a failed sync: nothing that the disk may have lost. */

import { describe, expect, it } from "vitest";
import { IoError } from "../../src/base/errors.js";
import { createMetrics } from "../../src/base/metrics.js";
import { DataFile } from "../../src/pager/data-file.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

const BLOCK = 4096;

function dataFile(): { vfs: FaultyVfs; data: DataFile } {
  const vfs = new FaultyVfs({ seed: 1 });
  const data = new DataFile(vfs.open("/d", "create"), BLOCK, Number.POSITIVE_INFINITY, createMetrics().pager);
  data.claim(8, true);
  data.sync();
  return { vfs, data };
}

function write(data: DataFile, block: number, byte: number): void {
  data.write(new Uint8Array(BLOCK).fill(byte), 0, BLOCK, block * BLOCK);
}

/** The first byte of a block, by either way of reading, or "lost". */
function read(data: DataFile, block: number): number | "lost" {
  const bytes = new Uint8Array(BLOCK);
  const ways = [
    () => data.readBlock(block, bytes, 0),
    () => data.read(bytes, 0, BLOCK, block * BLOCK),
    () => data.read(bytes, 0, 1, (block + 1) * BLOCK - 1),
  ];
  const found = ways.map((way) => {
    try {
      way();
      return bytes[0] as number;
    } catch (error) {
      expect(error).toBeInstanceOf(IoError);
      return "lost";
    }
  });
  expect(new Set(found).size).toBe(1);
  return found[0] as number | "lost";
}

describe.each(["in the caller's thread", "in the background"])("a sync %s", (where) => {
  /** Syncs; `fails` says how it ends. What is written meanwhile is `meanwhile`. */
  const sync = (data: DataFile, vfs: FaultyVfs, fails: boolean, meanwhile: () => void): void => {
    vfs.faults = fails ? [{ kind: "lost-sync", at: vfs.calls + 1, lasts: "once" }] : [];
    if (where === "in the caller's thread") {
      if (fails) expect(() => data.sync()).toThrow(IoError);
      else data.sync();
      meanwhile();
      return;
    }
    data.syncing();
    meanwhile();
    if (fails) data.syncFailed();
    else data.synced();
  };

  it("that fails takes away what was written since the last one, and nothing else", () => {
    const { vfs, data } = dataFile();
    write(data, 2, 5);
    sync(data, vfs, false, () => undefined);
    write(data, 3, 6);
    write(data, 4, 7);
    write(data, 6, 8);
    sync(data, vfs, true, () => undefined);
    expect([1, 2, 3, 4, 5, 6, 7].map((block) => read(data, block))).toEqual([
      0,
      5,
      "lost",
      "lost",
      0,
      "lost",
      0,
    ]);
  });

  it("that worked leaves nothing for a later one to take away but what was written since", () => {
    const { vfs, data } = dataFile();
    write(data, 2, 5);
    sync(data, vfs, false, () => write(data, 5, 9));
    sync(data, vfs, true, () => undefined);
    expect([1, 2, 5].map((block) => read(data, block))).toEqual([0, 5, "lost"]);
  });

  it("that failed before stays failed", () => {
    const { vfs, data } = dataFile();
    write(data, 2, 5);
    sync(data, vfs, true, () => undefined);
    sync(data, vfs, false, () => undefined);
    expect(read(data, 2)).toBe("lost");
  });
});

/** Page numbers have 32 bits, block numbers 31: without a limit of its own a store grew beyond what can be referred to. */
it.each([
  [512, 2],
  [2048, 8],
  [4096, 8],
  [32768, 64],
])("a file with pages of %i bytes ends below %i TiB, with an error that says so", (pageSize, tebibytes) => {
  const vfs = new MemoryVfs();
  const file = vfs.open("/large", "create");
  const end = tebibytes * 2 ** 40;
  let written = 0;
  file.size = () => end - 2 ** 32;
  file.write = (_source, _offset, length) => {
    written += length;
    return length;
  };
  const data = new DataFile(file, pageSize, Number.POSITIVE_INFINITY, createMetrics().pager);
  data.claim((end - 2 ** 32) / pageSize, false);
  expect(written).toBeGreaterThan(0);
  expect(() => data.claim(end / pageSize - 100, false)).toThrow(
    expect.objectContaining({
      name: "DiskFullError",
      message: expect.stringContaining(`the largest file of pages of ${pageSize} bytes`),
    }),
  );
  expect(data.claimedBytes / pageSize).toBeLessThan(2 ** 32);
  expect(data.claimedBytes / data.blockBytes).toBeLessThan(2 ** 31 - 1);
  const limited = new DataFile(file, pageSize, 1_000_000, createMetrics().pager);
  expect(() => limited.claim(end / pageSize - 100, false)).toThrow("exceed maxBytes (1000000)");
});
