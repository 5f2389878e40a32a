/** The search among heads finds what looking at one after the other finds, for every number of slots that a page has room for. */

import { describe, expect, it } from "vitest";
import { firstNotBelow } from "../../src/page/head-search.js";

const SLOTS_MAX = 300;
const EXTREMES = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

/** Heads as they lie in a page: slot i's word is at base - stride * i. */
function layOut(heads: readonly number[], stride: number): { words: Uint32Array; base: number } {
  const base = stride * SLOTS_MAX;
  // What lies around them decides nothing.
  const words = new Uint32Array(base + stride).fill(0xaaaa_aaaa);
  heads.forEach((head, i) => {
    words[base - stride * i] = head;
  });
  return { words, base };
}

function lookedAt(heads: readonly number[], head: number): number {
  const at = heads.findIndex((each) => each >= head);
  return at < 0 ? heads.length : at;
}

describe.each([2, 3])("heads %i words apart", (stride) => {
  it("finds each head, and the place of each that is not there", () => {
    for (let slots = 0; slots <= SLOTS_MAX; slots++) {
      const heads = Array.from({ length: slots }, (_, i) => 10 * i + 5);
      const { words, base } = layOut(heads, stride);
      for (let i = 0; i < slots; i++) {
        expect([slots, i, firstNotBelow(words, base, stride, slots, 10 * i + 4)]).toEqual([slots, i, i]);
        expect([slots, i, firstNotBelow(words, base, stride, slots, 10 * i + 5)]).toEqual([slots, i, i]);
      }
      expect(firstNotBelow(words, base, stride, slots, 10 * slots)).toBe(slots);
    }
  });

  it("finds the first of several that are the same", () => {
    for (let slots = 1; slots <= SLOTS_MAX; slots += 7) {
      for (const run of [1, 2, 9, 40, slots]) {
        const heads = Array.from({ length: slots }, (_, i) => 2 * Math.floor(i / run));
        const { words, base } = layOut(heads, stride);
        for (let head = 0; head <= 2 * Math.ceil(slots / run); head++) {
          expect([slots, run, head, firstNotBelow(words, base, stride, slots, head)]).toEqual([
            slots,
            run,
            head,
            lookedAt(heads, head),
          ]);
        }
      }
    }
  });

  it("compares heads as unsigned numbers", () => {
    for (const copies of [1, 20]) {
      const heads = EXTREMES.flatMap((head) => new Array<number>(copies).fill(head));
      const { words, base } = layOut(heads, stride);
      for (const head of EXTREMES) {
        expect(firstNotBelow(words, base, stride, heads.length, head)).toBe(lookedAt(heads, head));
      }
    }
  });
});
