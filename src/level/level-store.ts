/**
 * The store behind one open database: its unnamed tree, read and written in abstract-level's formats. All
 * calls are synchronous but for what waits for a sync.
 */

import { KeyTooLargeError } from "../base/errors.js";
import { UNNAMED } from "../store/catalog.js";
import type { Engine } from "../store/engine.js";
import { open } from "../store/open.js";
import type { KeyEncoding, StoreOptions, ValueEncoding } from "../store/options.js";
import type { Store } from "../store/store.js";
import { TreeHandle } from "../store/tree-handle.js";
import { levelError } from "./errors.js";
import { type Data, storable } from "./formats.js";
import { boundsOf, type RawRange, rangeOptionsOf } from "./range.js";
import { View } from "./view.js";

/** One step of a batch as abstract-level hands it on. */
export interface RawOperation {
  readonly type: "put" | "del";
  readonly key: Data;
  readonly value?: Data;
}

/** Handles of the unnamed tree: by what the key and the value are given as. */
interface Handles {
  readonly bytes: TreeHandle<Data, Data>;
  readonly text: TreeHandle<Data, Data>;
  readonly textKeys: TreeHandle<Data, Data>;
  readonly textValues: TreeHandle<Data, Data>;
  /** As the last commit left it. */
  readonly now: View;
}

function handlesAt(engine: Engine, root: number): Handles {
  const handle = (keyEncoding: KeyEncoding, valueEncoding: ValueEncoding): TreeHandle<Data, Data> =>
    new TreeHandle<Data, Data>(engine, UNNAMED, { root, keyEncoding, valueEncoding });
  return {
    bytes: handle("binary", "binary"),
    text: handle("utf8", "utf8"),
    textKeys: handle("utf8", "binary"),
    textValues: handle("binary", "utf8"),
    now: new View(engine, root, -1),
  };
}

export class LevelStore {
  readonly store: Store<Uint8Array, Uint8Array>;
  readonly engine: Engine;
  #handles: Handles;

  /** Throws as open() does. */
  constructor(path: string, options: StoreOptions) {
    this.store = open<Uint8Array, Uint8Array>(path, {
      ...options,
      keyEncoding: "binary",
      valueEncoding: "binary",
    });
    this.engine = this.store["engine"];
    this.#handles = handlesAt(this.engine, this.store.root);
    this.engine.onUnnamedMoved = (root) => {
      this.#handles = handlesAt(this.engine, root);
    };
  }

  get now(): View {
    return this.#handles.now;
  }

  #handle(key: Data, value: Data): TreeHandle<Data, Data> {
    const { text, textKeys, textValues, bytes } = this.#handles;
    if (typeof key === "string") return typeof value === "string" ? text : textKeys;
    return typeof value === "string" ? textValues : bytes;
  }

  put(key: Data, value: Data): void {
    try {
      this.#handle(key, value).put(storable(key), storable(value));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** A key that is longer than keys can be is not there. */
  del(key: Data): void {
    try {
      this.#handle(key, key).delete(storable(key));
    } catch (error) {
      if (!(error instanceof KeyTooLargeError)) throw levelError(error);
    }
  }

  /** As put, but resolves when it is durable: those of one turn of the event loop share a transaction. */
  async putAwaited(key: Data, value: Data): Promise<void> {
    try {
      await this.#handle(key, value).putAsync(storable(key), storable(value));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** As del, and as putAwaited. */
  async delAwaited(key: Data): Promise<void> {
    const removal = this.#handle(key, key).deleteAsync(storable(key));
    try {
      await removal.catch((error: unknown) => {
        if (!(error instanceof KeyTooLargeError)) throw error;
        // Nothing to remove: what was written before is to be durable all the same.
        return this.store.flush();
      });
    } catch (error) {
      throw levelError(error);
    }
  }

  /** All or nothing. */
  batch(operations: readonly RawOperation[]): void {
    try {
      this.engine.change(undefined, true, () => {
        for (const operation of operations) this.#apply(operation);
      });
    } catch (error) {
      throw levelError(error);
    }
  }

  #apply({ type, key, value }: RawOperation): void {
    if (type === "put") {
      const put = { type: "put", key: storable(key), value: storable(value!) } as const;
      this.#handle(key, value!).applyOperation(put);
      return;
    }
    try {
      this.#handle(key, key).applyOperation({ type: "delete", key: storable(key) });
    } catch (error) {
      if (!(error instanceof KeyTooLargeError)) throw error;
    }
  }

  /**
   * Removes the records in a range, as of its snapshot where it has one, and at most `limit` from its
   * beginning or end. One change: all or nothing.
   */
  clear(range: RawRange): void {
    try {
      if (range.limit < 0 && (range.snapshot === undefined || range.snapshot === null)) {
        const bounds = boundsOf(range, this.engine.context.keyBytesMax);
        if (bounds.low === undefined && bounds.high === undefined) this.#handles.bytes.clear();
        else this.#handles.bytes.deleteRange(rangeOptionsOf(bounds));
      } else this.#clearSome(range);
    } catch (error) {
      throw levelError(error);
    }
  }

  #clearSome(range: RawRange): void {
    const { engine, now } = this;
    engine.queue.flush();
    const given = range.snapshot?.view;
    const view = given ?? new View(engine, now.root, engine.acquireSnapshot());
    const bounds = boundsOf(range, engine.context.keyBytesMax);
    const formats = { keyEncoding: "view", valueEncoding: "view" } as const;
    let left = range.limit < 0 ? Number.POSITIVE_INFINITY : range.limit;
    const keys = view.range<Uint8Array>("keys", formats, bounds, range.reverse);
    try {
      engine.change(undefined, true, () => {
        for (const key of keys) {
          if (left-- <= 0) break;
          this.#handles.bytes.applyOperation({ type: "delete", key });
        }
      });
    } finally {
      if (given === undefined) engine.releaseSnapshot(view.commit);
    }
  }

  /** Bytes of the file that the records from `start` on and below `end` take, by their share of all. */
  approximateBytes(start: Data, end: Data): number {
    const { records, pages, freePages, pageSize } = this.store.stats();
    if (records === 0) return 0;
    const range: RawRange = { gte: start, lt: end, reverse: false, limit: -1 };
    const bounds = boundsOf(range, this.engine.context.keyBytesMax);
    const share = this.#handles.bytes.count(rangeOptionsOf(bounds)) / records;
    return Math.round(share * (pages - freePages) * pageSize);
  }
}
