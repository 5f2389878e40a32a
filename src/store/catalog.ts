/**
 * The catalogue: a tree of its own that names the others. Key: the tree's name in UTF-8, empty for the
 * unnamed tree. Value: root page u32 | key encoding u8 | value encoding u8 | zero u16.
 *
 * Names that begin with a zero byte are reserved records, not trees; their values are free.
 */

import { isUtf8 } from "node:buffer";
import { byteMemory, readU32, writeU32 } from "../base/bytes.js";
import { CorruptionError, EncodingError, KeyTooLargeError, OptionError } from "../base/errors.js";
import { isOverflow, keyOf, valueAt, valueLength } from "../page/leaf.js";
import { overflowValue, readReference } from "../page/overflow.js";
import { Cursor } from "../tree/cursor.js";
import { Tree } from "../tree/tree.js";
import type { Engine } from "./engine.js";
import {
  KEY_ENCODINGS,
  type KeyEncoding,
  type TreeOptions,
  VALUE_ENCODINGS,
  type ValueEncoding,
} from "./options.js";

export const CATALOG_RECORD_BYTES = 8;
export const UNNAMED = "";
const RESERVED = "\0";

export interface TreeRecord {
  readonly root: number;
  readonly keyEncoding: KeyEncoding;
  readonly valueEncoding: ValueEncoding;
}

export function encodeTreeRecord(record: TreeRecord): Uint8Array {
  const bytes = new Uint8Array(CATALOG_RECORD_BYTES);
  writeU32(bytes, 0, record.root);
  bytes[4] = KEY_ENCODINGS.indexOf(record.keyEncoding);
  bytes[5] = VALUE_ENCODINGS.indexOf(record.valueEncoding);
  return bytes;
}

/** undefined where the bytes are no record of a tree. */
export function decodeTreeRecord(bytes: Uint8Array): TreeRecord | undefined {
  const keyEncoding = KEY_ENCODINGS[bytes[4]!];
  const valueEncoding = VALUE_ENCODINGS[bytes[5]!];
  const root = bytes.length === CATALOG_RECORD_BYTES ? readU32(bytes, 0) : 0;
  if (root === 0 || keyEncoding === undefined || valueEncoding === undefined) return undefined;
  return { root, keyEncoding, valueEncoding };
}

/** Half a character is written as another one: two names would be one tree, with a handle each. */
export function assertTreeName(name: unknown): asserts name is string {
  if (typeof name !== "string" || name === UNNAMED || name.startsWith(RESERVED) || !name.isWellFormed()) {
    throw new OptionError(
      "name",
      "a tree's name is a string that is not empty, does not begin with a zero byte and has no lone surrogates",
    );
  }
}

export class Catalog {
  readonly #engine: Engine;
  #tree: Tree;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#tree = engine.treeAt(engine.pager.space.catalogRoot);
  }

  get root(): number {
    return this.#tree.root;
  }

  /** Inside a transaction: the root's content has been copied to `root`. REQUIRES: no snapshot is open. */
  moveTo(root: number): void {
    const before = this.#tree;
    const { pager } = this.#engine;
    pager.space.moveCatalog(root);
    this.#tree = this.#engine.treeAt(root);
    this.#engine.onEnd({
      committed: () => this.#engine.forgetTree(before.root),
      rolledBack: () => {
        this.#engine.forgetTree(root);
        this.#tree = before;
      },
    });
  }

  /** The bytes of a record, or undefined. `snapshot` as everywhere: -1 is now. */
  read(name: string, snapshot: number): Uint8Array | undefined {
    const key = Buffer.from(name, "utf8");
    const slot = this.#tree.find(key, key.length, snapshot);
    return slot < 0 ? undefined : this.#valueAt(this.#tree.foundIn, slot);
  }

  #valueAt(offset: number, slot: number): Uint8Array {
    const { pager } = this.#engine;
    const at = valueAt(pager.pool, offset, slot);
    if (!isOverflow(pager.pool, offset, slot))
      return pager.pool.u8.slice(at, at + valueLength(pager.pool, offset, slot));
    return overflowValue(pager, readReference(pager.pool.u8, at)).u8;
  }

  /** A tree's record, or undefined. Throws CorruptionError. */
  tree(name: string, snapshot: number): TreeRecord | undefined {
    const bytes = this.read(name, snapshot);
    return bytes === undefined ? undefined : this.#decode(bytes);
  }

  #decode(bytes: Uint8Array): TreeRecord {
    const { pager } = this.#engine;
    const record = decodeTreeRecord(bytes);
    if (record === undefined || record.root >= pager.pageCount)
      throw this.#damaged("a record of the catalogue makes no sense");
    return record;
  }

  /** Throws CorruptionError for bytes that nobody can ask for: by what they look like another tree would be made. */
  #name(key: Uint8Array): string {
    if (!isUtf8(key)) throw this.#damaged("a name in the catalogue is not UTF-8");
    return Buffer.from(key).toString("utf8");
  }

  #damaged(reason: string): CorruptionError {
    const { path } = this.#engine.pager.data.file;
    return new CorruptionError("S3", reason, { path, page: this.root, offset: -1 });
  }

  /** Puts a record; inside the caller's change. */
  write(name: string, value: Uint8Array): void {
    const { entry } = this.#engine;
    const key = Buffer.from(name, "utf8");
    const kept = entry.keyMemory;
    entry.keyMemory = byteMemory(key);
    entry.keyLength = key.length;
    entry.value = value;
    entry.from = 0;
    entry.length = value.length;
    try {
      this.#tree.put(entry);
    } finally {
      entry.keyMemory = kept;
    }
  }

  remove(name: string): boolean {
    const key = Buffer.from(name, "utf8");
    return this.#tree.remove(key, key.length);
  }

  /** Names of the named trees, in order of their bytes. Throws CorruptionError. */
  names(snapshot: number): string[] {
    return [...this.all(snapshot).keys()].filter((name) => name !== UNNAMED);
  }

  /** All trees, the unnamed one included. Throws CorruptionError. */
  all(snapshot: number): Map<string, TreeRecord> {
    const trees = new Map<string, TreeRecord>();
    const cursor = new Cursor(this.#tree, snapshot);
    for (let more = cursor.first(); more; more = cursor.next()) {
      const key = keyOf(this.#engine.pager.pool, cursor.offset, cursor.slot);
      // A reserved record.
      if (key[0] === 0) continue;
      trees.set(this.#name(key), this.#decode(this.#valueAt(cursor.offset, cursor.slot)));
    }
    return trees;
  }

  /** Makes a tree; inside the caller's change. Throws KeyTooLargeError; nothing is changed then. */
  create(name: string, options: TreeOptions): TreeRecord {
    const { keyBytesMax } = this.#engine.context;
    const length = Buffer.byteLength(name, "utf8");
    // Before there is a root that no record names.
    if (length > keyBytesMax) throw new KeyTooLargeError(length, keyBytesMax);
    const root = Tree.create(this.#engine.context);
    const record: TreeRecord = {
      root,
      keyEncoding: options.keyEncoding ?? "utf8",
      valueEncoding: options.valueEncoding ?? "json",
    };
    this.write(name, encodeTreeRecord(record));
    return record;
  }
}

/** Throws EncodingError where a tree is asked for with other encodings than it has (S3). */
export function assertEncodings(name: string, record: TreeRecord, wanted: TreeOptions): void {
  const which = name === UNNAMED ? "the unnamed tree" : `the tree "${name}"`;
  if (wanted.keyEncoding !== undefined && wanted.keyEncoding !== record.keyEncoding) {
    throw new EncodingError(`${which} has keyEncoding "${record.keyEncoding}", not "${wanted.keyEncoding}"`);
  }
  if (wanted.valueEncoding !== undefined && wanted.valueEncoding !== record.valueEncoding) {
    throw new EncodingError(
      `${which} has valueEncoding "${record.valueEncoding}", not "${wanted.valueEncoding}"`,
    );
  }
}
