/** The bound `prefix` against the plain meaning of the word, on bytes and on text. */

import { describe, expect, it } from "vitest";
import { OptionError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);
const KEYS = 600;
const QUERIES = 150;

const beginsWith = (bytes: Uint8Array, prefix: Uint8Array): boolean =>
  Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0;

/** Many bytes are the largest one, so that prefixes have no successor of their own length. */
const BYTES: readonly number[] = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff, 0xff];
/** Of one to four bytes in UTF-8, and neighbours at each change of length. */
const LETTERS: readonly string[] = [
  "a",
  "\0",
  "\x7f",
  "\x80",
  "ß",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
  "\u{10ffff}",
];

function wordOf<T>(prng: Prng, letters: readonly T[], longest: number): T[] {
  return Array.from({ length: prng.below(longest + 1) }, () => letters[prng.below(letters.length)]!);
}

function check<K extends string | Uint8Array>(
  keyEncoding: "utf8" | "binary",
  word: (prng: Prng, longest: number) => K,
  begins: (key: K, prefix: K) => boolean,
): void {
  const prng = new Prng(SEED);
  using store = open<K, string>("/s.esp", {
    vfs: new MemoryVfs(),
    pageSize: 512,
    keyEncoding,
    valueEncoding: "utf8",
  });
  for (let i = 0; i < KEYS; i++) store.put(word(prng, 5), "");
  for (let i = 0; i < QUERIES; i++) {
    const all = [...store.keys()];
    const prefix = word(prng, 3);
    const wanted = all.filter((key) => begins(key, prefix));
    const about = `${keyEncoding} ${JSON.stringify(prefix)}, ESPALIER_SEED=${SEED}`;
    expect([...store.keys({ prefix })], about).toEqual(wanted);
    expect([...store.keys({ prefix, reverse: true, limit: 3 })], about).toEqual(
      wanted.toReversed().slice(0, 3),
    );
    expect(store.count({ prefix }), about).toBe(wanted.length);
    if (prefix.length < 2) continue;
    expect(store.deleteRange({ prefix }), about).toBe(wanted.length);
    expect([...store.keys()], about).toEqual(all.filter((key) => !begins(key, prefix)));
  }
  expect(store.count()).toBeGreaterThan(0);
}

describe(`a prefix, seed ${SEED} (ESPALIER_SEED)`, () => {
  it("of bytes", () =>
    check("binary", (prng, longest) => Uint8Array.from(wordOf(prng, BYTES, longest)), beginsWith));

  it("of text", () =>
    check(
      "utf8",
      (prng, longest) => wordOf(prng, LETTERS, longest).join(""),
      (key, prefix) => key.startsWith(prefix) && beginsWith(Buffer.from(key), Buffer.from(prefix)),
    ));

  it("of ordered keys means nothing", () => {
    using store = open<unknown, number>("/s.esp", { vfs: new MemoryVfs(), keyEncoding: "ordered" });
    store.put("ab", 1);
    expect(() => store.range({ prefix: "a" })).toThrow(OptionError);
    expect(() => store.deleteRange({ prefix: "a" })).toThrow(OptionError);
    expect(store.count()).toBe(1);
  });
});
