/** What fails lets go of all that it had taken: files, memory, and what a snapshot pins. */

import { afterEach, expect, it, vi } from "vitest";
import { IoError, open } from "../../src/index.js";
import { ThreadSync } from "../../src/log/sync-thread.js";
import { Catalog } from "../../src/store/catalog.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { OpenMode, VfsFile } from "../../src/vfs/vfs.js";
import { STORE_PATH } from "../support/session.js";

afterEach(() => vi.restoreAllMocks());

const failed = new IoError(STORE_PATH, "fdatasync", "EIO");

class CountingVfs extends MemoryVfs {
  readonly opened: Set<VfsFile> = new Set();

  override open(path: string, mode: OpenMode): VfsFile {
    const file = super.open(path, mode);
    const { close } = file;
    file.close = () => {
      this.opened.delete(file);
      close.call(file);
    };
    this.opened.add(file);
    return file;
  }
}

it("a close whose last background sync fails closes all files", () => {
  const vfs = new CountingVfs();
  const store = open(STORE_PATH, { vfs });
  store.put("a", 1);
  expect(vfs.opened.size).toBeGreaterThan(3);
  vi.spyOn(ThreadSync.prototype, "close").mockImplementationOnce(() => {
    throw failed;
  });
  expect(() => store.close()).toThrow(failed);
  expect(vfs.opened.size).toBe(0);
  const again = open(STORE_PATH, { vfs });
  expect(again.get("a")).toBe(1);
  again.close();
});

it("a snapshot that cannot read the catalogue pins nothing", () => {
  using store = open(STORE_PATH, { vfs: new MemoryVfs() });
  store.put("a", 1);
  vi.spyOn(Catalog.prototype, "tree").mockImplementationOnce(() => {
    throw failed;
  });
  expect(() => store.snapshot()).toThrow(failed);
  expect(store.stats().snapshots).toBe(0);
});
