/**
 * A tree as encoded bytes, whatever its encodings are: for copies, and for commands that show records without
 * knowing what they mean.
 */

import type { Catalog, TreeRecord } from "./catalog.js";
import type { Engine } from "./engine.js";
import { TreeHandle } from "./tree-handle.js";

export interface RawTree {
  readonly name: string;
  /** What the catalogue says of it. */
  readonly record: TreeRecord;
  /** Its keys and values are bytes. */
  readonly handle: TreeHandle<Uint8Array, Uint8Array>;
}

/** undefined where the store has no tree of that name. Throws CorruptionError. */
export function rawTree(engine: Engine, catalog: Catalog, name: string): RawTree | undefined {
  const record = catalog.tree(name, -1);
  if (record === undefined) return undefined;
  const bytes: TreeRecord = { root: record.root, keyEncoding: "binary", valueEncoding: "binary" };
  return { name, record, handle: new TreeHandle<Uint8Array, Uint8Array>(engine, name, bytes) };
}
