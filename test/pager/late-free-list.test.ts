/**
 * A checkpoint that has no room for its free list is tried again when there is. It is still one of the state at the
 * change of log segments, and by then pages have become free, or were added, that are in use in that state.
 */

import { afterEach, expect, it, vi } from "vitest";
import { DiskFullError } from "../../src/index.js";
import { RedoLog } from "../../src/log/redo-log.js";
import { DataFile } from "../../src/pager/data-file.js";
import type { Snapshot } from "../../src/store/snapshot.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { outcome } from "../support/damage.js";
import { Session, type Step } from "../support/session.js";

const VALUE_BYTES = 140;
/** Fills this share of the log segment before the checkpoint is tried again. */
const LOG_FILL = 0.6;
const COMMITS_MAX = 400;
/** Pages of a block, which is what a free list takes at least. */
const BLOCK_PAGES = 8;

afterEach(() => {
  vi.restoreAllMocks();
});

function name(i: number): string {
  return `k${String(i).padStart(6, "0")}`;
}

class Story {
  readonly vfs: FaultyVfs = new FaultyVfs({ seed: 1 });
  readonly session: Session = new Session(
    this.vfs,
    { pageSize: 512, durability: "sync", logBytes: 256 * 1024, cacheBytes: 4 << 20 },
    1,
  );
  readonly lost: string[] = [];
  looked = 0;
  #full = false;

  records(from: number, to: number): Step {
    const one = (_: unknown, i: number) => [name(from + i), this.session.bytes(VALUE_BYTES)] as const;
    return { put: Array.from({ length: to - from }, one) };
  }

  /** Free pages that are no block's, and a checkpoint that would list them, without room for its list. */
  begin(): void {
    const { session } = this;
    session.open();
    for (let i = 0; i < 600; i += 60) session.transaction([this.records(i, i + 60)]);
    session.checkpoint();
    this.#fillDisk();
    for (let i = 200; i < 320; i += 12)
      session.transaction([{ remove: [0, 1, 2, 3, 4].map((j) => name(i + j)) }]);
    expect(session.store.stats().freePages).toBeGreaterThan(0);
    this.#putUntil(() => session.store.stats().failure !== undefined);
    this.#putUntil(() => session.store.stats().logUsedBytes > session.store.stats().logBytes * LOG_FILL);
  }

  /** As begin, where all that is free waits for a snapshot. */
  beginWithSnapshot(): Snapshot<Uint8Array, Uint8Array> {
    const { session } = this;
    session.open();
    for (let i = 0; i < 600; i += 60) session.transaction([this.records(i, i + 60)]);
    session.checkpoint();
    const snapshot = session.store.snapshot();
    session.deleteRange("", name(200), name(400));
    this.#fillDisk();
    this.#putUntil(() => session.store.stats().failure !== undefined);
    return snapshot;
  }

  /** No checkpoint can make the file longer. */
  #fillDisk(): void {
    const { claim } = DataFile.prototype;
    let data: DataFile | undefined;
    const story = this;
    this.#full = true;
    vi.spyOn(DataFile.prototype, "claim").mockImplementation(function (this: DataFile, pages, by) {
      data ??= this;
      if (story.#full && by !== "change" && this === data) throw new DiskFullError("no room, on purpose");
      claim.call(this, pages, by);
    });
  }

  #putUntil(done: () => boolean): void {
    for (let i = 0; !done(); i++) {
      expect(i).toBeLessThan(COMMITS_MAX);
      this.session.put(name(0), this.session.bytes(VALUE_BYTES));
    }
  }

  makeRoom(): void {
    this.#full = false;
  }

  /** From here on no crash loses anything. */
  watch(): void {
    const { vfs, session, lost } = this;
    const { settings, history } = session;
    vfs.onCall = ({ changes, call, operation }) => {
      if (!changes) return;
      this.looked++;
      for (const image of [vfs.powerCutImage("dropped", 1), vfs.processKill(1).live]) {
        const found = outcome(image, settings, history);
        if (typeof found === "string" || found < history.durable)
          lost.push(`call ${call}, ${operation}: ${found}`);
      }
    };
  }

  /** Goes on: what was free is given out, and what is in use is not. */
  end(): void {
    const { session, vfs } = this;
    for (let i = 2000; i < 2240; i += 60) session.transaction([this.records(i, i + 60)]);
    session.checkpoint();
    session.transaction([this.records(2000, 2060)]);
    session.checkpoint();
    vfs.onCall = undefined;
    expect(this.lost).toEqual([]);
    expect(this.looked).toBeGreaterThan(30);
    expect(session.store.verify()).toMatchObject({ problems: [], records: session.model.tree("").size });
    session.close();
    session.open();
    expect(session.store.verify()).toMatchObject({ problems: [], records: session.model.tree("").size });
    session.close();
  }
}

it("pages that have become free since are not taken for the free list", () => {
  const story = new Story();
  story.begin();
  const { session } = story;
  story.watch();
  session.deleteRange("", name(20), name(190));
  // The split of a leaf makes them usable.
  session.transaction([story.records(1000, 1010)]);
  expect(session.store.stats().freePages).toBeGreaterThan(3 * BLOCK_PAGES);
  const { failure } = session.store.stats();
  story.makeRoom();
  session.checkpoint();
  story.end();
  expect(failure).toBeDefined();
});

/**
 * Story: it was tried again by a commit that needed the other log segment. The pages that it added to the file for the
 * free list counted as the transaction's: the log gave them out, or undoing it took them away. After a crash the store
 * could not be opened, or had lost track of pages.
 */
it.each([false, true])(
  "pages that are added for it are none of the running transaction's, which is undone: %s",
  (undone) => {
    const story = new Story();
    story.begin();
    const { session } = story;
    story.makeRoom();
    story.watch();
    const { checkpoints } = session.store.metrics().pager;
    if (undone) {
      const full = vi.spyOn(RedoLog.prototype, "commit").mockImplementation(() => {
        throw new DiskFullError("no room, on purpose");
      });
      expect(() => session.transaction([story.records(700, 2000)])).toThrow(DiskFullError);
      session.history.undo();
      full.mockRestore();
    } else session.transaction([story.records(700, 2000)]);
    expect(session.store.metrics().pager.checkpoints).toBeGreaterThan(checkpoints);
    story.end();
  },
);

/**
 * Story: pages that only a snapshot had kept from the list's own chain were given out and became free again before it
 * was tried again, and it went there. The log from the switch on gives them out too: after a crash the store could not
 * be opened.
 */
it("pages that were given out since, and are free again, are not taken for the free list", () => {
  const story = new Story();
  const { session } = story;
  const snapshot = story.beginWithSnapshot();
  expect(session.store.stats().failure).toBeDefined();
  snapshot.close();
  session.transaction([story.records(1000, 1060)]);
  session.deleteRange("", name(1000), name(1060));
  story.watch();
  // The split of a leaf makes them usable.
  session.transaction([story.records(2000, 2010)]);
  story.makeRoom();
  session.checkpoint();
  story.end();
});
