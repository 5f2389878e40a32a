/**
 * How encoded keys and values are written in a terminal, and read back. By default as the tree's encoding
 * suggests: utf8 as text, json and ordered keys as JSON, binary as hexadecimal.
 */

import { constants } from "node:buffer";
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
      throw new UsageError(`${what} "${text}" is not hexadecimal: two digits a byte, for example 00ff`);
    }
    return Buffer.from(digits, "hex");
  }
  if (format === "base64") {
    const bytes = Buffer.from(text, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, ""))
      throw new UsageError(`${what} "${text}" is not base64`);
    return bytes;
  }
  if (!text.isWellFormed()) throw new UsageError(`${what} contains half a character`);
  return Buffer.from(text, "utf8");
}

const KEY_SCRATCH_BYTES = 64 * 1024;

/** A key's encoded bytes from text as it was typed. */
export function parseKey(text: string, format: Format, encoding: KeyEncoding): Uint8Array {
  if (encoding !== "ordered" || format !== "json") return parseBytes("the key", text, format);
  const target = Buffer.alloc(KEY_SCRATCH_BYTES);
  const length = keyCodec("ordered").encode(parseJson("the key", text), target, KEY_SCRATCH_BYTES / 2);
  return target.subarray(0, length);
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
    throw new UsageError(`${what} ${text} is not JSON; a text needs double quotes, for example '"Ada"'`);
  }
}

/** One line for encoded bytes. */
export function formatBytes(bytes: Uint8Array, format: Format): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "hex") return buffer.toString("hex");
  if (format === "base64") return buffer.toString("base64");
  return buffer.length <= constants.MAX_STRING_LENGTH ? buffer.toString("utf8") : `(${buffer.length} bytes)`;
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

function plain(key: unknown): unknown {
  if (typeof key === "bigint") return key.toString();
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

const CONTROL_LAST = 0x1f;
const DELETE = 0x7f;

/** Text from a file, made harmless for a terminal: control characters as escapes. */
export function printable(text: string): string {
  let out = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const control = code <= CONTROL_LAST || (code >= DELETE && code <= 0x9f);
    out += control ? `\\x${code.toString(16).padStart(2, "0")}` : character;
  }
  return out;
}
