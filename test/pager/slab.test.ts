/** The memory of a page pool, on a host that has none. */

import { afterEach, expect, it, vi } from "vitest";
import { OptionError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { STORE_PATH } from "../support/session.js";

afterEach(() => vi.unstubAllGlobals());

it("that is not to be had is an error of the option that asked for it, and the store is not locked then", () => {
  const vfs = new MemoryVfs();
  open(STORE_PATH, { vfs }).close();
  class NoMemory {
    constructor() {
      throw new RangeError("Array buffer allocation failed");
    }
  }
  vi.stubGlobal("WebAssembly", { Memory: NoMemory });
  vi.stubGlobal("ArrayBuffer", NoMemory);
  // Of a size that no store of this process has had before.
  const cacheBytes = 77 * 2 ** 20;
  expect(() => open(STORE_PATH, { vfs, cacheBytes })).toThrow(OptionError);
  expect(() => open(STORE_PATH, { vfs, cacheBytes })).toThrow("cacheBytes");
  vi.unstubAllGlobals();
  using store = open(STORE_PATH, { vfs, cacheBytes });
  expect(store.verify().ok).toBe(true);
});
