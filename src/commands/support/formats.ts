/**
 * How encoded keys and values are written in a terminal, and read back. By default as the tree's encoding
 * suggests: utf8 as text, json and ordered keys as JSON, binary as hexadecimal.
 */

import { constants, isUtf8 } from "node:buffer";
import { alignUp } from "../../base/bytes.js";
import { EncodingError } from "../../base/errors.js";
import { byteSource } from "../../base/text.js";
import { keyCodec } from "../../store/key-codec.js";
import type { KeyEncoding, ValueEncoding } from "../../store/options.js";
import { UsageError } from "./exit-codes.js";

export const FORMATS = ["text", "hex", "base64", "json"] as const;
export type Format = (typeof FORMATS)[number];

export function formatOfKeys(encoding: KeyEncoding): Format {
  return encoding === "utf8" ? "text" : encoding === "ordered" ? "json" : "hex";
}

export function formatOfValues(encoding: ValueEncoding): Format {
  return encoding === "utf8" ? "text" : encoding === "json" ? "json" : "hex";
}

/** Encoded bytes from text as it was typed. Throws UsageError. */
export function parseBytes(what: string, text: string, format: Format): Uint8Array {
  if (format === "hex") {
    const digits = text.replace(/^0x/i, "").replaceAll(/[\s_]/g, "");
    if (!/^([0-9a-f]{2})*$/i.test(digits)) {
      throw new UsageError(
        `${what} "${shortened(text)}" is not hexadecimal: two digits a byte, for example 00ff`,
      );
    }
    return Buffer.from(digits, "hex");
  }
  if (format === "base64") {
    const bytes = Buffer.from(text, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, ""))
      throw new UsageError(`${what} "${shortened(text)}" is not base64`);
    return bytes;
  }
  if (!text.isWellFormed()) throw new UsageError(`${what} contains half a character`);
  return Buffer.from(text, "utf8");
}

const KEY_SCRATCH_BYTES = 64 * 1024;

/** A key's encoded bytes from text as it was typed. */
export function parseKey(text: string, format: Format, encoding: KeyEncoding): Uint8Array {
  if (encoding !== "ordered" || format !== "json") return parseBytes("the key", text, format);
  return encodeOrdered(parseJson("the key", text));
}

/** Throws what the codec throws. */
function encodeOrdered(key: unknown): Uint8Array {
  const target = Buffer.alloc(KEY_SCRATCH_BYTES);
  return target.subarray(0, keyCodec("ordered").encode(key, target, KEY_SCRATCH_BYTES / 2));
}

/** A value's encoded bytes from text as it was typed; JSON is brought into the form the store writes. */
export function parseValue(text: string, format: Format, encoding: ValueEncoding): Uint8Array {
  if (encoding !== "json" || format !== "json") return parseBytes("the value", text, format);
  return Buffer.from(JSON.stringify(parseJson("the value", text)), "utf8");
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      `${what} ${shortened(text)} is not JSON; a text needs double quotes, for example '"Ada"'`,
    );
  }
}

const SHOWN_CHARACTERS_MAX = 80;

/** For messages: a value may have a GiB. */
function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}…`;
}

/**
 * Throws UsageError for a key that a program could not read back from a tree of this encoding, as hexadecimal may
 * have it.
 */
export function assertReadableKey(key: Uint8Array, encoding: KeyEncoding): void {
  if (encoding === "utf8" && exactText(key) === undefined)
    throw new UsageError("the key is not UTF-8, as the tree's keys are");
  if (encoding === "ordered" && !isOrderedKey(key))
    throw new UsageError("the key is no ordered key, as the tree's keys are");
}

/** As assertReadableKey. */
export function assertReadableValue(value: Uint8Array, encoding: ValueEncoding): void {
  if (encoding === "binary") return;
  const text = exactText(value);
  if (text === undefined)
    throw new UsageError(`the value is not UTF-8, but the tree's values are ${encoding}`);
  if (encoding === "json") parseJson("the value", text);
}

/** undefined where the bytes are not UTF-8. */
export function exactText(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? formatBytes(bytes, "text") : undefined;
}

function isOrderedKey(key: Uint8Array): boolean {
  try {
    return Buffer.compare(encodeOrdered(decodeKey(key, "ordered")), key) === 0;
  } catch {
    return false;
  }
}

const NODE_ENCODINGS = { text: "utf8", json: "utf8", hex: "hex", base64: "base64" } as const;

/** One line for encoded bytes; how many there are where that would be longer than a string can be. */
export function formatBytes(bytes: Uint8Array, format: Format): string {
  const { length } = bytes;
  const characters = format === "hex" ? length * 2 : format === "base64" ? Math.ceil(length / 3) * 4 : length;
  if (characters > constants.MAX_STRING_LENGTH) return `(${length} bytes)`;
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString(NODE_ENCODINGS[format]);
}

export function formatKey(bytes: Uint8Array, format: Format, encoding: KeyEncoding): string {
  if (encoding !== "ordered" || format !== "json") return formatBytes(bytes, format);
  return JSON.stringify(jsonKey(bytes, encoding));
}

/** A key as it stands in JSON output: text and ordered keys as themselves, bytes as hexadecimal. */
export function jsonKey(bytes: Uint8Array, encoding: KeyEncoding): unknown {
  if (encoding === "binary") return formatBytes(bytes, "hex");
  return plain(decodeKey(bytes, encoding));
}

/** Throws what the codec throws. */
export function decodeKey(bytes: Uint8Array, encoding: KeyEncoding): unknown {
  // In whole words: the ordered codec looks at its source as such.
  const source = byteSource(alignUp(bytes.length, 8));
  source.u8.set(bytes);
  return keyCodec(encoding).decode(source, 0, bytes.length);
}

/** What JSON has no word for as text: it would write null for an infinite number, which is a key of its own. */
function plain(key: unknown): unknown {
  if (typeof key === "bigint" || (typeof key === "number" && !Number.isFinite(key))) return String(key);
  return Array.isArray(key) ? key.map(plain) : key;
}

/** A value as it stands in JSON output. Throws EncodingError where a json value holds none. */
export function jsonValue(bytes: Uint8Array, encoding: ValueEncoding): unknown {
  if (encoding === "binary") return formatBytes(bytes, "hex");
  const text = formatBytes(bytes, "text");
  if (encoding === "utf8") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EncodingError("the stored value is no JSON", { cause: error });
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL_CHARACTERS = /[\0-\x1f\x7f-\x9f]/g;

/** Text from a file, made harmless for a terminal: control characters as escapes. */
export function printable(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
