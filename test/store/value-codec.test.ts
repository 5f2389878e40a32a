/** Values of each encoding: what comes back, what is refused, and what no string can hold, told by its length (B3). */

import { constants } from "node:buffer";
import { expect, it } from "vitest";
import { EncodingError, ValueTooLargeError } from "../../src/base/errors.js";
import { byteSource } from "../../src/base/text.js";
import { Entry } from "../../src/page/entry.js";
import { VALUE_BUFFER_BYTES, valueCodec } from "../../src/store/value-codec.js";

it.each(["utf8", "json"] as const)("%s: a text longer than the longest string", (name) => {
  const codec = valueCodec(name);
  const bytes = byteSource(16);
  const longest = constants.MAX_STRING_LENGTH;
  expect(() => codec.decode(bytes, 0, longest + 1)).toThrow(ValueTooLargeError);
  bytes.u8.set(Buffer.from('"text"'), 4);
  expect(codec.decode(bytes, 4, 10)).toBe(name === "json" ? "text" : '"text"');
});

/** What a toJSON throws is told as it is; only a text too long for a string is a value too large. */
it("a value that cannot be written as JSON: the caller's own error is the cause", () => {
  const codec = valueCodec("json");
  const encode = (value: unknown): void => codec.encode(value, new Entry(), Buffer.alloc(VALUE_BUFFER_BYTES));
  const own = new RangeError("a date that is none");
  const throwing = {
    toJSON(): never {
      throw own;
    },
  };
  expect(() => encode(throwing)).toThrow(
    expect.objectContaining({ code: "ERR_ESPALIER_ENCODING", cause: own }),
  );
  let nested: unknown = 0;
  for (let i = 0; i < 100_000; i++) nested = [nested];
  // Node 25 writes what is nested so deeply; every Node reads it.
  expect(JSON.parse("[".repeat(100_000) + "]".repeat(100_000))).toHaveLength(1);
  let refused: unknown = new EncodingError("");
  try {
    encode(nested);
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(EncodingError);
  const half = "x".repeat(constants.MAX_STRING_LENGTH / 2);
  expect(() => encode([half, half])).toThrow(ValueTooLargeError);
});

/** Entries are used again: whatever one held before, its value is the one that was encoded. */
it.each([0, 1, 48, 49, 1365, 1366, VALUE_BUFFER_BYTES, VALUE_BUFFER_BYTES + 1])(
  "%i characters or bytes come back, in an entry that held another value",
  (length) => {
    const encoded = (name: "utf8" | "json" | "binary", value: unknown): Buffer => {
      const entry = new Entry();
      entry.from = 7;
      entry.length = 9;
      valueCodec(name).encode(value, entry, Buffer.alloc(VALUE_BUFFER_BYTES));
      return Buffer.from(entry.value.subarray(entry.from, entry.from + entry.length));
    };
    for (const text of ["a".repeat(length), "€".repeat(length)]) {
      expect(encoded("utf8", text)).toEqual(Buffer.from(text));
      expect(encoded("json", text)).toEqual(Buffer.from(JSON.stringify(text)));
    }
    const bytes = Buffer.alloc(length, 0xa5);
    expect(encoded("binary", bytes)).toEqual(bytes);
  },
);

it.each([
  ["utf8", 7, /^a utf8 value must be a string, not number$/],
  ["utf8", "half \ud800", /lone surrogates/],
  ["binary", "text", /^a binary value must be a Uint8Array, not string$/],
  ["json", undefined, /^undefined, functions and symbols cannot be written as JSON$/],
] as const)("%s refuses %j, and says what is wanted", (name, value, message) => {
  expect(() => valueCodec(name).encode(value, new Entry(), Buffer.alloc(VALUE_BUFFER_BYTES))).toThrow(
    expect.objectContaining({ code: "ERR_ESPALIER_ENCODING", message: expect.stringMatching(message) }),
  );
});
