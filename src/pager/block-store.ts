/**
 * Blocks between the pool and the disk: loads and checks them, writes them back, and spills those of
 * a transaction that outgrows the pool into the log (W2).
 *
 * ENSURES: nothing uncommitted, and nothing that the log has not made durable, is written to the data
 * file. A block read from disk is used only after its checksum, number and structure were checked.
 */

import { crc32 } from "node:zlib";
import { CorruptionError, IoError, OptionError } from "../base/errors.js";
import type { PagerMetrics } from "../base/metrics.js";
import type { RedoLog } from "../log/redo-log.js";
import type { VfsFile } from "../vfs/vfs.js";
import { readExactly } from "../vfs/whole-io.js";
import type { DataFile } from "./data-file.js";
import { AT_NUMBER, AT_TAIL, checksumSeed, directoryOf, pageChecksum } from "./page-header.js";
import { FRAME_DIRTY, FRAME_TX, type PagePool, type PoolOwner } from "./page-pool.js";
import { firstPage } from "./store-header.js";

/**
 * Checks the structure of the page at `offset` of the pool's slab. Returns undefined where it is
 * sound, or the invariant that is broken, where, and how.
 */
export type PageCheck = (pool: PagePool, offset: number) => PageProblem | undefined;

export interface PageProblem {
  readonly invariant: string;
  readonly offset: number;
  readonly reason: string;
}

/** Whether the page at `offset` is the store's page of that number, and its bytes are whole. undefined: it is. */
export function identityProblem(
  pool: PagePool,
  offset: number,
  page: number,
  seed: number,
): PageProblem | undefined {
  const checksum = pageChecksum(pool.u8, offset, pool.pageSize, seed);
  if (pool.u32[offset >> 2] !== checksum)
    return { invariant: "P1", offset: 0, reason: "its checksum is wrong" };
  const number = pool.u32[(offset + AT_NUMBER) >> 2]!;
  if (number !== page)
    return { invariant: "P1", offset: AT_NUMBER, reason: `it says that it is page ${number}` };
  return undefined;
}

/** A block's image in the log: the only place that has its bytes. */
interface Spill {
  readonly file: VfsFile;
  readonly position: number;
  readonly front: number;
  readonly back: number;
  readonly touched: number;
  readonly generation: number;
  /** Log generation since which the data file lacks what is committed of it; 0: the transaction found it clean. */
  readonly dirtySince: number;
  /** CRC-32 of the image: a sync that fails may take the log's bytes away. */
  readonly checksum: number;
  /** The commit that it belongs to; -1 while its transaction runs. */
  commit: number;
}

/** What the block store must tell the pager. */
export interface SpillListener {
  readonly pageCount: number;
  /** The pool no longer holds the bytes of pages that the primitives may have selected. */
  deselect(): void;
}

export class BlockStore implements PoolOwner {
  readonly #data: DataFile;
  readonly #log: RedoLog;
  readonly #seed: number;
  readonly #checkPage: PageCheck;
  readonly #metrics: PagerMetrics;
  readonly #path: string;
  #pool!: PagePool;
  #listener!: SpillListener;
  #firstBlock = 0;
  readonly #spills: Map<number, Spill> = new Map();
  /** Blocks recovered from the log of a store that may not be written (S4). */
  #overlay: Map<number, Uint8Array> = new Map();

  constructor(
    data: DataFile,
    storeId: Uint8Array,
    log: RedoLog,
    checkPage: PageCheck,
    metrics: PagerMetrics,
    path: string,
  ) {
    this.#data = data;
    this.#log = log;
    this.#seed = checksumSeed(storeId);
    this.#checkPage = checkPage;
    this.#metrics = metrics;
    this.#path = path;
  }

  attach(pool: PagePool, listener: SpillListener): void {
    this.#pool = pool;
    this.#firstBlock = firstPage(pool.pageSize) >> pool.blockShift;
    this.#listener = listener;
  }

  setOverlay(overlay: Map<number, Uint8Array>): void {
    this.#overlay = overlay;
  }

  /** A block that was recovered into memory only. */
  overlayOf(block: number): Uint8Array | undefined {
    return this.#overlay.get(block);
  }

  // ---- from disk

  assertBlock(block: number): void {
    const page = block << this.#pool.blockShift;
    if (block >= this.#firstBlock && page >>> 0 < this.#listener.pageCount && block < 0x7fff_ffff) return;
    throw this.#damaged("B4", page >>> 0, -1, "a reference leads to a page that does not exist");
  }

  load(block: number, frame: number, offset: number): void {
    const pool = this.#pool;
    const spill = this.#spills.get(block);
    if (spill !== undefined) {
      this.#loadSpill(spill, frame, offset);
      return;
    }
    const recovered = this.#overlay.get(block);
    if (recovered !== undefined) pool.u8.set(recovered, offset);
    else {
      const got = this.#data.readBlock(block, pool.u8, offset);
      if (got < this.#data.pageSize)
        throw this.#damaged("P3", block << pool.blockShift, 0, "the file ends before it");
    }
    if (pool.blockShift === 0) this.check(block, offset);
  }

  check(page: number, offset: number): void {
    const pool = this.#pool;
    const problem = identityProblem(pool, offset, page, this.#seed) ?? this.#checkPage(pool, offset);
    if (problem !== undefined) throw this.#damaged(problem.invariant, page, problem.offset, problem.reason);
  }

  #damaged(invariant: string, page: number, offset: number, reason: string): CorruptionError {
    return new CorruptionError(invariant, reason, { path: this.#path, page, offset });
  }

  // ---- to disk

  clean(frame: number): boolean {
    const pool = this.#pool;
    const flags = pool.flags[frame]!;
    if ((flags & FRAME_TX) !== 0) return this.#spill(frame);
    if ((flags & FRAME_DIRTY) === 0) return true;
    if (pool.changedBy[frame]! > this.#log.durable) {
      if (this.#log.failure !== undefined) return false;
      this.#log.sync();
    }
    this.seal(frame);
    const bytes = this.#data.blockBytes;
    this.#data.write(pool.u8, frame << pool.frameShift, bytes, pool.blockOf[frame]! * bytes);
    this.markClean(frame);
    return true;
  }

  /** After a failed sync, pages that the log may not hold can neither be written nor given up. */
  full(): Error {
    if (this.#log.failure !== undefined) return this.#log.poisoned();
    return new OptionError("cacheBytes", "is too small for this operation; open the store with a larger one");
  }

  outOfMemory(cause: unknown): Error {
    return new IoError(this.#path, "read", "ENOMEM", { cause });
  }

  /** The frame's bytes are in the data file. */
  markClean(frame: number): void {
    this.#pool.flags[frame]! &= ~FRAME_DIRTY;
    this.#metrics.writebacks++;
    if (this.#spills.size > 0) this.#spills.delete(this.#pool.blockOf[frame]!);
  }

  /** Brings the checksums of the frame's changed pages up to date. */
  seal(frame: number): void {
    this.sealAt(frame << this.#pool.frameShift, this.#pool.touched[frame]!);
    this.#pool.touched[frame] = 0;
  }

  /** As seal, for a block's bytes anywhere in the slab. */
  sealAt(from: number, touched: number): void {
    const pool = this.#pool;
    for (let index = 0; touched >>> index !== 0; index++) {
      if ((touched & (1 << index)) === 0) continue;
      const offset = from + (index << pool.pageShift);
      pool.u32[offset >> 2] = pageChecksum(pool.u8, offset, pool.pageSize, this.#seed);
    }
  }

  // ---- spills

  #spill(frame: number): boolean {
    const pool = this.#pool;
    const log = this.#log;
    const block = pool.blockOf[frame]!;
    const offset = frame << pool.frameShift;
    const touched = pool.touched[frame]!;
    const dirtySince = (pool.flags[frame]! & FRAME_DIRTY) !== 0 ? pool.dirtySince[frame]! : 0;
    let front = this.#data.blockBytes;
    let back = 0;
    let at: number;
    if (pool.blockShift !== 0) at = log.records.block(block, touched, pool.u8, offset);
    else {
      front = pool.u16[(offset + AT_TAIL) >> 1]!;
      back = directoryOf(pool, offset);
      at = log.records.image(block, pool.u8, offset, front, back, pool.pageSize);
    }
    const file = log.activeFile();
    const position = log.writePart() + at;
    const { generation } = log;
    const checksum = this.#imageChecksum(offset, front, back);
    const image = { file, position, front, back, touched, generation, dirtySince, checksum };
    this.#spills.set(block, { ...image, commit: -1 });
    this.#metrics.spills++;
    this.#listener.deselect();
    return true;
  }

  #imageChecksum(offset: number, front: number, back: number): number {
    const { u8 } = this.#pool;
    const end = offset + this.#data.blockBytes;
    return crc32(u8.subarray(end - back, end), crc32(u8.subarray(offset, offset + front)));
  }

  #loadSpill(spill: Spill, frame: number, offset: number): void {
    const pool = this.#pool;
    const end = offset + this.#data.blockBytes;
    readExactly(spill.file, pool.u8, offset, spill.front, spill.position);
    pool.u8.fill(0, offset + spill.front, end - spill.back);
    if (spill.back > 0)
      readExactly(spill.file, pool.u8, end - spill.back, spill.back, spill.position + spill.front);
    if (this.#imageChecksum(offset, spill.front, spill.back) !== spill.checksum)
      throw new IoError(spill.file.path, "read", "EIO");
    pool.touched[frame] = spill.touched;
    // Their checksums are out of date; the others are checked when they are used.
    pool.checked[frame] = spill.touched;
    pool.imaged[frame] = spill.generation;
    // A checkpoint of that generation still has to bring it into the data file: the image here may not be durable.
    pool.dirtySince[frame] = spill.dirtySince || spill.generation;
    pool.changedBy[frame] = Math.max(spill.commit, 0);
    if (spill.commit >= 0) pool.flags[frame] = FRAME_DIRTY;
    else pool.flags[frame] = spill.dirtySince > 0 ? FRAME_TX | FRAME_DIRTY : FRAME_TX;
  }

  /** Spills of the transaction now belong to commit number `commit`. */
  commitSpills(commit: number): void {
    for (const [block, spill] of this.#spills) {
      if (spill.commit >= 0) continue;
      spill.commit = commit;
      // The pool has newer bytes, which are dirty by themselves.
      if (this.#pool.lookup(block) >= 0) this.#spills.delete(block);
    }
  }

  /** The transaction is undone: its spills never were. */
  dropSpills(): void {
    for (const [block, spill] of this.#spills) if (spill.commit < 0) this.#spills.delete(block);
  }

  isSpilled(block: number): boolean {
    return this.#spills.has(block);
  }

  /** Committed blocks that only the log has. */
  spilledBlocks(): number[] {
    return [...this.#spills.keys()];
  }

  /** The block's page or pages are free: their old bytes must never come back. */
  forget(block: number): void {
    if (this.#spills.size > 0) this.#spills.delete(block);
    const frame = this.#pool.lookup(block);
    if (frame >= 0) this.#pool.drop(frame);
  }
}
