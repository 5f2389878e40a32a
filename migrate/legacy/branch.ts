/**
 * Decodes a legacy branch page. Entry 0 is the leftmost child; its separator may be above the smallest key
 * below it, so it bounds nothing. A branch keeps a copy of its page: the walk holds one for each level.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { compareBytes, readU16, readU64 } from "./big-endian.js";
import { BRANCH_RECORD_BYTES, PAGE_HEADER_BYTES, PAGE_NUMBER_MAX } from "./layout.js";
import { SlotExtents, TreeHeader } from "./tree-page.js";

export class BranchDecoder {
  readonly header: TreeHeader = new TreeHeader();
  readonly #extents: SlotExtents = new SlotExtents();
  readonly #path: string;
  readonly #copy: Uint8Array;
  count = 0;
  /** Child page numbers in slot order. */
  child: Uint32Array = new Uint32Array(16);
  /** Separators, as offsets into the page body. */
  separatorStart: Uint32Array = new Uint32Array(16);
  separatorLength: Uint32Array = new Uint32Array(16);

  constructor(path: string, pageSize: number) {
    this.#path = path;
    this.#copy = new Uint8Array(pageSize);
  }

  /**
   * Copies and decodes `page` (a branch with a good checksum). Throws CorruptionError: G3 structure, G5
   * separators that descend. A branch without children is damaged.
   */
  decode(page: Uint8Array, number: number): void {
    this.#copy.set(page);
    const header = this.header;
    header.read(this.#copy, number, this.#path);
    if (header.isLeaf) throw this.#bad(0, "a leaf where a branch was expected");
    this.count = header.slotCount;
    if (this.count === 0) throw this.#bad(0, "a branch without children");
    if (this.child.length < this.count) this.#grow(this.count);
    this.#extents.read(header, header.entryBytes, this.#path);
    for (let i = 0; i < this.count; i++) this.#readEntry(i);
  }

  separator(index: number): Uint8Array {
    const start = this.separatorStart[index]!;
    return this.header.body.subarray(start, start + this.separatorLength[index]!);
  }

  #readEntry(index: number): void {
    const body = this.header.body;
    const at = this.#extents.start[index]!;
    const end = this.#extents.end[index]!;
    if (at + BRANCH_RECORD_BYTES > end) throw this.#bad(at, `entry ${index} is shorter than its head`);
    const child = readU64(body, at);
    if (child === 0 || child > PAGE_NUMBER_MAX) throw this.#bad(at, `entry ${index} names page ${child}`);
    const length = readU16(body, at + 8);
    if (at + BRANCH_RECORD_BYTES + length > end)
      throw this.#bad(at, `the separator of entry ${index} reaches past its end`);
    this.child[index] = child;
    this.separatorStart[index] = at + BRANCH_RECORD_BYTES;
    this.separatorLength[index] = length;
  }

  /** Index of the first separator that is not above the one before it, or -1. */
  unorderedEntry(): number {
    const body = this.header.body;
    for (let i = 1; i < this.count; i++) {
      const order = compareBytes(
        body,
        this.separatorStart[i - 1]!,
        this.separatorLength[i - 1]!,
        body,
        this.separatorStart[i]!,
        this.separatorLength[i]!,
      );
      if (order >= 0) return i;
    }
    return -1;
  }

  #grow(count: number): void {
    this.child = new Uint32Array(count);
    this.separatorStart = new Uint32Array(count);
    this.separatorLength = new Uint32Array(count);
  }

  #bad(at: number, reason: string): CorruptionError {
    return new CorruptionError("G3", reason, {
      path: this.#path,
      page: this.header.page,
      offset: PAGE_HEADER_BYTES + at,
    });
  }
}
