/**
 * The blocks that the running transaction has changed, and what undoing it needs of each: a before-image
 * in a spare frame, the version that a snapshot keeps, or nothing, where the data file has the committed
 * bytes.
 */

import type { BlockStore } from "./block-store.js";
import { FRAME_DIRTY, FRAME_IMAGE, FRAME_TX, type PagePool } from "./page-pool.js";
import type { Versions } from "./versions.js";

/** Of a block that needs no before-image: it was clean, or it was free. */
export const NO_IMAGE = -1;
/** Of a block whose before-image a snapshot keeps. */
const IN_VERSIONS = -2;

export class TouchedBlocks {
  readonly #pool: PagePool;
  readonly #versions: Versions;
  readonly #store: BlockStore;
  readonly #blocks: number[] = [];
  /** Spare frames, NO_IMAGE or IN_VERSIONS. */
  readonly #images: number[] = [];

  constructor(pool: PagePool, versions: Versions, store: BlockStore) {
    this.#pool = pool;
    this.#versions = versions;
    this.#store = store;
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.#blocks[Symbol.iterator]();
  }

  /** The block in `frame` is about to be changed for the first time; `commit` is the transaction's number. */
  touch(block: number, frame: number, commit: number, generation: number): void {
    const pool = this.#pool;
    const wanted = this.#versions.needs(block);
    if (wanted) this.#versions.makeRoom();
    // Before-images must not fill the pool: what the data file has needs none.
    if ((pool.flags[frame]! & FRAME_DIRTY) !== 0 && pool.spares > pool.frameCount >> 1)
      this.#store.clean(frame);
    let image = NO_IMAGE;
    if (wanted || (pool.flags[frame]! & FRAME_DIRTY) !== 0) {
      image = pool.takeSpare();
      pool.copyFrame(frame, image);
    }
    if (wanted) this.#versions.add(block, image, commit);
    this.add(block, frame, wanted ? IN_VERSIONS : image, generation);
  }

  /** As touch, where the before-image is known. The first change in a log segment logs an image (W1). */
  add(block: number, frame: number, image: number, generation: number): void {
    const pool = this.#pool;
    this.#blocks.push(block);
    this.#images.push(image);
    pool.flags[frame]! |= pool.imaged[frame] === generation ? FRAME_TX : FRAME_TX | FRAME_IMAGE;
    pool.editBytes[frame] = 0;
    pool.epoch++;
  }

  /** Blocks that are to be logged as images. */
  get images(): number {
    let images = 0;
    for (const block of this.#blocks) {
      const frame = this.#pool.lookup(block);
      if (frame >= 0 && (this.#pool.flags[frame]! & FRAME_IMAGE) !== 0) images++;
    }
    return images;
  }

  /** What was logged of them is gone: all are to be logged as images. */
  imageAll(): void {
    for (const block of this.#blocks) {
      const frame = this.#pool.lookup(block);
      if (frame >= 0) this.#pool.flags[frame]! |= FRAME_IMAGE;
    }
  }

  /** Frame with the committed bytes of a block. */
  beforeImage(block: number, committed: number): number {
    const image = this.#images[this.#blocks.indexOf(block)] ?? NO_IMAGE;
    return image === IN_VERSIONS ? this.#versions.find(block, committed) : image;
  }

  /** After the commit: the blocks are dirty, but for those in `freed`, whose bytes nobody wants. */
  committed(commit: number, generation: number, freed: Set<number> | undefined): void {
    const pool = this.#pool;
    for (let i = 0; i < this.#blocks.length; i++) {
      const image = this.#images[i]!;
      if (image >= 0) pool.releaseSpare(image);
      const block = this.#blocks[i]!;
      const frame = pool.lookup(block);
      if (frame < 0) continue;
      const flags = pool.flags[frame]!;
      if (freed?.has(block) === true) {
        pool.drop(frame);
        continue;
      }
      if ((flags & FRAME_IMAGE) !== 0) pool.imaged[frame] = generation;
      if ((flags & FRAME_DIRTY) === 0) pool.dirtySince[frame] = generation;
      pool.flags[frame] = FRAME_DIRTY;
      pool.changedBy[frame] = commit;
    }
    this.#store.commitSpills(commit);
    this.#end();
  }

  /** Puts the committed bytes back; `commit` is the number that the transaction would have had. */
  undo(commit: number): void {
    this.#store.dropSpills();
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const block = this.#blocks[i]!;
      const image = this.#images[i]!;
      this.#restore(block, image === IN_VERSIONS ? this.#versions.undo(block, commit) : image);
    }
    this.#pool.epoch++;
    this.#end();
  }

  #restore(block: number, image: number): void {
    const pool = this.#pool;
    const frame = pool.lookup(block);
    if (image === NO_IMAGE) {
      if (frame >= 0) pool.drop(frame);
      return;
    }
    if (frame < 0) {
      pool.adoptSpare(image, block);
      return;
    }
    pool.copyFrame(image, frame);
    pool.renew(frame);
    // Where it was spilled, the log's only image of it may be of the transaction that is undone.
    pool.imaged[frame] = 0;
    pool.releaseSpare(image);
  }

  #end(): void {
    this.#blocks.length = 0;
    this.#images.length = 0;
    this.#versions.endTransaction();
  }
}
