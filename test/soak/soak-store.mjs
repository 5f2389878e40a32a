/**
 * One store of the long run and its model: for each tree, key to [seed, length] of its value, from which the
 * bytes can be made again. A round opens the store, works on it, closes it, and proves what is there.
 */

import { existsSync, rmSync } from "node:fs";

const KEYS_MAX = 6000;
const STEPS_A_ROUND = 500;
const TREES = ["", "one", "two"];
const DURABILITIES = ["sync", "group", "none"];

/** xorshift: the same numbers for the same seed. */
class Random {
  constructor(seed) {
    this.state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0;
    for (let i = 0; i < 8; i++) this.next();
  }
  next() {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }
  below(limit) {
    return this.next() % limit;
  }
  chance(share) {
    return this.next() / 2 ** 32 < share;
  }
}

function bytesOf([seed, length]) {
  const bytes = Buffer.alloc(length, seed & 0xff);
  for (let i = 0; i < Math.min(length, 16); i++) bytes[(i * 7919) % length] = Math.imul(seed, i + 3) >>> 7;
  return bytes;
}

function same(found, wanted) {
  return wanted === undefined ? found === undefined : found !== undefined && bytesOf(wanted).equals(found);
}

export class SoakStore {
  recordBytes = 0;
  /** Of pages that are not free. */
  usedBytes = 0;

  constructor(open, path, pageSize, seed, saved) {
    this.open = open;
    this.path = path;
    this.options = { pageSize, keyEncoding: "utf8", valueEncoding: "binary", cacheBytes: 1024 * 1024 };
    this.options.logBytes = 1024 * 1024;
    this.random = new Random(seed);
    this.model = new Map(TREES.map((name) => [name, new Map(saved?.[name] ?? [])]));
    if (saved === undefined && existsSync(path)) rmSync(path);
  }

  saved() {
    return Object.fromEntries([...this.model].map(([name, tree]) => [name, [...tree]]));
  }

  async round() {
    const durability = DURABILITIES[this.random.below(DURABILITIES.length)];
    this.store = this.open(this.path, { ...this.options, durability });
    this.pins = [];
    for (let step = 0; step < STEPS_A_ROUND; step++) await this.step();
    for (const { snapshot } of this.pins) snapshot.close();
    this.store.close();
    this.prove();
    return STEPS_A_ROUND;
  }

  tree(name) {
    return name === "" ? this.store : this.store.tree(name, { keyEncoding: "utf8", valueEncoding: "binary" });
  }

  key() {
    return `key/${String(this.random.below(KEYS_MAX)).padStart(7, "0")}`;
  }

  value() {
    const lot = this.random.below(100);
    const length =
      lot < 80 ? this.random.below(200) : lot < 98 ? this.random.below(3000) : this.random.below(60_000);
    return [this.random.next(), length];
  }

  async step() {
    const lot = this.random.below(1000);
    const name = TREES[this.random.below(TREES.length)];
    const tree = this.tree(name);
    const model = this.model.get(name);
    if (lot < 400) this.put(tree, model);
    else if (lot < 520) this.remove(tree, model);
    else if (lot < 640) this.read(tree, model);
    else if (lot < 760) this.transaction();
    else if (lot < 800) this.many(tree, model);
    else if (lot < 850) await this.batch(tree, model);
    else if (lot < 880) this.scan(tree, model);
    else if (lot < 920) this.pin();
    else if (lot < 950) this.removeRange(tree, model);
    else if (lot < 965) this.store.checkpoint();
    else if (lot < 975) await this.store.flush();
    else if (lot < 985) await this.store.compact();
    else if (lot < 990) await this.backup();
    else if (lot < 993) this.clear(tree, model);
    else this.reopen();
  }

  put(tree, model) {
    const key = this.key();
    const value = this.value();
    tree.put(key, bytesOf(value), this.random.chance(0.1) ? { sync: true } : {});
    model.set(key, value);
  }

  remove(tree, model) {
    const key = this.key();
    if (tree.delete(key) !== model.delete(key)) throw new Error(`delete of ${key} gave the wrong answer`);
  }

  read(tree, model) {
    const key = this.key();
    if (!same(tree.get(key), model.get(key))) throw new Error(`${key} has a wrong value`);
    if (tree.count() !== model.size) throw new Error("the count is wrong");
  }

  /** Over all trees; undone in one case of four. */
  transaction() {
    const edits = Array.from({ length: 1 + this.random.below(60) }, () => ({
      name: TREES[this.random.below(TREES.length)],
      key: this.key(),
      value: this.random.chance(0.3) ? undefined : this.value(),
    }));
    const undone = this.random.chance(0.25);
    const stop = new Error("undone on purpose");
    try {
      this.store.transaction(() => {
        for (const { name, key, value } of edits) {
          if (value === undefined) this.tree(name).delete(key);
          else this.tree(name).put(key, bytesOf(value));
        }
        if (undone) throw stop;
      });
    } catch (error) {
      if (error !== stop) throw error;
      return;
    }
    for (const { name, key, value } of edits) {
      if (value === undefined) this.model.get(name).delete(key);
      else this.model.get(name).set(key, value);
    }
  }

  many(tree, model) {
    const records = Array.from({ length: 1 + this.random.below(200) }, () => [this.key(), this.value()]);
    if (this.random.chance(0.5)) records.sort(([a], [b]) => (a < b ? -1 : 1));
    tree.putMany(records.map(([key, value]) => [key, bytesOf(value)]));
    for (const [key, value] of records) model.set(key, value);
  }

  async batch(tree, model) {
    const key = this.key();
    const value = this.value();
    const other = this.key();
    const waiting = this.store.write([
      { type: "put", key, value: bytesOf(value), tree },
      { type: "delete", key: other, tree },
    ]);
    model.set(key, value);
    model.delete(other);
    if (this.random.chance(0.5)) await waiting;
    else waiting.catch(() => undefined);
  }

  scan(tree, model) {
    const from = this.key();
    const reverse = this.random.chance(0.5);
    const expected = [...model.keys()].filter((key) => (reverse ? key <= from : key >= from)).sort();
    if (reverse) expected.reverse();
    let i = 0;
    for (const [key, value] of tree.range({ [reverse ? "lte" : "gte"]: from, reverse, limit: 50 })) {
      if (key !== expected[i] || !same(value, model.get(key)))
        throw new Error(`the range from ${from} is wrong`);
      i++;
    }
    if (i !== Math.min(50, expected.length)) throw new Error(`the range from ${from} has ${i} records`);
  }

  /** Snapshots that stay open for a while, then are compared and closed. */
  pin() {
    if (this.pins.length < 3 && this.random.chance(0.6)) {
      this.pins.push({ snapshot: this.store.snapshot(), model: new Map(this.model.get("")) });
      return;
    }
    const pin = this.pins.shift();
    if (pin === undefined) return;
    let records = 0;
    for (const [key, value] of pin.snapshot) {
      records++;
      if (!same(value, pin.model.get(key))) throw new Error(`a snapshot has a wrong value at ${key}`);
    }
    if (records !== pin.model.size) throw new Error("a snapshot has another number of records");
    pin.snapshot.close();
  }

  removeRange(tree, model) {
    const from = this.key();
    const to = `${from.slice(0, -2)}zz`;
    const gone = [...model.keys()].filter((key) => key >= from && key < to);
    if (tree.deleteRange({ gte: from, lt: to }) !== gone.length) throw new Error("deleteRange counted wrong");
    for (const key of gone) model.delete(key);
  }

  clear(tree, model) {
    tree.clear();
    model.clear();
  }

  async backup() {
    const path = `${this.path}-copy`;
    rmSync(path, { force: true });
    const model = this.model;
    this.model = new Map([...model].map(([name, tree]) => [name, new Map(tree)]));
    const copying = this.store.backup(path);
    for (let i = 0; i < 5; i++) this.put(this.store, this.model.get(""));
    await copying;
    const copy = this.open(path, { readOnly: true });
    const report = copy.verify();
    if (!report.ok || copy.count() !== model.get("").size) throw new Error("the copy is not whole");
    copy.close();
    rmSync(path, { force: true });
  }

  reopen() {
    for (const { snapshot } of this.pins.splice(0)) snapshot.close();
    this.store.close();
    const durability = DURABILITIES[this.random.below(DURABILITIES.length)];
    this.store = this.open(this.path, { ...this.options, durability });
  }

  /** Opens the closed store and compares all of it. */
  prove() {
    this.store = this.open(this.path, { ...this.options, readOnly: true, createIfMissing: false });
    const report = this.store.verify();
    if (!report.ok) throw new Error(`verify: ${JSON.stringify(report.problems.slice(0, 4))}`);
    const { pages, freePages, pageSize } = this.store.stats();
    this.usedBytes = (pages - freePages) * pageSize;
    this.recordBytes = 0;
    for (const [name, model] of this.model) {
      if (name !== "" && !this.store.trees().includes(name)) {
        if (model.size > 0) throw new Error(`the tree ${name} is missing`);
        continue;
      }
      const keys = [...model.keys()].sort();
      let i = 0;
      for (const [key, value] of this.tree(name).range()) {
        if (key !== keys[i++] || !same(value, model.get(key))) throw new Error(`${name}: ${key} is wrong`);
        this.recordBytes += key.length + value.length;
      }
      if (i !== keys.length) throw new Error(`${name}: ${i} records of ${keys.length}`);
    }
    this.store.close();
  }
}
