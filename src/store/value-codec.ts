/**
 * Values to bytes and back. Small ones go through a buffer that the store keeps for the purpose, so
 * that a put allocates nothing for them.
 */

import { constants } from "node:buffer";
import { isBytes, isGone } from "../base/bytes.js";
import { copyOf } from "../base/copies.js";
import { EncodingError, ValueTooLargeError } from "../base/errors.js";
import { type ByteSource, decodeUtf8 } from "../base/text.js";
import type { Entry } from "../page/entry.js";
import type { ValueEncoding } from "./options.js";

/** Values up to this many bytes are encoded into the kept buffer. */
export const VALUE_BUFFER_BYTES = 4096;
const LOOP_BYTES_MAX = 48;
/** What engines say of a string that becomes too long. A toJSON throws RangeErrors too, and so does a deep nesting. */
const TOO_LONG = /string length|out of memory/i;

export interface ValueCodec {
  readonly name: ValueEncoding;
  /** Sets the entry's value, in `buffer` or elsewhere. Throws EncodingError, ValueTooLargeError. */
  encode(value: unknown, entry: Entry, buffer: Buffer): void;
  /** Throws EncodingError, ValueTooLargeError. */
  decode(bytes: ByteSource, from: number, to: number): unknown;
}

function setText(text: string, entry: Entry, buffer: Buffer): void {
  entry.from = 0;
  const length = text.length;
  if (length <= LOOP_BYTES_MAX) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) break;
      buffer[i] = code;
    }
    if (i === length) {
      entry.value = buffer;
      entry.length = length;
      return;
    }
  }
  // Three bytes a UTF-16 code unit is the most that UTF-8 takes.
  if (length * 3 <= VALUE_BUFFER_BYTES) {
    entry.value = buffer;
    entry.length = buffer.write(text, 0, "utf8");
    return;
  }
  entry.value = Buffer.from(text, "utf8");
  entry.length = entry.value.length;
}

function getText(bytes: ByteSource, from: number, to: number): string {
  if (to - from > constants.MAX_STRING_LENGTH)
    throw new ValueTooLargeError(to - from, constants.MAX_STRING_LENGTH);
  return decodeUtf8(bytes.buffer, from, to);
}

const json: ValueCodec = {
  name: "json",
  encode(value, entry, buffer): void {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      if (error instanceof RangeError && TOO_LONG.test(error.message))
        throw new ValueTooLargeError(constants.MAX_STRING_LENGTH + 1, constants.MAX_STRING_LENGTH);
      throw new EncodingError("the value cannot be written as JSON", { cause: error });
    }
    if (text === undefined)
      throw new EncodingError("undefined, functions and symbols cannot be written as JSON");
    setText(text, entry, buffer);
  },
  decode(bytes, from, to): unknown {
    const text = getText(bytes, from, to);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new EncodingError("the stored value is no JSON", { cause: error });
    }
  },
};

const utf8: ValueCodec = {
  name: "utf8",
  encode(value, entry, buffer): void {
    if (typeof value !== "string")
      throw new EncodingError(`a utf8 value must be a string, not ${typeof value}`);
    if (!value.isWellFormed()) throw new EncodingError("a utf8 value must not contain lone surrogates");
    setText(value, entry, buffer);
  },
  decode: getText,
};

const binary: ValueCodec = {
  name: "binary",
  encode(value, entry, buffer): void {
    if (!isBytes(value)) throw new EncodingError(`a binary value must be a Uint8Array, not ${typeof value}`);
    const length = value.length;
    if (length === 0 && isGone(value))
      throw new EncodingError("the binary value's memory was transferred or shrunk");
    entry.from = 0;
    entry.length = length;
    if (length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < length; i++) buffer[i] = value[i]!;
      entry.value = buffer;
    } else entry.value = value;
  },
  decode(bytes, from, to): Uint8Array {
    return copyOf(bytes.u8, from, to);
  },
};

const CODECS: Record<ValueEncoding, ValueCodec> = { json, utf8, binary };

export function valueCodec(name: ValueEncoding): ValueCodec {
  return CODECS[name];
}
