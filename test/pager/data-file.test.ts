/**
 * What the data file gives to read after a sync of it has failed: nothing that the disk may have lost. And how large
 * it becomes.
 */

import { describe, expect, it } from "vitest";
import { DiskFullError, IoError } from "../../src/base/errors.js";
import { createMetrics } from "../../src/base/metrics.js";
import { DataFile, PAGES_MAX } from "../../src/pager/data-file.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { VfsFile } from "../../src/vfs/vfs.js";

const BLOCK = 4096;

function dataFile(): { vfs: FaultyVfs; data: DataFile } {
  const vfs = new FaultyVfs({ seed: 1 });
  const data = new DataFile(vfs.open("/d", "create"), BLOCK, Number.POSITIVE_INFINITY, createMetrics().pager);
  data.claim(8, "checkpoint");
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

/**
 * Story: a file of 2^31 pages took further commits, which recovery refused: no page of a store could have such a
 * number. With pages of 512 bytes that is 1 TiB.
 */
it.each([512, 4096, 32768])("ends where its page numbers do, pages of %i bytes", (pageSize) => {
  const { file } = dataFile().data;
  const size = (PAGES_MAX - (1 << 20)) * pageSize;
  let written = 0;
  const huge: VfsFile = {
    ...file,
    path: "/d",
    descriptor: -1,
    size: () => size,
    write: (_source, _from, length) => {
      written += length;
      return length;
    },
  };
  const data = new DataFile(huge, pageSize, Number.POSITIVE_INFINITY, createMetrics().pager);
  data.claim(PAGES_MAX - (1 << 20), "change");
  expect(written).toBeGreaterThan(0);
  // What is written ahead of the pages is none of them yet.
  for (const more of [1, 2, 1 << 20])
    expect(() => data.claim(PAGES_MAX - (1 << 20) + more, "change")).toThrow(DiskFullError);
  data.claim(PAGES_MAX - (1 << 20) + 100, "checkpoint");
  expect(() => data.claim(PAGES_MAX + 1, "checkpoint")).toThrow(DiskFullError);
  expect(() => data.claim(PAGES_MAX + 1, "opening-or-closing")).toThrow(DiskFullError);
});
