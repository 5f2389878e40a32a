/** Values that no string can hold: told by their length, before anything is made of them (B3). */

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
  expect(() => encode(nested)).toThrow(EncodingError);
  const half = "x".repeat(constants.MAX_STRING_LENGTH / 2);
  expect(() => encode([half, half])).toThrow(ValueTooLargeError);
});
