/** Bytes in memory that is not the caller's alone, or no longer there: as keys and as values. */

import { expect, it } from "vitest";
import { EncodingError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

/** Story: they were taken for empty: the record of the empty key was changed, and a range from there on was all. */
it("Bytes that were transferred, or whose memory has shrunk, are no key and no value", () => {
  using store = open<Uint8Array, Uint8Array>(STORE_PATH, {
    vfs: new MemoryVfs(),
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  const empty = new Uint8Array(0);
  store.put(empty, empty);
  const transferred = new Uint8Array(10);
  structuredClone(transferred, { transfer: [transferred.buffer] });
  // The compiler's library knows no buffers that can shrink.
  type Resizable = ArrayBuffer & { resize(bytes: number): void };
  const Resizables = ArrayBuffer as unknown as new (bytes: number, options: object) => Resizable;
  const shrunk = new Resizables(100, { maxByteLength: 100 });
  const behind = new Uint8Array(shrunk, 50, 50);
  shrunk.resize(60);
  for (const gone of [transferred, behind]) {
    for (const action of [
      () => store.put(gone, Uint8Array.of(1)),
      () => store.put(Uint8Array.of(1), gone),
      () => store.delete(gone),
      () => store.deleteRange({ gte: gone }),
      () => store.putMany([[gone, gone]]),
    ])
      expect(action).toThrow(EncodingError);
  }
  expect([...store.range()]).toEqual([[empty, empty]]);
});
