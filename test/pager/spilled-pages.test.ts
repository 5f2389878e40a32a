/** Pages that only the log has, of a transaction larger than the cache: what becomes of them when they are free. */

import { expect, it } from "vitest";
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
