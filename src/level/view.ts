/**
 * Reading the database's tree in the formats of encoded data that abstract-level knows, as the last commit
 * left it or as a snapshot sees it.
 */

import { KeyTooLargeError } from "../base/errors.js";
import type { Engine } from "../store/engine.js";
import { RangeIterator, type RangeShape } from "../store/range.js";
import type { Bounds } from "../store/range-options.js";
import { Reader } from "../store/reader.js";
import { asBuffer, keysAs, valuesAs } from "./codecs.js";
import { levelError } from "./errors.js";
import { type Data, type Format, storable } from "./formats.js";

/** Formats that an operation wants its data in. */
export interface KeyFormat {
  readonly keyEncoding: Format;
}
export interface Formats extends KeyFormat {
  readonly valueEncoding: Format;
}

type ReadersByFormat = Record<Format, Reader<Data, Data> | undefined>;

export class View {
  readonly engine: Engine;
  readonly root: number;
  /** Commit that is read, or -1. */
  readonly commit: number;
  /** By the value's format, for keys as text and as bytes; made at first use. */
  readonly #textKeys: ReadersByFormat = { utf8: undefined, buffer: undefined, view: undefined };
  readonly #byteKeys: ReadersByFormat = { utf8: undefined, buffer: undefined, view: undefined };

  constructor(engine: Engine, root: number, commit: number) {
    this.engine = engine;
    this.root = root;
    this.commit = commit;
  }

  #reader(key: Data, values: Format): Reader<Data, Data> {
    const text = typeof key === "string";
    const readers = text ? this.#textKeys : this.#byteKeys;
    let reader = readers[values];
    if (reader === undefined) {
      const { engine, root, commit } = this;
      const keys = keysAs(text ? "utf8" : "view");
      reader = new Reader<Data, Data>(engine, engine.treeAt(root), keys, valuesAs(values), commit);
      readers[values] = reader;
    }
    return reader;
  }

  /** A key that is longer than keys can be is not there. */
  get(key: Data, options: Formats): Data | undefined {
    try {
      const { valueEncoding } = options;
      const value = this.#reader(key, valueEncoding).get(storable(key));
      return valueEncoding === "buffer" && value !== undefined ? asBuffer(value as Uint8Array) : value;
    } catch (error) {
      if (error instanceof KeyTooLargeError) return undefined;
      throw levelError(error);
    }
  }

  has(key: Data): boolean {
    try {
      return this.#reader(key, "view").has(storable(key));
    } catch (error) {
      if (error instanceof KeyTooLargeError) return false;
      throw levelError(error);
    }
  }

  /** Records between bounds as an iterator of the store; the view must be of a commit. */
  range<T>(shape: RangeShape, formats: Formats, bounds: Bounds, reverse: boolean): RangeIterator<T> {
    const { engine } = this;
    return new RangeIterator<T>(
      engine,
      engine.treeAt(this.root),
      keysAs(formats.keyEncoding),
      valuesAs(formats.valueEncoding),
      shape,
      { ...bounds, reverse, limit: Number.POSITIVE_INFINITY },
      this.commit,
    );
  }
}
