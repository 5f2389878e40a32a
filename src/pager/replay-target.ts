/** Where replayed pages go: into the pool, or, of a store that may not be written, into memory beside it (S4). */

import { checksumSeed, pageChecksum } from "./page-header.js";
import { FRAME_DIRTY } from "./page-pool.js";
import type { Pager } from "./pager.js";

/** Where replayed pages live. Both calls return the bytes and the block's offset in them. */
export interface ReplayTarget {
  readonly bytes: Uint8Array;
  /** A block that is about to be written whole; its bytes are zero. */
  image(block: number): number;
  /** A block as it is now. */
  edit(block: number): number;
  /** These pages of the block, one bit each, have checksums that are out of date. */
  touch(block: number, pages: number): void;
  /** All is replayed. */
  finish(): void;
}

/** Into the pool: pages that it cannot hold are written to the data file, which the log covers. */
export class PoolTarget implements ReplayTarget {
  readonly bytes: Uint8Array;
  readonly #pager: Pager;

  constructor(pager: Pager) {
    this.#pager = pager;
    this.bytes = pager.pool.u8;
  }

  image(block: number): number {
    const { pool } = this.#pager;
    pool.beginOperation();
    let frame = pool.lookup(block);
    if (frame < 0) frame = pool.fresh(block);
    const offset = frame << pool.frameShift;
    pool.u8.fill(0, offset, offset + (1 << pool.frameShift));
    pool.touched[frame] = 0;
    return offset;
  }

  edit(block: number): number {
    const { pool } = this.#pager;
    pool.beginOperation();
    return pool.frameOf(block) << pool.frameShift;
  }

  touch(block: number, pages: number): void {
    const { pool } = this.#pager;
    const frame = pool.lookup(block);
    pool.touched[frame]! |= pages;
    pool.checked[frame]! |= pages;
    pool.flags[frame]! |= FRAME_DIRTY;
    pool.renew(frame);
  }

  /** What they leave in the pool is written back from there. */
  finish(): void {}
}

/** Into memory beside the pool, which loads these blocks from here instead of the file. */
export class OverlayTarget implements ReplayTarget {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #pager: Pager;
  readonly #blocks: Map<number, Uint8Array> = new Map();
  readonly #touched: Map<number, number> = new Map();

  constructor(pager: Pager) {
    this.#pager = pager;
  }

  image(block: number): number {
    this.bytes = new Uint8Array(this.#pager.data.blockBytes);
    this.#blocks.set(block, this.bytes);
    this.#touched.set(block, 0);
    return 0;
  }

  edit(block: number): number {
    this.bytes = this.#blocks.get(block)!;
    return 0;
  }

  touch(block: number, pages: number): void {
    this.#touched.set(block, this.#touched.get(block)! | pages);
  }

  finish(): void {
    const { pageSize, header, blocks } = this.#pager;
    const seed = checksumSeed(header.storeId);
    for (const [block, bytes] of this.#blocks) {
      const touched = this.#touched.get(block)!;
      for (let i = 0; touched >>> i !== 0; i++) {
        if ((touched & (1 << i)) === 0) continue;
        new DataView(bytes.buffer).setUint32(
          i * pageSize,
          pageChecksum(bytes, i * pageSize, pageSize, seed),
          true,
        );
      }
    }
    blocks.setOverlay(this.#blocks);
  }
}
