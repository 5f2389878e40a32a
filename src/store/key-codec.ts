/**
 * Keys to bytes and back. `encode` writes into a buffer that the store keeps for the purpose and
 * returns the length; a key that does not fit there is longer than any key may be.
 */

import { readKey, writeKey } from "ordered-binary";
import { isBytes, isGone } from "../base/bytes.js";
import { copyOf } from "../base/copies.js";
import { EncodingError, KeyTooLargeError } from "../base/errors.js";
import { type ByteSource, decodeUtf8 } from "../base/text.js";
import type { KeyEncoding } from "./options.js";
import { NUMBER_BYTES, numberBelow, writeBigint } from "./ordered-bigint.js";

export interface KeyCodec {
  readonly name: KeyEncoding;
  /** Throws EncodingError, KeyTooLargeError. */
  encode(key: unknown, target: Buffer, limit: number): number;
  decode(bytes: ByteSource, from: number, to: number): unknown;
}

/** Spare bytes behind the longest key, so that encoders may overrun before they are told. */
export const KEY_BUFFER_SLACK = 64;

/** Above this a loop over characters loses to the native writer. */
const LOOP_CHARACTERS_MAX = 48;

const utf8: KeyCodec = {
  name: "utf8",
  encode(key, target, limit): number {
    if (typeof key !== "string") throw new EncodingError(`a utf8 key must be a string, not ${describe(key)}`);
    const length = key.length;
    if (length <= LOOP_CHARACTERS_MAX && length <= limit) {
      let i = 0;
      for (; i < length; i++) {
        const code = key.charCodeAt(i);
        if (code >= 0x80) break;
        target[i] = code;
      }
      if (i === length) return length;
    }
    if (length > limit) throw new KeyTooLargeError(Buffer.byteLength(key), limit);
    const written = target.write(key, 0, "utf8");
    // As many bytes as characters: all of them ASCII.
    if (written === length) return length;
    if (!key.isWellFormed()) throw new EncodingError("a utf8 key must not contain lone surrogates");
    const bytes = Buffer.byteLength(key);
    if (bytes > limit) throw new KeyTooLargeError(bytes, limit);
    return bytes;
  },
  decode(bytes, from, to): string {
    return decodeUtf8(bytes.buffer, from, to);
  },
};

const binary: KeyCodec = {
  name: "binary",
  encode(key, target, limit): number {
    if (!isBytes(key)) throw new EncodingError(`a binary key must be a Uint8Array, not ${describe(key)}`);
    const length = key.length;
    if (length === 0 && isGone(key))
      throw new EncodingError("the binary key's memory was transferred or shrunk");
    if (length > limit) throw new KeyTooLargeError(length, limit);
    if (length <= 32) for (let i = 0; i < length; i++) target[i] = key[i]!;
    else target.set(key);
    return length;
  },
  decode(bytes, from, to): Uint8Array {
    return copyOf(bytes.u8, from, to);
  },
};

const ordered: KeyCodec = {
  name: "ordered",
  encode(key, target, limit): number {
    const checked = assertOrdered(key, limit);
    try {
      const length = writeOrdered(checked, target);
      if (length > limit) throw new KeyTooLargeError(length, limit);
      return length;
    } catch (error) {
      // How ordered-binary says that the buffer is full; anything else is not about the length.
      if (!(error instanceof RangeError)) throw error;
      throw new KeyTooLargeError(limit + 1, limit);
    }
  },
  decode(bytes, from, to): unknown {
    const { u8 } = bytes;
    let end = elementEnd(u8, from, to);
    if (end >= to) return readElement(bytes, from, to);
    // One by one: of a whole tuple, ordered-binary takes some elements that are null for what separates the others.
    const tuple = [readElement(bytes, from, end)];
    for (let at = end + 1; at < to; at = end + 1) {
      end = elementEnd(u8, at, to);
      tuple.push(readElement(bytes, at, end));
    }
    return tuple;
  },
};

/** A first byte below this is null, false or true. */
const NUMBER_FIRST = 8;
const STRING_FIRST = 24;
/** Stands before a string that is empty or begins with a character that would be another kind's first byte. */
const STRING_MARK = 27;
const ESCAPE = 4;
const ESCAPE_CHARACTER = "\x04";
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const ESCAPED_CHARACTERS = /\x04([\0-\x04])/g;

/** Where the element at `at` of a tuple, or the whole key, ends: a zero byte, which separates, or the key's end. */
function elementEnd(u8: Uint8Array, at: number, to: number): number {
  const first = u8[at]!;
  if (first < NUMBER_FIRST) return at + 1;
  const isText = first >= STRING_FIRST;
  let end = isText ? at : at + NUMBER_BYTES;
  while (end < to && u8[end] !== 0) end += isText && u8[end] === ESCAPE ? 2 : 1;
  return end < to ? end : to;
}

/**
 * ordered-binary reads strings by code that it evaluates and that knows its variables by name: in a bundle whose names
 * were shortened that throws. There they are read here, which costs a short one 20 ns more.
 */
function readElement(bytes: ByteSource, from: number, to: number): unknown {
  return TEXT_IS_READ_HERE && bytes.u8[from]! >= STRING_FIRST
    ? readText(bytes, from, to)
    : readKey(bytes.buffer, from, to);
}

function readText({ u8, buffer }: ByteSource, from: number, to: number): string {
  const text = decodeUtf8(buffer, u8[from] === STRING_MARK ? from + 1 : from, to);
  return text.includes(ESCAPE_CHARACTER) ? text.replace(ESCAPED_CHARACTERS, "$1") : text;
}

const TEXT_IS_READ_HERE: boolean = !readsText();

function readsText(): boolean {
  const bytes = Buffer.from("a text\0");
  try {
    return readKey(bytes, 2, bytes.length - 1) === "text";
  } catch {
    return false;
  }
}

/** From this length on ordered-binary does not escape the characters that it takes for the end of a string. */
const UNESCAPED_LENGTH_MIN = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const RESERVED_CHARACTERS = /[\0-\x04]/g;

function escaped(text: string): string {
  return text.length < UNESCAPED_LENGTH_MIN ? text : text.replace(RESERVED_CHARACTERS, "\x04$&");
}

type OrderedElement = number | string | boolean | null | bigint;
type OrderedKey = OrderedElement | OrderedElement[];

/** Returns the length. */
function writeOrdered(key: OrderedKey, target: Buffer): number {
  if (!Array.isArray(key)) return writeElement(key, target, 0, false);
  let end = 0;
  for (const element of key) {
    if (end > 0) target[end++] = 0;
    end = writeElement(element, target, end, true);
  }
  return end;
}

function writeElement(element: OrderedElement, target: Buffer, at: number, inTuple: boolean): number {
  return typeof element === "bigint"
    ? writeBigint(element, target, at, inTuple)
    : writeKey(element, target, at, inTuple);
}

/**
 * What ordered-binary takes and gives back unchanged, in the natural order: numbers, strings,
 * booleans, null, bigints, and tuples of two and more of them.
 */
function assertOrdered(key: unknown, limit: number): OrderedKey {
  if (!Array.isArray(key)) return assertElement(key, limit);
  const { length } = key;
  if (length < 2) throw new EncodingError("a tuple needs two elements or more; pass a single one by itself");
  if (length > limit) throw new KeyTooLargeError(length, limit);
  const tuple: OrderedElement[] = [];
  // By index: what is missing in between is undefined, and no element.
  for (let i = 0; i < length; i++) tuple.push(assertElement(key[i], limit));
  return tuple;
}

function assertElement(element: unknown, limit: number): OrderedElement {
  if (typeof element === "number") {
    if (Number.isNaN(element)) throw new EncodingError("an ordered key must not be NaN");
    return element === 0 ? 0 : element;
  }
  if (typeof element === "string") {
    if (element.length > limit) throw new KeyTooLargeError(element.length, limit);
    if (!element.isWellFormed()) throw new EncodingError("an ordered key must not contain lone surrogates");
    return escaped(element);
  }
  if (typeof element === "bigint") {
    if (!Number.isFinite(Number(element)) || !Number.isFinite(numberBelow(element)))
      throw new EncodingError("an ordered bigint must lie within the range of numbers, up to 2^1024");
    return element;
  }
  if (typeof element === "boolean" || element === null) return element;
  throw new EncodingError(
    `an ordered key must be a number, a string, a boolean, null, a bigint or a tuple of them, not ${describe(element)}`,
  );
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object of another kind" : typeof value;
}

const CODECS: Record<KeyEncoding, KeyCodec> = { utf8, binary, ordered };

export function keyCodec(name: KeyEncoding): KeyCodec {
  return CODECS[name];
}
