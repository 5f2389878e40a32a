/**
 * Crashes a workload at every call and checks what is found afterwards.
 *
 * The workload runs once on a simulated file system. Before each call takes effect, images are taken of
 * what a power cut or the death of the process would leave at that point; each is opened, proven by
 * verify(), and its content compared with the states that the history allows. While an image is
 * recovered, further images are taken of it, to DEPTH_MAX. What was looked at already, with the same
 * promises to keep, is neither looked at nor counted again.
 */

import { open } from "../../src/index.js";
import { POWER_CUTS } from "../../src/vfs/crash-image.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { fingerprintOf, keyBytes } from "./model.js";
import {
  type ByteStore,
  type History,
  type Session,
  type SessionSettings,
  STORE_PATH,
  storeOptions,
} from "./session.js";
import { makeSyncsSlow } from "./slow-syncs.js";
import { sessionOf, settingsOf, type Workload } from "./workloads.js";

export const BACKUP_PATH = "/copy.esp";
export const DEPTH_MAX = 3;

export interface CrashPlan {
  readonly workload: Workload;
  readonly pageSize: number;
  readonly seed: number;
  /** About so many images of the workload itself, and up to as many of recoveries. */
  readonly images: number;
  /** At least one image of each call of the workload, however many that makes. */
  readonly eachCall?: boolean;
  /** Look at this image only, and those on the way to it: "call/image" numbers, as a failure prints them. */
  readonly only?: string;
  /** For tests of this test: is shown each image once it was looked at, and throws to make it fail. */
  readonly inspect?: (place: Place) => void;
}

export interface CrashCount {
  images: number;
  calls: number;
  deepest: number;
  /** Images that needed a recovery with transactions in it. */
  recovered: number;
  /** Images that were the same as an earlier one, and are not counted. */
  repeated: number;
}

export function noImages(): CrashCount {
  return { images: 0, calls: 0, deepest: 0, recovered: 0, repeated: 0 };
}

export class CrashFailure extends Error {}

/** How many times as many images there are of a moment that is looked at closely. */
const CLOSELY = 10;

/** Images a call of a recovery, on average, until there are as many as of the workload itself. */
const RECOVERY_RATE = 0.06;

export async function crashEverywhere(plan: CrashPlan): Promise<CrashCount> {
  const restore = plan.workload.slowSyncs === true ? makeSyncsSlow() : undefined;
  try {
    return await crashAll(plan);
  } finally {
    restore?.();
  }
}

async function crashAll(plan: CrashPlan): Promise<CrashCount> {
  const count = noImages();
  const rate = plan.images / (await countCalls(plan));
  const vfs = new FaultyVfs({ seed: plan.seed });
  const settings = settingsOf(plan.workload, plan.pageSize);
  const session = sessionOf(plan.workload, vfs, plan.pageSize, plan.seed);
  const taker = new ImageTaker(plan, settings, session, count, plan.eachCall ? Math.max(1, rate) : rate);
  vfs.onCall = (record) => {
    count.calls++;
    if (record.changes) taker.takeAll(vfs, { label: "", calls: record.call, depth: 1, powerCut: false });
  };
  try {
    await plan.workload.run(session);
    vfs.onCall = undefined;
    taker.takeAll(vfs, { label: "", calls: vfs.calls + 1, depth: 1, powerCut: false });
  } finally {
    // The store may have made another error of it, or have gone on as if a disk had failed.
    taker.assertNoFailure();
  }
  return count;
}

/** How many calls of the workload change the disk; those that are looked at closely count for several. */
async function countCalls(plan: CrashPlan): Promise<number> {
  const vfs = new FaultyVfs({ seed: plan.seed });
  const session = sessionOf(plan.workload, vfs, plan.pageSize, plan.seed);
  let calls = 0;
  vfs.onCall = (record) => {
    if (record.changes) calls += weightOf(session);
  };
  await plan.workload.run(session);
  return calls;
}

function weightOf(session: Session): number {
  return session.closely ? CLOSELY : 1;
}

export interface Place {
  readonly label: string;
  readonly calls: number;
  readonly depth: number;
  /** Whether the power went already on the way here. */
  readonly powerCut: boolean;
}

export class ImageTaker {
  readonly #plan: CrashPlan;
  readonly #settings: SessionSettings;
  readonly #session: Session;
  readonly #count: CrashCount;
  readonly #rate: number;
  readonly #seen: Set<string> = new Set();
  #ofRecoveries = 0;
  #failure: CrashFailure | undefined;

  constructor(plan: CrashPlan, settings: SessionSettings, session: Session, count: CrashCount, rate: number) {
    this.#rate = rate;
    this.#plan = plan;
    this.#settings = settings;
    this.#session = session;
    this.#count = count;
  }

  /** Images of this moment, as many as the rate says; each label gives the same image at each run. */
  takeAll(vfs: FaultyVfs, place: Place): void {
    this.assertNoFailure();
    const rate = place.depth === 1 ? this.#rate * weightOf(this.#session) : RECOVERY_RATE;
    const prng = new Prng(
      Math.imul(this.#plan.seed, 31) + place.calls * 7919 + place.depth * 104729 + hash(place.label),
    );
    let images = Math.floor(rate);
    if (prng.chance(rate - images)) images++;
    for (let i = 0; i < images; i++) {
      const kind = prng.below(POWER_CUTS.length + 2);
      const seed = prng.next();
      const label = `${place.label}${place.label === "" ? "" : ","}${place.calls}/${i}`;
      const { only } = this.#plan;
      if (only !== undefined ? !isOnTheWay(label, only) : !this.#withinBudget(place.depth)) continue;
      const policy = POWER_CUTS[kind];
      const image = policy === undefined ? vfs.processKill(seed) : vfs.powerCut(policy, seed);
      const powerCut = place.powerCut || policy !== undefined;
      if (only === undefined && this.#isRepeated(image, powerCut)) continue;
      const { calls, depth } = place;
      this.look(image, { label, calls, depth, powerCut }, policy ?? "kill", seed);
    }
  }

  /** Whether the same image was looked at already, when the same was promised. */
  #isRepeated(image: FaultyVfs, powerCut: boolean): boolean {
    const { durable, committed, newest, opened } = this.#session.history;
    const key = `${powerCut ? durable : committed} ${newest} ${opened} ${image.digest()}`;
    if (!this.#seen.has(key)) {
      this.#seen.add(key);
      return false;
    }
    this.#count.repeated++;
    return true;
  }

  /** Throws the first failure there was: the store that ran meanwhile may have caught it. */
  assertNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #withinBudget(depth: number): boolean {
    if (depth === 1) return true;
    if (this.#ofRecoveries * 2 > this.#count.images) return false;
    this.#ofRecoveries++;
    return true;
  }

  /** Opens an image, proves it and compares it; throws CrashFailure. */
  look(image: FaultyVfs, place: Place, policy: string, seed: number): void {
    this.#count.images++;
    this.#count.deepest = Math.max(this.#count.deepest, place.depth);
    try {
      this.#check(image, place, seed);
      this.#plan.inspect?.(place);
    } catch (error) {
      const reason = error instanceof Error ? error.stack : String(error);
      const what = `workload ${this.#plan.workload.name}, ${policy} at ${place.label}`;
      this.#failure ??= new CrashFailure(`${what}: ${reason}\nreplay: ${replayOf(this.#plan, place.label)}`);
    }
    this.assertNoFailure();
  }

  #check(image: FaultyVfs, place: Place, seed: number): void {
    const { history } = this.#session;
    const least = place.powerCut ? history.durable : history.committed;
    const options = { ...storeOptions(this.#settings, image), createIfMissing: !history.opened };
    if ((seed & 7) === 0) this.#checkReadOnly(image, least, history);
    if (place.depth < DEPTH_MAX) {
      image.onCall = (record) => {
        if (record.changes)
          this.takeAll(image, { ...place, label: place.label, calls: record.call, depth: place.depth + 1 });
      };
    }
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    image.onCall = undefined;
    if (store.stats().committed > 0) this.#count.recovered++;
    const state = assertState(store, history, least);
    this.#checkBackup(image);
    if ((seed & 8) === 0) this.#goOn(image, store, state, options);
    else store.close();
  }

  /** A store that may not be written recovers into memory, and writes nothing (S4). */
  #checkReadOnly(image: FaultyVfs, least: number, history: History): void {
    if (image.stat(STORE_PATH) === undefined) return;
    let writes = 0;
    image.onCall = (record) => {
      if (record.changes) writes++;
    };
    const { pageSize: _, ...options } = storeOptions(this.#settings, image);
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, readOnly: true });
    assertState(store, history, least);
    store.close();
    image.onCall = undefined;
    if (writes > 0) throw new Error("a read-only store has written");
  }

  /** The recovered store takes writes, and keeps them. */
  #goOn(image: FaultyVfs, store: ByteStore, state: string, options: ReturnType<typeof storeOptions>): void {
    const key = keyBytes("written after the crash");
    for (let i = 0; i < 3; i++) store.put(key, new Uint8Array(100 + i), { sync: true });
    const after = image.powerCut("dropped", 1);
    store.close();
    const again = open<Uint8Array, Uint8Array>(STORE_PATH, {
      ...options,
      vfs: after,
      createIfMissing: false,
    });
    if (again.get(key)?.length !== 102) throw new Error("a write after the recovery was lost");
    again.delete(key);
    const report = again.verify();
    if (!report.ok) throw new Error(`after going on: ${JSON.stringify(report.problems.slice(0, 5))}`);
    if (fingerprint(report) !== state) throw new Error("going on after the recovery changed other records");
    again.close();
  }

  /** A copy is there whole, or not at all. */
  #checkBackup(image: FaultyVfs): void {
    if (image.stat(BACKUP_PATH) === undefined) return;
    const copy = open<Uint8Array, Uint8Array>(BACKUP_PATH, {
      ...storeOptions(this.#settings, image),
      createIfMissing: false,
    });
    const report = copy.verify();
    copy.close();
    if (!report.ok || fingerprint(report) !== this.#session.backup)
      throw new Error("the backup is not whole");
  }
}

function assertState(store: ByteStore, history: History, least: number): string {
  const report = store.verify();
  if (!report.ok) throw new Error(`verify: ${JSON.stringify(report.problems.slice(0, 5))}`);
  const found = fingerprint(report);
  const at = history.states.lastIndexOf(found);
  if (at >= least) return found;
  if (at >= 0) throw new Error(`state ${at} came back, but ${least} of ${history.newest} was acknowledged`);
  throw new Error(`the content is of no state that there was (acknowledged ${least} of ${history.newest})`);
}

function fingerprint(report: ReturnType<ByteStore["verify"]>): string {
  return fingerprintOf(Object.entries(report.trees).map(([name, tree]) => [name, tree.digest]));
}

/** The command that looks at one image again. */
function replayOf(plan: CrashPlan, label: string): string {
  const each = plan.eachCall === true ? " --each-call" : "";
  const { workload, pageSize, seed, images } = plan;
  return `node test/crash/run.mjs --workload ${workload.name} --page-size ${pageSize} --seed ${seed} --images ${images}${each} --only ${label}`;
}

function isOnTheWay(label: string, only: string): boolean {
  return only === label || only.startsWith(`${label},`);
}

function hash(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 33) + text.charCodeAt(i)) | 0;
  return sum;
}
