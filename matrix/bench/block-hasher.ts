/**
 * The content hash of the matrix (u32be key length, key, u32be value length, value, in key order), made over
 * blocks instead of parts: a million records take a fraction of the time.
 */

import { createHash } from "node:crypto";

const BLOCK_BYTES = 1 << 18;

export class BlockHasher {
  readonly #hash = createHash("sha256");
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #used = 0;

  add(key: Uint8Array, value: Uint8Array): void {
    this.#part(key);
    this.#part(value);
  }

  /** The digest in hexadecimal; the hasher is used up. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #part(bytes: Uint8Array): void {
    if (this.#used + 4 + bytes.length > BLOCK_BYTES) this.#flush();
    this.#used = this.#block.writeUInt32BE(bytes.length, this.#used);
    if (bytes.length > BLOCK_BYTES - 4) {
      this.#flush();
      this.#hash.update(bytes);
      return;
    }
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    this.#hash.update(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }
}
