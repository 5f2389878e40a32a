/**
 * Workloads in which rare things meet: the smallest cache, transactions several times as large, and logs of the
 * smallest size, so that checkpoints, switches of segments, spills and carry-overs come inside transactions, while
 * snapshots are open, pages change hands and the file is cut. test/crash/tight.test.ts says what each comes to.
 */

import type { Fault } from "../../src/vfs/faults.js";
import type { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { BACKUP_PATH } from "./crash.js";
import type { FaultSession } from "./fault-session.js";
import { keyOfBytes } from "./model.js";
import { type ByteStore, type Session, STORE_PATH, type Step } from "./session.js";

/** Blocks that the smallest cache holds. */
const FRAMES = 64;
const SNAPSHOTS_MAX = 2;

interface Held {
  readonly snapshot: ReturnType<ByteStore["snapshot"]>;
  readonly fingerprint: string;
  readonly session: Session;
}

type Action = (t: Tight) => void;

/** A store of about twice as many blocks as the cache has, and what can be done to it. */
class Tight {
  readonly s: Session;
  /** Keys that there may be; in order, a block has about `perBlock` of them. */
  readonly keys: number;
  readonly perBlock: number;
  readonly valueBytes: number;
  /** Whether transactions and puts choose for themselves whether they are synced. */
  readonly mixed: boolean;
  #held: Held[] = [];

  constructor(s: Session, blocks: number, mixed: boolean) {
    const { pageSize } = s.settings;
    this.s = s;
    this.mixed = mixed;
    this.valueBytes = Math.floor(pageSize / 6);
    this.perBlock = 4 * Math.max(1, 4096 / pageSize);
    this.keys = blocks * this.perBlock;
  }

  get sync(): boolean | undefined {
    return this.mixed ? this.s.prng.pick([true, false, undefined]) : undefined;
  }

  key(i: number): string {
    return `k${String(i % this.keys).padStart(6, "0")}`;
  }

  value(): Uint8Array {
    return this.s.bytes(this.valueBytes);
  }

  /** One record of each of so many blocks, evenly, of those `among` blocks from a key on; of all, by default. */
  spread(blocks: number, from: number = this.s.prng.below(this.keys), among?: number): Step {
    const keys = among === undefined ? this.keys : among * this.perBlock;
    const step = Math.max(1, Math.floor(keys / blocks));
    return {
      put: Array.from({ length: blocks }, (_, i) => [this.key(from + i * step), this.value()] as const),
    };
  }

  /** All records of so many blocks that lie together. */
  patch(blocks: number, from: number = this.s.prng.below(this.keys)): Step {
    const length = blocks * this.perBlock;
    return { put: Array.from({ length }, (_, i) => [this.key(from + i), this.value()] as const) };
  }

  fill(): void {
    const length = 20 * this.perBlock;
    for (let from = 0; from < this.keys; from += length)
      this.s.transaction([
        {
          put: Array.from({ length: Math.min(length, this.keys - from) }, (_, i) => {
            return [this.key(from + i), this.value()] as const;
          }),
        },
      ]);
  }

  steps(blocks: number): Step[] {
    const step = this.s.prng.chance(0.7) ? this.spread(blocks) : this.patch(blocks);
    return this.s.prng.chance(0.3) ? [step, { remove: this.removals(blocks) }] : [step];
  }

  removals(count: number): string[] {
    return Array.from({ length: count }, () => this.key(this.s.prng.below(this.keys)));
  }

  /** Most of what lies in a part of the keys, so that leaves merge and pages become free. */
  cut(share: number): void {
    const from = this.s.prng.below(this.keys);
    this.s.deleteRange(
      "",
      this.key(from),
      `k${String(from + Math.floor(this.keys * share)).padStart(6, "0")}`,
    );
  }

  hold(): void {
    if (this.#held.length >= SNAPSHOTS_MAX) this.letGo();
    const { s } = this;
    this.#held.push({ snapshot: s.store.snapshot(), fingerprint: s.model.fingerprint(), session: s });
  }

  /** A snapshot sees what was, whatever became of the pages. */
  letGo(): void {
    const held = this.#held.splice(this.s.prng.below(this.#held.length), 1)[0];
    if (held === undefined) return;
    const seen = this.s.model.clone();
    for (const name of seen.trees.keys()) if (name !== "") seen.trees.delete(name);
    seen.tree("").clear();
    for (const [key, value] of held.snapshot.range()) seen.tree("").set(keyOfBytes(key), value.slice());
    for (const name of held.snapshot.trees()) {
      const tree = held.snapshot.tree<Uint8Array, Uint8Array>(name);
      for (const [key, value] of tree.range()) seen.tree(name).set(keyOfBytes(key), value.slice());
      seen.tree(name);
    }
    if (seen.fingerprint() !== held.fingerprint)
      throw new Error("the snapshot saw something else than the store was");
    held.snapshot.close();
  }

  letAllGo(): void {
    while (this.#held.length > 0) this.letGo();
  }

  /** Does one of the actions, the likelier the more often it stands there, `times` times. */
  run(times: number, actions: readonly Action[]): void {
    for (let i = 0; i < times; i++) this.s.prng.pick(actions)(this);
  }
}

/** A transaction that the cache can hold, of images that fill most of a segment. */
const thin: Action = (t) => t.s.transaction(t.steps(18 + t.s.prng.below(36)), t.sync);
/** One that the cache cannot hold. */
const wide: Action = (t) => t.s.transaction(t.steps(FRAMES + t.s.prng.below(FRAMES)), t.sync);
const wideUndone: Action = (t) => t.s.rolledBack(t.steps(FRAMES + t.s.prng.below(FRAMES)));
const thinUndone: Action = (t) => t.s.rolledBack(t.steps(18 + t.s.prng.below(36)));
const few: Action = (t) => {
  const puts = 1 + t.s.prng.below(5);
  for (let i = 0; i < puts; i++) t.s.put(t.key(t.s.prng.below(t.keys)), t.value(), t.sync);
};
const big: Action = (t) => {
  const blocks = t.s.prng.chance(0.2) ? 40 : 1 + t.s.prng.below(6);
  t.s.put(`big${t.s.prng.below(5)}`, t.s.bytes(blocks * Math.max(4096, t.s.settings.pageSize)), t.sync);
};
const bigGone: Action = (t) => t.s.delete(`big${t.s.prng.below(5)}`);
const cut: Action = (t) => t.cut(0.1 + t.s.prng.below(5) / 10);
const checkpoint: Action = (t) => t.s.checkpoint();
const hold: Action = (t) => t.hold();
const letGo: Action = (t) => t.letGo();
const reopen: Action = (t) => {
  t.letAllGo();
  t.s.close();
  t.s.open();
};
/** A tree is made, filled and dropped, of pages that others had. */
const tree: Action = (t) => {
  const name = t.s.prng.pick(["a", "b"]);
  if (t.s.model.trees.has(name) && t.s.prng.chance(0.5)) t.s.dropTree(name);
  else {
    t.s.createTree(name);
    t.s.transaction([{ ...t.patch(10 + t.s.prng.below(70)), tree: name }, t.spread(10)], t.sync);
  }
};

const TRANSACTIONS: readonly Action[] = [thin, thin, thin, wide, wide, wideUndone, thinUndone, few];
const SPACE: readonly Action[] = [thin, wide, wideUndone, big, big, bigGone, cut, tree, few, checkpoint];

export function tightTransactions(s: Session): void {
  const tight = new Tight(s, 2 * FRAMES, false);
  s.open();
  tight.fill();
  tight.run(30, TRANSACTIONS);
  s.close();
}

/** The share of the log that is used when a transaction needs the other segment, and would have fitted half of it. */
const NEARLY_FULL = 0.84;
const TRIES_MAX = 20;

/** Checkpoints cannot write several pages at once while `body` runs; single ones, headers and the log can. */
function failing(t: Tight, body: () => void): void {
  const vfs = t.s.vfs as FaultyVfs;
  const block = Math.max(4096, t.s.settings.pageSize);
  const fault: Fault = {
    kind: t.s.prng.pick(["EIO", "ENOSPC"]),
    at: 0,
    lasts: "forever",
    where: ({ operation, path, position, length }) =>
      operation === "write" &&
      path === STORE_PATH &&
      length > block &&
      position < (vfs.live.stat(path)?.size ?? 0),
  };
  vfs.faults = [...vfs.faults, fault];
  try {
    body();
  } catch (error) {
    // To read may take an eviction, and so a write.
    (t.s as FaultSession).expect(error);
  } finally {
    vfs.faults = vfs.faults.filter((other) => other !== fault);
  }
}

/**
 * A checkpoint fails until the log is nearly full: it is tried again in the midst of the transaction that needs the
 * other segment, with all its pages still to be written.
 */
const failingCheckpoint: Action = (t) => {
  const from = t.s.prng.below(t.keys);
  const blocks = FRAMES + 40 + t.s.prng.below(16);
  // With segments of the smallest size again.
  reopen(t);
  if (t.s.prng.chance(0.2)) t.hold();
  failing(t, () => {
    t.s.transaction([t.patch(blocks, from)]);
    for (let i = 0; i < TRIES_MAX; i++) {
      const { logUsedBytes, logBytes } = t.s.store.stats();
      if (logUsedBytes > logBytes * NEARLY_FULL) break;
      t.s.transaction([t.spread(4)]);
    }
  });
  // Of the first half of what was written only the log has the pages; the end of it is in the cache.
  const first = Math.floor(blocks * 0.6);
  t.s.closely = true;
  t.s.transaction([t.spread(16 + t.s.prng.below(12), from + first * t.perBlock, blocks - first)]);
  t.s.closely = false;
};

export function tightFailing(s: Session): void {
  const tight = new Tight(s, 2 * FRAMES, false);
  s.open();
  tight.fill();
  for (let round = 0; round < 5; round++) {
    failingCheckpoint(tight);
    tight.run(1, TRANSACTIONS);
  }
  tight.letAllGo();
  s.close();
}

/** Pages change hands all the time: leaves, long values, trees that come and go. */
export function tightSpace(s: Session): void {
  const tight = new Tight(s, FRAMES + 30, false);
  s.open();
  tight.fill();
  tight.run(30, SPACE);
  s.close();
}

/** As both of these, with snapshots open: what they keep is spilled, to a file of its own. */
export function tightSnapshots(s: Session): void {
  const tight = new Tight(s, FRAMES + 30, true);
  s.open();
  tight.fill();
  tight.hold();
  tight.run(30, [hold, hold, letGo, ...TRANSACTIONS, ...SPACE]);
  tight.letAllGo();
  s.close();
}

/** The file is cut at each close, and grows again. */
export function tightReopening(s: Session): void {
  const tight = new Tight(s, FRAMES + 30, true);
  s.open();
  tight.fill();
  tight.run(30, [reopen, reopen, cut, hold, ...SPACE]);
  tight.letAllGo();
  s.close();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function tightMeanwhile(s: Session): Promise<void> {
  const tight = new Tight(s, FRAMES + 30, true);
  s.open();
  tight.fill();
  for (let round = 0; round < 3; round++) {
    tight.run(2, [cut, bigGone, big]);
    tight.run(2, SPACE);
    const upkeep = round === 1 ? backup(s) : s.store.compact();
    let done = false;
    upkeep.then(
      () => {
        done = true;
      },
      () => undefined, // It is awaited below, if nothing else fails before.
    );
    // Before anything is moved or copied, the free list and the pages of the old one have changed hands.
    for (let i = 0; i < 3; i++) {
      checkpoint(tight);
      tight.run(2, [wide, big, tree, cut]);
    }
    const waiting: Promise<void>[] = [];
    for (let i = 0; i < 12 && !done; i++) {
      if (s.prng.chance(0.5)) tight.run(1, [hold, letGo, ...TRANSACTIONS, ...SPACE]);
      else waiting.push(s.write(tight.steps(1 + s.prng.below(20))));
      await turn();
    }
    await Promise.all(waiting);
    await upkeep;
  }
  tight.letAllGo();
  s.close();
}

function backup(s: Session): Promise<void> {
  s.backup = s.model.fingerprint();
  return s.store.backup(BACKUP_PATH).then(() => undefined);
}
