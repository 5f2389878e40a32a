/**
 * One log segment's file: preallocated with real zeros and then overwritten, so that a commit never
 * changes the file's metadata.
 */

import { afterFailure } from "../base/after-failure.js";
import { alignUp } from "../base/bytes.js";
import { IoError } from "../base/errors.js";
import type { Vfs, VfsFile } from "../vfs/vfs.js";
import { writeFully } from "../vfs/whole-io.js";
import { BLOCK_BYTES } from "./log-format.js";

const ZEROS: Uint8Array = new Uint8Array(256 * 1024);

export class Segment {
  readonly file: VfsFile;
  generation = 0;
  salt = 0;
  /** Bytes that hold written zeros or records. */
  size: number;

  closed = false;

  readonly #vfs: Vfs;
  readonly #identity: string | undefined;
  /** The same file opened so that a write returns when it is durable. */
  readonly #through: VfsFile;

  private constructor(vfs: Vfs, identity: string | undefined, file: VfsFile, through: VfsFile, size: number) {
    this.#vfs = vfs;
    this.#identity = identity;
    this.file = file;
    this.#through = through;
    this.size = size;
  }

  /** Opens the file, or makes it with the store's permissions, filled up to `bytes` with written zeros; not synced. */
  static create(vfs: Vfs, path: string, bytes: number, store: string): Segment {
    const file = vfs.open(path, vfs.stat(path) === undefined ? "create" : "write", store);
    let segment: Segment | undefined;
    try {
      const size = file.size();
      if (size > bytes) file.truncate(bytes);
      const identity = vfs.stat(path)?.identity;
      segment = new Segment(
        vfs,
        identity,
        file,
        vfs.open(path, "write-through"),
        Math.min(size - (size % BLOCK_BYTES), bytes),
      );
      segment.grow(bytes);
      return segment;
    } catch (error) {
      afterFailure(
        () => segment?.close(),
        () => file.close(),
      );
      throw error;
    }
  }

  /**
   * Syncs without blocking. Through the second descriptor: the kernel reports a lost write once to
   * each open file, and a blocking sync of the first must still see it.
   */
  syncAsync(): Promise<void> {
    return this.#through.syncAsync();
  }

  /**
   * Syncs without blocking, through a descriptor of its own, which takes no report of a lost write away from the
   * others. Resolves at once where there is no descriptor to be had: for a sync that nobody relies on.
   */
  async syncAside(): Promise<void> {
    let aside: VfsFile;
    try {
      aside = this.#vfs.open(this.file.path, "write");
    } catch (error) {
      if (error instanceof IoError) return;
      throw error;
    }
    try {
      await aside.syncAsync();
    } finally {
      aside.close();
    }
  }

  /** With `through`, returns when these bytes are durable. */
  write(source: Uint8Array, from: number, length: number, position: number, through: boolean): void {
    writeFully(through ? this.#through : this.file, source, from, length, position);
    // What has been written is never filled with zeros again, the header of an empty segment for one.
    if (position + length > this.size) this.size = position + length;
  }

  /** Extends the written zeros to at least `bytes`; not synced. */
  grow(bytes: number): void {
    const end = alignUp(bytes, BLOCK_BYTES);
    while (this.size < end) {
      const step = Math.min(ZEROS.length, end - this.size);
      writeFully(this.file, ZEROS, 0, step, this.size);
      this.size += step;
    }
  }

  /**
   * Whether the file is under its name still. Where its folder was moved, another store may lie there by now, with
   * a log of its own. To be asked before it is closed: what nothing has open may leave its identity to another.
   */
  get isInPlace(): boolean {
    return this.#vfs.stat(this.file.path)?.identity === this.#identity;
  }

  close(): void {
    this.closed = true;
    this.#through.close();
    this.file.close();
  }
}
