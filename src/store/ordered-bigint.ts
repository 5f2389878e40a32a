/**
 * Bigints that no number equals, as ordered-binary lays them out: the largest number below, in 9 bytes of which the
 * last has room for 4 bits, and behind it what is left, 7 bits a byte. They are written here because its own writer
 * loses a carry on the way to that number: negative ones just above a power of two came back as others, out of order.
 */

import { writeKey } from "ordered-binary";

/** Bytes of a number in front of others. */
export const NUMBER_BYTES = 9;

const float: Float64Array = new Float64Array(1);
const bits: BigInt64Array = new BigInt64Array(float.buffer);

const FRACTION_BITS = 52n;
const EXPONENT_MASK = 0x7ffn;
/** Of the exponent's bias, the fraction's bits and the 4 bits behind them. */
const EXPONENT_TO_SHIFT = 1023n + FRACTION_BITS + 4n;
const BITS_A_BYTE = 7n;
/** No byte of the rest is zero, which separates. */
const MARK = 0x80;

/** The largest number that is not above `value`; -Infinity where there is none. */
export function numberBelow(value: bigint): number {
  float[0] = Number(value);
  // The bits of a number are its magnitude's order.
  if (BigInt(float[0]) > value) bits[0]! += value > 0n ? -1n : 1n;
  return float[0];
}

/** Writes a bigint whose `numberBelow` is finite; returns where it ends. */
export function writeBigint(value: bigint, target: Buffer, at: number, inTuple: boolean): number {
  const below = numberBelow(value);
  let left = value - BigInt(below);
  let shift = ((bits[0]! >> FRACTION_BITS) & EXPONENT_MASK) - EXPONENT_TO_SHIFT;
  const end = writeKey(below, target, at, inTuple);
  if (left === 0n) return end;
  let to = at + NUMBER_BYTES;
  target[to - 1]! |= Number(left >> shift);
  left -= (left >> shift) << shift;
  do {
    shift -= BITS_A_BYTE;
    const next = left >> shift;
    target[to++] = Number(next) | MARK;
    left -= next << shift;
  } while (left !== 0n);
  return to;
}
