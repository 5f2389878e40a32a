/**
 * Splits are logged as what was done, not as the pages that came of it: recovery does them again. So what it
 * splits must be there, as it was, whatever became of the page since.
 */

import { expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { open } from "../../src/index.js";
import { OP_PAGE, SPLIT_RECORD_BYTES } from "../../src/log/log-format.js";
import { RecordBuffer } from "../../src/log/record-buffer.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { outcome } from "../support/damage.js";
import { Session, STORE_PATH, type Step } from "../support/session.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 5);
const PAGE_SIZE = 4096;
const KEYS = 900;
/** Several of a value of this length fill a page; a longer one goes to pages of its own. */
const SHORT = 250;
const LONG = 12_000;

function start(): { vfs: FaultyVfs; session: Session } {
  const vfs = new FaultyVfs({ seed: SEED });
  const session = new Session(vfs, { pageSize: PAGE_SIZE, durability: "sync" }, SEED);
  session.open();
  return { vfs, session };
}

/** `count` random records, whose values have up to `limit` bytes. */
function puts(session: Session, count: number, limit: number): Step {
  return {
    put: Array.from(
      { length: count },
      () => [session.key(KEYS), session.bytes(session.prng.below(limit))] as const,
    ),
  };
}

function assertNothingLost(vfs: FaultyVfs, session: Session, what: string): void {
  const { history, settings } = session;
  expect(outcome(vfs.powerCutImage("dropped", 1), settings, history), what).toBe(history.newest);
}

it("edits behind a split name their page again, since replay has none selected then", () => {
  const records = new RecordBuffer(createMetrics().log);
  records.selectPage(7);
  const before = records.used;
  records.split(7, 8, 3, Uint8Array.of(1));
  const split = records.used;
  records.selectPage(7);
  expect([...records.u8.subarray(split, records.used)]).toEqual([OP_PAGE, 7, 0, 0, 0]);
  expect(split - before).toBe(SPLIT_RECORD_BYTES + 1);
});

it("a split of a leaf that the log knows takes no image of it, nor of the new one", () => {
  const vfs = new FaultyVfs({ seed: SEED });
  const options = { keyEncoding: "binary", valueEncoding: "binary" } as const;
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs });
  const value = Buffer.alloc(SHORT, 7);
  const put = (from: number, step: number): void => {
    for (let i = from; i < KEYS; i += step) store.put(Buffer.from(String(i).padStart(5, "0")), value);
  };
  // All leaves are in the log now; what follows splits every one of them.
  put(0, 3);
  const before = store.metrics();
  put(1, 3);
  put(2, 3);
  const { leaf, log } = store.metrics();
  expect(leaf.splits - before.leaf.splits).toBeGreaterThan(20);
  expect(log.images - before.log.images).toBe(0);
  const again = open<Uint8Array, Uint8Array>(STORE_PATH, {
    ...options,
    vfs: vfs.powerCutImage("dropped", 1),
  });
  expect(again.verify().ok).toBe(true);
  expect(again.count()).toBe(KEYS);
  again.close();
  store.close();
});

it(`a leaf that was split may be gone, and its page hold another value (ESPALIER_SEED=${SEED} replays)`, () => {
  const { vfs, session } = start();
  for (let round = 0; round < 25; round++) {
    session.transaction([puts(session, 60, SHORT)]);
    session.transaction([puts(session, 60, SHORT)]);
    session.transaction([{ remove: Array.from({ length: 500 }, () => session.key(KEYS)) }]);
    session.transaction([puts(session, 8, LONG)]);
    assertNothingLost(vfs, session, `round ${round}`);
  }
  expect(session.store.metrics().leaf.merges).toBeGreaterThan(25);
  session.close();
});
