/**
 * The order of a checkpoint's writes and syncs (W4, W5): the power fails at each of its calls, and the next
 * process finds the newest state, with a file that has all the pages that its header speaks of (P3).
 */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { bytesOf, outcome } from "../support/damage.js";
import { headerOf } from "../support/forge.js";
import { fingerprintOf } from "../support/model.js";
import { Session, type SessionSettings, STORE_PATH, type Step, storeOptions } from "../support/session.js";

const SEED = 11;
const POLICIES = ["dropped", "subset", "torn-sectors"] as const;

function session(durability: SessionSettings["durability"]): { vfs: FaultyVfs; session: Session } {
  const vfs = new FaultyVfs({ seed: SEED });
  const made = new Session(vfs, { pageSize: 512, durability }, SEED);
  made.open();
  return { vfs, session: made };
}

function step(s: Session, count: number): Step {
  return { put: Array.from({ length: count }, () => [s.key(300), s.bytes(s.prng.below(300))] as const) };
}

/** Cuts the power at each call of `work`; returns how often. */
async function cutEverywhere(vfs: FaultyVfs, s: Session, work: () => void | Promise<void>): Promise<number> {
  let looked = 0;
  const look = (where: string): void => {
    for (const policy of POLICIES) {
      const image = vfs.powerCutImage(policy, ++looked);
      const what = `${policy} at ${where}`;
      const data = bytesOf(image, STORE_PATH);
      const { pageCount, pageSize } = headerOf(data);
      expect(data.length, what).toBeGreaterThanOrEqual(pageCount * pageSize);
      const found = outcome(image, s.settings, s.history);
      expect(typeof found, `${what}: ${found}`).toBe("number");
      expect(found, what).toBeGreaterThanOrEqual(s.history.durable);
    }
  };
  vfs.onCall = ({ changes, call, operation, path, position }) => {
    if (changes) look(`call ${call} (${operation} ${path} ${position})`);
  };
  await work();
  vfs.onCall = undefined;
  look("its end");
  return looked;
}

it.each(["sync", "none"] as const)("of one checkpoint after the other, durability %s", async (durability) => {
  const { vfs, session: s } = session(durability);
  s.transaction([step(s, 150)]);
  let looked = 0;
  for (let i = 0; i < 3; i++) {
    s.transaction([{ ...step(s, 10), remove: Array.from({ length: 20 }, () => s.key(300)) }]);
    looked += await cutEverywhere(vfs, s, () => s.checkpoint());
  }
  expect(looked).toBeGreaterThan(60);
  s.close();
});

it("of compact, which cuts the file", async () => {
  const { vfs, session: s } = session("sync");
  s.transaction([step(s, 400)]);
  s.put("big", s.bytes(20_000));
  s.deleteRange("", "k000020", "k000290");
  s.delete("big");
  const before = s.store.stats().dataBytes;
  const looked = await cutEverywhere(vfs, s, async () => void (await s.store.compact()));
  expect(looked).toBeGreaterThan(100);
  expect(s.store.stats().dataBytes).toBeLessThan(before / 2);
  s.close();
});

it("a copy that is under way when a checkpoint writes over what it has not read yet is of one moment", async () => {
  const vfs = new FaultyVfs({ seed: SEED });
  const s = new Session(vfs, { pageSize: 4096, durability: "none" }, SEED);
  s.open();
  const all = (): Step => ({
    put: Array.from({ length: 4000 }, (_, i) => [`k${String(i).padStart(6, "0")}`, s.bytes(700)] as const),
  });
  s.transaction([all()]);
  const before = s.model.fingerprint();
  const copying = s.store.backup("/copy.esp");
  s.transaction([all()]);
  s.checkpoint();
  await copying;
  const copy = open<Uint8Array, Uint8Array>("/copy.esp", { ...storeOptions(s.settings, vfs) });
  const report = copy.verify();
  expect(report.problems).toEqual([]);
  expect(fingerprintOf(Object.entries(report.trees).map(([name, tree]) => [name, tree.digest]))).toBe(before);
  copy.close();
  s.close();
});
