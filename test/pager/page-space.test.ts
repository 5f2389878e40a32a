/** The pages that a transaction takes and gives, when it is undone: none is lost, in a new log segment either. */

import { expect, it } from "vitest";
import type { RedoLog } from "../../src/log/redo-log.js";
import type { DataFile } from "../../src/pager/data-file.js";
import { PageSpace } from "../../src/pager/page-space.js";

const data = { claim: () => undefined } as unknown as DataFile;

function space(): PageSpace {
  const made = new PageSpace(data, {} as RedoLog, 20, 1);
  made.free.ready.add(10, 2);
  return made;
}

it("what it took is free again, what it added is gone", () => {
  const s = space();
  s.begin();
  expect([s.takePage(false), s.takePage(false), s.takePage(false)]).toEqual([10, 11, 20]);
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
  for (let i = 0; i < 4; i++) s.takePage(false);
  s.carryOver();
  expect([...s.taken]).toEqual([10, 1, 11, 1, 20, 2]);
  s.carriedOver();
  expect(s.takePage(false)).toBe(22);
  s.undone();
  expect(s.pageCount).toBe(22);
  expect([...s.free.ready]).toEqual([
    { start: 10, count: 2 },
    { start: 20, count: 2 },
  ]);
});
