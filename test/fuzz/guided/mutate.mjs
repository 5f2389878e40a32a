/** Changes to bytes, as a fuzzer makes them: bits, numbers at their limits, pieces moved, pieces of other inputs. */

const NUMBERS = [
  0, 1, 2, 3, 4, 8, 12, 16, 31, 32, 33, 64, 0x7f, 0x80, 0xff, 0x100, 0x1ff, 0x200, 0x7fff, 0x8000,
];
const LARGE = [0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];

/** A number from 0 to `limit` - 1, small ones more often. */
function skewed(prng, limit) {
  return prng.chance(0.5) ? prng.below(limit) : prng.below(Math.min(limit, 64));
}

function number(prng) {
  return prng.chance(0.7) ? prng.pick(NUMBERS) : prng.pick(LARGE);
}

function writeNumber(prng, bytes, at, value) {
  const width = prng.pick([1, 2, 4]);
  const big = prng.chance(0.3);
  for (let i = 0; i < width && at + i < bytes.length; i++)
    bytes[at + i] = value >>> (8 * (big ? width - 1 - i : i));
}

function readNumber(bytes, at, width) {
  let value = 0;
  for (let i = 0; i < width; i++) value += (bytes[at + i] ?? 0) * 2 ** (8 * i);
  return value;
}

/**
 * A changed copy of one of `corpus`. `place` says where a change is worth most: an offset in the input, or
 * undefined for anywhere.
 */
export function mutated(prng, corpus, place = () => undefined) {
  const bytes = prng.pick(corpus).slice();
  if (bytes.length === 0) return Uint8Array.of(prng.below(256));
  for (let edits = 1 + skewed(prng, 6); edits > 0; edits--) {
    const at = place(bytes, prng) ?? prng.below(bytes.length);
    const lot = prng.below(9);
    if (lot === 0) bytes[at] ^= 1 << prng.below(8);
    else if (lot === 1) bytes[at] = prng.below(256);
    else if (lot === 2) bytes[at] += prng.pick([1, -1, 4, -4, 8]);
    else if (lot === 3) writeNumber(prng, bytes, at, number(prng));
    else if (lot === 4)
      writeNumber(prng, bytes, at, readNumber(bytes, at, 2) + prng.pick([1, -1, 8, -8, 256]));
    else if (lot === 5) bytes.copyWithin(at, prng.below(bytes.length), prng.below(bytes.length));
    else if (lot === 6) {
      const other = prng.pick(corpus);
      const from = prng.below(other.length);
      bytes.set(other.subarray(from, from + Math.min(skewed(prng, 256), bytes.length - at)), at);
    } else if (lot === 7) bytes.fill(prng.pick([0, 0xff]), at, at + skewed(prng, 32));
    else {
      // The same number in another place: references.
      const from = prng.below(Math.max(1, bytes.length - 4));
      writeNumber(prng, bytes, at, readNumber(bytes, from, 4));
    }
  }
  return bytes;
}
