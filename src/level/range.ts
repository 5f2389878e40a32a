/**
 * Ranges as abstract-level hands them on (bounds encoded, reverse and limit normalised), and what they are
 * for the store: bounds of bytes.
 */

import type { Bound, Bounds, RangeOptions } from "../store/range-options.js";
import { type Data, toBytes } from "./formats.js";
import type { LevelSnapshot } from "./snapshot.js";

export interface RawRange {
  readonly gt?: Data | undefined;
  readonly gte?: Data | undefined;
  readonly lt?: Data | undefined;
  readonly lte?: Data | undefined;
  readonly reverse: boolean;
  /** -1: none. */
  readonly limit: number;
  readonly snapshot?: LevelSnapshot | null;
}

/** Bounds as they are given. */
export function givenBounds(range: RawRange): Bounds {
  return { low: bound(range, "gte", "gt"), high: bound(range, "lte", "lt") };
}

/** A bound that is given counts, whatever the encoding has made of it: left out, clear() would remove what lies beyond. */
function bound(range: RawRange, inclusive: "gte" | "lte", exclusive: "gt" | "lt"): Bound | undefined {
  if (inclusive in range) return { key: placeBytes(range[inclusive]), inclusive: true };
  return exclusive in range ? { key: placeBytes(range[exclusive]), inclusive: false } : undefined;
}

/** A place among the keys: JSON makes undefined of undefined, which is the empty key, as for LevelDB. */
export function placeBytes(place: Data | undefined): Uint8Array {
  return toBytes(place ?? "");
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
