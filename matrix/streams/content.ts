/**
 * What a store must hold after a stream, and the hash that proves it: SHA-256 over, in key order, u32be
 * key length, key, u32be value length, value. The store's own verify() digests the same way.
 */

import { createHash } from "node:crypto";
import { type KeySet, valueBytes, valuePool } from "./shapes.js";
import { OP_DELETE, OP_GET, OP_PUT, type Stream } from "./stream.js";

/** What the operations of a stream, run in order, must come to. */
export interface Expectation {
  readonly hash: string;
  readonly records: number;
  /** Bytes of keys and values in the store at the end. */
  readonly contentBytes: number;
  /** Bytes of keys and values handed over by the stream's puts and deletes. */
  readonly writtenBytes: number;
}

/** A running content hash. Records must come in key order; text and numbers as their bytes. */
export class ContentHasher {
  readonly #hash = createHash("sha256");
  readonly #length = Buffer.alloc(4);
  records = 0;

  add(key: Uint8Array, value: Uint8Array): void {
    this.#part(key);
    this.#part(value);
    this.records++;
  }

  /** The digest in hexadecimal; the hasher is used up. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  #part(bytes: Uint8Array): void {
    this.#length.writeUInt32BE(bytes.length, 0);
    this.#hash.update(this.#length).update(bytes);
  }
}

const ABSENT = 0xffffffff;

/** Plays a stream on a plain array of ranks. Costs O(operations + records), about 2 µs a record. */
export function expectationOf(stream: Stream, keys: KeySet): Expectation {
  const { shape, seed } = stream.spec;
  const held = new Uint32Array(stream.keyCount).fill(ABSENT);
  stream.preload.forEach((rank, i) => {
    held[rank] = stream.preloadValues[i] as number;
  });
  let writtenBytes = 0;
  for (let i = 0; i < stream.kinds.length; i++) {
    const rank = stream.keys[i] as number;
    const kind = stream.kinds[i];
    if (kind === OP_GET) continue;
    writtenBytes += keys.bytesOf(rank).length;
    if (kind === OP_PUT) {
      held[rank] = stream.values[i] as number;
      writtenBytes += valueBytes(shape, stream.values[i] as number);
    } else if (kind === OP_DELETE) {
      held[rank] = ABSENT;
    }
  }
  const valueAt = valuePool(shape, seed);
  const hasher = new ContentHasher();
  let contentBytes = 0;
  for (let rank = 0; rank < held.length; rank++) {
    const valueId = held[rank] as number;
    if (valueId === ABSENT) continue;
    const key = keys.bytesOf(rank);
    const value = valueAt(valueId);
    contentBytes += key.length + value.length;
    hasher.add(key, value);
  }
  return { hash: hasher.digest(), records: hasher.records, contentBytes, writtenBytes };
}

/**
 * How many gets among the first `operations` must find a record. `readThrough` gets see every operation
 * before them, others only those of earlier commits of `commitEvery` operations.
 */
export function expectedHits(
  stream: Stream,
  operations: number,
  commitEvery: number,
  readThrough: boolean,
): number {
  const present = new Uint8Array(stream.keyCount);
  for (const rank of stream.preload) present[rank] = 1;
  let applied = 0;
  let hits = 0;
  for (let i = 0; i < operations; i++) {
    const visible = readThrough ? i : i - (i % commitEvery);
    for (; applied < visible; applied++) apply(stream, applied, present);
    if (stream.kinds[i] === OP_GET) hits += present[stream.keys[i] as number] as number;
  }
  return hits;
}

function apply(stream: Stream, i: number, present: Uint8Array): void {
  const kind = stream.kinds[i];
  if (kind === OP_PUT) present[stream.keys[i] as number] = 1;
  else if (kind === OP_DELETE) present[stream.keys[i] as number] = 0;
}
