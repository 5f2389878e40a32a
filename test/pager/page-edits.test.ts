/** What the log has of a page: its edits, or its image once they outweigh it. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

const RECORDS = 2000;

it.each([512, 4096, 16384])(
  "edits that weigh less than the page's image are logged alone: %i bytes",
  (pageSize) => {
    using store = open<string, string>("/s.esp", { vfs: new MemoryVfs(), pageSize, valueEncoding: "utf8" });
    const key = (i: number): string => `key/${String(i).padStart(5, "0")}`;
    const overwriteAll = (value: string): void =>
      store.transaction(() => {
        for (let i = 0; i < RECORDS; i++) store.put(key(i), value);
      });
    overwriteAll("12345678");
    store.checkpoint();
    overwriteAll("abcdefgh");
    const { images } = store.metrics().log;
    overwriteAll("ijklmnop");
    expect(store.metrics().log.images).toBe(images);
    store.transaction(() => {
      for (let round = 0; round < 20; round++)
        store.put(key(7), `${10_000_000 + round * (round + pageSize)}`);
      for (let i = 0; i < 20 * pageSize; i += 20) store.put(key(7), String(10_000_000 + i));
    });
    expect(store.metrics().log.images).toBe(images + 1);
  },
);
