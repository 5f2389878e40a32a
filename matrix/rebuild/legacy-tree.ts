/**
 * A store whose unnamed tree is edited in a legacy way: the store's own tree, splits, merges, pager and log,
 * with another allocator under them. Everything but puts and deletes goes through the store as usual.
 */

import type { Store } from "../../src/index.js";
import type { PackListener } from "../../src/page/leaf-allocator.js";
import type { Engine } from "../../src/store/engine.js";
import { Rebalancer } from "../../src/tree/rebalance.js";
import { Splitter } from "../../src/tree/split.js";
import { Tree, type TreeContext } from "../../src/tree/tree.js";
import type { Key } from "../streams/shapes.js";
import { GuardrailCensus } from "./census.js";
import { OnMissAllocator } from "./on-miss-allocator.js";
import { RebuildingAllocator } from "./rebuilding-allocator.js";

/** "always": every edit rebuilds its leaf. "on-miss": the old in-place edit first. */
export type LegacyWay = "always" | "on-miss";

export class LegacyTree {
  readonly census: GuardrailCensus = new GuardrailCensus();
  readonly #engine: Engine;
  readonly #tree: Tree;

  constructor(store: Store<Key, Uint8Array>, way: LegacyWay) {
    // The store keeps its engine from its users; the legacy ways are measured underneath them.
    this.#engine = (store as unknown as { readonly engine: Engine }).engine;
    const { root } = store as unknown as { readonly root: number };
    this.#tree = new Tree(this.#context(way), root);
  }

  /** The store's context with another allocator. */
  #context(way: LegacyWay): TreeContext {
    const { pager, profile, context } = this.#engine;
    const onPack: PackListener = () => {};
    const Allocator = way === "always" ? RebuildingAllocator : OnMissAllocator;
    const allocator = new Allocator(pager, profile, onPack, this.census);
    return {
      pager,
      allocator,
      splitter: new Splitter(pager, allocator, () => {}),
      rebalancer: new Rebalancer(pager, allocator, () => {}),
      keyBytesMax: context.keyBytesMax,
      inlineRecordBytesMax: context.inlineRecordBytesMax,
      counted: context.counted,
    };
  }

  /** Puts a record. REQUIRES: a transaction of the store runs. */
  put(key: Key, value: Buffer): void {
    const { entry } = this.#engine;
    entry.keyLength = this.#encodeKey(key);
    entry.value = value;
    entry.from = 0;
    entry.length = value.length;
    this.#tree.put(entry);
  }

  /** Removes a record, if it is there. REQUIRES: a transaction of the store runs. */
  delete(key: Key): void {
    const length = this.#encodeKey(key);
    this.#tree.remove(this.#engine.keyBuffer, length);
  }

  #encodeKey(key: Key): number {
    const { keyBuffer } = this.#engine;
    if (typeof key === "string") return keyBuffer.write(key, "utf8");
    if (typeof key === "number") throw new TypeError("the legacy trees take keys as bytes or text");
    keyBuffer.set(key);
    return key.length;
  }
}
