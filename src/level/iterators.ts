/**
 * The iterators behind `db.iterator()`, `db.keys()` and `db.values()`. Each makes its scan, which may refuse a bound,
 * before abstract-level knows of the iterator: it would close what was never made with the database, and fail.
 */

import {
  AbstractIterator,
  type AbstractIteratorOptions,
  AbstractKeyIterator,
  type AbstractKeyIteratorOptions,
  AbstractValueIterator,
  type AbstractValueIteratorOptions,
} from "abstract-level";
import type { Data } from "./formats.js";
import { Scan, type ScanOptions } from "./scan.js";
import type { View } from "./view.js";

export interface EntryOptions extends ScanOptions {
  /** False: no values are wanted, and none are read. */
  readonly values: boolean;
}

type Entry = [key: Data, value: Data | undefined];
type Maybe<T> = T | Promise<T>;

export class EntryIterator<D, K, V> extends AbstractIterator<D, K, V> {
  readonly #scan: Scan<Entry>;

  constructor(db: D, now: View, options: EntryOptions) {
    const scan = options.values
      ? new Scan<Entry>(now, "entries", options)
      : new Scan<Entry>(now, "keys", options, (key) => [key, undefined]);
    super(db, options as object as AbstractIteratorOptions<K, V>);
    this.#scan = scan;
  }

  protected _next(): Maybe<Entry | undefined> {
    return this.#scan.next();
  }

  protected _nextv(size: number): Maybe<Entry[]> {
    return this.#scan.nextv(size);
  }

  protected _all(): Promise<Entry[]> {
    return this.#scan.all(this.limit - this.count);
  }

  protected _seek(target: Data | undefined): void {
    this.#scan.seek(target);
  }

  protected _close(): void {
    this.#scan.close();
  }
}

export class KeyIterator<D, K> extends AbstractKeyIterator<D, K> {
  readonly #scan: Scan<Data>;

  constructor(db: D, now: View, options: ScanOptions) {
    const scan = new Scan<Data>(now, "keys", options);
    super(db, options as object as AbstractKeyIteratorOptions<K>);
    this.#scan = scan;
  }

  protected _next(): Maybe<Data | undefined> {
    return this.#scan.next();
  }

  protected _nextv(size: number): Maybe<Data[]> {
    return this.#scan.nextv(size);
  }

  protected _all(): Promise<Data[]> {
    return this.#scan.all(this.limit - this.count);
  }

  protected _seek(target: Data | undefined): void {
    this.#scan.seek(target);
  }

  protected _close(): void {
    this.#scan.close();
  }
}

export class ValueIterator<D, K, V> extends AbstractValueIterator<D, K, V> {
  readonly #scan: Scan<Data>;

  constructor(db: D, now: View, options: ScanOptions) {
    const scan = new Scan<Data>(now, "values", options);
    super(db, options as object as AbstractValueIteratorOptions<K, V>);
    this.#scan = scan;
  }

  protected _next(): Maybe<Data | undefined> {
    return this.#scan.next();
  }

  protected _nextv(size: number): Maybe<Data[]> {
    return this.#scan.nextv(size);
  }

  protected _all(): Promise<Data[]> {
    return this.#scan.all(this.limit - this.count);
  }

  protected _seek(target: Data | undefined): void {
    this.#scan.seek(target);
  }

  protected _close(): void {
    this.#scan.close();
  }
}
