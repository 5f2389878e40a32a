/**
 * Ranges as abstract-level hands them on (bounds encoded, reverse and limit normalised), and what they are
 * for the store: bounds of bytes.
 */

import { isBytes } from "../base/bytes.js";
import type { Bound, Bounds, RangeOptions } from "../store/range-options.js";
import type { LevelSnapshot } from "./snapshot.js";

/** Encoded data in one of the formats that the database takes natively. */
export type Data = string | Uint8Array;
export type Format = "utf8" | "buffer" | "view";

export interface RawRange {
  readonly gt?: Data;
  readonly gte?: Data;
  readonly lt?: Data;
  readonly lte?: Data;
  readonly reverse: boolean;
  /** -1: none. */
  readonly limit: number;
  readonly snapshot?: LevelSnapshot | null;
}

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

/** Bounds as they are given. */
export function givenBounds({ gt, gte, lt, lte }: RawRange): Bounds {
  return { low: bound(gte, gt), high: bound(lte, lt) };
}

function bound(inclusive: Data | undefined, exclusive: Data | undefined): Bound | undefined {
  if (inclusive !== undefined) return { key: toBytes(inclusive), inclusive: true };
  return exclusive === undefined ? undefined : { key: toBytes(exclusive), inclusive: false };
}

/**
 * Bounds longer than any key can be are cut to the longest key: nothing lies between the two, and the
 * longest key itself is below the bound.
 */
export function cutBounds({ low, high }: Bounds, keyBytesMax: number): Bounds {
  const cut = (long: Bound | undefined, inclusive: boolean): Bound | undefined =>
    long === undefined || long.key.length <= keyBytesMax
      ? long
      : { key: long.key.subarray(0, keyBytesMax), inclusive };
  return { low: cut(low, false), high: cut(high, true) };
}

export function boundsOf(range: RawRange, keyBytesMax: number): Bounds {
  return cutBounds(givenBounds(range), keyBytesMax);
}

/** The same bounds as options of a range. */
export function rangeOptionsOf({ low, high }: Bounds): RangeOptions<Uint8Array> {
  return {
    ...(low !== undefined && (low.inclusive ? { gte: low.key } : { gt: low.key })),
    ...(high !== undefined && (high.inclusive ? { lte: high.key } : { lt: high.key })),
  };
}
