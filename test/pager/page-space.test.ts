/** The pages that a transaction takes and gives: none is lost when it is undone, in a new log segment either. */

import { expect, it } from "vitest";
import type { RedoLog } from "../../src/log/redo-log.js";
import type { DataFile } from "../../src/pager/data-file.js";
import { PageSpace } from "../../src/pager/page-space.js";
import { freshHeader } from "../../src/pager/store-header.js";

const data = { claim: () => undefined } as unknown as DataFile;

function space(): PageSpace {
  const made = new PageSpace(data, {} as RedoLog, freshHeader(4096, new Uint8Array(16), 2, 20), 1);
  made.free.ready.add(10, 2);
  return made;
}

it("what it took is free again, what it added is gone", () => {
  const s = space();
  s.begin();
  expect([
    s.takePage(Number.POSITIVE_INFINITY),
    s.takePage(Number.POSITIVE_INFINITY),
    s.takePage(Number.POSITIVE_INFINITY),
  ]).toEqual([10, 11, 20]);
  s.givePage(5);
  s.undone();
  expect(s.pageCount).toBe(20);
  expect([...s.free.ready]).toEqual([{ start: 10, count: 2 }]);
  expect(s.free.pages).toBe(2);
});

/** The checkpoint that began in between counts the added pages among those that there are. */
it("after a change of log segments, what it added is free", () => {
  const s = space();
  s.begin();
  for (let i = 0; i < 4; i++) s.takePage(Number.POSITIVE_INFINITY);
  s.carryOver();
  expect([...s.taken]).toEqual([10, 1, 11, 1, 20, 2]);
  expect(s.takePage(Number.POSITIVE_INFINITY)).toBe(22);
  s.undone();
  expect(s.pageCount).toBe(22);
  expect([...s.free.ready]).toEqual([
    { start: 10, count: 2 },
    { start: 20, count: 2 },
  ]);
});

it("pages that a checkpoint adds meanwhile are not its own", () => {
  const s = space();
  s.addForCheckpoint(24);
  s.begin();
  for (let i = 0; i < 4; i++) s.takePage(Number.POSITIVE_INFINITY);
  s.addForCheckpoint(28);
  expect(s.takePage(Number.POSITIVE_INFINITY)).toBe(28);
  expect([...s.taken]).toEqual([10, 1, 11, 1, 24, 2]);
  s.undone();
  expect(s.pageCount).toBe(28);
  expect([...s.free.ready]).toEqual([
    { start: 10, count: 2 },
    { start: 24, count: 2 },
  ]);
});

/** A page freed by a commit that is not durable may be taken, though not for what goes straight to the file. */
it("what waits for a sync only is taken last, and waits again when that is undone", () => {
  const s = space();
  s.free.free(5, 2, 7);
  s.free.free(7, 1, 9);
  s.begin();
  expect([8, 8, 8].map((oldest) => s.takePage(oldest))).toEqual([10, 11, 20]);
  expect([9, 9, 9, 9].map((oldest) => s.takePage(oldest))).toEqual([7, 5, 6, 21]);
  expect(s.free.pages).toBe(0);
  s.undone();
  expect([...s.free.ready]).toEqual([{ start: 10, count: 2 }]);
  s.free.settle(8, Number.POSITIVE_INFINITY);
  expect(s.free.ready.has(7)).toBe(false);
  s.free.settle(9, Number.POSITIVE_INFINITY);
  expect([...s.free.ready]).toEqual([
    { start: 5, count: 3 },
    { start: 10, count: 2 },
  ]);
});
