/**
 * `db.batch()` without operations: they are gathered one by one, and written as one batch. Bytes are copied when
 * they are given, as classic-level copies them: the caller may use a buffer again for the next operation.
 */

import { AbstractChainedBatch } from "abstract-level";
import { type Data, toBytes } from "./formats.js";
import type { RawOperation } from "./level-store.js";
import type { WriteOptions } from "./options.js";

/** What writes a batch: the database's own. */
export type BatchWriter = (
  operations: readonly RawOperation[],
  options: WriteOptions,
) => Promise<void> | undefined;

function kept(data: Data): Data {
  return typeof data === "string" ? data : toBytes(data);
}

export class LevelChainedBatch<D, K, V> extends AbstractChainedBatch<D, K, V> {
  readonly #writer: BatchWriter;
  #operations: RawOperation[] = [];

  constructor(db: D, writer: BatchWriter) {
    super(db);
    this.#writer = writer;
  }

  protected _put(key: Data, value: Data): void {
    this.#operations.push({ type: "put", key: kept(key), value: kept(value) });
  }

  protected _del(key: Data): void {
    this.#operations.push({ type: "del", key: kept(key) });
  }

  protected _clear(): void {
    this.#operations = [];
  }

  protected async _write(options: WriteOptions): Promise<void> {
    await this.#writer(this.#operations, options);
  }
}
