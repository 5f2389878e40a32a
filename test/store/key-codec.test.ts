/** Keys of each encoding: what fits, what is too long, and what is no key say so, each by its own error. */

import { describe, expect, it } from "vitest";
import { alignUp } from "../../src/base/bytes.js";
import { EncodingError, KeyTooLargeError } from "../../src/base/errors.js";
import { byteSource } from "../../src/base/text.js";
import { KEY_BUFFER_SLACK, keyCodec } from "../../src/store/key-codec.js";
import { Prng } from "../../src/vfs/prng.js";

const LIMIT = 125;
const ordered = keyCodec("ordered");

function encode(key: unknown): Uint8Array {
  const target = Buffer.alloc(alignUp(LIMIT + KEY_BUFFER_SLACK, 8));
  return target.subarray(0, ordered.encode(key, target, LIMIT));
}

function roundTrip(key: unknown): unknown {
  const bytes = encode(key);
  const source = byteSource(alignUp(bytes.length, 8));
  source.u8.set(bytes);
  return ordered.decode(source, 0, bytes.length);
}

const NO_STRINGS = [undefined, null, 7, 7n, true, Symbol("s"), {}, ["a"], Buffer.from("a")];
const NO_BYTES = [undefined, null, 7, "a", new Uint16Array(1), new ArrayBuffer(1), [1], {}];

describe.each([
  ["utf8", NO_STRINGS, /^a utf8 key must be a string, not /],
  ["binary", NO_BYTES, /^a binary key must be a Uint8Array, not /],
] as const)("a key of another type than %s takes", (name, others, message) => {
  it.each(others.map((key) => [key]))("is an EncodingError: %o", (key) => {
    expect(() => keyCodec(name).encode(key, Buffer.alloc(192), LIMIT)).toThrow(
      expect.objectContaining({ name: "EncodingError", message: expect.stringMatching(message) }),
    );
  });
});

describe("a utf8 key", () => {
  const codec = keyCodec("utf8");
  const target = Buffer.alloc(alignUp(LIMIT + KEY_BUFFER_SLACK, 8));

  it.each(["", "a", "a".repeat(LIMIT), "ä", `${"a".repeat(47)}ä`, "€".repeat(41), "😀".repeat(31)])(
    "%s is its bytes",
    (key) => {
      const length = codec.encode(key, target, LIMIT);
      expect(Buffer.from(target.subarray(0, length))).toEqual(Buffer.from(key));
    },
  );

  it.each(["a".repeat(LIMIT + 1), "ä".repeat(63), "€".repeat(42), "€".repeat(LIMIT), "😀".repeat(32)])(
    "is measured in bytes: %s is too long",
    (key) => {
      expect(() => codec.encode(key, target, LIMIT)).toThrow(
        expect.objectContaining({ name: "KeyTooLargeError", bytes: Buffer.byteLength(key), limit: LIMIT }),
      );
    },
  );

  it("has no half characters", () => {
    expect(() => codec.encode("a\ud800", target, LIMIT)).toThrow(EncodingError);
  });
});

it("a binary key is its bytes, up to the limit", () => {
  const target = Buffer.alloc(alignUp(LIMIT + KEY_BUFFER_SLACK, 8));
  for (const length of [0, 1, 32, 33, LIMIT]) {
    const key = Uint8Array.from({ length }, (_, i) => 255 - i);
    expect(keyCodec("binary").encode(key, target, LIMIT)).toBe(length);
    expect(target.subarray(0, length)).toEqual(Buffer.from(key));
  }
  expect(() => keyCodec("binary").encode(new Uint8Array(LIMIT + 1), target, LIMIT)).toThrow(KeyTooLargeError);
});

describe("an ordered key", () => {
  it.each([
    [0],
    [-1.5],
    ["a"],
    [true],
    [null],
    [12345678901234567890n],
    [-(2n ** 200n) - 1n],
    [["user", 7, "x".repeat(100)]],
  ])("%s comes back as it was", (key) => {
    expect(roundTrip(key)).toEqual(key);
  });

  /** Story: of tuples with null in them, elements were lost, or were pieces of what the buffer had held before. */
  it.each([
    [[1, null, null]],
    [[1, 2, null]],
    [[1, 2, null, 3]],
    [[true, null]],
    [[false, false, null]],
    [[null, null]],
    [[null, 12, null, null]],
    [[null, null, null, null, null]],
    [["a", null, null, null]],
    [["a", null, "", null, ""]],
    [["a", 2n ** 80n + 1n, null, -1.5]],
    [[null, "", null]],
    [["\0", "\x04\0", "\x04", null]],
    [["\x18", 1, null]],
    [["\x17", "\x19", null]],
    [7],
    ["seven\0"],
  ])("%o comes back as it was, whatever lies behind it", (key) => {
    const bytes = encode(key);
    for (const behind of [0, 1, 4, 6, 7, 0x10, 0x1b, 0x41, 0xff]) {
      const source = byteSource(alignUp(bytes.length + 16, 8));
      source.u8.fill(behind);
      source.u8.set(bytes);
      expect(ordered.decode(source, 0, bytes.length)).toEqual(key);
    }
  });

  /**
   * Story: of strings of 64 characters and more, those that end a string were not escaped: one with such a character
   * was the same key as a tuple, and came back as that.
   */
  it.each([0, 1, 2, 3, 4, 5])("a long string with character %i in it is no tuple", (code) => {
    const start = "x".repeat(62);
    const character = String.fromCharCode(code);
    for (const key of [`${start}${character}y`, `${start}z${character}y`, `${character}${start}zz`]) {
      expect(roundTrip(key)).toBe(key);
      expect(roundTrip([1, key, null])).toEqual([1, key, null]);
    }
    const [before, tuple, key, behind] = [start, [start, "yz"], `${start}${character}yz`, `${start}\x06`].map(
      encode,
    );
    expect(Buffer.compare(before!, key!)).toBe(-1);
    expect(Buffer.compare(tuple!, key!)).toBe(-1);
    expect(Buffer.compare(key!, behind!)).toBe(-1);
  });

  it.each([
    ["a string by one byte", "x".repeat(LIMIT + 1)],
    ["a string that does not fit the buffer", "x".repeat(4 * LIMIT)],
    ["a string whose characters are fewer than its bytes", "é".repeat(LIMIT - 1)],
    ["a tuple of short strings", Array.from({ length: 40 }, () => "abcd")],
    ["a tuple of numbers", Array.from({ length: 40 }, (_, i) => i + 0.5)],
    ["a bigint of many digits", 2n ** 1020n + 1n],
  ])("that is too long is a KeyTooLargeError: %s", (_, key) => {
    expect(() => encode(key)).toThrow(KeyTooLargeError);
  });

  it.each([
    ["NaN", Number.NaN],
    ["half a character", "\ud800"],
    ["a bigint beyond the numbers", 2n ** 1024n],
    ["a bigint just below the lowest number", -BigInt(Number.MAX_VALUE) - 1n],
    // biome-ignore lint/suspicious/noSparseArray: that is what it is about.
    ["a tuple with nothing at a place", [1, , 2]],
    ["a negative bigint beyond the numbers", -(2n ** 2000n)],
    ["an object", {}],
    ["a tuple of one", ["a"]],
    ["a tuple in a tuple", ["a", ["b", "c"]]],
    ["undefined", undefined],
  ])("that is no key is an EncodingError: %s", (_, key) => {
    expect(() => encode(key)).toThrow(EncodingError);
    if (!Array.isArray(key) && typeof key === "object")
      expect(() => encode(key)).toThrow(/must be a number, a string, .+ or a tuple of them/);
  });

  it.each([
    ["a", ["a", null], "a\0"],
    ["", ["", null], "\0"],
    [7, [7, null], 8],
  ])("that is a tuple which begins with %o, lies between the bounds that the docs give", (first, gte, lt) => {
    const rest = [null, false, -Infinity, -1, 0, 2n ** 80n, Infinity, "", "\0", "z", "\u{10ffff}"];
    const lies = (key: unknown) =>
      Buffer.compare(encode(gte), encode(key)) <= 0 && Buffer.compare(encode(key), encode(lt)) < 0;
    for (const last of rest) {
      expect(lies([first, last]), `[${first}, ${last}]`).toBe(true);
      expect(lies([first, null, last])).toBe(true);
      for (const other of [null, true, 6, 8, "A", "a\0", "a\x01", "aa", "b", "\0"])
        expect(lies([other, last]), `[${other}, ${last}]`).toBe(false);
    }
  });

  it("that can't be read says why, whatever was thrown", () => {
    const refuses: unknown[] = ["a", "b"];
    Object.defineProperty(refuses, 1, {
      get: (): never => {
        throw new RangeError("the caller's own");
      },
    });
    expect(() => encode(refuses)).toThrow("the caller's own");
  });

  /**
   * Story: of a negative bigint whose nearest number ends in 32 ones, a carry was lost on the way to the number below
   * it: it came back as another bigint, and lay before smaller ones.
   */
  it("of any size, bigint or number, comes back as it was and lies where it belongs", () => {
    const seed = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1e9);
    const random = new Prng(seed);
    const keys: (number | bigint)[] = [-(2n ** 55n) + 3n, -(2n ** 55n) + 4n, -(2n ** 55n), -Number.MAX_VALUE];
    for (let i = 0; i < 400; i++) {
      const power = 1n << BigInt(random.below(140));
      for (let near = -3n; near <= 3n; near++) keys.push(power + near, -power - near);
      keys.push((random.next() - 2 ** 31) * 2 ** (random.below(140) - 60), power * power - 1n);
    }
    keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const replay = `ESPALIER_SEED=${seed} npx vitest run test/store/key-codec.test.ts`;
    keys.forEach((key, i) => {
      // A bigint that a number can be comes back as that.
      const same = typeof key === "bigint" && BigInt(Number(key)) === key ? Number(key) : key;
      expect(roundTrip(key), replay).toBe(same === 0 ? 0 : same);
      expect(roundTrip([key, null]), replay).toEqual([same === 0 ? 0 : same, null]);
      const next = keys[i + 1];
      if (next === undefined) return;
      const order = key < next ? -1 : 0;
      expect(Buffer.compare(encode(key), encode(next)), `${key} and ${next}: ${replay}`).toBe(order);
      expect(Buffer.compare(encode([key, ""]), encode([next, ""])), `${key}, ${next}: ${replay}`).toBe(order);
    });
  });
});
