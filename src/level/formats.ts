/** The formats that the database takes and gives natively: other encodings are abstract-level's business. */

import { isBytes } from "../base/bytes.js";

/** Encoded data in one of the formats. */
export type Data = string | Uint8Array;
export type Format = "utf8" | "buffer" | "view";

/**
 * Data as the store takes it. LevelDB writes lone surrogates as U+FFFD; the store refuses them. Of a view that is
 * no Uint8Array, which the view encoding hands on as it is, the bytes count, as for LevelDB.
 */
export function storable(data: Data): Data {
  return typeof data === "string" ? data.toWellFormed() : bytesOf(data);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return isBytes(view) ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A copy: iterators keep bounds for later, callers may reuse their buffers. */
export function toBytes(data: Data): Uint8Array {
  return typeof data === "string" ? Buffer.from(data, "utf8") : new Uint8Array(bytesOf(data));
}
