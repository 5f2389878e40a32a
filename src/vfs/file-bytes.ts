/**
 * The content of a file in memory: growable, sparse (what was never written, or written as whole chunks of
 * zeros, costs nothing), and cheap to copy. `clone` shares every chunk; whichever side writes to a shared
 * chunk first takes its own copy of it.
 */

import { createHash } from "node:crypto";

/** As large as what the store writes at a time, so that most writes replace whole chunks. */
export const CHUNK_BYTES = 4096;

/** Logs are filled with zeros in writes of 256 KiB. */
const ZEROS: Buffer = Buffer.alloc(256 * 1024);

/** Of bytes that are not changed any more. */
const digests: WeakMap<Uint8Array, string> = new WeakMap();

export class FileBytes {
  #size = 0;
  #chunks: (Uint8Array | undefined)[] = [];
  /** The chunks that are this object's alone and may be written in place. */
  #own: Set<number> = new Set();

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
      const chunk = this.#chunks[(at - start) / CHUNK_BYTES];
      if (chunk === undefined) {
        const count = Math.min(this.#gapAt(at), total - done);
        target.fill(0, offset + done, offset + done + count);
        done += count;
        continue;
      }
      const count = Math.min(CHUNK_BYTES - start, total - done);
      if (start === 0 && count === CHUNK_BYTES) target.set(chunk, offset + done);
      else target.set(chunk.subarray(start, start + count), offset + done);
      done += count;
    }
    return total;
  }

  /** How many bytes from `at`, where no chunk is, up to the next chunk. */
  #gapAt(at: number): number {
    let index = Math.floor(at / CHUNK_BYTES) + 1;
    while (index < this.#chunks.length && this.#chunks[index] === undefined) index++;
    return index >= this.#chunks.length ? Number.POSITIVE_INFINITY : index * CHUNK_BYTES - at;
  }

  /** Writes all of it; a gap between the old end and `position` reads as zeros. */
  write(source: Uint8Array, offset: number, length: number, position: number): void {
    this.#place(source, offset, length, position, false);
  }

  /** As `write`, of bytes that nobody will ever change: whole chunks of them are shared, not copied. */
  adopt(source: Uint8Array, position: number): void {
    this.#place(source, 0, source.length, position, true);
  }

  #place(source: Uint8Array, offset: number, length: number, position: number, share: boolean): void {
    if (length === 0) return;
    let done = 0;
    while (done < length) {
      const at = position + done;
      const start = at % CHUNK_BYTES;
      const count = Math.min(CHUNK_BYTES - start, length - done);
      const index = (at - start) / CHUNK_BYTES;
      const from = offset + done;
      done += count;
      if (areZeros(source, from, count)) {
        if (this.#chunks[index] === undefined) continue;
        if (count === CHUNK_BYTES) {
          this.#replace(index, undefined, false);
          continue;
        }
      }
      const part = source.subarray(from, from + count);
      if (count < CHUNK_BYTES) this.#writable(index).set(part, start);
      else this.#replace(index, share ? part : new Uint8Array(part), !share);
    }
    this.#size = Math.max(this.#size, position + length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / CHUNK_BYTES);
      for (let index = kept; index < this.#chunks.length; index++) this.#own.delete(index);
      this.#chunks.length = Math.min(this.#chunks.length, kept);
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
    if (this.#own.size > 0) this.#own = new Set();
    return copy;
  }

  /** Takes over the content of another, sharing memory as `clone` does. */
  become(other: FileBytes): void {
    const copy = other.clone();
    this.#size = copy.#size;
    this.#chunks = copy.#chunks;
    this.#own = copy.#own;
  }

  /** Equal for two files exactly if they hold the same bytes. Works each shared chunk out once. */
  digest(): string {
    const parts: string[] = [`${this.#size}`];
    for (const [index, chunk] of this.#chunks.entries()) {
      if (chunk === undefined || areZeros(chunk, 0, chunk.length)) continue;
      parts.push(`${index}:${this.#own.has(index) ? digestOf(chunk) : frozenDigest(chunk)}`);
    }
    return parts.join(" ");
  }

  #writable(index: number): Uint8Array {
    const chunk = this.#chunks[index];
    if (chunk !== undefined && this.#own.has(index)) return chunk;
    const mine = chunk === undefined ? new Uint8Array(CHUNK_BYTES) : new Uint8Array(chunk);
    this.#replace(index, mine, true);
    return mine;
  }

  #replace(index: number, chunk: Uint8Array | undefined, own: boolean): void {
    while (this.#chunks.length < index) this.#chunks.push(undefined);
    this.#chunks[index] = chunk;
    if (own) this.#own.add(index);
    else this.#own.delete(index);
  }
}

/** Of bytes that nobody will ever change; worked out once. */
export function frozenDigest(bytes: Uint8Array): string {
  let digest = digests.get(bytes);
  if (digest === undefined) {
    digest = digestOf(bytes);
    digests.set(bytes, digest);
  }
  return digest;
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("base64");
}

/** A copy for `adopt`; zeros, of which logs are made at first, share one. */
export function frozenCopy(bytes: Uint8Array): Uint8Array {
  return areZeros(bytes, 0, bytes.length) ? ZEROS.subarray(0, bytes.length) : new Uint8Array(bytes);
}

/** Whether `source` is known to hold nothing but zeros in [from, from + length). */
function areZeros(source: Uint8Array, from: number, length: number): boolean {
  if (length > ZEROS.length || source[from] !== 0 || source[from + length - 1] !== 0) return false;
  return ZEROS.compare(source, from, from + length, 0, length) === 0;
}
