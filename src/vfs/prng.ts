/**
 * Random numbers that a seed repeats exactly, for the simulated file system. Not for secrets.
 * The generator is mulberry32: one 32-bit word of state, every seed is fine.
 */
export class Prng {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds would otherwise begin with neighbouring numbers in the first draw's low bits.
    this.#state = Math.imul(seed ^ (seed >>> 16), 0x9e3779b1) >>> 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `limit` - 1; `limit` is at least 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Random bytes in target[from, to). */
  fill(target: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) target[at] = this.next() >>> 24;
  }
}
