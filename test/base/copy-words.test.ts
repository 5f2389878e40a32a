/** Copies in words: the bytes asked for, wherever they lie, and no other. */

import { expect, it } from "vitest";
import { byteMemory, copyWords } from "../../src/base/bytes.js";

const ROOM = 400;
const UNTOUCHED = 0xee;

it.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 126, 127, 128, 129, 130, 200])(
  "copies %i bytes at every alignment, to the end of memory too",
  (length) => {
    // Views with an offset of their own, as a page of a larger memory is.
    const source = byteMemory(
      new Uint8Array(new ArrayBuffer(ROOM + 16), 8, ROOM).map((_, i) => (i * 7) % 251),
    );
    for (const from of [0, 1, 2, 3, 5, ROOM - length]) {
      for (const to of [0, 1, 2, 3, 6, ROOM - length]) {
        const target = byteMemory(new Uint8Array(new ArrayBuffer(ROOM + 16), 8, ROOM).fill(UNTOUCHED));
        copyWords(target, to, source, from, length);
        const expected = new Uint8Array(ROOM).fill(UNTOUCHED);
        for (let i = 0; i < length; i++) expected[to + i] = source.u8[from + i] as number;
        expect(target.u8, `from ${from} to ${to}`).toEqual(expected);
      }
    }
  },
);
