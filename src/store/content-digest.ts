/**
 * The digest of a tree's content, as verify() reports it: SHA-256 over, in key order, u32be key length, key,
 * u32be value length, value. What copies, dumps and loads compare. Small records are gathered, since each call
 * of the hash costs more than they do.
 */

import { createHash, type Hash } from "node:crypto";

const BUFFER_BYTES: number = 64 * 1024;
const LENGTH_BYTES = 4;

export class ContentDigest {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;
  #records = 0;
  #bytes = 0;

  get records(): number {
    return this.#records;
  }

  /** Of keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.#records++;
    this.#bytes += key.length + value.length;
    this.#add(key);
    this.#add(value);
  }

  #add(bytes: Uint8Array): void {
    if (this.#filled + LENGTH_BYTES + bytes.length > BUFFER_BYTES) this.#flush();
    this.#filled = this.#buffer.writeUInt32BE(bytes.length, this.#filled);
    if (bytes.length > BUFFER_BYTES - LENGTH_BYTES) {
      this.#flush();
      this.#hash.update(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  /** In hexadecimal. To be called once. */
  finish(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }
}
