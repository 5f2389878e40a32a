/**
 * Copies of stored bytes, for callers to keep. V8 holds a typed array of up to 64 bytes in its own heap,
 * and asks the C library for the memory of a larger one, which costs half a microsecond and more: copies
 * of middling size share chunks instead, as Node's small Buffers do.
 */

import workerThreads from "node:worker_threads";

/** V8's typed_array_max_size_in_heap. */
const IN_HEAP_BYTES_MAX = 64;
const CHUNK_BYTES = 16 * 1024;
/** What a kept copy keeps alive of others is at most a chunk. */
const SHARING_BYTES_MAX = 2 * 1024;
const ALIGNMENT = 8;

let chunk: ArrayBuffer = new ArrayBuffer(0);
let used = 0;

function nextChunk(): void {
  chunk = new ArrayBuffer(CHUNK_BYTES);
  used = 0;
  // A transfer of one copy to another thread must not take the others along. (Not in every runtime.)
  workerThreads.markAsUntransferable?.(chunk);
}

/** A copy of source[from..to), which may lie in a larger ArrayBuffer with others. */
export function copyOf(source: Uint8Array, from: number, to: number): Uint8Array {
  const length = to - from;
  if (length <= IN_HEAP_BYTES_MAX || length > SHARING_BYTES_MAX) return source.slice(from, to);
  if (used + length > chunk.byteLength) nextChunk();
  const copy = new Uint8Array(chunk, used, length);
  used += (length + ALIGNMENT - 1) & -ALIGNMENT;
  copy.set(source.subarray(from, to));
  return copy;
}
