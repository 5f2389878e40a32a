/**
 * What the three kinds of iterators share: records of one commit between bounds, a position that seek()
 * moves, and an AbortSignal. A scan without a snapshot given holds one of its own until it is closed.
 */

import { setImmediate as breathe } from "node:timers/promises";
import { compareBytes, EMPTY_BYTES } from "../base/bytes.js";
import type { RangeIterator, RangeShape } from "../store/range.js";
import type { Bounds } from "../store/range-options.js";
import { LevelAbortError, levelError } from "./errors.js";
import type { Data } from "./formats.js";
import { cutBounds, givenBounds, placeBytes, type RawRange } from "./range.js";
import { type Formats, View } from "./view.js";

/** all() lets the event loop turn after so many records. */
const RECORDS_A_TURN = 1000;

export interface ScanOptions extends RawRange, Formats {
  readonly signal?: AbortSignal | null;
}

export class Scan<T> {
  readonly #view: View;
  readonly #ownsSnapshot: boolean;
  readonly #shape: RangeShape;
  readonly #options: ScanOptions;
  /** As given: a target of seek may be longer than any key, as they may. */
  readonly #bounds: Bounds;
  readonly #signal: AbortSignal | undefined;
  readonly #convert: ((item: Data) => T) | undefined;
  #range: RangeIterator<T | Data> | undefined;

  /** `convert` makes the items, where they are not what the shape gives. */
  constructor(now: View, shape: RangeShape, options: ScanOptions, convert?: (item: Data) => T) {
    const { engine, root } = now;
    // A bound may be refused: before there is a snapshot that nobody would release.
    this.#bounds = givenBounds(options);
    const given = options.snapshot?.view;
    this.#ownsSnapshot = given === undefined;
    this.#view = given ?? new View(engine, root, engine.acquireSnapshot());
    this.#shape = shape;
    this.#options = options;
    this.#signal = options.signal ?? undefined;
    this.#convert = convert;
  }

  /** The next record; a promise of it where a signal may stop it. */
  next(): T | undefined | Promise<T | undefined> {
    return this.#signal === undefined ? this.#next() : this.#abortable(this.#signal, () => this.#next());
  }

  /** Up to `size` records, fewer only at the end. */
  nextv(size: number): T[] | Promise<T[]> {
    return this.#signal === undefined
      ? this.#fill([], size)
      : this.#abortable(this.#signal, () => this.#fill([], size));
  }

  /** The rest, up to `limit` records. */
  async all(limit: number): Promise<T[]> {
    const items: T[] = [];
    const signal = this.#signal;
    for (;;) {
      const wanted = Math.min(items.length + RECORDS_A_TURN, limit);
      if (signal === undefined) this.#fill(items, wanted);
      else await this.#abortable(signal, () => this.#fill(items, wanted));
      if (items.length < wanted || items.length >= limit) return items;
      await breathe();
    }
  }

  /** A signal that fires in the turn of the call counts, though the store would be done before. */
  async #abortable<R>(signal: AbortSignal, read: () => R): Promise<R> {
    await undefined;
    if (signal.aborted) throw new LevelAbortError(signal);
    return read();
  }

  #next(): T | undefined {
    try {
      const next = this.#current().next();
      return next.done === true ? undefined : this.#item(next.value);
    } catch (error) {
      throw levelError(error);
    }
  }

  /** Adds records until there are `size` items, or no more records. */
  #fill(items: T[], size: number): T[] {
    try {
      const range = this.#current();
      while (items.length < size) {
        const next = range.next();
        if (next.done === true) break;
        items.push(this.#item(next.value));
      }
    } catch (error) {
      throw levelError(error);
    }
    return items;
  }

  #item(item: T | Data): T {
    return this.#convert === undefined ? (item as T) : this.#convert(item as Data);
  }

  #current(): RangeIterator<T | Data> {
    this.#range ??= this.#from(this.#bounds);
    return this.#range;
  }

  #from(bounds: Bounds): RangeIterator<T | Data> {
    const cut = cutBounds(bounds, this.#view.engine.context.keyBytesMax);
    return this.#view.range<T | Data>(this.#shape, this.#options, cut, this.#options.reverse);
  }

  /** Goes on at the first record from `target` on, in the scan's direction; at none outside of its range. */
  seek(target: Data | undefined): void {
    const { low, high } = this.#bounds;
    const key = placeBytes(target);
    this.#range?.return();
    if (!isWithin(key, this.#bounds)) this.#range = this.#from(NOTHING);
    else if (this.#options.reverse) this.#range = this.#from({ low, high: { key, inclusive: true } });
    else this.#range = this.#from({ low: { key, inclusive: true }, high });
  }

  /** To be called once. */
  close(): void {
    this.#range?.return();
    if (this.#ownsSnapshot) this.#view.engine.releaseSnapshot(this.#view.commit);
  }
}

/** No key is below the empty one. */
const NOTHING: Bounds = { low: undefined, high: { key: EMPTY_BYTES, inclusive: false } };

function isWithin(key: Uint8Array, { low, high }: Bounds): boolean {
  if (low !== undefined) {
    const order = compareBytes(key, low.key);
    if (order < 0 || (order === 0 && !low.inclusive)) return false;
  }
  if (high === undefined) return true;
  const order = compareBytes(key, high.key);
  return order < 0 || (order === 0 && high.inclusive);
}
