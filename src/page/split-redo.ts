/**
 * A split again, for recovery: the builder that cut the leaf in two cuts the same leaf once more, so that the
 * log need not hold the halves. What the builder makes of a leaf is thereby a part of the log's format.
 */

import { compareBytes } from "../base/bytes.js";
import { AT_KIND, AT_NUMBER, AT_RECORDS, KIND_LEAF } from "../pager/page-header.js";
import type { SplitRedo } from "../pager/pager.js";
import { highFence, keyOf, lowFence, type PageMemory, slotCount } from "./leaf.js";
import { LeafBuilder } from "./leaf-builder.js";
import { checkPage } from "./page-check.js";

/** Bytes from a page's number on that its halves do not get from the builder: the left one keeps them. */
const IDENTITY = { number: 4, records: 8 };

/** The redo of SPLIT records for pages of this size. */
export function splitRedo(pageSize: number): SplitRedo {
  let scratch: Scratch | undefined;
  return (leaf, cut, separator) => {
    scratch ??= new Scratch(pageSize);
    return scratch.split(leaf, cut, separator);
  };
}

class Scratch {
  readonly #page: PageMemory;
  readonly #left: LeafBuilder;
  readonly #right: LeafBuilder;

  constructor(pageSize: number) {
    const memory = new ArrayBuffer(pageSize);
    this.#page = {
      pageSize,
      u8: new Uint8Array(memory),
      u16: new Uint16Array(memory),
      u32: new Uint32Array(memory),
      view: new DataView(memory),
      keyDecodes: 0,
    };
    this.#left = new LeafBuilder(pageSize);
    this.#right = new LeafBuilder(pageSize);
  }

  split(leaf: Uint8Array, cut: number, separator: Uint8Array): ReturnType<SplitRedo> {
    const page = this.#page;
    page.u8.set(leaf);
    if (!canCut(page, cut, separator)) return undefined;
    if (!this.#left.leftHalf(page, 0, cut, separator)) return undefined;
    if (!this.#right.rightHalf(page, 0, cut, separator)) return undefined;
    const left = this.#left.finish();
    left.set(leaf.subarray(AT_NUMBER, AT_NUMBER + IDENTITY.number), AT_NUMBER);
    left.set(leaf.subarray(AT_RECORDS, AT_RECORDS + IDENTITY.records), AT_RECORDS);
    return { left, right: this.#right.finish() };
  }
}

/** Whether the bytes are a sound leaf, and the separator lies between its fences and its records there. */
function canCut(page: PageMemory, cut: number, separator: Uint8Array): boolean {
  if (page.u8[AT_KIND] !== KIND_LEAF || checkPage(page, 0) !== undefined) return false;
  const slots = slotCount(page, 0);
  if (cut > slots || compareBytes(separator, lowFence(page, 0)) <= 0) return false;
  const high = highFence(page, 0);
  if (high.length > 0 && compareBytes(separator, high) >= 0) return false;
  if (cut > 0 && compareBytes(keyOf(page, 0, cut - 1), separator) >= 0) return false;
  return cut === slots || compareBytes(separator, keyOf(page, 0, cut)) <= 0;
}
