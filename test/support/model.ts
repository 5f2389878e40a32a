/**
 * What a store should hold: trees of sorted byte strings, with the same digest that verify() gives,
 * worked out independently of the store. Keys are strings of one char a byte, so that they compare
 * as bytes do.
 */

import { createHash } from "node:crypto";

export type ModelTree = Map<string, Uint8Array>;

export class Model {
  readonly trees: Map<string, ModelTree> = new Map([["", new Map()]]);

  tree(name: string): ModelTree {
    let tree = this.trees.get(name);
    if (tree === undefined) {
      tree = new Map();
      this.trees.set(name, tree);
    }
    return tree;
  }

  clone(): Model {
    const copy = new Model();
    for (const [name, tree] of this.trees) copy.trees.set(name, new Map(tree));
    return copy;
  }

  /** Equal for two models exactly if they have the same trees with the same records. */
  fingerprint(): string {
    return fingerprintOf([...this.trees].map(([name, tree]) => [name, digestOf(tree)]));
  }
}

/** One string for the digests of all trees. */
export function fingerprintOf(digests: Iterable<readonly [string, string]>): string {
  return [...digests]
    .map(([name, digest]) => `${name}=${digest}`)
    .sort()
    .join(" ");
}

/** SHA-256 over, in key order, u32be key length, key, u32be value length, value. */
export function digestOf(tree: ModelTree): string {
  const hash = createHash("sha256");
  const length = Buffer.alloc(4);
  for (const key of sortedKeys(tree)) {
    const bytes = keyBytes(key);
    const value = tree.get(key) as Uint8Array;
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
    length.writeUInt32BE(value.length);
    hash.update(length).update(value);
  }
  return hash.digest("hex");
}

export function sortedKeys(tree: ModelTree): string[] {
  return [...tree.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

export function keyBytes(key: string): Buffer {
  return Buffer.from(key, "latin1");
}

export function keyOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
