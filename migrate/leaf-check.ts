/**
 * The proof that a tree arrived: its leaves, in key order, read back from the file and decoded with every check
 * there is, their fences joined end to end, records counted and content summed up.
 */

import { crc32 } from "node:zlib";
import { CorruptionError } from "../src/base/errors.js";
import { AT_HIGH_LENGTH, AT_LOW_LENGTH, PAGE_HEADER_BYTES } from "../src/pager/page-header.js";
import { ContentTally } from "./legacy/content.js";
import { StoreLeafDecoder } from "./store-leaf.js";
import type { StorePages } from "./store-pages.js";

const NO_FENCE: Uint8Array = new Uint8Array(0);

export interface CheckedTree {
  readonly records: number;
  /** Null where the content was not summed up. */
  readonly digest: string | null;
  /** Of the low fences behind the first, by addFence: what the separators of the branches must come to. */
  readonly fences: number;
}

/** Sums up fences or separators, in order: one number that says whether two sequences are the same. */
export function addFence(sum: number, fence: Uint8Array): number {
  return crc32(fence, crc32(Uint8Array.of(fence.length, fence.length >>> 8), sum));
}

export class LeafCheck {
  readonly #pages: StorePages;
  readonly #leaf: StoreLeafDecoder;
  readonly #tally: ContentTally | undefined;
  #records = 0;
  #high: Uint8Array = NO_FENCE;
  #last = -1;
  #fences = 0;

  /** `content`: whether values are read and summed up too, those in overflow runs included. */
  constructor(pages: StorePages, content: boolean) {
    this.#pages = pages;
    this.#leaf = new StoreLeafDecoder(pages.path, pages.pageSize);
    this.#tally = content ? new ContentTally() : undefined;
  }

  /** Checks the next leaf; returns its low fence. Throws CorruptionError. */
  leaf(page: number): Uint8Array {
    const leaf = this.#leaf;
    const bytes = this.#pages.page(page);
    leaf.decode(
      bytes,
      page,
      this.#tally === undefined ? undefined : (reference) => this.#pages.run(reference, page),
    );
    this.#join(page, leaf.low, leaf.high);
    this.#records += leaf.count;
    this.#tally?.add(leaf);
    return leaf.low;
  }

  /** As `leaf`, of a leaf that was checked before: its fences alone. */
  fences(page: number): Uint8Array {
    const bytes = this.#pages.unchecked(page);
    const middle = PAGE_HEADER_BYTES + (bytes[AT_LOW_LENGTH]! | (bytes[AT_LOW_LENGTH + 1]! << 8));
    const end = middle + (bytes[AT_HIGH_LENGTH]! | (bytes[AT_HIGH_LENGTH + 1]! << 8));
    if (end > bytes.length) throw this.#bad(page, "its fences leave the page");
    const low = bytes.slice(PAGE_HEADER_BYTES, middle);
    this.#join(page, low, bytes.slice(middle, end));
    return low;
  }

  #join(page: number, low: Uint8Array, high: Uint8Array): void {
    if (Buffer.compare(low, this.#high) !== 0)
      throw this.#bad(page, "its low fence is not the high fence before it");
    if (this.#last >= 0 && low.length === 0) throw this.#bad(page, "it has no low fence");
    if (this.#last >= 0) this.#fences = addFence(this.#fences, low);
    this.#high = high;
    this.#last = page;
  }

  /** Ends the tree. Throws CorruptionError. */
  finish(): CheckedTree {
    if (this.#high.length > 0) throw this.#bad(this.#last, "the last leaf has a high fence");
    return { records: this.#records, digest: this.#tally?.finish().digest ?? null, fences: this.#fences };
  }

  #bad(page: number, reason: string): CorruptionError {
    return new CorruptionError("M2", reason, { path: this.#pages.path, page, offset: -1 });
  }
}
