/**
 * A log that was cut off or damaged. What was cut is a tail, and the commits before it are there; damage
 * in the middle is an error, never silence (W5). An older copy of the store's header never passes for the
 * newest state (W4).
 */

import { beforeAll, describe, expect, it } from "vitest";
import { alignUp } from "../../src/base/bytes.js";
import type { EspalierError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import {
  BLOCK_BYTES,
  decodeSegmentHeader,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
} from "../../src/log/log-format.js";
import { headerVersion } from "../../src/pager/store-header.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { bytesOf, outcome, withFile } from "../support/damage.js";
import { headerOf } from "../support/forge.js";
import { Session, type SessionSettings, STORE_PATH } from "../support/session.js";

const SEED = 7;
const LOG = `${STORE_PATH}-log1`;
const OTHER_LOG = `${STORE_PATH}-log2`;
const settings: SessionSettings = { pageSize: 4096, durability: "sync" };

interface Scene {
  readonly session: Session;
  /** What is on the disk: all that was synced. */
  readonly disk: MemoryVfs;
}

function scene(script: (session: Session) => void): Scene {
  const vfs = new FaultyVfs({ seed: SEED });
  const session = new Session(vfs, settings, SEED);
  session.open();
  script(session);
  return { session, disk: vfs.powerCutImage("dropped", 1) };
}

function commits(session: Session, count: number): void {
  for (let i = 0; i < count; i++) session.put(session.key(20), session.bytes(30 + session.prng.below(300)));
}

function usedLength(log: Uint8Array): number {
  let end = log.length;
  while (end > 0 && log[end - 1] === 0) end--;
  return end;
}

describe("a log that is cut", () => {
  let found: Scene;
  let log: Uint8Array;
  beforeAll(() => {
    found = scene((session) => commits(session, 8));
    log = bytesOf(found.disk, LOG);
  });

  it("gives the commits before the cut, wherever it is", () => {
    const end = alignUp(usedLength(log), BLOCK_BYTES);
    const { history } = found.session;
    let last = -1;
    // Each commit is in blocks of its own, with padding at the end, of which a few bytes will do.
    for (let cut = end; cut > end - 4 * BLOCK_BYTES; cut -= cut % BLOCK_BYTES > 500 ? 31 : 1) {
      const state = outcome(withFile(found.disk, LOG, log.subarray(0, cut)), settings, history);
      if (last < 0) expect(state).toBe(history.newest);
      else expect(state === last || state === last - 1, `cut at ${cut}: ${state} after ${last}`).toBe(true);
      last = state as number;
    }
    expect(last).toBeLessThan(history.newest - 2);
  });

  it("gives the same where zeros or noise follow the cut", () => {
    const end = usedLength(log);
    const { history } = found.session;
    const prng = new Prng(SEED);
    for (let cut = end - 5; cut > end - 3 * BLOCK_BYTES; cut -= 97) {
      const clean = outcome(withFile(found.disk, LOG, log.subarray(0, cut)), settings, history);
      const zeros = log.slice();
      zeros.fill(0, cut);
      expect(outcome(withFile(found.disk, LOG, zeros), settings, history)).toBe(clean);
      const noise = log.slice();
      prng.fill(noise, cut, noise.length);
      expect(outcome(withFile(found.disk, LOG, noise), settings, history)).toBe(clean);
    }
  });
});

describe("a log with a bit flipped", () => {
  it("loses the last commit at most, or is an error", () => {
    const found = scene((session) => commits(session, 12));
    const { history } = found.session;
    const log = bytesOf(found.disk, LOG);
    const prng = new Prng(SEED);
    const seen = new Set<number | string>();
    for (let at = 0; at < usedLength(log); at += 1 + prng.below(200)) {
      const bad = log.slice();
      bad[at]! ^= 1 << prng.below(8);
      const state = outcome(withFile(found.disk, LOG, bad), settings, history);
      seen.add(state);
      const right = typeof state === "number" ? state >= history.newest - 1 : state !== "problems";
      expect(right, `byte ${at}: ${state}`).toBe(true);
    }
    // All three were met: unharmed (padding), the last commit torn, and damage in the middle.
    expect([...seen].sort()).toContain("ERR_ESPALIER_CORRUPTION");
    expect(seen).toContain(history.newest);
    expect(seen).toContain(history.newest - 1);
  });

  it("in the header of the last frame is a torn commit, not damage", () => {
    const found = scene((session) => commits(session, 12));
    const { history } = found.session;
    const log = bytesOf(found.disk, LOG);
    const start = alignUp(usedLength(log), BLOCK_BYTES) - BLOCK_BYTES;
    const { salt } = headerOf(bytesOf(found.disk, STORE_PATH)).log ?? { salt: 0 };
    expect(new DataView(log.buffer).getUint32(start + 16, true)).toBe(salt);
    for (let bit = 0; bit < 40 * 8; bit++) {
      const bad = log.slice();
      bad[start + (bit >> 3)]! ^= 1 << (bit & 7);
      const state = outcome(withFile(found.disk, LOG, bad), settings, history);
      expect(state, `bit ${bit}`).toBe(history.newest - 1);
    }
  });

  it("in the first of two segments is an error", () => {
    const { disk, history, first } = betweenSegments();
    const before = bytesOf(disk, first);
    expect(outcome(disk.clone(), settings, history)).toBe(history.newest);
    for (let at = BLOCK_BYTES; at < usedLength(before); at += 4000) {
      const bad = before.slice();
      bad[at]! ^= 4;
      const state = outcome(withFile(disk, first, bad), settings, history);
      if (at === BLOCK_BYTES) expect(state).toBe("ERR_ESPALIER_CORRUPTION");
      // In the padding it does no harm.
      else expect([history.newest, "ERR_ESPALIER_CORRUPTION"], `byte ${at}`).toContain(state);
    }
  });

  /** Story: half a transaction was there, and verify found nothing. The other half was in a page that was written back. */
  it("in the last commit is an error once a checkpoint writes pages that rest on it", () => {
    const vfs = new FaultyVfs({ seed: SEED });
    using store = open<string, number>(STORE_PATH, { vfs });
    const other = store.tree<string, number>("other");
    store.put("key", 0);
    other.put("key", 0);
    store.checkpoint();
    store.put("key", 1);
    store.transaction(() => {
      store.put("key", 2);
      other.put("key", 2);
    });
    const seen = new Set<string>();
    vfs.onCall = ({ changes }) => {
      if (!changes) return;
      const bad = bytesOf(vfs.live, OTHER_LOG);
      bad[usedLength(bad) - 1]! ^= 1;
      seen.add(valuesIn(withFile(vfs.live, OTHER_LOG, bad)));
    };
    store.checkpoint();
    vfs.onCall = undefined;
    expect([...seen]).toEqual(["1 0", "ERR_ESPALIER_CORRUPTION", "2 2"]);
  });

  it("in a segment's header makes it none", () => {
    const storeId = new Uint8Array(16).fill(7);
    const header = { generation: 3, salt: 77, pageSize: 4096 };
    const block = encodeSegmentHeader(storeId, header);
    expect(decodeSegmentHeader(storeId, block)).toEqual(header);
    expect(decodeSegmentHeader(new Uint8Array(16).fill(8), block)).toBeUndefined();
    for (let bit = 0; bit < 64 * 8; bit++) {
      const bad = block.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeSegmentHeader(storeId, bad), `bit ${bit}`).toBeUndefined();
    }
  });
});

it("a bit flipped in a copy of the store's header makes it none", () => {
  const { disk } = scene((session) => commits(session, 2));
  const data = bytesOf(disk, STORE_PATH);
  for (const copy of [0, BLOCK_BYTES]) {
    const block = data.slice(copy, copy + 512);
    expect(headerVersion(block)).toBe(1);
    for (let bit = 0; bit < 512 * 8; bit++) {
      block[bit >> 3]! ^= 1 << (bit & 7);
      if (headerVersion(block) !== 0) expect.fail(`bit ${bit}`);
      block[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
});

/** Values of the key in both trees, or the code of the error. */
function valuesIn(vfs: MemoryVfs): string {
  try {
    using store = open<string, number>(STORE_PATH, { vfs, createIfMissing: false });
    return `${store.get("key")} ${store.tree("other").get("key")}`;
  } catch (error) {
    return (error as EspalierError).code;
  }
}

/** A disk on which the log goes on in its second segment while the checkpoint of the first is under way. */
function betweenSegments(): { disk: MemoryVfs; history: Session["history"]; first: string } {
  const vfs = new FaultyVfs({ seed: SEED });
  const session = new Session(vfs, settings, SEED);
  session.open();
  for (let i = 0; i < 400; i++) {
    session.transaction([
      { put: Array.from({ length: 20 }, () => [session.key(500), session.bytes(600)] as const) },
    ]);
    const disk = vfs.powerCutImage("dropped", 1);
    const { log } = headerOf(bytesOf(disk, STORE_PATH));
    if (log === undefined || log.nextSalt === 0) continue;
    const [first, second] = log.segment === 0 ? [LOG, OTHER_LOG] : [OTHER_LOG, LOG];
    const bytes = bytesOf(disk, second as string);
    const frames = new DataView(bytes.buffer, BLOCK_BYTES);
    // Its first frame holds no commit: it says what is durable.
    const hasCommit = usedLength(bytes) > BLOCK_BYTES + 2 * FRAME_HEADER_BYTES;
    if (hasCommit && frames.getUint32(16, true) === log.nextSalt)
      return { disk, history: session.history, first: first as string };
  }
  throw new Error("the log never was in both segments");
}

/** States of the files in which the two header copies say very different things. */
const MOMENTS: readonly { name: string; script: (session: Session) => void; closed?: boolean }[] = [
  { name: "first commits after it was made", script: (s) => commits(s, 5) },
  {
    name: "after a checkpoint",
    script: (s) => {
      commits(s, 5);
      s.checkpoint();
      commits(s, 5);
    },
  },
  {
    name: "after two checkpoints",
    script: (s) => {
      commits(s, 5);
      s.checkpoint();
      commits(s, 5);
      s.checkpoint();
      commits(s, 3);
    },
  },
  {
    name: "first commits after a clean close",
    script: (s) => {
      commits(s, 5);
      s.close();
      s.open();
      commits(s, 5);
    },
  },
  {
    name: "closed",
    script: (s) => {
      commits(s, 5);
      s.close();
    },
  },
];

describe("a damaged header copy", () => {
  /**
   * Story: a store with a damaged newest header fell back to the other copy without a word. That one was
   * clean, from before the first commit of the session, or did not know the second log segment: all
   * that was acknowledged since then was gone.
   */
  it.each(MOMENTS)("never brings back an older state: $name", ({ script }) => {
    const found = scene(script);
    const { history } = found.session;
    const data = bytesOf(found.disk, STORE_PATH);
    const prng = new Prng(SEED);
    for (const copy of [0, 1]) {
      for (let at = 0; at < 512; at += at < 112 || at >= 504 ? 1 : 5) {
        const bad = data.slice();
        bad[copy * BLOCK_BYTES + at]! ^= 1 << prng.below(8);
        const state = outcome(withFile(found.disk, STORE_PATH, bad), settings, history);
        const right = state === history.newest || (typeof state === "string" && state !== "problems");
        expect(right, `copy ${copy}, byte ${at}: ${state} of ${history.newest}`).toBe(true);
      }
    }
  });

  it("does not hurt where the log says the rest", () => {
    const found = scene((session) => commits(session, 5));
    const data = bytesOf(found.disk, STORE_PATH);
    for (const copy of [0, 1]) {
      const bad = data.slice();
      bad.fill(0xee, copy * BLOCK_BYTES, copy * BLOCK_BYTES + 512);
      const state = outcome(withFile(found.disk, STORE_PATH, bad), settings, found.session.history);
      expect(state).toBe(found.session.history.newest);
    }
  });
});

it("the older header copy finds the segment that only the newer one speaks of", () => {
  const { disk, history } = betweenSegments();
  const data = bytesOf(disk, STORE_PATH);
  const bad = data.slice();
  bad.fill(
    0xee,
    (headerOf(data).sequence % 2) * BLOCK_BYTES,
    (headerOf(data).sequence % 2) * BLOCK_BYTES + 512,
  );
  expect(headerOf(data).log?.nextSalt).not.toBe(0);
  expect(headerOf(bad).log?.nextSalt).toBe(0);
  expect(outcome(withFile(disk, STORE_PATH, bad), settings, history)).toBe(history.newest);
});

describe("a log that does not belong to the store", () => {
  it("is an error of its own when it is missing or foreign", () => {
    const found = scene((session) => commits(session, 5));
    const { history } = found.session;
    const missing = found.disk.clone();
    missing.unlink(LOG);
    expect(outcome(missing, settings, history)).toBe("ERR_ESPALIER_LOG_MISSING");
    const foreign = bytesOf(scene((session) => commits(session, 5)).disk, LOG);
    expect(outcome(withFile(found.disk, LOG, foreign), settings, history)).toBe("ERR_ESPALIER_LOG_MISSING");
  });

  it("is an error of its own when it is from another time", () => {
    const vfs = new FaultyVfs({ seed: SEED });
    const session = new Session(vfs, settings, SEED);
    session.open();
    commits(session, 5);
    const old = bytesOf(vfs.powerCutImage("dropped", 1), STORE_PATH);
    for (let i = 0; i < 2; i++) {
      session.checkpoint();
      commits(session, 5);
    }
    const now = vfs.powerCutImage("dropped", 1);
    expect(outcome(withFile(now, STORE_PATH, old), settings, session.history)).toBe(
      "ERR_ESPALIER_LOG_MISSING",
    );
  });

  /** A session of a store that was closed before, and the file as it was then. */
  function openedAgain(): { vfs: FaultyVfs; session: Session; old: Uint8Array } {
    const vfs = new FaultyVfs({ seed: SEED });
    const session = new Session(vfs, settings, SEED);
    session.open();
    commits(session, 5);
    session.close();
    const old = bytesOf(vfs.powerCutImage("dropped", 1), STORE_PATH);
    session.open();
    return { vfs, session, old };
  }

  /** As a backup that was put in the place of a store that had crashed. What has bypassed the log is not in it. */
  it("is an error when the store's file is from just before it", () => {
    const { vfs, session, old } = openedAgain();
    commits(session, 2);
    session.put(session.key(20), session.bytes(20_000));
    const now = withFile(vfs.powerCutImage("dropped", 1), STORE_PATH, old);
    expect(outcome(now, settings, session.history)).toBe("ERR_ESPALIER_CORRUPTION");
    for (const log of [LOG, OTHER_LOG]) now.unlink(log);
    expect(outcome(now, settings, session.history)).toBe(5);
  });

  it("is an error when the store's file is from another time", () => {
    const { vfs, session, old } = openedAgain();
    commits(session, 5);
    session.checkpoint();
    session.checkpoint();
    commits(session, 5);
    const now = vfs.powerCutImage("dropped", 1);
    expect(outcome(now.clone(), settings, session.history)).toBe(session.history.newest);
    expect(outcome(withFile(now, STORE_PATH, old), settings, session.history)).toBe(
      "ERR_ESPALIER_CORRUPTION",
    );
  });
});
