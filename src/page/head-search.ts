/**
 * The search among the heads of a slot directory, which is where a warm get spends its time. Which way a probe
 * goes is a coin's toss, and a branch on it is guessed wrongly every other time: so there is none, only sums of
 * the comparisons' bits. The first probes are eight parts apart and do not wait for each other; each one after
 * them halves what is left (P.-V. Khuong and P. Morin, "Array layouts for comparison-based searching", 2017,
 * section 2). Half the time of a search that branches where the page is in the processor's cache, the same
 * where it is not.
 */

/** Bytes of a key, behind the prefix, in its head. */
export const HEAD_BYTES = 4;

/** Below so many slots, halving alone is as fast. */
const SPREAD_SLOTS_MIN = 32;
const SPREAD_SHIFT = 3;

/**
 * Index of the first of `slots` slots whose head is not below `head`, or `slots`. Slot i's head is the word
 * at `base - stride * i`.
 */
export function firstNotBelow(
  u32: Uint32Array,
  base: number,
  stride: number,
  slots: number,
  head: number,
): number {
  let low = 0;
  let left = slots;
  if (slots > SPREAD_SLOTS_MIN) {
    const part = slots >>> SPREAD_SHIFT;
    const step = stride * part;
    const parts =
      +(u32[base - step]! < head) +
      +(u32[base - 2 * step]! < head) +
      +(u32[base - 3 * step]! < head) +
      +(u32[base - 4 * step]! < head) +
      +(u32[base - 5 * step]! < head) +
      +(u32[base - 6 * step]! < head) +
      +(u32[base - 7 * step]! < head);
    low = part * parts;
    left = parts === 7 ? slots - low : part + 1;
  }
  while (left > 1) {
    const half = left >>> 1;
    low += half & -+(u32[base - stride * (low + half - 1)]! < head);
    left -= half;
  }
  return left === 1 ? low + +(u32[base - stride * low]! < head) : low;
}
