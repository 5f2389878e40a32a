/** Stores of other versions of the format, told by their header: opened as far as this version understands them. */

import { crc32 } from "node:zlib";
import { expect, it } from "vitest";
import { CorruptionError, NewerFormatError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { bytesOf, withFile } from "../support/damage.js";
import { STORE_PATH } from "../support/session.js";

const AT = { version: 8, compatible: 64, readOnlyCompatible: 68, incompatible: 72, pageCount: 80 } as const;
const CRC_AT = 508;

/** A store with one record whose header says something else, in both copies or in the one in force. */
function storeOf(field: keyof typeof AT, value: number, copies: readonly number[]): MemoryVfs {
  const vfs = new MemoryVfs();
  const store = open<string, string>(STORE_PATH, { vfs });
  store.put("key", "value");
  store.close();
  const bytes = bytesOf(vfs, STORE_PATH);
  const view = new DataView(bytes.buffer);
  for (const copy of copies) {
    const at = copy * 4096;
    view.setUint32(at + AT[field], value, true);
    view.setUint32(at + CRC_AT, crc32(bytes.subarray(at, at + CRC_AT)), true);
  }
  return withFile(vfs, STORE_PATH, bytes);
}

function openAndRead(vfs: MemoryVfs, readOnly: boolean): string | undefined {
  using store = open<string, string>(STORE_PATH, { vfs, readOnly, createIfMissing: false });
  return store.get("key");
}

it.each([
  ["version", 2],
  ["incompatible", 1],
  ["incompatible", 0x8000_0000],
] as const)("%s %i: nobody opens it", (field, value) => {
  const vfs = storeOf(field, value, [0, 1]);
  for (const readOnly of [false, true]) {
    expect(() => openAndRead(vfs, readOnly)).toThrow(NewerFormatError);
    expect(() => openAndRead(vfs, readOnly)).toThrow(field === "version" ? "version 2" : `features ${value}`);
  }
});

it.each([1, 0x8000_0000])(
  "read-only compatible features %i: it can be read, and nobody writes to it",
  (value) => {
    const vfs = storeOf("readOnlyCompatible", value, [0, 1]);
    const before = bytesOf(vfs, STORE_PATH);
    expect(openAndRead(vfs, true)).toBe("value");
    expect(() => openAndRead(vfs, false)).toThrow(NewerFormatError);
    expect(Buffer.compare(bytesOf(vfs, STORE_PATH), before)).toBe(0);
  },
);

it("compatible features: it is opened and written to, and keeps them", () => {
  const vfs = storeOf("compatible", 5, [0, 1]);
  const store = open<string, string>(STORE_PATH, { vfs });
  store.put("key", "another");
  store.close();
  const view = new DataView(bytesOf(vfs, STORE_PATH).buffer);
  expect([0, 4096].map((at) => view.getUint32(at + AT.compatible, true))).toEqual([5, 5]);
  expect(openAndRead(vfs, true)).toBe("another");
});

it("one copy of a newer version is enough: an older program must not fall back on the other", () => {
  for (const copy of [0, 1])
    expect(() => openAndRead(storeOf("version", 2, [copy]), false)).toThrow(NewerFormatError);
});

/**
 * Story: a header spoke of four thousand million pages. Opening it was no error, and verify made a table of less
 * than no entries.
 */
it.each([18, 1_000_000, 0x7fff_ffff, 0xffff_0054])(
  "a header that speaks of %i pages of a file that has 17",
  (pages) => {
    const vfs = storeOf("pageCount", pages, [0, 1]);
    const { size } = vfs.stat(STORE_PATH) as { size: number };
    expect(size).toBeLessThan(18 * 4096);
    for (const readOnly of [false, true]) expect(() => openAndRead(vfs, readOnly)).toThrow(CorruptionError);
    expect(vfs.stat(STORE_PATH)?.size).toBe(size);
  },
);
