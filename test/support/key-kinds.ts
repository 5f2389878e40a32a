/** Streams of keys that trees find easy and hard. All come from a seed; a limited number of them is met again. */

import { Prng } from "../../src/vfs/prng.js";

export type KeyKind = "shared-prefix" | "random" | "ascending" | "descending" | "near-maximum" | "tiny";

export const KEY_KINDS: readonly KeyKind[] = [
  "shared-prefix",
  "random",
  "ascending",
  "descending",
  "near-maximum",
  "tiny",
];

/** Longest key of a page size, as the documents state it. */
export function longestKey(pageSize: number): number {
  return Math.floor((pageSize * 1000) / 4096);
}

/** Makes keys as strings of one char a byte. `next` may repeat one; `known` picks from what there was. */
export class KeySource {
  readonly #kind: KeyKind;
  readonly #longest: number;
  readonly #prng: Prng;
  readonly #known: string[] = [];
  #count = 0;

  constructor(kind: KeyKind, pageSize: number, seed: number) {
    this.#kind = kind;
    this.#longest = longestKey(pageSize);
    this.#prng = new Prng(seed);
  }

  next(): string {
    const key = this.#make().slice(0, this.#longest);
    this.#known.push(key);
    return key;
  }

  /** One of those there were, mostly; a new one now and then, which is perhaps never put. */
  known(): string {
    if (this.#known.length === 0 || this.#prng.chance(0.1)) return this.#make().slice(0, this.#longest);
    return this.#prng.pick(this.#known);
  }

  #make(): string {
    const prng = this.#prng;
    this.#count++;
    switch (this.#kind) {
      case "shared-prefix":
        return `users/${"abc"[prng.below(3)]}/profile/settings/${String(prng.below(3000)).padStart(6, "0")}`;
      case "random":
        return this.#bytes(1 + prng.below(24));
      case "ascending":
        return `k${String(this.#count).padStart(9, "0")}`;
      case "descending":
        return `k${String(999_999_999 - this.#count).padStart(9, "0")}`;
      case "near-maximum":
        // Nothing shared, or all but the last few bytes.
        return prng.chance(0.7)
          ? this.#bytes(this.#longest - prng.below(3))
          : "m".repeat(this.#longest - 3) + this.#bytes(prng.below(4));
      case "tiny":
        return this.#bytes(prng.below(3));
    }
  }

  #bytes(length: number): string {
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.#prng.below(256));
    return text;
  }
}
