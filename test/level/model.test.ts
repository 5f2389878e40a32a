/**
 * Random operations on a database beside a plain sorted list of what it should hold: ranges both ways, limits,
 * seeks, clears of parts, snapshots, all encodings. A failure prints the seed; ESPALIER_SEED repeats it.
 */

import { expect, it } from "vitest";
import type { EspalierLevel } from "../../src/level/index.js";
import { Prng } from "../../src/vfs/prng.js";
import { openLevel } from "./support/databases.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = 1500;
const KEYS = 400;

type Bytes = Buffer;
type Model = Map<string, Bytes>;
type Taken = ReturnType<EspalierLevel<Bytes, Bytes>["snapshot"]>;

interface Range {
  gt?: Bytes;
  gte?: Bytes;
  lt?: Bytes;
  lte?: Bytes;
  reverse?: boolean;
  limit?: number;
}

class Game {
  readonly db: EspalierLevel<Bytes, Bytes>;
  readonly prng: Prng;
  model: Model = new Map();
  readonly snapshots: { snapshot: Taken; model: Model }[] = [];

  constructor(db: EspalierLevel<Bytes, Bytes>, seed: number) {
    this.db = db;
    this.prng = new Prng(seed);
  }

  /** Keys of a few bytes, some that begin others, some with bytes that are no text. */
  key(): Bytes {
    const number = this.prng.below(KEYS);
    const text = number % 7 === 0 ? `k${number % 50}` : `key/${number}`;
    return Buffer.from(number % 11 === 0 ? `${text}\u00ff` : text, number % 5 === 0 ? "latin1" : "utf8");
  }

  value(): Bytes {
    const length = this.prng.chance(0.05) ? this.prng.below(3000) : this.prng.below(60);
    const value = Buffer.alloc(length);
    this.prng.fill(value, 0, length);
    return value;
  }

  range(): Range {
    const range: Range = {};
    const { prng } = this;
    if (prng.chance(0.6)) range[prng.pick(["gt", "gte"] as const)] = this.key();
    if (prng.chance(0.6)) range[prng.pick(["lt", "lte"] as const)] = this.key();
    if (prng.chance(0.5)) range.reverse = true;
    if (prng.chance(0.3)) range.limit = prng.below(30);
    return range;
  }

  async step(): Promise<void> {
    const { prng } = this;
    const die = prng.below(100);
    if (die < 30) await this.put();
    else if (die < 40) await this.batch();
    else if (die < 48) await this.del();
    else if (die < 52) await this.clear();
    else if (die < 56) this.takeSnapshot();
    else if (die < 60) await this.dropSnapshot();
    else if (die < 75) await this.read();
    else if (die < 90) await this.scan();
    else await this.seek();
  }

  async put(): Promise<void> {
    const [key, value] = [this.key(), this.value()];
    await this.db.put(key, value, { sync: this.prng.chance(0.1) });
    this.model.set(key.toString("latin1"), value);
  }

  async del(): Promise<void> {
    const key = this.key();
    await this.db.del(key);
    this.model.delete(key.toString("latin1"));
  }

  async batch(): Promise<void> {
    const operations = Array.from({ length: this.prng.below(40) + 1 }, () =>
      this.prng.chance(0.3)
        ? ({ type: "del", key: this.key() } as const)
        : ({ type: "put", key: this.key(), value: this.value() } as const),
    );
    if (this.prng.chance(0.5)) await this.db.batch(operations);
    else {
      const chained = this.db.batch();
      for (const each of operations)
        if (each.type === "put") chained.put(each.key, each.value);
        else chained.del(each.key);
      await chained.write();
    }
    for (const each of operations)
      if (each.type === "put") this.model.set(each.key.toString("latin1"), each.value);
      else this.model.delete(each.key.toString("latin1"));
  }

  async clear(): Promise<void> {
    const range = this.range();
    const taken = this.prng.chance(0.3) ? this.anySnapshot() : undefined;
    await this.db.clear({ ...range, ...(taken && { snapshot: taken.snapshot }) });
    for (const [key] of select(taken?.model ?? this.model, range)) this.model.delete(key.toString("latin1"));
  }

  takeSnapshot(): void {
    if (this.snapshots.length < 4)
      this.snapshots.push({ snapshot: this.db.snapshot(), model: new Map(this.model) });
  }

  async dropSnapshot(): Promise<void> {
    await this.snapshots.splice(this.prng.below(4), 1)[0]?.snapshot.close();
  }

  anySnapshot(): { snapshot: Taken; model: Model } | undefined {
    return this.snapshots[this.prng.below(4)];
  }

  async read(): Promise<void> {
    const taken = this.anySnapshot();
    const options = taken === undefined ? {} : { snapshot: taken.snapshot };
    const model = taken?.model ?? this.model;
    const keys = Array.from({ length: 5 }, () => this.key());
    const expected = keys.map((key) => model.get(key.toString("latin1")));
    expect(await this.db.getMany(keys, options)).toEqual(expected);
    expect(keys.map((key) => this.db.getSync(key, options))).toEqual(expected);
    expect(await this.db.hasMany(keys, options)).toEqual(expected.map((value) => value !== undefined));
  }

  async scan(): Promise<void> {
    const taken = this.anySnapshot();
    const range = { ...this.range(), ...(taken && { snapshot: taken.snapshot }) };
    const expected = select(taken?.model ?? this.model, range);
    const which = this.prng.below(4);
    if (which === 0) expect(await this.db.iterator(range).all()).toEqual(expected);
    else if (which === 1) expect(await this.db.keys(range).all()).toEqual(expected.map(([key]) => key));
    else if (which === 2)
      expect(await this.db.values(range).all()).toEqual(expected.map(([, value]) => value));
    else {
      const iterator = this.db.iterator(range);
      const seen: [Bytes, Bytes][] = [];
      for (;;) {
        const one = this.prng.chance(0.5) ? await iterator.next() : undefined;
        const some = one === undefined ? await iterator.nextv(this.prng.below(9) + 1) : [one];
        if (some.length === 0) break;
        seen.push(...some);
        // What is written meanwhile is not seen.
        if (this.prng.chance(0.2)) await this.put();
      }
      await iterator.close();
      expect(seen).toEqual(expected);
    }
  }

  async seek(): Promise<void> {
    const { limit: _, ...range } = this.range();
    const all = select(this.model, range).map(([key]) => key);
    const iterator = this.db.keys(range);
    for (let i = 0; i < 3; i++) {
      const target = this.key();
      iterator.seek(target);
      const inside = select(new Map([[target.toString("latin1"), target]]), range).length === 1;
      const rest = all.filter((key) => (range.reverse ? -1 : 1) * Buffer.compare(key, target) >= 0);
      const wanted = this.prng.below(4) + 1;
      expect(await iterator.nextv(wanted)).toEqual(inside ? rest.slice(0, wanted) : []);
    }
    await iterator.close();
  }
}

function select(model: Model, range: Range): [Bytes, Bytes][] {
  const { gt, gte, lt, lte, reverse, limit } = range;
  const entries = [...model]
    .map(([key, value]): [Bytes, Bytes] => [Buffer.from(key, "latin1"), value])
    .filter(
      ([key]) =>
        (gt === undefined || Buffer.compare(key, gt) > 0) &&
        (gte === undefined || Buffer.compare(key, gte) >= 0),
    )
    .filter(
      ([key]) =>
        (lt === undefined || Buffer.compare(key, lt) < 0) &&
        (lte === undefined || Buffer.compare(key, lte) <= 0),
    )
    .sort(([a], [b]) => Buffer.compare(a, b));
  if (reverse) entries.reverse();
  return limit === undefined ? entries : entries.slice(0, limit);
}

it(`does what a sorted list does (ESPALIER_SEED=${SEED})`, async () => {
  for (const pageSize of [512, 4096]) {
    const db = await openLevel<Bytes, Bytes>({ pageSize, keyEncoding: "buffer", valueEncoding: "buffer" });
    const game = new Game(db, SEED + pageSize);
    for (let i = 0; i < STEPS; i++) await game.step();
    expect(await db.iterator().all()).toEqual(select(game.model, {}));
    expect(db.store.verify()).toMatchObject({ ok: true, records: game.model.size });
    // It has to have reached what it is there for.
    const { leaf } = db.store.metrics();
    if (pageSize === 512) {
      expect(leaf.splits).toBeGreaterThan(0);
      expect(leaf.merges).toBeGreaterThan(0);
    }
  }
});
