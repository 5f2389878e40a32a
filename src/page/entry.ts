/**
 * The record that an edit puts into a page. One of these is reused for all edits of a store, so that
 * the hot paths pass one argument and allocate nothing.
 */

import { type ByteMemory, byteMemory, EMPTY_BYTES } from "../base/bytes.js";

export class Entry {
  /** The whole key is the first `keyLength` bytes. */
  keyMemory: ByteMemory = byteMemory(EMPTY_BYTES);
  keyLength = 0;
  /** The value, or its overflow reference, is value[from..from+length). */
  value: Uint8Array = EMPTY_BYTES;
  from = 0;
  length = 0;
  /** Whether the value is an overflow reference. */
  overflow = false;

  get key(): Uint8Array {
    return this.keyMemory.u8;
  }
}
