/** A written free list reads back as it was, over one page and over many. */

import { expect, test } from "vitest";
import { extentsPerPage, type FreeExtent, writeFreeList } from "../../../migrate/legacy/free-list.js";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import { forge, put, reasons, record, SALT, survey } from "./support.js";

const PAGES = 400;

function fileWithFree(free: readonly FreeExtent[]): { vfs: MemoryVfs; head: number; listPages: number[] } {
  const bytes = new Uint8Array(512 * PAGES);
  const listPages: number[] = [];
  const head = writeFreeList(free, new PageSeal(512, SALT), (page, image) => {
    listPages.push(page);
    bytes.set(image, page * 512);
  });
  bytes.set(forge({ pages: [{ page: 1, records: [record("a")] }], freeListHead: head, nextPage: PAGES }));
  const vfs = new MemoryVfs();
  put(vfs, "/file.db", bytes);
  return { vfs, head, listPages };
}

test.each([
  ["nothing", [], 0],
  ["one page, which then holds the list", [{ start: 7, length: 1 }], 1],
  ["one extent", [{ start: 7, length: 20 }], 20],
  [
    "two single pages",
    [
      { start: 7, length: 1 },
      { start: 9, length: 1 },
    ],
    2,
  ],
  [
    "more extents than a page holds",
    Array.from({ length: 150 }, (_, i) => ({ start: 3 + i * 2, length: 1 })),
    150,
  ],
])("%s", (_what, free, count) => {
  const { vfs, head, listPages } = fileWithFree(free);
  const result = survey(vfs);
  expect(reasons(result)).toBe("");
  expect(result.notes).toEqual([]);
  expect(result.freePages).toBe(count);
  expect(head).toBe(listPages[0] ?? 0);
  for (const { start, length } of free) {
    for (let page = start; page < start + length; page++) expect(result.isFree(page)).toBe(true);
  }
  expect(result.isFree(1)).toBe(false);
});

test("the list takes no more pages than it needs", () => {
  const many = Array.from({ length: 150 }, (_, i) => ({ start: 3 + i * 2, length: 1 }));
  const { listPages } = fileWithFree(many);
  expect(listPages).toHaveLength(Math.ceil((150 - listPages.length) / extentsPerPage(512)));
  const file = openLegacy(fileWithFree([{ start: 7, length: 20 }]).vfs, "/file.db");
  expect(file.meta.freeListHead).toBe(7);
  file.close();
});
