/**
 * Bounds and options of ranges: their checks, and what they are as encoded bytes.
 */

import { OptionError } from "../base/errors.js";
import { assertOptions, flag } from "./call-options.js";
import type { KeyCodec } from "./key-codec.js";

/** Where a range begins and ends. Without any, it is the whole tree. */
export interface BoundOptions<K> {
  /** Keys above this one. Excludes gte. */
  readonly gt?: K;
  /** Keys from this one on. */
  readonly gte?: K;
  /** Keys below this one. Excludes lte. */
  readonly lt?: K;
  /** Keys up to this one. */
  readonly lte?: K;
  /** Keys that begin with it, of utf8 and binary keys. Excludes the other bounds. */
  readonly prefix?: K;
}

/** Which records a range gives, in which order, and how many. */
export interface RangeOptions<K> extends BoundOptions<K> {
  /** From the last key down. Default false. */
  readonly reverse?: boolean;
  /** At most so many records, a whole number from 0 on. Default: all. */
  readonly limit?: number;
}

/** A bound as encoded bytes. */
export interface Bound {
  readonly key: Uint8Array;
  readonly inclusive: boolean;
}

export interface Bounds {
  readonly low: Bound | undefined;
  readonly high: Bound | undefined;
}

/** What a range's options say, with nothing left open. */
export interface RangeSettings extends Bounds {
  readonly reverse: boolean;
  readonly limit: number;
}

const BOUND_NAMES = ["gt", "gte", "lt", "lte", "prefix"] as const;
const BOUND_SET: ReadonlySet<string> = new Set(BOUND_NAMES);
const RANGE_SET: ReadonlySet<string> = new Set([...BOUND_NAMES, "reverse", "limit"]);

/** Throws OptionError, EncodingError, KeyTooLargeError. */
export function readRange<K>(
  options: RangeOptions<K>,
  keys: KeyCodec,
  encode: (key: K) => Uint8Array,
): RangeSettings {
  assertOptions(options, RANGE_SET);
  const reverse = flag("reverse", options.reverse ?? false);
  const limit = readLimit(options.limit);
  const { low, high } = encodeBounds(options, keys, encode);
  return { low, high, reverse, limit };
}

/**
 * Bounds of what is to be removed. Those that are there but undefined, and none at all, would be every record, and
 * come of a slip. Throws as readRange does.
 */
export function readRemoval<K>(
  options: BoundOptions<K>,
  keys: KeyCodec,
  encode: (key: K) => Uint8Array,
): Bounds {
  assertOptions(options, BOUND_SET);
  const given = BOUND_NAMES.filter((name) => name in options);
  for (const name of given) {
    if (options[name] === undefined)
      throw new OptionError(name, "is undefined; leave out a bound that is none");
  }
  if (given.length === 0) throw new OptionError("options", "name a bound; clear() removes all records");
  const bounds = encodeBounds(options, keys, encode);
  if (bounds.low === undefined && bounds.high === undefined)
    throw new OptionError("prefix", "is empty; clear() removes all records");
  return bounds;
}

function encodeBounds<K>(options: BoundOptions<K>, keys: KeyCodec, encode: (key: K) => Uint8Array): Bounds {
  const { gt, gte, lt, lte, prefix } = options;
  if (gt !== undefined && gte !== undefined) throw new OptionError("gt", "excludes gte");
  if (lt !== undefined && lte !== undefined) throw new OptionError("lt", "excludes lte");
  const low = gte !== undefined ? gte : gt;
  const high = lte !== undefined ? lte : lt;
  if (prefix !== undefined) {
    if (low !== undefined || high !== undefined) throw new OptionError("prefix", "excludes the other bounds");
    if (keys.name === "ordered") throw new OptionError("prefix", "is for utf8 and binary keys");
    return prefixBounds(encode(prefix));
  }
  return {
    low: low === undefined ? undefined : { key: encode(low), inclusive: gte !== undefined },
    high: high === undefined ? undefined : { key: encode(high), inclusive: lte !== undefined },
  };
}

/** All keys that begin with some bytes: up to the smallest key above them, if there is one. */
function prefixBounds(prefix: Uint8Array): Bounds {
  if (prefix.length === 0) return { low: undefined, high: undefined };
  const low = { key: prefix, inclusive: true };
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return { low, high: undefined };
  const above = Uint8Array.from(prefix.subarray(0, end));
  above[end - 1]!++;
  return { low, high: { key: above, inclusive: false } };
}

function readLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (limit === Number.POSITIVE_INFINITY) return limit;
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new OptionError("limit", "must be a whole number from 0 on");
  return limit;
}
