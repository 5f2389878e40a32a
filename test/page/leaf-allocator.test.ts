/**
 * The leaf allocator against a sorted array, on the smallest page: after every step the page check, the
 * byte accounting and the remembered free regions are right, and the run has been everywhere.
 */

import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Prng } from "../../src/vfs/prng.js";
import { LeafHarness } from "../support/leaf-harness.js";

const PAGE = 512;
const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 20261122);
const RUNS: number = Number(process.env["ESPALIER_RUNS"] ?? 300);

/** Keys all begin so, where the fences share it. */
const BOUNDS: readonly (readonly [string, string])[] = [
  ["", ""],
  ["a", "z"],
  ["key-a", "key-z"],
  ["key-", ""],
];

/** Keys that lie between all pairs of bounds. */
function keyOf(number: number, length: number): Uint8Array {
  return Buffer.from(`key-${"bcdefghij"[number % 9]}${String(number).padStart(2, "0")}${"x".repeat(length)}`);
}

function filled(length: number, fill: number): Uint8Array {
  return new Uint8Array(length).fill(fill);
}

type Command = fc.Command<{ steps: number }, LeafHarness>;

function command(name: string, run: (leaf: LeafHarness) => void): Command {
  return {
    check: () => true,
    run: (model, leaf) => {
      model.steps++;
      run(leaf);
      leaf.assert();
    },
    toString: () => name,
  };
}

/** Few sizes, so that sums coincide; small ones, so that there are more holes than are remembered. */
const size: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 1, 1, 1, 2) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20, max: 220 }) },
);
const anyKey: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(...new Array<number>(15).fill(0), 3, 110))
  .map(([number, length]) => keyOf(number, length));

const put: fc.Arbitrary<Command> = fc
  .tuple(anyKey, size, fc.integer({ min: 1, max: 255 }))
  .map(([key, length, fill]) =>
    command(`put(${Buffer.from(key)}, ${length})`, (leaf) => void leaf.put(key, filled(length, fill))),
  );
const resize: fc.Arbitrary<Command> = fc
  .tuple(fc.nat(), fc.constantFrom(-7, -1, 0, 1, 5, 40), fc.integer({ min: 1, max: 255 }))
  .map(([pick, change, fill]) =>
    command(`resize(${pick}, ${change})`, (leaf) => {
      const record = leaf.records[pick % Math.max(1, leaf.records.length)];
      if (record === undefined) return;
      leaf.put(record.key, filled(Math.max(0, record.value.length + change), fill));
    }),
  );
const remove: fc.Arbitrary<Command> = fc.nat().map((pick) =>
  command(`remove(${pick})`, (leaf) => {
    const count = leaf.records.length;
    if (count > 0) leaf.remove(pick % count, (pick % count) + 1);
  }),
);
const removeRange: fc.Arbitrary<Command> = fc
  .tuple(fc.nat(), fc.integer({ min: 0, max: 9 }))
  .map(([pick, length]) =>
    command(`removeRange(${pick}, ${length})`, (leaf) => {
      const from = pick % (leaf.records.length + 1);
      leaf.remove(from, Math.min(leaf.records.length, from + length));
    }),
  );
const reload: fc.Arbitrary<Command> = fc.constant(command("reload", (leaf) => leaf.reload()));
const pack: fc.Arbitrary<Command> = fc.constant(
  command("pack", (leaf) => {
    leaf.pack();
    const once = leaf.bytes();
    leaf.pack();
    expect(Buffer.compare(once, leaf.bytes())).toBe(0);
  }),
);
const refence: fc.Arbitrary<Command> = fc
  .constantFrom(...BOUNDS)
  .map(([low, high]) =>
    command(`refence(${low}, ${high})`, (leaf) => void leaf.refence(Buffer.from(low), Buffer.from(high))),
  );
const commit: fc.Arbitrary<Command> = fc.constant(command("commit", (leaf) => leaf.commit()));

const weighted: fc.Arbitrary<Command> = fc.oneof(
  { weight: 40, arbitrary: put },
  { weight: 16, arbitrary: resize },
  { weight: 24, arbitrary: remove },
  { weight: 6, arbitrary: removeRange },
  { weight: 3, arbitrary: reload },
  { weight: 1, arbitrary: pack },
  { weight: 2, arbitrary: refence },
  { weight: 1, arbitrary: commit },
);

describe(`the leaf allocator, seed ${SEED}`, () => {
  const leaf = new LeafHarness(PAGE);
  const { allocator } = leaf.pager.metrics;

  it("agrees with a sorted array after every step", () => {
    fc.assert(
      fc.property(fc.commands([weighted], { maxCommands: 300, size: "max" }), (commands) => {
        leaf.commit();
        leaf.reset(Buffer.from(""), Buffer.from(""));
        fc.modelRun(() => ({ model: { steps: 0 }, real: leaf }), commands);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it("has many more holes than it remembers", () => {
    const wide = new LeafHarness(4096);
    const prng = new Prng(SEED);
    for (let round = 0; round < 20; round++) {
      wide.commit();
      wide.reset(Buffer.from("a"), Buffer.from("z"));
      for (let i = 0; i < 120; i++) wide.put(Buffer.from(`key-${i}`), filled(prng.below(4), 1));
      while (wide.records.length > 20) {
        const at = prng.below(wide.records.length);
        if (prng.chance(0.8)) wide.remove(at, at + 1);
        else wide.put(Buffer.from(`key-${prng.below(120)}`), filled(prng.below(12), 2));
        wide.assert();
      }
    }
  });

  afterAll(() => {
    const { hole_fits, tail_fits, in_place_overwrites, compactions, state_builds, state_reuses, failures } =
      allocator;
    const marks = {
      hole_fits,
      tail_fits,
      in_place_overwrites,
      compactions,
      state_builds,
      state_reuses,
      ...failures,
    };
    for (const [name, count] of Object.entries(marks)) expect(count, name).toBeGreaterThan(0);
  });
});

describe("a fragmented leaf with more holes than are remembered", () => {
  /**
   * Story: a range of records was removed from a leaf of which some holes were forgotten. The hole around
   * the first record was looked up in the slots, which had lost all of the range already, so that bytes
   * were counted as a hole that were not free yet: the accounting went wrong, or two regions overlapped.
   */
  it("can lose a range of records", () => {
    const leaf = new LeafHarness(PAGE);
    for (let holes = 9; holes <= 14; holes++) {
      for (let from = 0; from < 24; from++) {
        for (let to = from + 2; to < from + 12; to++) {
          leaf.commit();
          leaf.reset(Buffer.from(""), Buffer.from(""));
          for (let i = 0; i < 40; i++) leaf.put(Buffer.from([i]), filled(2, i));
          // The state is built by the first edit that looks for a hole, and then kept.
          leaf.remove(1, 2);
          leaf.put(Buffer.from([1]), filled(2, 9));
          for (let i = 0; i < holes; i++) leaf.remove(i + 1, i + 2);
          leaf.assert();
          leaf.remove(from, Math.min(to, leaf.records.length));
          leaf.assert();
          for (let i = 0; i < 6; i++) leaf.put(Buffer.from([100 + i]), filled(i, 7));
          leaf.assert();
        }
      }
    }
  });
});

describe("all small cases", () => {
  const SIZES = [3, 40, 130];

  /** Every order of up to five keys, every mix of three sizes; then holes are made and filled. */
  it("of inserts in every order, with every mix of sizes", () => {
    const leaf = new LeafHarness(PAGE);
    const keys = [0, 1, 2, 3, 4].map((i) => Buffer.from([65 + i]));
    let cases = 0;
    for (const order of permutations(keys.length)) {
      for (let mix = 0; mix < SIZES.length ** keys.length; mix++) {
        leaf.reset(Buffer.from(""), Buffer.from(""));
        let rest = mix;
        for (const i of order) {
          leaf.put(keys[i]!, filled(SIZES[rest % SIZES.length]!, 1 + i));
          rest = Math.floor(rest / SIZES.length);
        }
        leaf.assert();
        leaf.remove(mix % leaf.records.length, (mix % leaf.records.length) + 1);
        leaf.put(keys[order[0]!]!, filled(SIZES[mix % SIZES.length]! + 1, 9));
        leaf.put(keys[order[1]!]!, filled(SIZES[(mix + 1) % SIZES.length]!, 8));
        leaf.assert();
        if (++cases % 500 === 0) leaf.commit();
      }
    }
    expect(cases).toBe(120 * 243);
  });

  it("of six records in every order", () => {
    const leaf = new LeafHarness(PAGE);
    const keys = [0, 1, 2, 3, 4, 5].map((i) => Buffer.from([65 + i]));
    for (const order of permutations(6)) {
      for (let turn = 0; turn < 3; turn++) {
        leaf.reset(Buffer.from(""), Buffer.from(""));
        for (const i of order) {
          leaf.put(keys[i]!, filled(SIZES[(i + turn) % 3]!, 1 + i));
          leaf.assert();
        }
        for (const i of order) {
          const at = leaf.find(keys[i]!);
          if (at >= 0) leaf.remove(at, at + 1);
          leaf.put(keys[(i + 1) % 6]!, filled(SIZES[(i + turn + 1) % 3]!, 3));
          leaf.assert();
        }
      }
      leaf.commit();
    }
  });
});

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((shorter) =>
    Array.from({ length: n }, (_, at) => [...shorter.slice(0, at), n - 1, ...shorter.slice(at)]),
  );
}
