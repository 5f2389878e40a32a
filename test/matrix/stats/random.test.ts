/** The seeded generator: repeatable, spread out, and skewed where it should be. */

import { describe, expect, it } from "vitest";
import { seededRandom, shuffle, zipfian } from "../../../matrix/stats/random.js";

const draw = (seed: number, label: string): number[] => {
  const random = seededRandom(seed, label);
  return Array.from({ length: 5 }, () => random.uint32());
};

describe("seededRandom", () => {
  it("repeats for the same seed and label only", () => {
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
  });

  it("fills its range evenly", () => {
    const random = seededRandom(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const bucket = random.below(10);
      counts[bucket] = (counts[bucket] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });
});

describe("shuffle", () => {
  it("keeps every item and moves them", () => {
    const items = Uint32Array.from({ length: 100 }, (_, i) => i);
    const shuffled = shuffle(items.slice(), seededRandom(1));
    expect([...shuffled].sort((a, b) => a - b)).toEqual([...items]);
    expect([...shuffled]).not.toEqual([...items]);
  });
});

describe("zipfian", () => {
  it("gives rank 0 its share and stays in range", () => {
    const random = seededRandom(9);
    const next = zipfian(1000, random);
    let zeros = 0;
    for (let i = 0; i < 50_000; i++) {
      const rank = next();
      expect(rank >= 0 && rank < 1000 && Number.isInteger(rank)).toBe(true);
      if (rank === 0) zeros++;
    }
    // 1 / zeta(1000, 0.99) is 0.1294.
    expect(zeros / 50_000).toBeGreaterThan(0.12);
    expect(zeros / 50_000).toBeLessThan(0.14);
  });
});
