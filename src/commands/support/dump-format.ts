/**
 * The dump: JSON lines that a person can read and that come back as the very same bytes.
 *
 *   {"espalier-dump":1,"pageSize":4096}                       first line
 *   {"tree":"","keyEncoding":"utf8","valueEncoding":"json"}   begins a tree; "" is the unnamed one
 *   {"key":"user/1","value":{"name":"Ada"}}                   a record
 *   {"key64":"AAAA","value64":"/w=="}                         bytes that JSON cannot say exactly, as base64
 *   {"key":"film","parts":3,"bytes":157286400}                a value too long for a line; then, in order,
 *   {"part64":"..."}                                          its parts
 *   {"end":"","records":2,"digest":"<SHA-256>"}               ends the tree; digest as `espalier verify` has it
 *
 * Keys stand as themselves where they are UTF-8 in a tree of such keys, or where an ordered key is written in JSON
 * without loss; values where they are UTF-8, or JSON in the form that JSON.stringify gives.
 */

import type { KeyEncoding, ValueEncoding } from "../../store/options.js";
import { decodeKey, exactText, parseKey } from "./formats.js";

export const DUMP_VERSION = 1;
/** Values above this are cut into parts. */
export const LINE_VALUE_BYTES_MAX: number = 8 * 1024 * 1024;
export const PART_BYTES: number = 6 * 1024 * 1024;

export interface TreeLine {
  readonly tree: string;
  readonly keyEncoding: KeyEncoding;
  readonly valueEncoding: ValueEncoding;
}

export interface EndLine {
  readonly end: string;
  readonly records: number;
  readonly digest: string;
}

/** The key's part of a line. */
export function keyField(key: Uint8Array, encoding: KeyEncoding): string {
  const bytes = buffer(key);
  if (encoding === "utf8") {
    const text = exactText(bytes);
    if (text !== undefined) return `"key":${JSON.stringify(text)}`;
  } else if (encoding === "ordered") {
    const text = orderedAsJson(bytes);
    if (text !== undefined && sameKey(text, bytes)) return `"key":${text}`;
  }
  return `"key64":"${bytes.toString("base64")}"`;
}

/** undefined where JSON has no such key, or the bytes are no ordered key at all. */
function orderedAsJson(bytes: Uint8Array): string | undefined {
  try {
    return JSON.stringify(decodeKey(bytes, "ordered"));
  } catch {
    return undefined;
  }
}

function sameKey(text: string, bytes: Buffer): boolean {
  try {
    return Buffer.compare(parseKey(text, "json", "ordered"), bytes) === 0;
  } catch {
    return false;
  }
}

/** The value's part of a line. */
export function valueField(value: Uint8Array, encoding: ValueEncoding): string {
  const bytes = buffer(value);
  const text = encoding === "binary" ? undefined : exactText(bytes);
  if (text !== undefined && encoding === "utf8") return `"value":${JSON.stringify(text)}`;
  if (text !== undefined && isCanonicalJson(text)) return `"value":${text}`;
  return `"value64":"${bytes.toString("base64")}"`;
}

function isCanonicalJson(text: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
