/**
 * The content of a file in memory: growable, sparse (what was never written is zeros and costs
 * nothing), and cheap to copy. `clone` shares every chunk; whichever side writes to a shared chunk
 * first takes its own copy of it.
 */

export const CHUNK_BYTES = 8192;

export class FileBytes {
  #size = 0;
  #chunks: (Uint8Array | undefined)[] = [];
  /** 1 where the chunk is this object's alone and may be written in place. */
  #own: boolean[] = [];

  get size(): number {
    return this.#size;
  }

  /** Copies at most `length` bytes into `target`; returns how many the file had at `position`. */
  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const total = Math.min(length, this.#size - position);
    if (total <= 0) return 0;
    let done = 0;
    while (done < total) {
      const at = position + done;
      const start = at % CHUNK_BYTES;
      const count = Math.min(CHUNK_BYTES - start, total - done);
      const chunk = this.#chunks[(at - start) / CHUNK_BYTES];
      if (chunk === undefined) target.fill(0, offset + done, offset + done + count);
      else if (start === 0 && count === CHUNK_BYTES) target.set(chunk, offset + done);
      else target.set(chunk.subarray(start, start + count), offset + done);
      done += count;
    }
    return total;
  }

  /** Writes all of it; a gap between the old end and `position` reads as zeros. */
  write(source: Uint8Array, offset: number, length: number, position: number): void {
    if (length === 0) return;
    let done = 0;
    while (done < length) {
      const at = position + done;
      const start = at % CHUNK_BYTES;
      const count = Math.min(CHUNK_BYTES - start, length - done);
      const chunk = this.#writable((at - start) / CHUNK_BYTES);
      chunk.set(source.subarray(offset + done, offset + done + count), start);
      done += count;
    }
    this.#size = Math.max(this.#size, position + length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / CHUNK_BYTES);
      this.#chunks.length = Math.min(this.#chunks.length, kept);
      this.#own.length = Math.min(this.#own.length, kept);
      // Growing again must show zeros, not what was there before.
      const inside = size % CHUNK_BYTES;
      if (inside !== 0 && this.#chunks[kept - 1] !== undefined) this.#writable(kept - 1).fill(0, inside);
    }
    this.#size = size;
  }

  /** An independent copy that shares memory until one side writes. */
  clone(): FileBytes {
    const copy = new FileBytes();
    copy.#size = this.#size;
    copy.#chunks = this.#chunks.slice();
    copy.#own = new Array<boolean>(this.#own.length).fill(false);
    this.#own.fill(false);
    return copy;
  }

  /** Takes over the content of another, sharing memory as `clone` does. */
  become(other: FileBytes): void {
    const copy = other.clone();
    this.#size = copy.#size;
    this.#chunks = copy.#chunks;
    this.#own = copy.#own;
  }

  #writable(index: number): Uint8Array {
    const chunk = this.#chunks[index];
    if (chunk !== undefined && this.#own[index] === true) return chunk;
    const mine = chunk === undefined ? new Uint8Array(CHUNK_BYTES) : chunk.slice();
    while (this.#chunks.length < index) {
      this.#chunks.push(undefined);
      this.#own.push(false);
    }
    this.#chunks[index] = mine;
    this.#own[index] = true;
    return mine;
  }
}
