/**
 * sorted-btree: a B+tree in memory, keeping references to the values. Not a peer but a ceiling: what a tree
 * costs in JavaScript with no bytes, no file and no log.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Key, keyBytesOfNumber } from "../streams/shapes.js";
import type { Engine, EngineStore } from "./engine.js";
import { loadPeer, probePeer } from "./peer-loading.js";

interface SortedTree {
  set(key: Key, value: Buffer): boolean;
  get(key: Key): Buffer | undefined;
  delete(key: Key): boolean;
  entries(from?: Key): IterableIterator<[Key, Buffer]>;
  entriesReversed(from?: Key): IterableIterator<[Key, Buffer]>;
}

type SortedTreeModule = {
  default: new (entries: undefined, compare: (a: Key, b: Key) => number) => SortedTree;
};

export const sortedBtree: Engine = {
  id: "sorted-btree",
  title: "sorted-btree (memory only)",
  family: "ceiling",
  package: "sorted-btree",
  durability: "memory",
  settings: "in memory, number or string keys, values by reference; a commit does nothing",
  readsOwnWrites: true,
  lockFiles: null,
  keyForm: (shape) => (shape === "text" ? "text" : "number"),
  unsupported: (workload) =>
    workload === "reopen" || workload === "recover" ? "it keeps nothing to open again" : null,
  probe: async () => probePeer("sorted-btree"),
  async open(request) {
    const { default: BTree } = loadPeer("sorted-btree") as SortedTreeModule;
    // One tree a folder, for as long as the folder (with its mark) and the process live: closing and opening
    // again finds the content.
    const mark = join(request.folder, "in-memory");
    let tree = existsSync(mark) ? trees.get(request.folder) : undefined;
    if (tree === undefined) {
      tree = new BTree(undefined, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
      trees.set(request.folder, tree);
      writeFileSync(mark, "");
    }
    return store(tree);
  },
};

const trees: Map<string, SortedTree> = new Map();

function store(tree: SortedTree): EngineStore {
  return {
    transaction: (work) => work(),
    reading: (work) => work(),
    put: (key, value) => void tree.set(key, value),
    delete: (key) => void tree.delete(key),
    putMany(records) {
      for (const [key, value] of records) tree.set(key, value);
    },
    get: (key) => tree.get(key),
    scan(range) {
      const from = range.from ?? undefined;
      const limit = range.limit < 0 ? Number.POSITIVE_INFINITY : range.limit;
      let seen = 0;
      for (const [, value] of range.reverse ? tree.entriesReversed(from) : tree.entries(from)) {
        if (seen >= limit) break;
        if (value.length > 0) seen++;
      }
      return seen;
    },
    async *entries() {
      for (const [key, value] of tree.entries()) {
        yield [typeof key === "string" ? Buffer.from(key) : keyBytesOfNumber(key as number), value];
      }
    },
    counters: () => null,
    census: () => null,
    close() {},
  };
}
