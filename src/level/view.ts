/**
 * Reading the database's tree in the formats of encoded data that abstract-level knows, as the last commit
 * left it or as a snapshot sees it.
 */

import { KeyTooLargeError } from "../base/errors.js";
import type { Engine } from "../store/engine.js";
import { keyCodec } from "../store/key-codec.js";
import { type Bounds, RangeIterator, type RangeShape } from "../store/range.js";
import { Reader } from "../store/reader.js";
import { valueCodec } from "../store/value-codec.js";
import { levelError } from "./errors.js";
import type { Data, Format } from "./range.js";

/** Formats that an operation wants its data in. */
export interface KeyFormat {
  readonly keyEncoding: Format;
}
export interface Formats extends KeyFormat {
  readonly valueEncoding: Format;
}

/** LevelDB writes lone surrogates as U+FFFD; the store refuses them. */
export function wellFormed(data: Data): Data {
  return typeof data === "string" ? data.toWellFormed() : data;
}

export class View {
  readonly engine: Engine;
  readonly root: number;
  /** Commit that is read, or -1. */
  readonly commit: number;
  /** By key format and value format; made at first use. */
  readonly #readers: (Reader<Data, Data> | undefined)[] = [undefined, undefined, undefined, undefined];

  constructor(engine: Engine, root: number, commit: number) {
    this.engine = engine;
    this.root = root;
    this.commit = commit;
  }

  #reader(textKeys: boolean, textValues: boolean): Reader<Data, Data> {
    const index = (textKeys ? 1 : 0) | (textValues ? 2 : 0);
    let reader = this.#readers[index];
    if (reader === undefined) {
      const keys = keyCodec(textKeys ? "utf8" : "binary");
      const values = valueCodec(textValues ? "utf8" : "binary");
      reader = new Reader<Data, Data>(this.engine, this.engine.treeAt(this.root), keys, values, this.commit);
      this.#readers[index] = reader;
    }
    return reader;
  }

  /** A key that is longer than keys can be is not there. */
  get(key: Data, options: Formats): Data | undefined {
    try {
      return this.#reader(typeof key === "string", options.valueEncoding === "utf8").get(wellFormed(key));
    } catch (error) {
      if (error instanceof KeyTooLargeError) return undefined;
      throw levelError(error);
    }
  }

  has(key: Data): boolean {
    try {
      return this.#reader(typeof key === "string", false).has(wellFormed(key));
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
      keyCodec(formats.keyEncoding === "utf8" ? "utf8" : "binary"),
      valueCodec(formats.valueEncoding === "utf8" ? "utf8" : "binary"),
      shape,
      bounds,
      reverse,
      Number.POSITIVE_INFINITY,
      this.commit,
    );
  }
}
