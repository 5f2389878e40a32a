/** Ordered keys in a bundle whose names were shortened: what ordered-binary evaluates doesn't find its variables there. */

import { expect, it, vi } from "vitest";
import { byteSource } from "../../src/base/text.js";
import { KEY_BUFFER_SLACK, keyCodec } from "../../src/store/key-codec.js";

vi.mock("ordered-binary", async (original) => {
  const library = await original<typeof import("ordered-binary")>();
  const readKey: typeof library.readKey = (bytes, from, to) => {
    if (bytes[from]! >= 24) throw new ReferenceError("position is not defined");
    return library.readKey(bytes, from, to);
  };
  return { ...library, readKey };
});

const LIMIT = 1000;
const ordered = keyCodec("ordered");
const CHARACTERS: readonly string[] = [
  ...["\0", "\x01", "\x04", "\x05", "\x17", "\x18", "\x1a", "\x1b", "\x1c", "a", "\x7f", "ä", "€", "😀"],
];

/** Story: esbuild's --minify made every ordered string a ReferenceError. */
it.each(CHARACTERS)("a string with %j in it comes back as it was, by itself and in a tuple", (character) => {
  for (const length of [0, 1, 2, 9, 40, 61, 62, 63, 64, 90]) {
    for (const at of [0, 1, length]) {
      const text = "x".repeat(at) + character + "x".repeat(length);
      for (const key of [text, [text, null, 1.5, text, true, text.slice(0, at)]]) {
        const source = byteSource(LIMIT + KEY_BUFFER_SLACK);
        const bytes = ordered.encode(key, source.buffer, LIMIT);
        source.u8.fill(0x41, bytes);
        expect(ordered.decode(source, 0, bytes)).toEqual(key);
      }
    }
  }
});
