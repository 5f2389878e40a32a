/** Pages that only the log has, of a transaction larger than the cache: what becomes of them when they are free. */

import { expect, it, vi } from "vitest";
import { DiskFullError } from "../../src/index.js";
import { CheckpointSet } from "../../src/pager/checkpoint-set.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { outcome } from "../support/damage.js";
import { Session } from "../support/session.js";

function name(i: number): string {
  return `k${String(i).padStart(6, "0")}`;
}

/** A store that one transaction, larger than its cache, has filled. */
function spilled(pageSize: number) {
  const vfs = new FaultyVfs({ seed: 1 });
  const settings = { pageSize, durability: "sync", logBytes: 64 * 1024 * 1024 } as const;
  const session = new Session(vfs, settings, 1);
  session.open();
  const records = pageSize === 512 ? 6000 : 1500;
  const bytes = pageSize === 512 ? 100 : 700;
  session.transaction([
    { put: Array.from({ length: records }, (_, i) => [name(i), session.bytes(bytes)] as const) },
  ]);
  expect(session.store.metrics().pager.spills).toBeGreaterThan(100);
  return { vfs, settings, session, records };
}

/** The checkpoint brings such pages into the data file: not over a long value that has their place by now. */
it.each([512, 4096])(
  "a long value takes the place of pages that only the log has, pages of %i bytes",
  (pageSize) => {
    const { vfs, settings, session, records } = spilled(pageSize);
    session.deleteRange("", name(200), name(records - 200));
    const { pages } = session.store.verify();
    for (let i = 0; i < 20; i++) session.put(`v${i}`, session.bytes(30_000));
    // They went where the pages were.
    expect(session.store.verify().pages).toBeLessThan(pages + 10);
    session.checkpoint();
    for (const [key, value] of session.model.tree(""))
      expect(
        Buffer.compare(session.store.get(Buffer.from(key, "latin1")) ?? Buffer.alloc(0), value),
        key,
      ).toBe(0);
    expect(outcome(vfs.powerCutImage("dropped", 1), settings, session.history)).toBe(session.history.newest);
    session.close();
  },
);

/** They lie behind the file's new end when the store is closed, which cuts it: nothing can bring them there. */
it.each([512, 4096])(
  "a store is closed whose file is cut before such pages, pages of %i bytes",
  (pageSize) => {
    const { session, records } = spilled(pageSize);
    session.deleteRange("", name(1), name(records));
    session.close();
    session.open();
    expect(session.store.verify()).toMatchObject({ ok: true, records: 1 });
    expect(session.store.verify().pages).toBeLessThan(20);
    session.close();
  },
);

/**
 * Story: a checkpoint that had failed was tried again by a commit that needed the other log segment. It evicted pages
 * of that transaction, which went to the log as they were then; what had been committed of them, and was only in the
 * segment that the checkpoint gave up, was not written. The power failed before the transaction had ended.
 */
it.each([
  [512, 18],
  [4096, 28],
])(
  "a checkpoint in the midst of a transaction writes what that has spilled, pages of %i bytes",
  (...words) => {
    const [pageSize, changed] = words;
    const vfs = new FaultyVfs({ seed: 1 });
    const session = new Session(vfs, { pageSize, durability: "sync", logBytes: 256 * 1024 }, 1);
    const put = (from: number, to: number, step: number): void =>
      session.transaction([
        {
          put: Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => {
            return [name(from + i * step), session.bytes(110)] as const;
          }),
        },
      ]);
    session.open();
    for (let i = 0; i < 10; i++) put(i * 300, i * 300 + 300, 1);
    session.checkpoint();
    const failing = vi.spyOn(CheckpointSet.prototype, "writeSome").mockImplementation(() => {
      throw new DiskFullError("no room, on purpose");
    });
    put(0, 3000, 1);
    while (session.store.stats().logUsedBytes < session.store.stats().logBytes * 0.78) put(0, 1, 1);
    const { spills } = session.store.metrics().pager;
    expect(session.store.stats().failure).toBeDefined();
    failing.mockRestore();
    const { checkpoints } = session.store.metrics().pager;
    let looked = 0;
    const lost: string[] = [];
    vfs.onCall = ({ changes, call }) => {
      if (!changes) return;
      looked++;
      const found = outcome(vfs.powerCutImage("dropped", 1), session.settings, session.history);
      if (typeof found === "string" || found < session.history.durable) lost.push(`call ${call}: ${found}`);
    };
    put(3000 - 28 * changed, 3000, 28);
    vfs.onCall = undefined;
    expect(lost).toEqual([]);
    expect(looked).toBeGreaterThan(40);
    expect(session.store.metrics().pager).toMatchObject({ checkpoints: checkpoints + 1 });
    expect(session.store.metrics().pager.spills).toBeGreaterThan(spills);
    session.close();
  },
);

/**
 * Story: a page was dirty when the log switched segments. A transaction that was not to be durable changed it, and
 * reads in that transaction pushed it out of the cache, into the new segment. The checkpoint passed it over, as a page
 * that the new segment has, and gave up the old one. The power failed before anything had synced the new one.
 */
it.each([
  [512, false],
  [512, true],
  [4096, false],
  [4096, true],
])(
  "a checkpoint does not count on an image in the log that is not durable, pages of %i bytes, read again: %s",
  (...words) => {
    const [pageSize, readAgain] = words;
    const vfs = new FaultyVfs({ seed: 1 });
    const session = new Session(vfs, { pageSize, durability: "none", logBytes: 256 * 1024 }, 1);
    session.open();
    const put = (from: number, to: number): void =>
      session.transaction([
        { put: Array.from({ length: to - from }, (_, i) => [name(from + i), session.bytes(110)] as const) },
      ]);
    for (let i = 0; i < 10; i++) put(i * 300, i * 300 + 300);
    session.checkpoint();
    const collect = vi.spyOn(CheckpointSet.prototype, "collect");
    while (collect.mock.calls.length === 0) put(1490, 1510);
    collect.mockRestore();
    const { checkpoints, spills } = session.store.metrics().pager;
    expect(session.history.durable).toBe(session.history.newest);
    const value = session.bytes(110);
    const key = Buffer.from(name(1500));
    session.change(
      (model) => model.tree("").set(name(1500), value),
      () =>
        session.store.transaction(() => {
          session.store.put(key, value);
          for (let i = 0; i < 20_000 && session.store.metrics().pager.spills === spills; i++)
            session.store.get(Buffer.from(name((1600 + ((i * 7) % 2800)) % 3000)));
          if (readAgain) session.store.get(key);
        }),
    );
    expect(session.store.metrics().pager.spills).toBe(spills + 1);
    const lost: string[] = [];
    for (let over = false; !over; ) {
      over = session.store.metrics().pager.checkpoints > checkpoints;
      const found = outcome(vfs.powerCutImage("dropped", 1), session.settings, session.history);
      if (typeof found === "string" || found < session.history.durable) lost.push(`${found}`);
      put(2000, 2001);
    }
    expect(lost).toEqual([]);
    session.close();
  },
);
