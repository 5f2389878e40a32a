/**
 * A seeded pseudo-random generator (sfc32) and the draws built on it. Everything random in the matrix
 * (keys, values, operation order, engine order, bootstrap) comes from here, so that a seed repeats a run.
 */

/** A seeded source of numbers; the same seed and label give the same numbers everywhere. */
export interface Random {
  /** The next unsigned 32-bit integer. */
  uint32(): number;
  /** A number at or above 0 and under 1, with 53 random bits. */
  unit(): number;
  /** An integer at or above 0 and under `limit`. */
  below(limit: number): number;
}

/** Makes a generator from a seed and a label; labels keep independent uses of one seed apart. */
export function seededRandom(seed: number, label = ""): Random {
  let [a, b, c] = [hashText(`${label}/a`, seed), hashText(`${label}/b`, seed), hashText(`${label}/c`, seed)];
  let counter = 1;
  const uint32 = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let i = 0; i < 12; i++) uint32();
  const unit = (): number => ((uint32() >>> 5) * 0x4000000 + (uint32() >>> 6)) / 0x20000000000000;
  return { uint32, unit, below: (limit) => Math.floor(unit() * limit) };
}

/** FNV-1a over the characters, started from a seed. */
function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** Shuffles in place (Fisher-Yates) and returns its argument. */
export function shuffle<T extends Uint32Array | unknown[]>(items: T, random: Random): T {
  const list = items as { [index: number]: unknown; length: number };
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = list[i];
    list[i] = list[j];
    list[j] = held;
  }
  return items;
}

/**
 * Draws ranks 0 to `count` - 1 with a zipfian distribution of exponent `theta` (0.99 as in YCSB): rank 0
 * is the most frequent. Preparing costs O(count), a draw is O(1) (Gray et al., SIGMOD 1994).
 */
export function zipfian(count: number, random: Random, theta = 0.99): () => number {
  let zeta = 0;
  for (let i = 1; i <= count; i++) zeta += 1 / i ** theta;
  const zetaTwo = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zetaTwo / zeta);
  return () => {
    const u = random.unit();
    const scaled = u * zeta;
    if (scaled < 1) return 0;
    if (scaled < zetaTwo) return Math.min(1, count - 1);
    return Math.min(count - 1, Math.floor(count * (eta * u - eta + 1) ** alpha));
  };
}
