/** A new slot of a leaf is one record of the log (SLOT): replayed, the leaf is what it was, byte for byte. */

import { expect, it } from "vitest";
import { OP_SLOT } from "../../src/log/log-format.js";
import { RecordBuffer } from "../../src/log/record-buffer.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { outcome } from "../support/damage.js";
import { Session } from "../support/session.js";

it.each([512, 4096, 32768])("new records in every place of a leaf, pages of %i bytes", (pageSize) => {
  const written = RecordBuffer.prototype.slot;
  let slots = 0;
  let flagged = 0;
  RecordBuffer.prototype.slot = function (this: RecordBuffer, ...record): void {
    slots++;
    if (record[2] >>> 31 === 1) flagged++;
    written.apply(this, record);
  };
  try {
    const vfs = new FaultyVfs({ seed: 7 });
    const session = new Session(vfs, { pageSize, durability: "sync", logBytes: 8 * 1024 * 1024 }, 7);
    session.open();
    for (let i = 0; i < 150; i++) {
      // Some take the place of a record that went, some are longer than fits inline.
      if (i % 5 === 4) session.delete(session.key(300));
      const length = i % 7 === 3 ? pageSize * 2 : session.prng.below(pageSize >> 3);
      session.put(session.key(300), session.bytes(length));
      if (i % 10 !== 9) continue;
      const { history, settings } = session;
      expect(outcome(vfs.processKill(1).live, settings, history), `record ${i}`).toBe(history.newest);
    }
    session.close();
  } finally {
    RecordBuffer.prototype.slot = written;
  }
  expect(OP_SLOT).toBe(11);
  expect(slots).toBeGreaterThan(60);
  expect(flagged).toBeGreaterThan(5);
});
