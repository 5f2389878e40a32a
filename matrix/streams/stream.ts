/**
 * Operation streams: what a workload does, worked out once from a seed and shared by every engine. A
 * stream is three typed arrays (kind, key rank, value id) over a key set, plus the ranks that are in the
 * store beforehand.
 */

import type { OrderName, ShapeName, WorkloadName } from "../results/document.js";
import { type Random, seededRandom, shuffle, zipfian } from "../stats/random.js";
import { GROWTH_LEVELS, poolSize } from "./shapes.js";

/** Operation kinds. A GET of an absent key is as ordinary as any other. */
export const OP_GET = 0;
export const OP_PUT = 1;
export const OP_DELETE = 2;

/** What names a stream: equal specs are equal streams. */
export interface StreamSpec {
  readonly workload: WorkloadName;
  readonly shape: ShapeName;
  readonly order: OrderName;
  /** Records in the store before; records loaded, for `inserts`. */
  readonly records: number;
  /** Operations in the stream. */
  readonly operations: number;
  readonly seed: number;
}

/** The operations of one workload. Keys are ranks in a key set of `keyCount` keys. */
export interface Stream {
  readonly spec: StreamSpec;
  readonly keyCount: number;
  /** Ranks in the store beforehand, in the order in which they are loaded. */
  readonly preload: Uint32Array;
  /** Value ids of the preloaded ranks, position by position. */
  readonly preloadValues: Uint32Array;
  readonly kinds: Uint8Array;
  readonly keys: Uint32Array;
  readonly values: Uint32Array;
}

/** A file name for a stream. */
export function streamName(spec: StreamSpec): string {
  return [spec.workload, spec.shape, spec.order, spec.records, spec.operations, spec.seed].join("_");
}

/** Works a stream out. Costs O(operations + records), seconds at ten million. */
export function makeStream(spec: StreamSpec): Stream {
  const random = seededRandom(spec.seed, streamName(spec));
  switch (spec.workload) {
    case "inserts":
      return insertsStream(spec, random);
    case "put_many-64":
    case "put_many-1000":
    case "recover":
      return growingStream(spec, random, () => OP_PUT);
    case "mixed":
    case "mixed-read-through":
      return mixedStream(spec, random);
    case "overwrite-same":
    case "overwrite-grow":
      return overwriteStream(spec, random);
    case "delete-churn":
      return churnStream(spec, random);
    case "reads":
    case "scan":
    case "reopen":
    case "level-gets":
    case "level-all":
      return readStream(spec, random);
  }
}

/** Draws ranks under `count` in the named order, for ever. */
function ranksInOrder(order: OrderName, count: number, random: Random): () => number {
  let next = 0;
  switch (order) {
    case "sequential":
      return () => next++ % count;
    case "descending":
      return () => count - 1 - (next++ % count);
    case "random":
      return () => random.below(count);
    case "zipfian": {
      const draw = zipfian(count, random);
      const scattered = shuffle(ascending(count), random);
      return () => scattered[draw()] as number;
    }
  }
}

/** Each of `ranks` once in the named order; zipfian draws with repetition instead (upserts of hot keys). */
function arrange(ranks: Uint32Array, order: OrderName, random: Random): Uint32Array {
  if (order === "sequential") return ranks;
  if (order === "descending") return ranks.slice().reverse();
  if (order === "random") return shuffle(ranks.slice(), random);
  const draw = ranksInOrder("zipfian", ranks.length, random);
  return ranks.map(() => ranks[draw()] as number);
}

function ascending(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/** An ascending, random choice of `chosen` ranks out of `count`, and the rest. */
function choose(count: number, chosen: number, random: Random): { in: Uint32Array; out: Uint32Array } {
  const all = shuffle(ascending(count), random);
  return { in: all.slice(0, chosen).sort(), out: all.slice(chosen).sort() };
}

/** Loaded in random order, the way a store grows, unless the stream itself is in key order. */
function loadOrder(ranks: Uint32Array, spec: StreamSpec, random: Random): Uint32Array {
  const inKeyOrder = spec.order === "sequential" || spec.order === "descending";
  return inKeyOrder ? ranks : shuffle(ranks.slice(), random);
}

function randomValues(count: number, spec: StreamSpec, random: Random): Uint32Array {
  const size = poolSize(spec.shape);
  return Uint32Array.from({ length: count }, () => random.below(size));
}

function insertsStream(spec: StreamSpec, random: Random): Stream {
  const keys = arrange(ascending(spec.records), spec.order, random).slice(0, spec.operations);
  return {
    spec,
    keyCount: spec.records,
    preload: new Uint32Array(0),
    preloadValues: new Uint32Array(0),
    kinds: new Uint8Array(keys.length).fill(OP_PUT),
    keys,
    values: randomValues(keys.length, spec, random),
  };
}

/** New keys, spread among the existing ones, in the named order. */
function growingStream(spec: StreamSpec, random: Random, kindOf: (i: number) => number): Stream {
  const keyCount = spec.records + spec.operations;
  const ranks = choose(keyCount, spec.records, random);
  return {
    spec,
    keyCount,
    preload: loadOrder(ranks.in, spec, random),
    preloadValues: randomValues(spec.records, spec, random),
    kinds: Uint8Array.from({ length: spec.operations }, (_, i) => kindOf(i)),
    keys: arrange(ranks.out, spec.order, random),
    values: randomValues(spec.operations, spec, random),
  };
}

/** Alternates gets of keys that were there from the start or were put lately with puts of new and old keys. */
function mixedStream(spec: StreamSpec, random: Random): Stream {
  const puts = Math.ceil(spec.operations / 2);
  const keyCount = spec.records + puts;
  const ranks = choose(keyCount, spec.records, random);
  const fresh = arrange(ranks.out, spec.order, random);
  const existing = ranksInOrder(spec.order, spec.records, random);
  const kinds = new Uint8Array(spec.operations);
  const keys = new Uint32Array(spec.operations);
  let freshPut = 0;
  for (let i = 0; i < spec.operations; i++) {
    const old = ranks.in[existing()] as number;
    if (i % 2 === 0) {
      kinds[i] = OP_PUT;
      keys[i] = random.below(2) === 0 ? old : (fresh[freshPut++] as number);
    } else {
      const lately = freshPut > 0 && random.below(4) === 0;
      keys[i] = lately ? (fresh[freshPut - 1] as number) : old;
    }
  }
  return {
    spec,
    keyCount,
    preload: loadOrder(ranks.in, spec, random),
    preloadValues: randomValues(spec.records, spec, random),
    kinds,
    keys,
    values: randomValues(spec.operations, spec, random),
  };
}

/** Existing keys get another value: as long as before, or each time a quarter of the base length longer. */
function overwriteStream(spec: StreamSpec, random: Random): Stream {
  const draw = ranksInOrder(spec.order, spec.records, random);
  const keys = Uint32Array.from({ length: spec.operations }, draw);
  const values = randomValues(spec.operations, spec, random);
  if (spec.workload === "overwrite-grow") {
    const size = poolSize(spec.shape);
    const levels = new Uint8Array(spec.records);
    for (let i = 0; i < keys.length; i++) {
      const rank = keys[i] as number;
      const level = Math.min(GROWTH_LEVELS - 1, (levels[rank] as number) + 1);
      levels[rank] = level;
      values[i] = (values[i] as number) + level * size;
    }
  }
  return { ...readStream(spec, random), kinds: new Uint8Array(spec.operations).fill(OP_PUT), keys, values };
}

/** Turn and turn about: an existing key goes, a new one comes; the number of records stays. */
function churnStream(spec: StreamSpec, random: Random): Stream {
  const pairs = Math.ceil(spec.operations / 2);
  const keyCount = spec.records + pairs;
  const ranks = choose(keyCount, spec.records, random);
  const fresh = arrange(ranks.out, spec.order === "zipfian" ? "random" : spec.order, random);
  const leaving = arrange(ranks.in, spec.order === "zipfian" ? "random" : spec.order, random);
  const kinds = new Uint8Array(spec.operations);
  const keys = new Uint32Array(spec.operations);
  for (let i = 0; i < spec.operations; i++) {
    const turn = i >> 1;
    kinds[i] = i % 2 === 0 ? OP_DELETE : OP_PUT;
    // Once every first record is gone, the ones put earlier go, oldest first.
    const goes = turn < leaving.length ? leaving[turn] : fresh[turn - leaving.length];
    keys[i] = (i % 2 === 0 ? goes : fresh[turn]) as number;
  }
  return {
    spec,
    keyCount,
    preload: loadOrder(ranks.in, spec, random),
    preloadValues: randomValues(spec.records, spec, random),
    kinds,
    keys,
    values: randomValues(spec.operations, spec, random),
  };
}

/** Gets only; scans and reopens take the starts of their ranges from the same ranks. */
function readStream(spec: StreamSpec, random: Random): Stream {
  const draw = ranksInOrder(spec.order, spec.records, random);
  return {
    spec,
    keyCount: spec.records,
    preload: loadOrder(ascending(spec.records), spec, random),
    preloadValues: randomValues(spec.records, spec, random),
    kinds: new Uint8Array(spec.operations).fill(OP_GET),
    keys: Uint32Array.from({ length: spec.operations }, draw),
    values: new Uint32Array(spec.operations),
  };
}
