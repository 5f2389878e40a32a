/** Ordered keys: what fits, what is too long, and what is no key say so, each by its own error. */

import { describe, expect, it } from "vitest";
import { alignUp } from "../../src/base/bytes.js";
import { EncodingError, KeyTooLargeError } from "../../src/base/errors.js";
import { byteSource } from "../../src/base/text.js";
import { KEY_BUFFER_SLACK, keyCodec } from "../../src/store/key-codec.js";

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
    ["a negative bigint beyond the numbers", -(2n ** 2000n)],
    ["an object", {}],
    ["a tuple of one", ["a"]],
    ["a tuple in a tuple", ["a", ["b", "c"]]],
    ["undefined", undefined],
  ])("that is no key is an EncodingError: %s", (_, key) => {
    expect(() => encode(key)).toThrow(EncodingError);
  });

  it("that can't be written for another reason says that reason", () => {
    const stubborn: unknown = new Proxy(["a", "b"], {
      get: (target, name) => {
        if (name === "map") return () => [Symbol("s"), { no: "key" }];
        return Reflect.get(target, name) as unknown;
      },
    });
    expect(() => encode(stubborn)).toThrow(/serialize object/);
  });
});
