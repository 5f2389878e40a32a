/** Values that no string can hold: told by their length, before anything is made of them (B3). */

import { constants } from "node:buffer";
import { expect, it } from "vitest";
import { ValueTooLargeError } from "../../src/base/errors.js";
import { byteSource } from "../../src/base/text.js";
import { valueCodec } from "../../src/store/value-codec.js";

it.each(["utf8", "json"] as const)("%s: a text longer than the longest string", (name) => {
  const codec = valueCodec(name);
  const bytes = byteSource(16);
  const longest = constants.MAX_STRING_LENGTH;
  expect(() => codec.decode(bytes, 0, longest + 1)).toThrow(ValueTooLargeError);
  bytes.u8.set(Buffer.from('"text"'), 4);
  expect(codec.decode(bytes, 4, 10)).toBe(name === "json" ? "text" : '"text"');
});
