/**
 * One store through many lives: everything that a store can do in random order, on a disk that fails and fills up,
 * until the process ends, is killed or loses its power; the next life begins with what is found then. Snapshots,
 * ranges, backups, compactions and awaited writes are open meanwhile.
 */

import { EspalierError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import type { RangeIterator } from "../../src/store/range.js";
import type { Snapshot } from "../../src/store/snapshot.js";
import { POWER_CUTS } from "../../src/vfs/crash-image.js";
import { FAULT_KINDS, type FaultedCall } from "../../src/vfs/faults.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { byTheTurn } from "./awaited-writes.js";
import { type KeyKind, KeySource } from "./key-kinds.js";
import { Life } from "./life.js";
import { fingerprintOf, keyBytes, keyOfBytes, Model, type ModelTree, sortedKeys } from "./model.js";
import { type ByteStore, type SessionSettings, STORE_PATH, type Step, storeOptions } from "./session.js";
import { makeSyncsSlow } from "./slow-syncs.js";

const COPY_PATH = "/copy.esp";
const TREES: readonly string[] = ["", "", "", "one", "two"];

export interface LineagePlan {
  readonly seed: number;
  readonly pageSize: number;
  readonly kind: KeyKind;
  readonly lives: number;
  readonly steps: number;
}

export interface LineageCount {
  lives: number;
  steps: number;
  crashes: number;
  /** Recoveries that were cut themselves. */
  cutRecoveries: number;
  failures: number;
  poisonings: number;
  backups: number;
  compactions: number;
}

export function noLives(): LineageCount {
  return {
    lives: 0,
    steps: 0,
    crashes: 0,
    cutRecoveries: 0,
    failures: 0,
    poisonings: 0,
    backups: 0,
    compactions: 0,
  };
}

interface Held {
  readonly snapshot: Snapshot<Uint8Array, Uint8Array>;
  readonly model: Model;
}

/** A backup that was begun. */
interface Copied {
  readonly done: boolean;
  readonly fingerprint: string;
}

/** The end of a process: what it leaves, and what was promised by then. */
interface End {
  readonly image: FaultyVfs;
  readonly powerCut: boolean;
  readonly durable: number;
  readonly committed: number;
  readonly newest: number;
  readonly opened: boolean;
  readonly copied: Copied | undefined;
}

interface Walk {
  readonly iterator: RangeIterator<[Uint8Array, Uint8Array]>;
  readonly rest: [string, Uint8Array][];
}

export class Lineage {
  readonly #plan: LineagePlan;
  readonly #count: LineageCount;
  readonly #prng: Prng;
  readonly #keys: KeySource;
  #vfs: FaultyVfs;
  #life!: Life;
  #model: Model = new Model();
  #held: Held[] = [];
  #walks: Walk[] = [];
  #copied: Copied | undefined;
  #upkeep: Promise<void> | undefined;
  /** What the end of the process has left, where it came in the midst of a call. */
  #end: End | undefined;
  /** What a sync has lost is not there for a process that merely died, either. */
  #lostSync = false;
  #step = 0;
  #number = 0;

  constructor(plan: LineagePlan, count: LineageCount) {
    this.#plan = plan;
    this.#count = count;
    this.#prng = new Prng(plan.seed);
    this.#keys = new KeySource(plan.kind, plan.pageSize, plan.seed + 1);
    this.#vfs = new FaultyVfs({ seed: plan.seed });
  }

  async run(): Promise<void> {
    const { seed, pageSize, kind, lives } = this.#plan;
    const restore = seed % 2 === 0 ? makeSyncsSlow() : undefined;
    try {
      for (this.#number = 0; this.#number < lives; this.#number++) await this.#live();
    } catch (error) {
      const place = `seed ${seed}, page size ${pageSize}, keys ${kind}, life ${this.#number}, step ${this.#step}`;
      throw new Error(`${place}: ${error instanceof Error ? error.stack : error}`);
    } finally {
      restore?.();
    }
  }

  #settings(): SessionSettings {
    const prng = this.#prng;
    return {
      pageSize: this.#plan.pageSize,
      durability: prng.pick(["sync", "group", "none"] as const),
      ...(prng.chance(0.3) ? { cacheBytes: 4 << 20 } : {}),
      ...(prng.chance(0.3) ? { logBytes: 2 << 20 } : {}),
    };
  }

  async #live(): Promise<void> {
    const prng = this.#prng;
    this.#count.lives++;
    const life = new Life(this.#vfs, this.#settings(), prng.next(), this.#model);
    this.#life = life;
    this.#held = [];
    this.#walks = [];
    this.#upkeep = undefined;
    this.#copied = undefined;
    this.#end = undefined;
    this.#lostSync = false;
    life.open();
    this.#breakDisk();
    const steps = 1 + prng.below(this.#plan.steps);
    const ending = prng.pick(["close", "kill", "cut", "cut"] as const);
    if (ending !== "close" && prng.chance(0.5)) this.#endAt(ending === "cut", prng.below(800));
    for (this.#step = 0; this.#step < steps && this.#end === undefined; this.#step++) {
      this.#count.steps++;
      await this.#one();
      if (life.poisoned && prng.chance(0.2)) break;
    }
    if (life.poisoned) this.#count.poisonings++;
    if (ending === "close") await this.#close();
    else this.#crash(this.#end ?? this.#takeEnd(ending === "cut"));
    this.#count.failures += life.failures;
  }

  /** The process ends at a call that changes the disk, which may have taken effect or not. */
  #endAt(cut: boolean, calls: number): void {
    const vfs = this.#vfs;
    const at = vfs.calls + calls;
    vfs.onCall = ({ call, changes }) => {
      if (changes && call >= at && this.#end === undefined) this.#end = this.#takeEnd(cut);
    };
  }

  #takeEnd(cut: boolean): End {
    const { durable, committed, newest } = this.#life.history;
    const opened = this.#life.history.opened && durable > 0;
    return {
      image: this.#next(this.#vfs, cut),
      powerCut: cut,
      durable,
      committed,
      newest,
      opened,
      copied: this.#copied,
    };
  }

  #breakDisk(): void {
    const prng = this.#prng;
    const vfs = this.#vfs;
    vfs.faults = [];
    vfs.capacityBytes = Number.POSITIVE_INFINITY;
    if (prng.chance(0.5)) return;
    if (prng.chance(0.3)) {
      vfs.capacityBytes = sizeOf(vfs) + prng.below(400_000);
      return;
    }
    const kinds = FAULT_KINDS.filter((kind) => kind !== "EDQUOT");
    const ofSyncs = prng.chance(0.4);
    vfs.faults = Array.from({ length: 1 + prng.below(3) }, () => ({
      kind: ofSyncs ? prng.pick(["lost-sync", "EIO"] as const) : prng.pick(kinds),
      at: vfs.calls + 1 + prng.below(600),
      lasts: ofSyncs || prng.chance(0.15) ? ("forever" as const) : ("once" as const),
      ...(ofSyncs ? { where: strikesOnce() } : {}),
    }));
    this.#lostSync ||= vfs.faults.some(({ kind }) => kind === "lost-sync");
  }

  async #close(): Promise<void> {
    const life = this.#life;
    await this.#upkeep;
    this.#endReaders();
    if (this.#prng.chance(0.7)) {
      this.#vfs.faults = [];
      this.#vfs.capacityBytes = Number.POSITIVE_INFINITY;
    }
    life.close();
    life.dead = true;
    this.#vfs.faults = [];
    this.#vfs.capacityBytes = Number.POSITIVE_INFINITY;
    const { durable, committed, newest, opened } = life.history;
    this.#find(this.#vfs, life, life.poisoned || this.#lostSync ? durable : committed, { newest, opened });
    this.#checkCopy(this.#vfs, this.#copied);
  }

  /** The process dies, and perhaps the machine; recoveries are cut, too. */
  #crash(end: End): void {
    const prng = this.#prng;
    const life = this.#life;
    life.dead = true;
    this.#vfs.onCall = undefined;
    this.#vfs.faults = [];
    this.#count.crashes++;
    let { image, powerCut } = end;
    for (let depth = 0; depth < 3 && prng.chance(0.4); depth++) {
      image.crashAt = 1 + prng.below(60);
      try {
        open<Uint8Array, Uint8Array>(STORE_PATH, storeOptions(life.settings, image)).close();
        image.crashAt = 0;
        break;
      } catch (error) {
        if (!(error instanceof CrashSignal)) throw error;
      }
      this.#count.cutRecoveries++;
      const cutAgain = prng.chance(0.5);
      powerCut ||= cutAgain;
      image = this.#next(image, cutAgain);
    }
    image.crashAt = 0;
    this.#vfs = image;
    this.#find(image, life, powerCut || this.#lostSync ? end.durable : end.committed, end);
    this.#checkCopy(image, end.copied);
  }

  #next(vfs: FaultyVfs, cut: boolean): FaultyVfs {
    const prng = this.#prng;
    const seed = prng.next();
    return cut ? vfs.powerCut(prng.pick(POWER_CUTS), seed) : vfs.processKill(seed);
  }

  /** What is there now has to be a state of the history, from `least` on. */
  #find(vfs: FaultyVfs, life: Life, least: number, end: Pick<End, "newest" | "opened">): void {
    if (vfs.stat(STORE_PATH) === undefined) {
      if (end.opened) throw new Error("the store is gone");
      this.#model = new Model();
      return;
    }
    const readOnly = this.#prng.chance(0.3);
    const { pageSize: _, ...options } = storeOptions(life.settings, vfs);
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, readOnly, createIfMissing: false });
    const found = fingerprintOfStore(store);
    store.close();
    const at = life.history.states.slice(0, end.newest + 1).lastIndexOf(found);
    if (at < least) {
      const what = at < 0 ? "no state that there was" : `state ${at}`;
      throw new Error(`${what} came back, of ${least} to ${end.newest}`);
    }
    this.#model = life.models.get(found) as Model;
    if (this.#model.fingerprint() !== found) throw new Error("the model of a state has changed");
  }

  /** A copy is there whole or not at all, and then it is gone. */
  #checkCopy(vfs: FaultyVfs, copied: Copied | undefined): void {
    if (vfs.stat(COPY_PATH) !== undefined) {
      if (copied === undefined) throw new Error("a backup that was never begun");
      const options = { ...storeOptions(this.#life.settings, vfs), createIfMissing: false, readOnly: true };
      const { pageSize: _, ...rest } = options;
      const copy = open<Uint8Array, Uint8Array>(COPY_PATH, rest);
      const found = fingerprintOfStore(copy);
      copy.close();
      if (found !== copied.fingerprint) throw new Error("the backup holds something else");
      vfs.unlink(COPY_PATH);
      vfs.syncFolderOf(COPY_PATH);
    } else if (copied?.done === true) throw new Error("the backup is gone");
    this.#copied = undefined;
  }

  async #one(): Promise<void> {
    const prng = this.#prng;
    const life = this.#life;
    const lot = prng.below(1000);
    if (lot < 250) this.#edit();
    else if (lot < 400) this.#transaction();
    else if (lot < 430) life.rolledBack(this.#steps(1 + prng.below(30)));
    else if (lot < 550) void life.write([{ ...this.#someStep(), tree: "" }]);
    else if (lot < 580) await this.#awaited();
    else if (lot < 600) await life.flush();
    else if (lot < 640) life.checkpoint();
    else if (lot < 700) this.#openReader();
    else if (lot < 820) this.#read();
    else if (lot < 850) this.#deleteRange();
    else if (lot < 870) this.#treesComeAndGo();
    else if (lot < 890) this.#startUpkeep();
    else if (lot < 930) await this.#letOthersRun();
    else if (lot < 940) life.assertReads();
    else if (lot < 945) this.#breakDisk();
    else if (lot < 990) this.#putMany();
    else await this.#upkeep;
  }

  /** Writes that are awaited, or not, become one commit at the end of the turn. */
  async #awaited(): Promise<void> {
    const life = this.#life;
    if (life.poisoned) return;
    const waiting: Promise<void>[] = [];
    const ended = byTheTurn(life, waiting);
    life.remember(life.model);
    await ended;
    if (this.#prng.chance(0.5)) await Promise.all(waiting);
  }

  async #letOthersRun(): Promise<void> {
    for (let i = this.#prng.below(6); i >= 0; i--) await new Promise((resolve) => setImmediate(resolve));
  }

  #value(): Uint8Array {
    const prng = this.#prng;
    const lot = prng.below(100);
    const length = lot < 10 ? 0 : lot < 80 ? prng.below(60) : lot < 97 ? prng.below(900) : prng.below(30_000);
    return this.#life.bytes(length);
  }

  #someStep(): Step {
    const prng = this.#prng;
    const put = new Map<string, Uint8Array>();
    for (let i = prng.below(6); i > 0; i--) {
      put.set(prng.chance(0.4) ? this.#keys.known() : this.#keys.next(), this.#value());
    }
    const remove = Array.from({ length: prng.below(4) }, () => this.#keys.known());
    const here = [...this.#life.model.trees.keys()];
    const tree = prng.pick(TREES);
    return { put: [...put], remove, tree: here.includes(tree) ? tree : "" };
  }

  #steps(count: number): Step[] {
    return Array.from({ length: count }, () => this.#someStep());
  }

  #edit(): void {
    if (this.#prng.chance(0.35)) this.#life.delete(this.#keys.known());
    else this.#life.put(this.#prng.chance(0.4) ? this.#keys.known() : this.#keys.next(), this.#value());
  }

  #transaction(): void {
    const prng = this.#prng;
    const size = prng.chance(0.05) ? 200 : 1 + prng.below(15);
    this.#life.transaction(this.#steps(size), prng.chance(0.1) ? true : undefined);
  }

  #putMany(): void {
    const prng = this.#prng;
    const life = this.#life;
    const entries = new Map<string, Uint8Array>();
    for (let i = prng.below(60); i > 0; i--) entries.set(this.#keys.next(), this.#value());
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    life.change(
      (model) => {
        for (const [key, value] of sorted) model.tree("").set(key, value);
      },
      () => void life.store.putMany(sorted.map(([key, value]) => [keyBytes(key), value] as const)),
    );
  }

  #deleteRange(): void {
    const name = this.#prng.pick([...this.#life.model.trees.keys()]);
    const keys = sortedKeys(this.#life.model.tree(name));
    if (keys.length < 3) return;
    const from = this.#prng.below(keys.length - 1);
    const to = Math.min(
      keys.length - 1,
      from + 1 + this.#prng.below(this.#prng.chance(0.2) ? keys.length : 20),
    );
    this.#life.deleteRange(name, keys[from]!, keys[to]!);
  }

  #treesComeAndGo(): void {
    const prng = this.#prng;
    const name = prng.pick(["one", "two"]);
    if (!this.#life.model.trees.has(name)) this.#life.createTree(name);
    else if (prng.chance(0.5)) this.#life.clear(name);
    else this.#life.dropTree(name);
  }

  #startUpkeep(): void {
    const prng = this.#prng;
    const life = this.#life;
    if (this.#upkeep !== undefined) return;
    if (prng.chance(0.5)) {
      this.#count.compactions++;
      this.#upkeep = this.#ending(life, life.store.compact());
    } else if (this.#copied === undefined) {
      this.#count.backups++;
      const fingerprint = life.model.fingerprint();
      this.#copied = { done: false, fingerprint };
      const backup = life.store.backup(COPY_PATH).then(() => {
        if (this.#life === life) this.#copied = { done: true, fingerprint };
      });
      this.#upkeep = this.#ending(life, backup);
    }
  }

  async #ending(life: Life, upkeep: Promise<unknown>): Promise<void> {
    try {
      await upkeep;
    } catch (error) {
      life.expect(error);
    }
    if (this.#life === life) this.#upkeep = undefined;
  }

  #openReader(): void {
    const life = this.#life;
    this.#attempt(() => {
      if (this.#prng.chance(0.5)) {
        if (this.#held.length < 3) this.#held.push({ snapshot: life.store.snapshot(), model: life.model });
        return;
      }
      if (this.#walks.length >= 3) return;
      const name = this.#prng.pick([...life.model.trees.keys()]);
      const reverse = this.#prng.chance(0.5);
      const rest = sortedRecords(life.model.tree(name));
      this.#walks.push({
        iterator: life.tree(name).range({ reverse }),
        rest: reverse ? rest.reverse() : rest,
      });
    });
  }

  #read(): void {
    const prng = this.#prng;
    const life = this.#life;
    const lot = prng.below(3);
    this.#attempt(() => {
      if (lot === 0) {
        const name = prng.pick([...life.model.trees.keys()]);
        const key = this.#keys.known();
        same(life.tree(name).get(keyBytes(key)), life.model.tree(name).get(key));
      } else if (lot === 1) this.#look();
      else this.#walk();
    });
  }

  #look(): void {
    const prng = this.#prng;
    if (this.#held.length === 0) return;
    const at = prng.below(this.#held.length);
    const { snapshot, model } = this.#held[at] as Held;
    const name = prng.pick([...model.trees.keys()]);
    const tree = name === "" ? snapshot : snapshot.tree<Uint8Array, Uint8Array>(name);
    const wanted = sortedRecords(model.tree(name));
    let i = 0;
    for (const [key, value] of tree.range()) {
      if (keyOfBytes(key) !== wanted[i]?.[0]) throw new Error(`a snapshot has another key at ${i}`);
      same(value, wanted[i]![1]);
      i++;
    }
    if (i !== wanted.length) throw new Error("a snapshot has fewer records");
    if (prng.chance(0.4)) {
      this.#held.splice(at, 1);
      snapshot.close();
    }
  }

  #walk(): void {
    const prng = this.#prng;
    if (this.#walks.length === 0) return;
    const at = prng.below(this.#walks.length);
    const { iterator, rest } = this.#walks[at] as Walk;
    for (let i = prng.below(40); i > 0; i--) {
      const next = iterator.next();
      const wanted = rest.shift();
      if (next.done === true || wanted === undefined) {
        if (next.done !== true || wanted !== undefined) throw new Error("a range ended elsewhere");
        this.#walks.splice(at, 1);
        return;
      }
      if (keyOfBytes(next.value[0]) !== wanted[0]) throw new Error("a range gave another key");
      same(next.value[1], wanted[1]);
    }
  }

  /** A read that an error of the disk stops leaves its range and its snapshot unusable for the comparison. */
  #attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      if (!(error instanceof EspalierError)) throw error;
      this.#life.expect(error);
      this.#endReaders();
    }
  }

  #endReaders(): void {
    for (const { iterator } of this.#walks) iterator.return?.();
    for (const { snapshot } of this.#held) snapshot.close();
    this.#walks = [];
    this.#held = [];
  }
}

function sortedRecords(tree: ModelTree): [string, Uint8Array][] {
  return sortedKeys(tree).map((key) => [key, tree.get(key) as Uint8Array]);
}

function fingerprintOfStore(store: ByteStore): string {
  const report = store.verify();
  if (!report.ok) throw new Error(`verify: ${JSON.stringify(report.problems.slice(0, 4))}`);
  return fingerprintOf(Object.entries(report.trees).map(([name, tree]) => [name, tree.digest]));
}

/** The first sync that comes, and no other call. */
function strikesOnce(): (call: FaultedCall) => boolean {
  let struck = false;
  return ({ operation }) => {
    if (struck || !operation.startsWith("sync")) return false;
    struck = true;
    return true;
  };
}

function sizeOf(vfs: FaultyVfs): number {
  let sum = 0;
  for (const node of vfs.live.nodes.values()) sum += node.bytes?.size ?? 0;
  return sum;
}

function same(found: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  if (
    found === undefined || expected === undefined ? found !== expected : Buffer.compare(found, expected) !== 0
  )
    throw new Error("a value is another");
}
