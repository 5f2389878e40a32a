/**
 * What stored bytes become in each of the formats that the database gives natively. Buffers are parts of
 * Node's pool of memory, as those of Node itself are: one of its own for each record costs several times as
 * much, in the copy and in the garbage collector, once many are held as nextv() and all() do.
 */

import type { ByteSource } from "../base/text.js";
import { type KeyCodec, keyCodec } from "../store/key-codec.js";
import { type ValueCodec, valueCodec } from "../store/value-codec.js";
import type { Format } from "./formats.js";

function copyToBuffer(bytes: ByteSource, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  copy.set(bytes.u8.subarray(from, to));
  return copy;
}

const KEYS: Record<Format, KeyCodec> = {
  utf8: keyCodec("utf8"),
  view: keyCodec("binary"),
  buffer: { ...keyCodec("binary"), decode: copyToBuffer },
};

const VALUES: Record<Format, ValueCodec> = {
  utf8: valueCodec("utf8"),
  view: valueCodec("binary"),
  buffer: { ...valueCodec("binary"), decode: copyToBuffer },
};

export function keysAs(format: Format): KeyCodec {
  return KEYS[format];
}

export function valuesAs(format: Format): ValueCodec {
  return VALUES[format];
}

/** For a value that no codec has made (those in overflow pages): the Buffer over the same bytes. */
export function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
