/**
 * Ranges as abstract-level hands them on (bounds encoded, reverse and limit normalised), and what they are
 * for the store: bounds of bytes.
 */

import type { Bound, Bounds, RangeOptions } from "../store/range-options.js";
import { type Data, toBytes } from "./formats.js";
import type { LevelSnapshot } from "./snapshot.js";

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
