/**
 * SHA-256 of a long stream, computed by a thread of its own while the caller goes on: chunks pass through a
 * ring in shared memory. The thread starts when the ring is full for the first time, so that short streams
 * never have one; where it does not start, the caller hashes what is in the ring and all that follows.
 *
 * Shared words: 0 owner (0 nobody, 1 the thread, 2 the caller); 1 chunks written; 2 chunks done; from 8 on the
 * lengths of the chunks in the ring, where END asks for the digest and QUIT ends the thread without one.
 * Behind the words: the digest, then the ring.
 */

import { createHash, type Hash } from "node:crypto";
import { Worker } from "node:worker_threads";

const CHUNK_BYTES: number = 256 * 1024;
const CHUNKS = 16;
const AT_OWNER = 0;
const AT_WRITTEN = 1;
const AT_DONE = 2;
const AT_LENGTHS = 8;
const DIGEST_OFFSET = 256;
const RING_OFFSET = 512;
const END = -1;
const QUIT = -2;
const NOBODY = 0;
const THREAD = 1;
const CALLER = 2;
/** How long the thread may take to start, and how long it may make no progress. */
const START_MS = 1000;
const STALL_MS = 120_000;

const THREAD_SOURCE = `
const { workerData } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const words = new Int32Array(workerData, 0, ${DIGEST_OFFSET / 4});
if (Atomics.compareExchange(words, ${AT_OWNER}, ${NOBODY}, ${THREAD}) === ${NOBODY}) {
  const hash = createHash("sha256");
  for (let done = 0; ; ) {
    while (Atomics.load(words, ${AT_WRITTEN}) === done) Atomics.wait(words, ${AT_WRITTEN}, done);
    const chunk = done % ${CHUNKS};
    const length = words[${AT_LENGTHS} + chunk];
    if (length === ${END}) new Uint8Array(workerData, ${DIGEST_OFFSET}, 32).set(hash.digest());
    if (length > 0) hash.update(new Uint8Array(workerData, ${RING_OFFSET} + chunk * ${CHUNK_BYTES}, length));
    Atomics.store(words, ${AT_DONE}, ++done);
    Atomics.notify(words, ${AT_DONE});
    if (length < 0) break;
  }
}`;

export class ThreadHash {
  readonly #mayStart: boolean;
  #inline: Hash | undefined;
  #shared: SharedArrayBuffer | undefined;
  #words: Int32Array = new Int32Array(0);
  #started = false;

  /** `mayStart`: whether so much will follow that a thread is worth its start. */
  constructor(mayStart: boolean) {
    this.#mayStart = mayStart;
    if (!mayStart) this.#inline = createHash("sha256");
  }

  update(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const chunk = bytes.subarray(from, from + CHUNK_BYTES);
      if (this.#inline !== undefined || !this.#put(chunk, chunk.length)) this.#inline?.update(chunk);
    }
  }

  /** Hexadecimal; to be called once. */
  digest(): string {
    if (this.#shared === undefined || !this.#started) this.#takeBack();
    if (this.#inline === undefined && this.#put(undefined, END)) {
      const written = this.#words[AT_WRITTEN]!;
      if (this.#waitFor(written)) return Buffer.from(this.#shared!, DIGEST_OFFSET, 32).toString("hex");
    }
    const hash = this.#inline!;
    this.close();
    return hash.digest("hex");
  }

  /** Ends the thread of a stream that comes to no end. Harmless at any time. */
  close(): void {
    if (this.#started && this.#inline === undefined) this.#put(undefined, QUIT);
    this.#started = false;
  }

  /** False where the caller has to hash it. */
  #put(chunk: Uint8Array | undefined, length: number): boolean {
    if (this.#shared === undefined) {
      this.#shared = new SharedArrayBuffer(RING_OFFSET + CHUNKS * CHUNK_BYTES);
      this.#words = new Int32Array(this.#shared, 0, DIGEST_OFFSET / 4);
    }
    const written = this.#words[AT_WRITTEN]!;
    if (written >= CHUNKS && !this.#waitFor(written - CHUNKS + 1)) return false;
    const place = written % CHUNKS;
    if (chunk !== undefined) {
      new Uint8Array(this.#shared, RING_OFFSET + place * CHUNK_BYTES, CHUNK_BYTES).set(chunk);
    }
    this.#words[AT_LENGTHS + place] = length;
    Atomics.store(this.#words, AT_WRITTEN, written + 1);
    Atomics.notify(this.#words, AT_WRITTEN);
    return true;
  }

  /** Waits until so many chunks are done; false where the caller has taken the stream back. */
  #waitFor(chunks: number): boolean {
    const words = this.#words;
    if (!this.#started && this.#mayStart) this.#start();
    for (;;) {
      const done = Atomics.load(words, AT_DONE);
      if (done >= chunks) return true;
      const owner = Atomics.load(words, AT_OWNER);
      const patience = owner === NOBODY ? START_MS : STALL_MS;
      if (Atomics.wait(words, AT_DONE, done, patience) !== "timed-out") continue;
      if (owner === NOBODY && this.#takeBack()) return false;
      if (owner === THREAD && Atomics.load(words, AT_DONE) === done)
        throw new Error("the thread that hashes makes no progress");
    }
  }

  #start(): void {
    this.#started = true;
    try {
      const worker = new Worker(THREAD_SOURCE, {
        eval: true,
        execArgv: [],
        env: {},
        workerData: this.#shared,
      });
      worker.unref();
      worker.on("error", () => undefined); // The stream is taken back, or told to make no progress.
    } catch {
      this.#takeBack();
    }
  }

  /** Hashes here what is in the ring; false where the thread has it already. */
  #takeBack(): boolean {
    if (this.#inline !== undefined) return true;
    const words = this.#words;
    const owned = this.#shared !== undefined && this.#started;
    if (owned && Atomics.compareExchange(words, AT_OWNER, NOBODY, CALLER) !== NOBODY) return false;
    const hash = createHash("sha256");
    const written = this.#shared === undefined ? 0 : words[AT_WRITTEN]!;
    for (let chunk = 0; chunk < written; chunk++) {
      const length = words[AT_LENGTHS + chunk]!;
      if (length > 0) hash.update(new Uint8Array(this.#shared!, RING_OFFSET + chunk * CHUNK_BYTES, length));
    }
    this.#inline = hash;
    this.#shared = undefined;
    return true;
  }
}
