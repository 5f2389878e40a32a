/**
 * The records of a bed and those that may come to it, worked out from the seed alone: of one ascending key
 * set, `loaded` ranks are in the store, `fresh` ones lie among them, and `tail` ones above all of them.
 */

import { seededRandom, shuffle } from "../stats/random.js";
import { type Key, type KeyForm, type KeySet, makeKeys } from "../streams/shapes.js";
import type { BedSpec } from "./plan.js";

/** Values that differ, for one version. */
const POOL_VALUES = 4096;
/** Keys above all others, at most: two phases of 100,000 operations and some. */
const TAIL_MAX = 250_000;
/** Keys among the loaded ones that may come, at most: those, and a long phase of 500,000. */
const FRESH_MAX = 750_000;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/** Keys that may come to a bed of so many records: `share` of them, enough for two phases of a small bed. */
function spareKeys(records: number, share: number, most: number): number {
  // Two more, where what phases take of it is rounded up.
  return Math.max(2 * Math.min(records, 10_000), Math.min(Math.ceil(records * share) + 2, most));
}

export class Dataset {
  readonly spec: BedSpec;
  /** Ranks in the store beforehand, in the order in which they are loaded: random. */
  readonly loaded: Uint32Array;
  /** Ranks that lie among the loaded ones, in random order. */
  readonly fresh: Uint32Array;
  /** Ranks above all others, ascending. */
  readonly tail: Uint32Array;
  readonly #keys: KeySet;
  readonly #pools: Map<number, Buffer[]> = new Map();
  readonly #forms: Map<KeyForm, readonly Key[]> = new Map();

  constructor(spec: BedSpec) {
    const { records, seed, shape } = spec;
    const fresh = spareKeys(records, 3 / 4, FRESH_MAX);
    const tail = spareKeys(records, 1 / 4, TAIL_MAX);
    this.spec = spec;
    this.#keys = makeKeys(shape, records + fresh + tail, seed);
    const among = Uint32Array.from({ length: records + fresh }, (_, rank) => rank);
    shuffle(among, seededRandom(seed, `loaded ${shape} ${records}`));
    this.loaded = among.slice(0, records);
    this.fresh = among.slice(records);
    this.tail = Uint32Array.from({ length: tail }, (_, i) => records + fresh + i);
  }

  /** Ranks that there are. */
  get keyCount(): number {
    return this.#keys.count;
  }

  bytesOf(rank: number): Buffer {
    return this.#keys.bytesOf(rank);
  }

  /**
   * The keys of `ranks` as new objects, made in this order: they lie one after the other in memory, as keys
   * do that an application has just made.
   */
  keysOf(ranks: Uint32Array, form: KeyForm): Key[] {
    if (form === "bytes") return Array.from(ranks, (rank) => this.#keys.bytesOf(rank));
    let keys = this.#forms.get(form);
    if (keys === undefined) {
      keys = this.#keys.inForm(form);
      this.#forms.set(form, keys);
    }
    const of = keys;
    if (form === "number") return Array.from(ranks, (rank) => of[rank] as number);
    return Array.from(ranks, (rank) => Buffer.from(of[rank] as string, "latin1").toString("latin1"));
  }

  /** The value of a rank's record; each version of it is another one, of the same length. */
  valueOf(rank: number, version = 1): Buffer {
    let pool = this.#pools.get(version);
    if (pool === undefined) {
      pool = this.#makePool(version);
      this.#pools.set(version, pool);
    }
    return pool[(Math.imul(rank, 0x9e3779b1) >>> 20) % POOL_VALUES] as Buffer;
  }

  valuesOf(ranks: Uint32Array, version = 1): Buffer[] {
    return Array.from(ranks, (rank) => this.valueOf(rank, version));
  }

  /** `count` ranks out of the loaded ones, drawn with repetition. */
  draw(count: number, label: string): Uint32Array {
    const random = seededRandom(this.spec.seed, `draw ${label}`);
    return Uint32Array.from({ length: count }, () => this.loaded[random.below(this.loaded.length)] as number);
  }

  /** Letters and digits, so that the same values can also be read as text. */
  #makePool(version: number): Buffer[] {
    const { valueBytes, seed } = this.spec;
    const random = seededRandom(seed, `values ${valueBytes} ${version}`);
    return Array.from({ length: POOL_VALUES }, () => {
      const value = Buffer.allocUnsafeSlow(valueBytes);
      for (let i = 0; i < valueBytes; i++) value[i] = LETTERS.charCodeAt(random.below(64));
      return value;
    });
  }
}

/** What a store must hold: a version for each rank, 0 for none. */
export type Content = Uint8Array;

/** The content of a store that holds the loaded records only. */
export function loadedContent(dataset: Dataset): Content {
  const content = new Uint8Array(dataset.keyCount);
  for (const rank of dataset.loaded) content[rank] = 1;
  return content;
}
