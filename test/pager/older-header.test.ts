/**
 * The newest header is written once more by who opens a store that needs its log, while the older copy would do in
 * its place. It no longer does once a free list lies where its own did. Story: a recovery had put its list there and
 * was killed; the next one took it for the older header's, wrote the newest once more, and the power failed. The
 * store could not be opened by what was left.
 */

import { expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { CorruptionError } from "../../src/index.js";
import { DataFile } from "../../src/pager/data-file.js";
import { readFreeList, writeFreeList } from "../../src/pager/free-list.js";
import { ExtentSet } from "../../src/pager/free-space.js";
import { makeHeaderDurable } from "../../src/pager/opened-header.js";
import { freshHeader, HEADER_COPIES, type StoreHeader } from "../../src/pager/store-header.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { headerOf } from "../support/forge.js";
import { Session, STORE_PATH } from "../support/session.js";

const PATH = "/s.esp";
const PAGE_BYTES = 4096;
const PAGES = 20;
const NEWEST = 8;
const CHAIN = [{ start: 5, count: 1 }];

/** A store whose older header names the list in page 5, which was written for header `sequence`. */
function store(sequence: number): {
  vfs: FaultyVfs;
  data: DataFile;
  older: StoreHeader;
  newest: StoreHeader;
} {
  const vfs = new FaultyVfs({ seed: 1 });
  const data = new DataFile(vfs.open(PATH, "create"), PAGE_BYTES, PAGES * PAGE_BYTES, createMetrics().pager);
  data.write(new Uint8Array(PAGES * PAGE_BYTES), 0, PAGES * PAGE_BYTES, 0);
  const fresh = freshHeader(PAGE_BYTES, new Uint8Array(16).fill(7), 2, PAGES, 5);
  const older = { ...fresh, sequence: NEWEST - 1 };
  const newest = { ...fresh, sequence: NEWEST, freeListHead: 0 };
  data.writeHeader(older);
  data.writeHeader(newest);
  const free = new ExtentSet();
  free.add(10, 3);
  writeFreeList(data, fresh.storeId, sequence, free, CHAIN);
  data.sync();
  return { vfs, data, older, newest };
}

/** Bytes that are written to make the newest header durable. */
function written(sequence: number): number {
  const { vfs, data, newest } = store(sequence);
  let bytes = 0;
  const { file } = data;
  const write = file.write.bind(file);
  file.write = (source, from, length, position): number => {
    bytes += length;
    return write(source, from, length, position);
  };
  makeHeaderDurable(vfs, PATH, data, newest);
  return bytes;
}

it.each([0, NEWEST - 3, NEWEST - 1])("does, with its own list, written for header %i", (sequence) => {
  const { data, older } = store(sequence);
  expect([...readFreeList(data, older).extents]).toEqual([{ start: 10, count: 3 }]);
  expect(written(sequence)).toBe(PAGE_BYTES);
});

it.each([NEWEST, NEWEST + 1])("does not, with one that was written for header %i", (sequence) => {
  const { data, older, newest } = store(sequence);
  expect(() => readFreeList(data, older)).toThrow(CorruptionError);
  expect([...readFreeList(data, { ...newest, sequence, freeListHead: 5 }).extents]).toHaveLength(1);
  expect(written(sequence)).toBe(0);
});

it("each checkpoint says for which header its list is", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  const session = new Session(vfs, { pageSize: PAGE_BYTES, durability: "sync" }, 1);
  session.open();
  session.put("big", session.bytes(40_000));
  session.delete("big");
  session.put("last", session.bytes(10));
  session.checkpoint();
  const file = vfs.open(STORE_PATH, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  const found = headerOf(bytes);
  expect(found.freeListHead).not.toBe(0);
  const data = new DataFile(file, PAGE_BYTES, 0, createMetrics().pager);
  expect(readFreeList(data, found).extents.pages).toBeGreaterThan(0);
  // The last header may be a second one for the same list, with the log's next segment prepared.
  const older = { ...found, sequence: found.sequence - HEADER_COPIES };
  expect(() => readFreeList(data, older)).toThrow(CorruptionError);
  session.close();
});
